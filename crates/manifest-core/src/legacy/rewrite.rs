//! New ids for layers whose id belongs to another image already.

use super::error::LegacyError;
use super::layers::{ConfigBytes, Ids, ImageHistory, has_legacy_images};
use super::metadata::Metadata;
use crate::document::Document;
use crate::json::Object;
use oci_types::{Algorithm, Digest};
use std::collections::{BTreeMap, HashSet};

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
    let config = config.map_or(ConfigBytes::Missing, ConfigBytes::Unread);
    images_unless(document, config, |id, blob, _| known.get(id).is_some_and(|stored| stored.blob != *blob))
}

/// The images of a manifest, base first, where `is_taken` says of an id, a blob and the id of the image below in the same manifest whether
/// the id cannot stand for these.
pub(super) fn images_unless(
    document: &Document,
    config: ConfigBytes<'_>,
    is_taken: impl Fn(&str, &Digest, Option<&str>) -> bool,
) -> Result<Option<Vec<V1Image>>, LegacyError> {
    if !has_legacy_images(document) {
        return Ok(None);
    }
    match (document.schema1(), ImageHistory::of(document, config)?) {
        (Some(schema1), _) => {
            let layers = schema1.layers().iter().map(|layer| (layer.digest, Source::Text(&layer.metadata)));
            rewrite(layers, is_taken).map(Some)
        }
        (None, Some(history)) => {
            let blobs = history.steps().iter().map(|step| step.blob);
            rewrite(blobs.zip(history.metadata().map(Source::Made)), is_taken).map(Some)
        }
        (None, None) => Ok(None),
    }
}

/// What is said about a layer.
enum Source<'a> {
    /// As it was pushed.
    Text(&'a str),
    /// As it was made of a history, and would be read again.
    Made(Object<'a>),
}

fn rewrite<'a>(
    layers: impl ExactSizeIterator<Item = (Digest, Source<'a>)>,
    is_taken: impl Fn(&str, &Digest, Option<&str>) -> bool,
) -> Result<Vec<V1Image>, LegacyError> {
    let count = layers.len();
    let mut renaming: Option<Renaming> = None;
    let mut below = Below::default();
    let mut images: Vec<V1Image> = Vec::with_capacity(count);
    for (height, (blob, source)) in layers.enumerate() {
        let at = count - 1 - height;
        let (metadata, text) = match source {
            Source::Text(text) => (Metadata::read(text, at)?, text.to_owned()),
            Source::Made(members) => {
                let text = members.plain();
                (Metadata::of(members, at), text)
            }
        };
        let (old_id, parent) = (metadata.text("id"), metadata.text("parent"));
        let renamed = |parent: &str| renaming.as_ref().and_then(|renaming| renaming.new_id(parent));
        let under = parent.as_deref().map(|parent| renamed(parent).unwrap_or(parent));
        let under = under.filter(|parent| below.has(&images, parent)).map(str::to_owned);
        let is_taken = |id: &str| is_taken(id, &blob, under.as_deref());
        if renaming.is_none() && old_id.as_deref().is_some_and(is_taken) {
            renaming = Some(Renaming::behind(&images));
        }
        let new_id = renaming.as_mut().map(|renaming| renaming.next(&blob, &text, old_id.as_deref(), is_taken));
        let id = new_id.or(old_id);
        let rename = |old: &str| renaming.as_ref().and_then(|renaming| renaming.new_id(old)).map(str::to_owned);
        images.push(V1Image {
            parent: parent.map(|parent| rename(&parent).unwrap_or(parent)),
            blob,
            created: metadata.text("created"),
            author: metadata.text("author"),
            comment: metadata.text("comment"),
            command: metadata.command()?,
            labels: metadata.labels()?,
            metadata: if renaming.is_some() { metadata.renamed(id.as_deref(), rename)? } else { text },
            id,
        });
    }
    Ok(images)
}

/// The ids of the images so far. Nearly always it is the last that is asked for, so the others are only looked at when it is not.
#[derive(Default)]
struct Below {
    ids: HashSet<String>,
    /// Of how many images they are.
    count: usize,
}

impl Below {
    fn has(&mut self, images: &[V1Image], id: &str) -> bool {
        if images.last().is_some_and(|image| image.id.as_deref() == Some(id)) {
            return true;
        }
        self.ids.extend(images.iter().skip(self.count).filter_map(|image| image.id.clone()));
        self.count = images.len();
        self.ids.contains(id)
    }
}

/// New ids, from the first layer on whose id is taken.
struct Renaming {
    ids: Ids,
    /// The new id of each old one.
    renamed: BTreeMap<String, String>,
}

impl Renaming {
    /// Behind images that keep their ids, which new ids are made of as well.
    fn behind(images: &[V1Image]) -> Self {
        let mut ids = Ids::new();
        for image in images {
            ids.take([&image.blob.to_string(), "@", &image.metadata, "|"]);
        }
        let kept = images.iter().filter_map(|image| image.id.clone());
        Self { ids, renamed: kept.map(|id| (id.clone(), id)).collect() }
    }

    fn new_id(&self, old: &str) -> Option<&str> {
        self.renamed.get(old).map(String::as_str)
    }

    /// The id of the next layer.
    fn next(&mut self, blob: &Digest, text: &str, old_id: Option<&str>, is_taken: impl Fn(&str) -> bool) -> String {
        let id = free(self.ids.next([&blob.to_string(), "@", text, "|"]), is_taken);
        if let Some(old_id) = old_id {
            self.renamed.insert(old_id.to_owned(), id.clone());
        }
        id
    }
}

/// The id, or where even that stands for something else its digest, or the digest of that: Quay takes it to be free.
fn free(mut id: String, is_taken: impl Fn(&str) -> bool) -> String {
    while is_taken(&id) {
        id = Digest::of(Algorithm::Sha256, id.as_bytes()).hex();
    }
    id
}
