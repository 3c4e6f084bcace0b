//! What a manifest says about the things it names.

use super::config::ConfigKind;
use super::error::DocumentError;
use super::limits::Limits;
use super::member_error::{MemberError, Problem};
use super::node::{Field, Node};
use oci_types::{Digest, MediaType, Platform};

/// A layer of an image, or one of an artifact's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The type of the layer.
    pub media_type: MediaType,
    /// The digest of the layer's blob.
    pub digest: Digest,
    /// How many bytes the blob has, below 2^63.
    pub size: u64,
    /// Where else it can be fetched.
    pub urls: Vec<String>,
}

/// The config of an image or artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigRef {
    /// The type of the config.
    pub media_type: MediaType,
    /// The digest of the config's blob.
    pub digest: Digest,
    /// How many bytes the blob has, below 2^63.
    pub size: u64,
    /// Whether we look into it.
    pub kind: ConfigKind,
}

/// One entry of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildEntry {
    /// The type of what is listed.
    pub media_type: MediaType,
    /// The digest of what is listed.
    pub digest: Digest,
    /// How many bytes it has, below 2^63.
    pub size: u64,
    /// What it runs on, as the index says it.
    pub platform: Option<Platform>,
    /// What it is.
    pub kind: ChildKind,
}

/// What an entry of an index is, as far as its type tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildKind {
    /// A manifest.
    Manifest,
    /// Anything: a blob, as in the cache exports of BuildKit, or a manifest of a type that we do not know.
    Unknown,
}

impl Layer {
    /// Whether clients fetch it from somewhere else, so that the registry need not have it. Its type decides, not its
    /// `urls` (semantics 8).
    #[must_use]
    pub fn is_remote(&self) -> bool {
        self.media_type.is_remote_layer()
    }
}

/// The entries of a list, of which there must not be too many.
pub(super) fn bounded<T>(
    member: &'static str,
    list: Node<'_, '_>,
    limits: &Limits,
    read: impl Fn(&Node<'_, '_>) -> Result<T, MemberError>,
) -> Result<Vec<T>, DocumentError> {
    let mut entries = Vec::new();
    for element in list.elements()? {
        if entries.len() == limits.references {
            return Err(DocumentError::TooMany { member, limit: limits.references });
        }
        entries.push(read(&element)?);
    }
    Ok(entries)
}

/// A layer as an OCI manifest describes it.
pub(super) fn oci_layer(node: &Node<'_, '_>) -> Result<Layer, MemberError> {
    let layer = oci_descriptor(node)?;
    if layer.is_remote() && layer.urls.is_empty() {
        let [urls] = node.fields(["urls"])?;
        return Err(urls.error(Problem::NoUrls));
    }
    Ok(layer)
}

/// A layer as a docker manifest describes it. Quay never looks at what kind of thing `urls` is, only whether it is
/// something; so here.
pub(super) fn docker_layer(node: &Node<'_, '_>) -> Result<Layer, MemberError> {
    const TYPES: [&str; 2] = [MediaType::DOCKER_LAYER, MediaType::DOCKER_FOREIGN_LAYER];
    let [media_type, size, digest, urls] = node.fields(["mediaType", "size", "digest", "urls"])?;
    let layer = Layer {
        media_type: one_of(media_type, &TYPES, "a type of docker layer")?,
        size: size.required()?.size()?,
        digest: digest.required()?.digest()?,
        urls: urls.optional().and_then(|urls| urls.text_list().ok()).unwrap_or_default(),
    };
    if layer.is_remote() && !urls.optional().is_some_and(|urls| urls.value.is_truthy()) {
        return Err(urls.error(Problem::NoUrls));
    }
    Ok(layer)
}

