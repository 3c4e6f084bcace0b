use super::card::Card;
use super::manifest::resolve;
use crate::failure::Failure;
use crate::{output, words};
use manifest_core::ports::SupportLink;
use manifest_core::service::{Chain, FetchError, Hold, Why};
use manifest_core::{Context, NEVER, Registry};
use oci_types::{Digest, Reference, RepositoryName};
use serde_json::{Value, json};

/// What keeps a manifest, or when it goes.
pub(crate) async fn why(
    registry: &Registry,
    cx: &Context,
    repository: &RepositoryName,
    reference: &Reference,
    as_json: bool,
) -> Result<String, Failure> {
    let digest = resolve(registry, cx, repository, reference).await?;
    let why = registry.why(cx, repository, &digest).await.map_err(|error| unknown(error, repository))?;
    if as_json {
        return Ok(output::json(&to_json(repository, &digest, &why)));
    }
    let mut card = Card::new(format!("{repository}@{digest}"));
    card.add("state", state(&why));
    if let Some(chain) = why.visible.as_ref().filter(|chain| !lasts(chain, why.retained.as_ref())) {
        card.add_lines("served by", steps(chain));
    }
    if let Some(chain) = &why.retained {
        card.add_lines("kept by", steps(chain));
    }
    card.add("goes", goes(&why));
    Ok(card.render())
}

/// Whether what serves it is also what keeps it longest.
fn lasts(visible: &Chain, retained: Option<&Chain>) -> bool {
    retained.is_some_and(|retained| (&visible.links, &visible.hold) == (&retained.links, &retained.hold))
}

fn state(why: &Why) -> String {
    match (why.deleted, &why.visible, &why.retained) {
        (Some(deleted), ..) => format!("deleted {}, not served", words::time(deleted)),
        (None, Some(_), _) => "served".to_owned(),
        (None, None, Some(_)) => "not served, and can be restored".to_owned(),
        (None, None, None) => "not served: nothing keeps it".to_owned(),
    }
}

/// The chain, each step a line: what lists the manifest, and at the end what holds that.
fn steps(chain: &Chain) -> Vec<String> {
    let mut lines: Vec<String> = chain
        .links
        .iter()
        .map(|(link, digest)| match link {
            SupportLink::Parent => format!("the index {digest}, which lists it,"),
            SupportLink::Subject => format!("its subject {digest},"),
        })
        .collect();
    let before = if lines.is_empty() { "" } else { "which is kept by " };
    lines.push(format!("{before}{}", hold_words(&chain.hold)));
    lines
}

fn hold_words(hold: &Hold) -> String {
    match hold {
        Hold::Tag { name, expires: NEVER } => format!("the tag {name}"),
        Hold::Tag { name, expires } => format!("the tag {name}, which expires {}", words::time(*expires)),
        Hold::History { name, ended } => {
            format!("the history of {name}, which pointed at it until {}", words::time(*ended))
        }
        Hold::Pin { until } => format!("a pin until {}", words::time(*until)),
        Hold::Deletion { deleted } => {
            format!("the history window: it was deleted {} and can be restored", words::time(*deleted))
        }
        Hold::ManyAncestors => "more ancestors than are looked at".to_owned(),
    }
}

fn goes(why: &Why) -> String {
    match why.goes() {
        None => "with the next collection".to_owned(),
        Some(NEVER) => "not before somebody changes that".to_owned(),
        Some(until) => format!("with the first collection after {}", words::time(until)),
    }
}

fn to_json(repository: &RepositoryName, digest: &Digest, why: &Why) -> Value {
    json!({
        "repository": repository.as_str(),
        "digest": digest.to_string(),
        "deleted": why.deleted.and_then(words::rfc3339),
        "visible": why.visible.as_ref().map(chain_json),
        "retained": why.retained.as_ref().map(chain_json),
        "stays": why.stays(),
        "goes_after": why.goes().and_then(words::rfc3339),
    })
}

fn chain_json(chain: &Chain) -> Value {
    let link = |(link, digest): &(SupportLink, Digest)| -> Value {
        let kind = match link {
            SupportLink::Parent => "parent",
            SupportLink::Subject => "subject",
        };
        json!({ "link": kind, "digest": digest.to_string() })
    };
    json!({
        "links": chain.links.iter().map(link).collect::<Vec<_>>(),
        "held_by": hold_json(&chain.hold),
        "until": words::rfc3339(chain.until),
    })
}

fn hold_json(hold: &Hold) -> Value {
    match hold {
        Hold::Tag { name, expires } => {
            json!({ "kind": "tag", "tag": name.as_str(), "expires": words::rfc3339(*expires) })
        }
        Hold::History { name, ended } => {
            json!({ "kind": "history", "tag": name.as_str(), "ended": words::rfc3339(*ended) })
        }
        Hold::Pin { until } => json!({ "kind": "pin", "until": words::rfc3339(*until) }),
        Hold::Deletion { deleted } => json!({ "kind": "deletion", "deleted": words::rfc3339(*deleted) }),
        Hold::ManyAncestors => json!({ "kind": "many-ancestors" }),
    }
}

fn unknown(error: FetchError, repository: &RepositoryName) -> Failure {
    match error {
        FetchError::RepositoryUnknown(_) | FetchError::ManifestUnknown { .. } | FetchError::TagExpired { .. } => {
            Failure::Unknown {
                what: error.to_string(),
                next: format!(
                    "`manifestd tags {repository}` lists its tags, `manifestd history {repository}` what they pointed at"
                ),
            }
        }
        FetchError::Access(_) | FetchError::Port(_) => {
            Failure::UseCase { doing: "reading the registry", source: error.into() }
        }
    }
}
