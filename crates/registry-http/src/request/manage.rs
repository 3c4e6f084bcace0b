//! The endpoints of the extension `_manifestd`: what there is to see and to change besides pushing and pulling.
//!
//! Unlike those of the OCI API, they refuse what they do not know: a filter that is misspelled and ignored would list everything.

use super::cursor::{history_cursor, tag_cursor};
use super::kind::Kind;
use super::paging::page_size;
use super::query::Query;
use super::route::BadRequest;
use super::time::parse_time;
use http::Method;
use manifest_core::plan::LabelId;
use manifest_core::ports::{ManifestState, TagOrder};
use manifest_core::service::{HistoryQuery, TagQuery};
use oci_types::{Digest, TagName};
use std::borrow::Cow;

/// What is asked for in a repository.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Manage {
    Tags(TagQuery),
    PointTag(TagName),
    RestoreTag(TagName),
    SetExpiry(TagName),
    ClearExpiry(TagName),
    SetImmutable(TagName),
    ClearImmutable(TagName),
    History(HistoryQuery),
    Manifests { state: ManifestState, after: Option<Digest>, limit: Option<u32> },
    Why(Digest),
    EndTags(Digest),
    Labels { digest: Digest, prefix: String },
    AddLabel(Digest),
    DeleteLabel { digest: Digest, id: LabelId },
    Repository,
    CreateRepository,
    SetState,
    DeleteRepository,
    PlanPurge,
    Purge,
}

/// The endpoints below `/v2/<name>/`, as the extension is discovered.
pub(crate) const ENDPOINTS: [&str; 14] = [
    "_manifestd/repository",
    "_manifestd/tags",
    "_manifestd/tags/<tag>",
    "_manifestd/tags/<tag>/restore",
    "_manifestd/tags/<tag>/expiry",
    "_manifestd/tags/<tag>/immutable",
    "_manifestd/history",
    "_manifestd/manifests",
    "_manifestd/manifests/<digest>/tags",
    "_manifestd/manifests/<digest>/labels",
    "_manifestd/manifests/<digest>/labels/<id>",
    "_manifestd/manifests/<digest>/why",
    "_manifestd/purge",
    "_manifestd/purge/plan",
];

/// What a request asks for by what follows `_manifestd/` in its path. Methods come before parameters, these before their values.
pub(super) fn manage(method: &Method, rest: &str, query: Query<'_>) -> Result<Manage, BadRequest> {
    let words: Vec<&str> = rest.split('/').collect();
    match words.as_slice() {
        ["repository"] => repository(method, query),
        ["tags"] => get(method).and_then(|()| tags(query)),
        ["tags", tag] => {
            only(method, &Method::PUT, "PUT", query)?;
            Ok(Manage::PointTag(tag.parse()?))
        }
        ["tags", tag, "restore"] => {
            only(method, &Method::POST, "POST", query)?;
            Ok(Manage::RestoreTag(tag.parse()?))
        }
        ["tags", tag, "expiry"] => put_or_delete(method, query, tag, Manage::SetExpiry, Manage::ClearExpiry),
        ["tags", tag, "immutable"] => put_or_delete(method, query, tag, Manage::SetImmutable, Manage::ClearImmutable),
        ["history"] => get(method).and_then(|()| history(query)),
        ["manifests"] => get(method).and_then(|()| manifests(query)),
        ["manifests", digest, "why"] => {
            get(method)?;
            known(query, &[])?;
            Ok(Manage::Why(digest.parse()?))
        }
        ["manifests", digest, "tags"] => {
            only(method, &Method::DELETE, "DELETE", query)?;
            Ok(Manage::EndTags(digest.parse()?))
        }
        ["manifests", digest, "labels"] => labels(method, digest, query),
        ["manifests", digest, "labels", id] => {
            only(method, &Method::DELETE, "DELETE", query)?;
            Ok(Manage::DeleteLabel { digest: digest.parse()?, id: label_id(id)? })
        }
        ["purge"] => only(method, &Method::POST, "POST", query).map(|()| Manage::Purge),
        ["purge", "plan"] => only(method, &Method::POST, "POST", query).map(|()| Manage::PlanPurge),
        _ => Err(BadRequest::NoSuchEndpoint),
    }
}

fn get(method: &Method) -> Result<(), BadRequest> {
    match *method {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(BadRequest::Method { allow: "GET, HEAD" }),
    }
}

/// An endpoint of one method, without parameters.
fn only(method: &Method, wanted: &Method, allow: &'static str, query: Query<'_>) -> Result<(), BadRequest> {
    if method == wanted { known(query, &[]) } else { Err(BadRequest::Method { allow }) }
}

fn put_or_delete(
    method: &Method,
    query: Query<'_>,
    tag: &str,
    put: fn(TagName) -> Manage,
    delete: fn(TagName) -> Manage,
) -> Result<Manage, BadRequest> {
    let what = match *method {
        Method::PUT => put,
        Method::DELETE => delete,
        _ => return Err(BadRequest::Method { allow: "PUT, DELETE" }),
    };
    known(query, &[])?;
    Ok(what(tag.parse()?))
}

fn repository(method: &Method, query: Query<'_>) -> Result<Manage, BadRequest> {
    let what = match *method {
        Method::GET | Method::HEAD => Manage::Repository,
        Method::PUT => Manage::CreateRepository,
        Method::PATCH => Manage::SetState,
        Method::DELETE => Manage::DeleteRepository,
        _ => return Err(BadRequest::Method { allow: "GET, HEAD, PUT, PATCH, DELETE" }),
    };
    known(query, &[]).map(|()| what)
}

