//! New ids for layers whose id belongs to another image already.

use super::error::LegacyError;
use super::layers::{Ids, ImageHistory, has_legacy_images};
use super::metadata::Metadata;
use crate::document::Document;
use oci_types::Digest;
use std::borrow::Cow;
use std::collections::BTreeMap;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownImage {
    /// Its layer.
    pub blob: Digest,
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
    rewrite(&layers, known).map(Some)
}

fn rewrite(
    layers: &[(Digest, Cow<'_, str>)],
    known: &BTreeMap<String, KnownImage>,
) -> Result<Vec<V1Image>, LegacyError> {
    let mut ids = Ids::new();
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    let mut is_rewriting = false;
    let mut images = Vec::with_capacity(layers.len());
    for (height, (blob, text)) in layers.iter().enumerate() {
        let new_id = ids.next([&blob.to_string(), "@", text, "|"]);
        let metadata = Metadata::read(text, layers.len() - 1 - height)?;
        let old_id = metadata.text("id");
        let stored = old_id.as_ref().and_then(|id| known.get(id));
        is_rewriting |= stored.is_some_and(|stored| stored.blob != *blob);
        let id = if is_rewriting { Some(new_id) } else { old_id.clone() };
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
