//! The rows that a repository keeps of legacy images.

use super::error::LegacyError;
use super::layers::ConfigBytes;
use super::rewrite::{KnownImage, V1Image, images_unless};
use crate::document::{Document, Kind, MemberError, Problem};
use crate::time::Millis;
use jiff::civil::DateTime;
use oci_types::Digest;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A row of `legacy_image`: what a repository keeps of one image of v1. Its key is the repository and `id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegacyImage {
    /// The v1 id. Of schema 1 any text of 1 to 255 bytes without control characters.
    pub id: String,
    /// The id of the image below, which the repository has stored or which comes before this one; `None` for a base.
    pub parent: Option<String>,
    /// The layer.
    pub blob: Digest,
    /// What the clock on the wall showed where the image was made, in milliseconds since 1970: the zone is dropped, as Quay
    /// did; the metadata say it. `None` if the date is none that RFC 3339 knows.
    pub created: Option<Millis>,
    /// The command that made the image, in canonical JSON.
    pub command: Option<String>,
    /// What was said about it, with U+FFFD for what a database may not hold as text: NUL, and half of a surrogate pair.
    pub comment: Option<String>,
    /// How many bytes the layer and all layers below it have together, as stored; `None` if some size is not known.
    pub aggregate_size: Option<u64>,
    /// The metadata as the v1 API answers them.
    pub metadata: String,
}

/// The rows that a push of `document` has to see to, base first, each id once: the last is the image that the manifest
/// stands for. Empty where the document has no legacy images.
///
/// `known` are the images of the repository that have one of the document's ids ([`schema1_ids`]): what it holds
/// is there already and stays as it is, so only the others are to be inserted. An id is used again for the same blob on the same parent
/// alone, so that the images below one that is stored are the manifest's own (semantics 11). `sizes` are the sizes of the stored blobs;
/// the empty layer's need not be there.
///
/// # Errors
///
/// As [`v1_images`](super::v1_images); and if a layer of a schema 1 manifest has no id, or one that cannot be a key.
pub fn legacy_images(
    document: &Document,
    config: Option<&[u8]>,
    known: &BTreeMap<String, KnownImage>,
    sizes: &BTreeMap<Digest, u64>,
) -> Result<Vec<LegacyImage>, LegacyError> {
    let config = config.map_or(ConfigBytes::Missing, ConfigBytes::Unread);
    legacy_images_of(document, config, known, |blob| sizes.get(blob).copied())
}

/// [`legacy_images`], which does not read again what was read.
pub(crate) fn legacy_images_of(
    document: &Document,
    config: ConfigBytes<'_>,
    known: &BTreeMap<String, KnownImage>,
    size_of: impl Fn(&Digest) -> Option<u64>,
) -> Result<Vec<LegacyImage>, LegacyError> {
    let is_taken = |id: &str, blob: &Digest, parent: Option<&str>| {
        known.get(id).is_some_and(|stored| stored.blob != *blob || stored.parent.as_deref() != parent)
    };
    let images = images_unless(document, config, is_taken)?.unwrap_or_default();
    let height = images.len();
    // How many bytes the images have of which a later one may be the child.
    let mut below: HashMap<String, Option<u64>> = HashMap::with_capacity(height);
    let mut rows = Vec::with_capacity(height);
    for (at, image) in images.into_iter().enumerate() {
        let V1Image { id, parent, blob, created, comment, command, metadata, .. } = image;
        let id = checked(id).map_err(|problem| wrong_id(height - 1 - at, problem))?;
        // A config may have a `parent` of its own, which is no image here.
        let parent = parent.filter(|parent| below.contains_key(parent));
        let own = size_of(&blob).or_else(|| size_of_empty_layer(&blob));
        let under = parent.as_ref().map_or(Some(0), |parent| below.get(parent).copied().flatten());
        let aggregate_size = match known.get(&id) {
            Some(known) => known.aggregate_size,
            None => own.zip(under).map(|(own, under)| own.saturating_add(under)),
        };
        // One id twice: the first row is there already, as for Quay.
        if below.contains_key(&id) {
            continue;
        }
        below.insert(id.clone(), aggregate_size);
        let comment = comment.map(|comment| comment.replace('\0', "\u{fffd}"));
        let created = created.and_then(|created| wall_clock(&created));
        rows.push(LegacyImage { id, parent, blob, created, command, comment, aggregate_size, metadata });
    }
    Ok(rows)
}

/// The ids of which a push of `document` has to know whether the repository has them stored: those of schema 1, which are chosen by people.
/// Others stand for something else only where such a one has taken them, which the write finds.
#[must_use]
pub fn schema1_ids(document: &Document) -> BTreeSet<&str> {
    document.schema1().into_iter().flat_map(|schema1| schema1.v1_ids().filter_map(|(id, _)| id)).collect()
}

fn size_of_empty_layer(blob: &Digest) -> Option<u64> {
    (*blob == crate::empty_layer::digest()).then_some(crate::empty_layer::BYTES.len() as u64)
}

/// An id that can be a key of a row and a part of a path.
fn checked(id: Option<String>) -> Result<String, Problem> {
    const LONGEST: usize = 255;
    let id = id.ok_or(Problem::Type { expected: "a string", found: Kind::Null })?;
    if id.is_empty() {
        return Err(Problem::Empty);
    }
    if id.len() > LONGEST {
        return Err(Problem::Long { limit: LONGEST });
    }
    if id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(id);
    }
    match id.chars().find(|c| c.is_control()) {
        Some(found) => Err(Problem::Control { found }),
        None => Ok(id),
    }
}

fn wrong_id(at: usize, problem: Problem) -> LegacyError {
    LegacyError::Metadata(MemberError { path: format!("history[{at}].v1Compatibility.id").into(), problem })
}

/// The date and time of a text, without its zone.
fn wall_clock(text: &str) -> Option<Millis> {
    let local: DateTime = text.trim_end_matches(['Z', 'z']).parse().ok()?;
    let since = local.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    i64::try_from(since.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::wall_clock;

    #[test]
    fn dates() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(wall_clock(text), expected, "{text}");
        check("1970-01-01T00:00:01Z", Some(1000));
        check("1970-01-01T00:00:01.5+02:00", Some(1500));
        check("1970-01-02T00:00:00.284840891Z", Some(86_400_284));
        check("1970-01-01", Some(0));
        check("yesterday", None);
        check("", None);
        check("2015-13-01T00:00:00Z", None);
    }
}
