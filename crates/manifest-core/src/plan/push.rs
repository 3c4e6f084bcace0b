use super::change::{ChildLink, Guard, Label, ManifestChange, NewManifest, Pin, Plan, TagChange};
use super::empty::{empty_ask, empty_plan};
use super::images::{Images, images, images_to_know};
use super::point::{PointRefusal, Pointing, point};
use super::rejection::Rejection;
use crate::access::Context;
use crate::document::{ChildEntry, ChildKind, ConfigKind, ConfigRef, Document, ImageConfig, Need, Schema1};
use crate::empty_layer;
use crate::facts::{Acting, Blob, Child, PushAsk, PushFacts, RepositoryState, Visibility};
use crate::labels;
use crate::policy::{Policy, References};
use crate::time::after;
use oci_types::{Digest, MediaType, Platform, RepositoryName, TagName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a manifest is pushed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushTarget {
    /// A tag, which is pointed at the manifest if the guard holds.
    Tag {
        /// Which.
        name: TagName,
        /// On what condition.
        guard: Guard,
    },
    /// Its digest, and any number of tags besides (OCI distribution spec, end-7b).
    Digest {
        /// Which the bytes must have.
        digest: Digest,
        /// Pointed at the manifest, all or none.
        tags: BTreeSet<TagName>,
    },
}

impl PushTarget {
    fn tags(&self) -> Vec<(&TagName, Guard)> {
        match self {
            Self::Tag { name, guard } => vec![(name, *guard)],
            Self::Digest { tags, .. } => tags.iter().map(|name| (name, Guard::Any)).collect(),
        }
    }
}

/// What the caller of a push may do beside pushing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Move a tag that exists to another manifest.
    pub overwrite: bool,
    /// The visibility of the repository that the push may bring into being, if it may.
    pub create: Option<Visibility>,
}

/// A push, with all that is known before facts are taken.
#[derive(Clone, Copy, Debug)]
pub struct PushCase<'a> {
    /// Where.
    pub repository: &'a RepositoryName,
    /// What.
    pub document: &'a Document,
    /// Its digest, in the algorithm of the target.
    pub digest: Digest,
    /// To what.
    pub target: &'a PushTarget,
    /// Who and when.
    pub context: &'a Context,
    /// What the caller may.
    pub permissions: Permissions,
    /// Whether the history shows that an earlier image came back.
    pub reversion: bool,
    /// What the operator chose.
    pub policy: &'a Policy,
}

/// What a push needs to know.
#[must_use]
pub fn push_ask(case: &PushCase<'_>) -> PushAsk {
    let children = case.document.children();
    let maybe_blobs = children.iter().filter(|child| child.kind == ChildKind::Unknown).map(|child| child.digest);
    PushAsk {
        digest: Some(case.digest),
        blobs: case.document.blobs().keys().copied().chain(maybe_blobs).collect(),
        children: children.iter().map(|child| child.digest).collect(),
        tags: case.target.tags().into_iter().map(|(name, _)| name.clone()).collect(),
        legacy_images: images_to_know(case),
        ..empty_ask(case.repository, case.context)
    }
}

/// The config that must be read before the push can be planned: of a new image, where the repository has it.
///
/// # Errors
///
/// [`Rejection`] if it has another size than the manifest says, or is too large to be read.
pub fn config_wanted<'f>(case: &PushCase<'_>, facts: &'f PushFacts) -> Result<Option<&'f Blob>, Rejection> {
    let Some(config) = case.document.config() else {
        return Ok(None);
    };
    let Some(blob) = facts.blobs.get(&config.digest) else {
        return Ok(None);
    };
    if blob.size != config.size {
        return Err(Rejection::ConfigSize { digest: config.digest, expected: config.size, found: blob.size });
    }
    if facts.existing.is_some() || config.kind == ConfigKind::Other {
        return Ok(None);
    }
    if blob.size > case.policy.max_config_bytes {
        let limit = case.policy.max_config_bytes;
        return Err(Rejection::ConfigTooLarge { digest: config.digest, size: blob.size, limit });
    }
    Ok(Some(blob))
}

/// A push, decided, and what became of the manifest's labels if it is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedPush {
    /// What is written.
    pub plan: Plan,
    /// The labels by which a new manifest acts: its own, or what the children of an index agree on. Empty for one that is
    /// there already.
    pub labels_to_apply: BTreeMap<String, String>,
    /// How many of a new manifest's labels are beyond the limits and are not stored.
    pub labels_dropped: usize,
}

