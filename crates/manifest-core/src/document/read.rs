//! From text to the parts of a [`Document`](super::Document), one function a format.

use super::descriptor::{bounded, docker_config, docker_entry, docker_layer};
use super::descriptor::{oci_config, oci_descriptor, oci_entry, oci_layer};
use super::error::DocumentError;
use super::format::{Format, detect};
use super::member_error::{MemberError, Problem};
use super::node::{Field, Keys, Node, Path};
use super::{About, Body, Limits, Schema1};
use crate::json::{Dialect, parse_bytes};
use bytes::Bytes;
use oci_types::MediaType;

/// The type, the body, and what the manifest says about itself.
pub(super) fn manifest(
    content_type: Option<&MediaType>,
    bytes: &Bytes,
    limits: &Limits,
) -> Result<(MediaType, Body, About), DocumentError> {
    let value = parse_bytes(bytes, Dialect::Strict, limits.depth).map_err(DocumentError::Json)?;
    let root = Node::new(value, Path::Root("the manifest"), Keys::Unique);
    let format = detect(content_type, &root)?;
    let (body, about) = match format {
        Format::OciManifest => (image(limits, &root, oci_config, oci_layer)?, about(&root)?),
        Format::OciIndex => (index(limits, &root, oci_entry)?, about(&root)?),
        Format::OciArtifact => (artifact(limits, &root)?, about(&root)?),
        Format::DockerSchema2 => {
            require_media_type(&root)?;
            (image(limits, &root, docker_config, docker_layer)?, About::default())
        }
        Format::DockerList => {
            require_media_type(&root)?;
            (index(limits, &root, docker_entry)?, About::default())
        }
        Format::DockerSchema1 => {
            let schema1 = Schema1::read(bytes, &root, limits)?;
            let signed = schema1.is_signed().then(|| MediaType::from_static(MediaType::DOCKER_SCHEMA1_SIGNED));
            let body = Body::Schema1(Box::new(schema1));
            return Ok((signed.unwrap_or(format.media_type()), body, About::default()));
        }
    };
    Ok((format.media_type(), body, about))
}

type Read<T> = fn(&Node<'_, '_>) -> Result<T, MemberError>;

fn image(
    limits: &Limits,
    root: &Node<'_, '_>,
    read_config: Read<super::ConfigRef>,
    read_layer: Read<super::Layer>,
) -> Result<Body, DocumentError> {
    let [version, config, layers] = root.fields(["schemaVersion", "config", "layers"])?;
    require_version_2(version)?;
    let config = read_config(&config.required()?)?;
    let layers = bounded("layers", layers.required()?, limits, read_layer)?;
    Ok(Body::Image { config, layers })
}

fn index(limits: &Limits, root: &Node<'_, '_>, read_entry: Read<super::ChildEntry>) -> Result<Body, DocumentError> {
    let [version, manifests] = root.fields(["schemaVersion", "manifests"])?;
    require_version_2(version)?;
    Ok(Body::Index(bounded("manifests", manifests.required()?, limits, read_entry)?))
}

fn artifact(limits: &Limits, root: &Node<'_, '_>) -> Result<Body, DocumentError> {
    let [blobs] = root.fields(["blobs"])?;
    let blobs = blobs.optional().map(|blobs| bounded("blobs", blobs, limits, oci_layer)).transpose()?;
    Ok(Body::Artifact(blobs.unwrap_or_default()))
}

fn about(root: &Node<'_, '_>) -> Result<About, MemberError> {
    let [subject, artifact_type, annotations] = root.fields(["subject", "artifactType", "annotations"])?;
    Ok(About {
        subject: subject.optional().map(|subject| oci_descriptor(&subject)).transpose()?.map(|subject| subject.digest),
        artifact_type: artifact_type.optional().map(|node| read_artifact_type(&node)).transpose()?,
        annotations: annotations.optional().map(|node| node.texts()).transpose()?.unwrap_or_default(),
    })
}

/// An artifact type may be any text that an index can hold: as long as a media type, and on one line.
fn read_artifact_type(node: &Node<'_, '_>) -> Result<String, MemberError> {
    let text = node.text()?;
    if text.len() > MediaType::MAX_LEN {
        return Err(node.error(Problem::Long { limit: MediaType::MAX_LEN }));
    }
    match text.chars().find(|c| c.is_control()) {
        Some(found) => Err(node.error(Problem::Control { found })),
        None => Ok(text.into_owned()),
    }
}

/// Of OCI's manifests the media type may be missing; of docker's it may not. That it fits is known already.
fn require_media_type(root: &Node<'_, '_>) -> Result<(), MemberError> {
    let [media_type] = root.fields(["mediaType"])?;
    media_type.required().map(|_| ())
}

/// The version is a number, so `2.0` is one too.
fn require_version_2(version: Field<'_, '_>) -> Result<(), MemberError> {
    let version = version.required()?;
    let number = version.value.number().ok_or_else(|| version.not("a number"))?;
    if number.parse() == Ok(2.0) {
        return Ok(());
    }
    Err(version.error(Problem::Value { expected: "2", found: number.into() }))
}
