//! New ids for layers whose id belongs to another image already.

use super::error::LegacyError;
use super::layers::{Ids, ImageHistory, has_legacy_images};
use super::metadata::Metadata;
use crate::document::Document;
use oci_types::{Algorithm, Digest};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// An image of v1: one layer, and what is said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct V1Image {
    /// The id. Of schema 1 it may be any text, and may be missing.
    pub id: Option<String>,
    /// The id of the image below.
    pub parent: Option<String>,
    /// The layer.
    pub blob: Digest,
    /// When it was made, as the metadata write it.
    pub created: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// What was said about it.
    pub comment: Option<String>,
    /// The command that made it, in canonical JSON.
    pub command: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The metadata, `v1Compatibility`.
    pub metadata: String,
}

/// An image that a repository has stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownImage {
    /// Its layer.
    pub blob: Digest,
    /// The id of the image below.
    pub parent: Option<String>,
    /// How many bytes it and all images below it have, if that is known.
    pub aggregate_size: Option<u64>,
}

/// The images of a manifest, base first, when the repository has stored those that `known` names by id. `None` where
/// [`has_legacy_images`] does not hold.
///
/// An id that stands for another blob in the repository cannot be used again: from the first such layer on, each gets a new
/// id, the digest of all digests and metadata up to it, and its metadata are written anew with the new ids. Source:
/// quay-semantics, section 9.4. Only ids of schema 1 are chosen by people; those of other images follow from what is in
/// them, so for them `known` may be empty.
///
/// # Errors
///
/// [`LegacyError`] if the config, which schema 1 does not have, or the metadata of a layer cannot be read.
pub fn v1_images(
    document: &Document,
    config: Option<&[u8]>,
    known: &BTreeMap<String, KnownImage>,
) -> Result<Option<Vec<V1Image>>, LegacyError> {
    images_unless(document, config, |id, blob, _| known.get(id).is_some_and(|stored| stored.blob != *blob))
}

/// The images of a manifest, base first, where `is_taken` says of an id, a blob and the id of the image below in the same manifest whether
/// the id cannot stand for these.
pub(super) fn images_unless(
    document: &Document,
    config: Option<&[u8]>,
    is_taken: impl Fn(&str, &Digest, Option<&str>) -> bool,
) -> Result<Option<Vec<V1Image>>, LegacyError> {
    if !has_legacy_images(document) {
        return Ok(None);
    }
    let layers: Vec<(Digest, Cow<'_, str>)> = match (document.schema1(), ImageHistory::read(document, config)?) {
        (Some(schema1), _) => {
            schema1.layers().iter().map(|layer| (layer.digest, Cow::Borrowed(layer.metadata.as_str()))).collect()
        }
        (None, Some(history)) => {
            let blobs = history.steps().iter().map(|step| step.blob);
            blobs.zip(history.v1_compatibility().map(Cow::Owned)).collect()
        }
        (None, None) => return Ok(None),
    };
    rewrite(&layers, is_taken).map(Some)
}

fn rewrite(
    layers: &[(Digest, Cow<'_, str>)],
    is_taken: impl Fn(&str, &Digest, Option<&str>) -> bool,
) -> Result<Vec<V1Image>, LegacyError> {
    let mut ids = Ids::new();
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    let mut below: BTreeSet<String> = BTreeSet::new();
    let mut is_rewriting = false;
    let mut images = Vec::with_capacity(layers.len());
    for (height, (blob, text)) in layers.iter().enumerate() {
        let new_id = ids.next([&blob.to_string(), "@", text, "|"]);
        let metadata = Metadata::read(text, layers.len() - 1 - height)?;
        let old_id = metadata.text("id");
        let under = metadata.text("parent").map(|parent| renamed.get(&parent).cloned().unwrap_or(parent));
        let under = under.filter(|parent| below.contains(parent));
        let is_taken = |id: &str| is_taken(id, blob, under.as_deref());
        is_rewriting |= old_id.as_deref().is_some_and(is_taken);
        let id = if is_rewriting { Some(free(new_id, is_taken)) } else { old_id.clone() };
        below.extend(id.clone());
        if let (Some(old_id), Some(id)) = (old_id, &id) {
            renamed.insert(old_id, id.clone());
        }
        let rename = |old: &str| renamed.get(old).cloned();
        images.push(V1Image {
            parent: metadata.text("parent").map(|parent| rename(&parent).unwrap_or(parent)),
            blob: *blob,
            created: metadata.text("created"),
            author: metadata.text("author"),
            comment: metadata.text("comment"),
            command: metadata.command()?,
            labels: metadata.labels()?,
            metadata: if is_rewriting { metadata.renamed(id.as_deref(), rename)? } else { text.clone().into_owned() },
            id,
        });
    }
    Ok(images)
}

/// The id, or where even that stands for something else its digest, or the digest of that: Quay takes it to be free.
fn free(mut id: String, is_taken: impl Fn(&str) -> bool) -> String {
    while is_taken(&id) {
        id = Digest::of(Algorithm::Sha256, id.as_bytes()).hex();
    }
    id
}