/// Decides about a push: all rules of it are here and in what this calls. `config` holds the bytes of the config that
/// [`config_wanted`] asked for; without them the manifest has no labels from a config.
///
/// # Errors
///
/// [`Rejection`], which says what is wrong with what was pushed, or with the world it was pushed to.
pub fn plan_push(case: &PushCase<'_>, config: Option<&[u8]>, facts: &PushFacts) -> Result<PlannedPush, Rejection> {
    let create_repository = match facts.repository {
        RepositoryState::Absent => Some(case.permissions.create.ok_or(Rejection::RepositoryUnknown)?),
        // It may vanish before the plan is applied; then it comes back as it would have come into being.
        RepositoryState::Open => case.permissions.create,
        RepositoryState::ReadOnly => return Err(Rejection::ReadOnly),
    };
    embedded_names_fit(case)?;
    let (mut labels_to_apply, mut labels_dropped) = (BTreeMap::new(), 0);
    let (manifest, acting) = if let Some(existing) = &facts.existing {
        // Its links are stored, and checked by the write: a deleted manifest comes back while its access rows are there, though
        // nothing but they grant access any more (semantics 5).
        (ManifestChange::Keep(case.digest), existing.acting)
    } else {
        let links = resolve_links(case, facts)?;
        let image = parse_config(case.document.config(), config)?;
        let own = labels::own(case.document, image.as_ref());
        let storable = labels::storable(&own);
        labels_dropped = storable.dropped;
        // An index acts by what all its children agree on; its own annotations are no labels (quay-semantics, section 3.1).
        labels_to_apply = if case.document.is_index() { labels::common(case.document, facts) } else { own };
        let acting = labels::acting(&labels_to_apply);
        let images = images(case, config, facts)?;
        let new = new_manifest(case, image.as_ref(), links, acting, storable.labels, images);
        (ManifestChange::Create(Arc::new(new)), acting)
    };
    let tags = point_tags(case, facts, acting)?;
    let untagged = case.target.tags().is_empty();
    let until = after(case.context.now, case.policy.untagged_ttl);
    let plan = Plan {
        create_repository,
        manifest: Some(manifest),
        tags,
        pin: untagged.then_some(Pin { digest: case.digest, until }),
        ..empty_plan(case.repository, case.policy, case.context)
    };
    Ok(PlannedPush { plan, labels_to_apply, labels_dropped })
}

/// Schema 1 carries its own name and tag, which must be those it is pushed to (quay-semantics, sections 5.2 and 10).
fn embedded_names_fit(case: &PushCase<'_>) -> Result<(), Rejection> {
    if let Some(name) = case.document.embedded_name() {
        let url = case.repository.as_str();
        let fits = name == url || url.strip_prefix("library/") == Some(name);
        if !fits {
            return Err(Rejection::EmbeddedName { embedded: name.to_owned(), repository: case.repository.clone() });
        }
    }
    if let Some(embedded) = case.document.embedded_tag() {
        for (name, _) in case.target.tags() {
            if name.as_str() != embedded {
                return Err(Rejection::EmbeddedTag { embedded: embedded.to_owned(), tag: name.clone() });
            }
        }
    }
    Ok(())
}

struct Links {
    blobs: BTreeMap<Digest, Need>,
    children: Vec<ChildLink>,
}

/// What the manifest links to, once every name in it was found or may be absent.
fn resolve_links(case: &PushCase<'_>, facts: &PushFacts) -> Result<Links, Rejection> {
    let references = case.policy.references;
    let mut blobs = BTreeMap::new();
    let mut missing_blobs = BTreeSet::new();
    for (digest, need) in case.document.blobs() {
        let need = if references == References::Unchecked { Need::MayBeAbsent } else { *need };
        // A config is read, so even that must be there as the repository's own.
        let is_config = case.document.config().is_some_and(|config| config.digest == *digest);
        let there = facts.blobs.contains_key(digest) || (*digest == empty_layer::digest() && !is_config);
        if need == Need::Required && !there {
            missing_blobs.insert(*digest);
        }
        blobs.insert(*digest, need);
    }
    let mut children = Vec::new();
    let mut missing_children = BTreeSet::new();
    let child_need = if references == References::Required { Need::Required } else { Need::MayBeAbsent };
    for entry in case.document.children() {
        if child_fits(case.document, entry, facts)? {
            children.push(child_link(entry, child_need));
        } else if entry.kind == ChildKind::Unknown && facts.blobs.contains_key(&entry.digest) {
            // BuildKit's cache exports are indexes of layers.
            blobs.entry(entry.digest).or_insert(child_need);
        } else if child_need == Need::MayBeAbsent {
            children.push(child_link(entry, child_need));
        } else {
            missing_children.insert(entry.digest);
        }
    }
    if missing_blobs.is_empty() && missing_children.is_empty() {
        Ok(Links { blobs, children })
    } else {
        Err(Rejection::Missing { blobs: missing_blobs, children: missing_children })
    }
}

