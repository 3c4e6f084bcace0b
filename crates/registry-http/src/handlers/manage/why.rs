use super::{Exchange, ok};
use crate::answer::{Answer, rfc3339};
use manifest_core::ports::SupportLink;
use manifest_core::service::{Chain, Hold};
use oci_types::{Digest, RepositoryName};
use serde::Serialize;

/// What keeps a manifest, and until when.
pub(super) async fn why(x: &Exchange<'_>, repository: &RepositoryName, digest: &Digest) -> Answer {
    let why = x.registry.why(&x.cx, repository, digest).await?;
    Ok(ok(&Reasons {
        digest: digest.to_string(),
        deleted: why.deleted.and_then(rfc3339),
        stays: why.stays(),
        goes: why.goes().and_then(rfc3339),
        visible: why.visible.as_ref().map(Kept::of),
        retained: why.retained.as_ref().map(Kept::of),
    }))
}

#[derive(Serialize)]
struct Reasons<'a> {
    digest: String,
    deleted: Option<String>,
    stays: bool,
    goes: Option<String>,
    visible: Option<Kept<'a>>,
    retained: Option<Kept<'a>>,
}

#[derive(Serialize)]
struct Kept<'a> {
    links: Vec<Link>,
    hold: Held<'a>,
    until: Option<String>,
}

#[derive(Serialize)]
struct Link {
    link: &'static str,
    digest: String,
}

#[derive(Serialize)]
#[serde(tag = "by", rename_all = "camelCase")]
enum Held<'a> {
    Tag { tag: &'a str, expires: Option<String> },
    History { tag: &'a str, ended: Option<String> },
    Pin { until: Option<String> },
    Deletion { deleted: Option<String> },
    ManyAncestors,
}

impl<'a> Kept<'a> {
    fn of(chain: &'a Chain) -> Self {
        let link = |(link, digest): &(SupportLink, Digest)| Link {
            link: match link {
                SupportLink::Parent => "parent",
                SupportLink::Subject => "subject",
            },
            digest: digest.to_string(),
        };
        let links = chain.links.iter().map(link).collect();
        Self { links, hold: Held::of(&chain.hold), until: rfc3339(chain.until) }
    }
}

impl<'a> Held<'a> {
    fn of(hold: &'a Hold) -> Self {
        match hold {
            Hold::Tag { name, expires } => Self::Tag { tag: name.as_str(), expires: rfc3339(*expires) },
            Hold::History { name, ended } => Self::History { tag: name.as_str(), ended: rfc3339(*ended) },
            Hold::Pin { until } => Self::Pin { until: rfc3339(*until) },
            Hold::Deletion { deleted } => Self::Deletion { deleted: rfc3339(*deleted) },
            Hold::ManyAncestors => Self::ManyAncestors,
        }
    }
}