fn labels(method: &Method, digest: &str, query: Query<'_>) -> Result<Manage, BadRequest> {
    match *method {
        Method::GET | Method::HEAD => {
            known(query, &["prefix"])?;
            let prefix = query.last("prefix").map(Cow::into_owned).unwrap_or_default();
            Ok(Manage::Labels { digest: digest.parse()?, prefix })
        }
        Method::POST => {
            known(query, &[])?;
            Ok(Manage::AddLabel(digest.parse()?))
        }
        _ => Err(BadRequest::Method { allow: "GET, HEAD, POST" }),
    }
}

fn tags(query: Query<'_>) -> Result<Manage, BadRequest> {
    known(query, &["n", "after", "sort", "contains"])?;
    let order = match given(query, "sort").as_deref() {
        None | Some("name") => TagOrder::Name,
        Some("newest") => TagOrder::Newest,
        Some(other) => return Err(value("sort", other, "`name` or `newest`")),
    };
    let after = given(query, "after").map(|cursor| tag_cursor(&cursor)).transpose()?;
    let contains = given(query, "contains").map(Cow::into_owned);
    Ok(Manage::Tags(TagQuery { contains, order, after, limit: limit(query)? }))
}

fn history(query: Query<'_>) -> Result<Manage, BadRequest> {
    known(query, &["n", "after", "tag", "active", "since"])?;
    let name = given(query, "tag").map(|tag| tag.parse()).transpose()?;
    let active_only = match given(query, "active").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(value("active", other, "`true` or `false`")),
    };
    let since = given(query, "since").map(|time| parse_time("since", &time)).transpose()?;
    let after = given(query, "after").map(|cursor| history_cursor(&cursor)).transpose()?;
    Ok(Manage::History(HistoryQuery { name, active_only, since, after, limit: limit(query)? }))
}

fn manifests(query: Query<'_>) -> Result<Manage, BadRequest> {
    const STATES: &str = "`tagged`, `untagged` or `deleted`";
    known(query, &["n", "after", "state"])?;
    let state = match given(query, "state").as_deref() {
        None => return Err(BadRequest::ParameterMissing { name: "state", expected: STATES }),
        Some("tagged") => ManifestState::Tagged,
        Some("untagged") => ManifestState::Untagged,
        Some("deleted") => ManifestState::Deleted,
        Some(other) => return Err(value("state", other, STATES)),
    };
    let after = given(query, "after").map(|cursor| cursor.parse().map_err(|_| BadRequest::Cursor)).transpose()?;
    Ok(Manage::Manifests { state, after, limit: limit(query)? })
}

fn limit(query: Query<'_>) -> Result<Option<u32>, BadRequest> {
    page_size(query).map_err(|_| value("n", &query.last("n").unwrap_or_default(), "a number of items"))
}

/// A parameter's value; an empty one says nothing.
fn given<'a>(query: Query<'a>, name: &'a str) -> Option<Cow<'a, str>> {
    query.last(name).filter(|value| !value.is_empty())
}

fn value(name: &'static str, found: &str, expected: &'static str) -> BadRequest {
    BadRequest::Value { name, found: found.into(), expected }
}

/// Refuses parameters that are not among these, or occur more than once.
fn known(query: Query<'_>, names: &[&'static str]) -> Result<(), BadRequest> {
    let mut seen = Vec::new();
    for found in query.names() {
        let Some(name) = names.iter().find(|name| **name == found) else {
            return Err(BadRequest::ParameterUnknown { name: found.into(), known: names.join(", ") });
        };
        if seen.contains(name) {
            return Err(BadRequest::ParameterTwice(name));
        }
        seen.push(name);
    }
    Ok(())
}

fn label_id(text: &str) -> Result<LabelId, BadRequest> {
    let unknown = || BadRequest::LabelUnknown(text.into());
    super::content_range::number(text).map(LabelId).ok_or_else(unknown)
}

impl Manage {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Tags(_) => Kind::ManageTags,
            Self::PointTag(_) => Kind::PointTag,
            Self::RestoreTag(_) => Kind::RestoreTag,
            Self::SetExpiry(_) => Kind::SetExpiry,
            Self::ClearExpiry(_) => Kind::ClearExpiry,
            Self::SetImmutable(_) => Kind::SetImmutable,
            Self::ClearImmutable(_) => Kind::ClearImmutable,
            Self::History(_) => Kind::History,
            Self::Manifests { .. } => Kind::Manifests,
            Self::Why(_) => Kind::Why,
            Self::EndTags(_) => Kind::EndTags,
            Self::Labels { .. } => Kind::Labels,
            Self::AddLabel(_) => Kind::AddLabel,
            Self::DeleteLabel { .. } => Kind::DeleteLabel,
            Self::Repository => Kind::GetRepository,
            Self::CreateRepository => Kind::CreateRepository,
            Self::SetState => Kind::SetState,
            Self::DeleteRepository => Kind::DeleteRepository,
            Self::PlanPurge => Kind::PlanPurge,
            Self::Purge => Kind::Purge,
        }
    }
}

#[cfg(test)]
#[path = "manage_tests.rs"]
mod tests;