/// Whether the repository has the child; one that is there must be what the entry says.
fn child_fits(index: &Document, entry: &ChildEntry, facts: &PushFacts) -> Result<bool, Rejection> {
    let Some(child) = facts.children.get(&entry.digest) else {
        return Ok(false);
    };
    if child.size != entry.size {
        return Err(Rejection::ChildSize { digest: entry.digest, expected: entry.size, found: child.size });
    }
    // A list names signed schema 1 by the unsigned type (quay-semantics, section 8.4).
    let both_schema1 = child.media_type.is_schema1() && entry.media_type.is_schema1();
    if child.media_type != entry.media_type && !both_schema1 {
        return Err(Rejection::ChildMediaType {
            digest: entry.digest,
            expected: entry.media_type.clone(),
            found: child.media_type.clone(),
        });
    }
    if child.media_type.is_schema1() {
        schema1_fits(index, entry, child)?;
    }
    Ok(true)
}

/// Schema 1 is listed by docker's lists alone, and for the processor that it names itself (quay-semantics, sections 8.4 and 8.6).
fn schema1_fits(index: &Document, entry: &ChildEntry, child: &Child) -> Result<(), Rejection> {
    if *index.media_type() == MediaType::OCI_INDEX {
        return Err(Rejection::Schema1InIndex(entry.digest));
    }
    let architecture = |platform: &Option<Platform>| platform.as_ref().map(|platform| platform.architecture.clone());
    match (architecture(&entry.platform), architecture(&child.platform)) {
        (Some(expected), Some(found)) if expected != found => {
            Err(Rejection::ChildArchitecture { digest: entry.digest, expected, found })
        }
        _ => Ok(()),
    }
}

fn child_link(entry: &ChildEntry, need: Need) -> ChildLink {
    ChildLink { digest: entry.digest, need, platform: entry.platform.clone() }
}

fn new_manifest(
    case: &PushCase<'_>,
    image: Option<&ImageConfig>,
    links: Links,
    acting: Acting,
    labels: Vec<Label>,
    images: Images,
) -> NewManifest {
    let document = case.document;
    let schema1 = document.schema1();
    let empty_layer =
        image.is_some_and(ImageConfig::has_empty_layers) || document.blobs().contains_key(&empty_layer::digest());
    let mut blobs = links.blobs;
    if empty_layer {
        blobs.insert(empty_layer::digest(), Need::Required);
    }
    NewManifest {
        digest: case.digest,
        media_type: document.media_type().clone(),
        bytes: document.bytes().clone(),
        subject: document.subject(),
        artifact_type: document.artifact_type().map(str::to_owned),
        annotations: if document.subject().is_some() { document.annotations().clone() } else { BTreeMap::new() },
        platform: image.and_then(ImageConfig::platform).or_else(|| schema1.and_then(Schema1::platform)),
        image_created: image.and_then(ImageConfig::created).or_else(|| schema1.and_then(Schema1::created)),
        layers_size: document.layers_size(),
        acting,
        labels,
        blobs,
        children: links.children,
        empty_layer,
        legacy_images: images.rows,
        legacy_image: images.top,
    }
}

fn parse_config(config: Option<&ConfigRef>, bytes: Option<&[u8]>) -> Result<Option<ImageConfig>, Rejection> {
    match (config, bytes) {
        (Some(config), Some(bytes)) => {
            let parsed = ImageConfig::parse(config.kind, bytes);
            parsed.map(Some).map_err(|error| Rejection::Config { digest: config.digest, error })
        }
        (None, _) | (_, None) => Ok(None),
    }
}

fn point_tags(case: &PushCase<'_>, facts: &PushFacts, acting: Acting) -> Result<Vec<TagChange>, Rejection> {
    let mut changes = Vec::new();
    for (name, guard) in case.target.tags() {
        let pointing = Pointing {
            name,
            row: facts.tags.get(name),
            to: case.digest,
            guard,
            acting,
            reversion: case.reversion,
            overwrite: case.permissions.overwrite,
            policy: case.policy,
            now: case.context.now,
        };
        changes.extend(point(&pointing).map_err(|refusal| match refusal {
            PointRefusal::GuardFailed => Rejection::GuardFailed(name.clone()),
            PointRefusal::Immutable => Rejection::Immutable(name.clone()),
            PointRefusal::OverwriteDenied => Rejection::OverwriteDenied(name.clone()),
        })?);
    }
    Ok(changes)
}

#[cfg(test)]
mod tests;
