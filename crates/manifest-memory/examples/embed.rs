//! A service on the core in under forty lines: push an index under a tag, move the tag, read both back.

use manifest_core::oci_types::{Reference, RepositoryName};
use manifest_core::plan::{Guard, PushTarget};
use manifest_core::service::{HistoryQuery, Push};
use manifest_core::{AllowAll, Context, Policy, Registry};
use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let registry = Registry::new(manifest_memory::ports(AllowAll), Policy::default());
    let team: RepositoryName = "team/app".parse()?;
    let mut pushed = Vec::new();
    for (minute, annotations) in [r#"{"build":"1"}"#, r#"{"build":"2"}"#].into_iter().enumerate() {
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"annotations":{annotations}}}"#
        );
        let push = Push {
            repository: team.clone(),
            target: PushTarget::Tag { name: "latest".parse()?, guard: Guard::Any },
            content_type: None,
            bytes: manifest.into(),
        };
        // Time is a value: whoever embeds the core brings the clock.
        pushed.push(registry.push(&Context::anonymous(60_000 * i64::try_from(minute)?), &push).await?.digest);
    }

    let later = Context::anonymous(3_600_000);
    let latest = registry.manifest(&later, &team, &Reference::Tag("latest".parse()?)).await?;
    assert_eq!(latest.digest, pushed[1]);
    // The tag moved on, but whoever pulls the first one by digest still gets it.
    let first = registry.manifest(&later, &team, &Reference::Digest(pushed[0])).await?;
    assert!(first.bytes.ends_with(br#"{"build":"1"}}"#));
    let history = registry.history(&later, &team, &HistoryQuery::default()).await?;
    assert_eq!(history.items.len(), 2);
    Ok(())
}
