use super::{Exchange, ok};
use crate::answer::{Answer, rfc3339};
use manifest_core::ports::SupportLink;
use manifest_core::service::{Chain, Hold};
use oci_types::{Digest, RepositoryName};
use serde_json::{Value, json};

/// What keeps a manifest, and until when.
pub(super) async fn why(x: &Exchange<'_>, repository: &RepositoryName, digest: &Digest) -> Answer {
    let why = x.registry.why(&x.cx, repository, digest).await?;
    Ok(ok(&json!({
        "digest": digest.to_string(),
        "deleted": why.deleted.and_then(rfc3339),
        "stays": why.stays(),
        "goes": why.goes().and_then(rfc3339),
        "visible": why.visible.as_ref().map(chain),
        "retained": why.retained.as_ref().map(chain),
    })))
}

fn chain(chain: &Chain) -> Value {
    let link = |(link, digest): &(SupportLink, Digest)| {
        let link = match link {
            SupportLink::Parent => "parent",
            SupportLink::Subject => "subject",
        };
        json!({ "link": link, "digest": digest.to_string() })
    };
    let links: Vec<Value> = chain.links.iter().map(link).collect();
    json!({ "links": links, "hold": hold(&chain.hold), "until": rfc3339(chain.until) })
}

fn hold(hold: &Hold) -> Value {
    match hold {
        Hold::Tag { name, expires } => json!({ "by": "tag", "tag": name.as_str(), "expires": rfc3339(*expires) }),
        Hold::History { name, ended } => json!({ "by": "history", "tag": name.as_str(), "ended": rfc3339(*ended) }),
        Hold::Pin { until } => json!({ "by": "pin", "until": rfc3339(*until) }),
        Hold::Deletion { deleted } => json!({ "by": "deletion", "deleted": rfc3339(*deleted) }),
        Hold::ManyAncestors => json!({ "by": "manyAncestors" }),
    }
}
