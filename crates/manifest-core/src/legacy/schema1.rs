//! Schema 1 out of what was pushed, as Quay builds it.

use super::error::LegacyError;
use super::layers::ImageHistory;
use super::metadata::Metadata;
use crate::document::{ChildEntry, Document, Schema1};
use crate::json::{Json, Object};
use bytes::Bytes;
use oci_types::{Digest, MediaType};
use std::borrow::Cow;

/// What a manifest is when somebody asks for schema 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AsSchema1<'d> {
    /// It is schema 1.
    Already(&'d Schema1),
    /// It was built: the exact text, unsigned.
    Built(String),
    /// It is whatever this child of the index is, which the caller has to load and ask again. There is no other choice,
    /// even if the child is not there.
    Child(&'d ChildEntry),
    /// It cannot be said in schema 1: an artifact, an image of which a layer is fetched from somewhere else, or an index
    /// without a child for amd64 and linux.
    Never,
}

/// What `document` is in schema 1, for the repository `name` and the tag `tag`.
///
/// `config` is the image's config; it is only read of docker and OCI images. Layers stay what they are, digest by digest
/// and in their order; where the history has a step that changed no file, the [empty layer](crate::empty_layer) stands. The
/// processor is always said to be `amd64`, as Quay has it. Source: quay-semantics, sections 8.7 and 9.5.
///
/// # Errors
///
/// [`LegacyError`] if the config cannot be read or does not fit the layers.
pub fn to_schema1<'d>(
    document: &'d Document,
    config: Option<&[u8]>,
    name: &str,
    tag: &str,
) -> Result<AsSchema1<'d>, LegacyError> {
    if let Some(schema1) = document.schema1() {
        return Ok(AsSchema1::Already(schema1));
    }
    if document.is_index() {
        // An OCI index cannot list schema 1, so whatever it calls so is not looked at.
        let is_listed_in_vain =
            |child: &ChildEntry| *document.media_type() == MediaType::OCI_INDEX && is_schema1(&child.media_type);
        let child = schema1_child(document).filter(|child| !is_listed_in_vain(child));
        return Ok(child.map_or(AsSchema1::Never, AsSchema1::Child));
    }
    let Some(history) = ImageHistory::read(document, config)?.filter(|history| !history.has_remote_layers()) else {
        return Ok(AsSchema1::Never);
    };
    let blobs = history.steps().iter().map(|step| step.blob);
    let layers: Vec<_> = blobs.zip(history.v1_compatibility().map(Cow::Owned)).collect();
    Ok(AsSchema1::Built(text(name, tag, Some("amd64"), &layers)))
}

fn is_schema1(media_type: &MediaType) -> bool {
    [MediaType::DOCKER_SCHEMA1, MediaType::DOCKER_SCHEMA1_SIGNED].contains(&media_type.as_str())
}

/// The child of an index that its schema 1 form is made of: the first for amd64 and linux, whatever else its platform says.
#[must_use]
pub fn schema1_child(index: &Document) -> Option<&ChildEntry> {
    index.children().iter().find(|child| {
        child.platform.as_ref().is_some_and(|platform| platform.architecture == "amd64" && platform.os == "linux")
    })
}

/// A schema 1 manifest without signatures: what has none is as it was sent, what has some is built anew for its own tag.
#[must_use]
pub fn unsigned(schema1: &Schema1) -> Bytes {
    if schema1.is_signed() { rebuilt(schema1, schema1.tag()).into() } else { schema1.payload().clone() }
}

/// A schema 1 manifest without signatures, built anew for the tag `tag`: name, processor and layers as they are, and
/// nothing else of it.
#[must_use]
pub fn rebuilt(schema1: &Schema1, tag: &str) -> String {
    let layers: Vec<_> =
        schema1.layers().iter().map(|layer| (layer.digest, Cow::Borrowed(layer.metadata.as_str()))).collect();
    text(full_name(schema1), tag, schema1.architecture(), &layers)
}

/// A schema 1 manifest without signatures, and with what only the last layer needs left out of the metadata of all others:
/// for manifests that grew too large. Source: quay-semantics, section 9.5.
///
/// # Errors
///
/// [`LegacyError`] if the metadata of a layer have no right shape.
pub fn reduced(schema1: &Schema1) -> Result<String, LegacyError> {
    let height = schema1.layers().len();
    let mut layers = Vec::with_capacity(height);
    for (at, layer) in schema1.layers().iter().enumerate() {
        let metadata = Metadata::read(&layer.metadata, height - 1 - at)?;
        let kept = if at + 1 == height { metadata.plain() } else { metadata.reduced()? };
        layers.push((layer.digest, Cow::Owned(kept)));
    }
    Ok(text(full_name(schema1), schema1.tag(), schema1.architecture(), &layers))
}

/// The name without a slash in front: Quay takes what stands before the first one for the namespace, and an empty one for
/// none.
fn full_name(schema1: &Schema1) -> &str {
    schema1.name().strip_prefix('/').unwrap_or(schema1.name())
}

/// The text of a manifest with these layers, base first.
fn text(name: &str, tag: &str, architecture: Option<&str>, layers: &[(Digest, Cow<'_, str>)]) -> String {
    let one = |name: &'static str, text: &str| Json::Object([(name, Json::string(text))].into_iter().collect());
    let history = layers.iter().rev().map(|(_, metadata)| one("v1Compatibility", metadata)).collect();
    let blobs = layers.iter().rev().map(|(blob, _)| one("blobSum", &blob.to_string())).collect();
    let members: Object<'_> = [
        ("tag", Json::string(tag)),
        ("name", Json::string(name)),
        ("architecture", architecture.map_or(Json::NULL, Json::string)),
        ("schemaVersion", Json::integer(1)),
        ("history", Json::List(history)),
        ("fsLayers", Json::List(blobs)),
    ]
    .into_iter()
    .collect();
    Json::Object(members).indented()
}
