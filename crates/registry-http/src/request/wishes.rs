//! What the bodies of the extension's requests ask for: JSON objects, of which every member is known.

use super::time::rfc3339;
use manifest_core::Millis;
use manifest_core::facts::Visibility;
use manifest_core::plan::{LabelSource, PlanId};
use manifest_core::service::{NewLabel, Purge};
use oci_types::{Digest, MediaType, ParseDigestError, ParseTagNameError, Quoted};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

/// Why a body asks for nothing that we do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadBody {
    #[error("the body is no JSON object")]
    NoObject,
    /// In the words of the parser: a syntax error, or a member that is unknown, missing, doubled or of another type.
    #[error("the body is not understood: {0}")]
    Json(String),
    #[error(transparent)]
    Digest(#[from] ParseDigestError),
    #[error(transparent)]
    Tag(#[from] ParseTagNameError),
    #[error("`{member}` is {}, not {expected}", Quoted(found))]
    Value { member: &'static str, found: Box<str>, expected: &'static str },
    #[error("the body has exactly one of `manifests`, `tags` and `repository`, and it names something")]
    PurgeOf,
}

/// A purge that was planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfirmedPurge {
    pub(crate) what: Purge,
    pub(crate) id: PlanId,
    pub(crate) planned_at: Millis,
}

/// `{"digest": …}`: where a tag is to point.
pub(crate) fn target(body: &[u8]) -> Result<Digest, BadBody> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        digest: String,
    }
    Ok(read::<Body>(body)?.digest.parse()?)
}

/// `{"expires": …}`: when a tag is to end.
pub(crate) fn expiry(body: &[u8]) -> Result<Millis, BadBody> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        expires: String,
    }
    time("expires", &read::<Body>(body)?.expires)
}

/// `{"key": …, "value": …, "mediaType": …}`: a label. The type may be left out.
pub(crate) fn label(body: &[u8]) -> Result<NewLabel, BadBody> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Body {
        key: String,
        value: String,
        media_type: Option<String>,
    }
    let Body { key, value, media_type } = read(body)?;
    let media_type = media_type.map(|text| {
        let expected = "`text/plain` or `application/json`";
        text.parse::<MediaType>().map_err(|_| BadBody::Value { member: "mediaType", found: text.into(), expected })
    });
    Ok(NewLabel { key, value, media_type: media_type.transpose()?, source: LabelSource::Api })
}

/// `{"visibility": …}`: who sees a new repository. It, or the whole body, may be left out.
pub(crate) fn visibility(body: &[u8]) -> Result<Option<Visibility>, BadBody> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        visibility: Option<String>,
    }
    if body.is_empty() {
        return Ok(None);
    }
    match read::<Body>(body)?.visibility.as_deref() {
        None => Ok(None),
        Some("public") => Ok(Some(Visibility::Public)),
        Some("private") => Ok(Some(Visibility::Private)),
        Some(other) => Err(value("visibility", other, "`public` or `private`")),
    }
}

/// `{"state": …}`: whether a repository takes no writes.
pub(crate) fn read_only(body: &[u8]) -> Result<bool, BadBody> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        state: String,
    }
    match read::<Body>(body)?.state.as_str() {
        "open" => Ok(false),
        "readOnly" => Ok(true),
        other => Err(value("state", other, "`open` or `readOnly`")),
    }
}

/// `{"manifests": [ … ]}`, `{"tags": [ … ]}` or `{"repository": true}`: what is to be purged.
pub(crate) fn purge(body: &[u8]) -> Result<Purge, BadBody> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        manifests: Option<Vec<String>>,
        tags: Option<Vec<String>>,
        repository: Option<bool>,
    }
    let Body { manifests, tags, repository } = read(body)?;
    purge_of(manifests, tags, repository)
}

/// The same with `id` and `plannedAt` of the plan.
pub(crate) fn confirmed_purge(body: &[u8]) -> Result<ConfirmedPurge, BadBody> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    struct Body {
        manifests: Option<Vec<String>>,
        tags: Option<Vec<String>>,
        repository: Option<bool>,
        id: String,
        planned_at: String,
    }
    let Body { manifests, tags, repository, id, planned_at } = read(body)?;
    let what = purge_of(manifests, tags, repository)?;
    let id = id.parse().map_err(|_| value("id", &id, "the id of a plan"))?;
    Ok(ConfirmedPurge { what, id, planned_at: time("plannedAt", &planned_at)? })
}

fn purge_of(
    manifests: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    repository: Option<bool>,
) -> Result<Purge, BadBody> {
    match (manifests, tags, repository) {
        (Some(digests), None, None) if !digests.is_empty() => {
            let digests: Result<BTreeSet<_>, _> = digests.iter().map(|digest| digest.parse()).collect();
            Ok(Purge::Manifests(digests?))
        }
        (None, Some(tags), None) if !tags.is_empty() => {
            let tags: Result<BTreeSet<_>, _> = tags.iter().map(|tag| tag.parse()).collect();
            Ok(Purge::Tags(tags?))
        }
        (None, None, Some(true)) => Ok(Purge::Repository),
        _ => Err(BadBody::PurgeOf),
    }
}

fn time(member: &'static str, text: &str) -> Result<Millis, BadBody> {
    rfc3339(text).ok_or_else(|| value(member, text, "a time as RFC 3339 has it"))
}

fn value(member: &'static str, found: &str, expected: &'static str) -> BadBody {
    BadBody::Value { member, found: found.into(), expected }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, BadBody> {
    /// How much of a complaint is passed on: it repeats names that a client sent.
    const LONGEST: usize = 200;
    // The parser would take a list of the members' values for the object.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(BadBody::NoObject);
    }
    serde_json::from_slice(body).map_err(|error| BadBody::Json(error.to_string().chars().take(LONGEST).collect()))
}

#[cfg(test)]
#[path = "wishes_tests.rs"]
mod tests;