/// What every OCI descriptor says. Members that are not kept are still checked: none may be null.
pub(super) fn oci_descriptor(node: &Node<'_, '_>) -> Result<Layer, MemberError> {
    let members = node.fields(["mediaType", "size", "digest", "urls", "annotations", "artifactType"])?;
    let [media_type, size, digest, urls, annotations, artifact_type] = members;
    if let Some(annotations) = annotations.optional() {
        annotations.object()?;
    }
    if let Some(artifact_type) = artifact_type.optional() {
        artifact_type.any_string()?;
    }
    Ok(Layer {
        media_type: media_type.required()?.media_type()?,
        size: size.required()?.size()?,
        digest: digest.required()?.digest()?,
        urls: urls.optional().map(|urls| urls.text_list()).transpose()?.unwrap_or_default(),
    })
}

/// The config of an OCI manifest. Only of an image of OCI's own we know what is in it (quay-semantics, section 8.5).
pub(super) fn oci_config(node: &Node<'_, '_>) -> Result<ConfigRef, MemberError> {
    let Layer { media_type, digest, size, .. } = oci_descriptor(node)?;
    let kind = if media_type == MediaType::OCI_CONFIG { ConfigKind::OciImage } else { ConfigKind::Other };
    Ok(ConfigRef { media_type, digest, size, kind })
}

/// The config of a docker manifest.
pub(super) fn docker_config(node: &Node<'_, '_>) -> Result<ConfigRef, MemberError> {
    let [media_type, size, digest] = node.fields(["mediaType", "size", "digest"])?;
    Ok(ConfigRef {
        media_type: one_of(media_type, &[MediaType::DOCKER_CONFIG], "the type of a docker config")?,
        size: size.required()?.size()?,
        digest: digest.required()?.digest()?,
        kind: ConfigKind::DockerImage,
    })
}

/// An entry of an OCI index.
pub(super) fn oci_entry(node: &Node<'_, '_>) -> Result<ChildEntry, MemberError> {
    let Layer { media_type, digest, size, .. } = oci_descriptor(node)?;
    let [platform] = node.fields(["platform"])?;
    let platform = platform.optional().map(|node| read_platform(&node)).transpose()?;
    let kind = if media_type.is_manifest() { ChildKind::Manifest } else { ChildKind::Unknown };
    Ok(ChildEntry { media_type, digest, size, platform, kind })
}

/// An entry of a docker manifest list.
pub(super) fn docker_entry(node: &Node<'_, '_>) -> Result<ChildEntry, MemberError> {
    const TYPES: [&str; 2] = [MediaType::DOCKER_SCHEMA2, MediaType::DOCKER_SCHEMA1];
    let [media_type, size, digest, platform] = node.fields(["mediaType", "size", "digest", "platform"])?;
    Ok(ChildEntry {
        media_type: one_of(media_type, &TYPES, "a type of docker manifest")?,
        size: size.required()?.size()?,
        digest: digest.required()?.digest()?,
        platform: Some(read_platform(&platform.required()?)?),
        kind: ChildKind::Manifest,
    })
}

fn read_platform(node: &Node<'_, '_>) -> Result<Platform, MemberError> {
    let members = node.fields(["architecture", "os", "os.version", "os.features", "variant", "features"])?;
    let [architecture, os, os_version, os_features, variant, features] = members;
    let text = |field: Field<'_, '_>| field.optional().map(|node| node.text().map(Into::into)).transpose();
    let list = |field: Field<'_, '_>| field.optional().map(|node| node.text_list()).transpose();
    Ok(Platform {
        architecture: architecture.required()?.text()?.into(),
        os: os.required()?.text()?.into(),
        os_version: text(os_version)?,
        os_features: list(os_features)?.unwrap_or_default(),
        variant: text(variant)?,
        features: list(features)?.unwrap_or_default(),
    })
}

fn one_of(field: Field<'_, '_>, types: &[&'static str], expected: &'static str) -> Result<MediaType, MemberError> {
    let node = field.required()?;
    let found = node.text()?;
    let known = types.iter().find(|known| **known == found);
    let known = known.ok_or_else(|| node.error(Problem::Value { expected, found: found.into() }))?;
    Ok(MediaType::from_static(known))
}
