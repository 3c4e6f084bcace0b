use super::{no_listing, tags};
use crate::failure::Failure;
use futures_util::StreamExt;
use manifest_core::document::{ConfigKind, Document, ImageConfig};
use manifest_core::facts::Blob;
use manifest_core::ports::{FetchAsk, Fetched, Found, Liveness};
use manifest_core::{Context, Registry};
use oci_types::{Digest, Reference, RepositoryName, TagName};
use std::error::Error;

/// A manifest with all that can be found out about it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) found: Found,
    pub(super) standing: Standing,
    /// What it says, unless it does not parse (a limit may have been lowered since it was pushed).
    pub(super) document: Option<Document>,
    /// Its image config, where it has one that can be read.
    pub(super) config: Option<ImageConfig>,
    /// What could not be read, in words.
    pub(super) problem: Option<String>,
}

/// Whether the registry serves it, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// These tags point at it.
    Tagged(Vec<TagName>),
    /// No tag does; a pin, an index or a subject keeps it.
    Kept,
    /// Nothing keeps it: it is not served and will be collected.
    Unkept,
    /// It was deleted and waits to be collected or pushed again.
    Deleted,
}

/// Follows a reference as far as there is a row, served or not.
pub(super) async fn look_up(
    registry: &Registry,
    cx: &Context,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<Seen, Failure> {
    let (found, liveness) = fetch(registry, cx, repository, reference).await?;
    let rows = tags::rows(registry, cx, repository).await?;
    let tagged: Vec<TagName> =
        rows.into_iter().filter(|row| row.state.target == found.digest).map(|row| row.name).collect();
    let standing = match liveness {
        Liveness::Any => Standing::Deleted,
        Liveness::Undeleted => Standing::Unkept,
        Liveness::Visible if tagged.is_empty() => Standing::Kept,
        Liveness::Visible => Standing::Tagged(tagged),
    };
    let bytes = found.bytes.clone().unwrap_or_default();
    let mut seen = Seen { found, standing, document: None, config: None, problem: None };
    match Document::parse(Some(&seen.found.media_type), bytes, &registry.policy().limits) {
        Err(error) => seen.problem = Some(format!("the manifest cannot be read: {error}")),
        Ok(document) => {
            match read_config(registry, cx, repository, &document).await {
                Ok(config) => seen.config = config,
                Err(error) => seen.problem = Some(format!("the config cannot be read: {error}")),
            }
            seen.document = Some(document);
        }
    }
    Ok(seen)
}

/// The digest that a reference stands for, whether or not it is there.
pub(super) async fn resolve(
    registry: &Registry,
    cx: &Context,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<Digest, Failure> {
    match reference {
        Reference::Digest(digest) => Ok(*digest),
        Reference::Tag(_) => Ok(fetch(registry, cx, repository, reference).await?.0.digest),
    }
}

async fn fetch(
    registry: &Registry,
    cx: &Context,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<(Found, Liveness), Failure> {
    let unknown = |what: String, next: &str| Failure::Unknown { what, next: next.replace("NAME", repository.as_str()) };
    for liveness in [Liveness::Visible, Liveness::Undeleted, Liveness::Any] {
        let (repository, reference) = (repository.clone(), reference.clone());
        let ask = FetchAsk { repository, reference, now: cx.now, liveness, have: None, at: None };
        match registry.ports().manifests.fetch(&ask).await.map_err(|error| no_listing(error.into()))? {
            Fetched::Found(found) => return Ok((found, liveness)),
            Fetched::RepositoryUnknown => {
                let what = format!("there is no repository {}", ask.repository);
                return Err(unknown(what, "`manifestd ls` lists those that there are"));
            }
            Fetched::TagExpired => {
                let what = format!("the tag {} in {} has expired", ask.reference, ask.repository);
                return Err(unknown(what, "`manifestd history NAME` shows what it pointed at"));
            }
            Fetched::Unknown => {}
        }
    }
    let what = format!("there is no {reference} in {repository}");
    Err(unknown(what, "`manifestd tags NAME` lists its tags, `manifestd history NAME` what they pointed at"))
}

/// The image config, where the manifest has one.
async fn read_config(
    registry: &Registry,
    cx: &Context,
    repository: &RepositoryName,
    document: &Document,
) -> Result<Option<ImageConfig>, Box<dyn Error + Send + Sync>> {
    let Some(reference) = document.config().filter(|config| config.kind != ConfigKind::Other) else {
        return Ok(None);
    };
    let blob = registry.blob(cx, repository, &reference.digest).await?;
    let bytes = read(registry, &blob).await?;
    Ok(Some(ImageConfig::parse(reference.kind, &bytes)?))
}

async fn read(registry: &Registry, blob: &Blob) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let limit = registry.policy().max_config_bytes;
    if blob.size > limit {
        return Err(format!("it has {} bytes, more than {limit}", blob.size).into());
    }
    let mut stream = registry.read_blob(blob, None).await?;
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes)
}
