//! Legacy images, schema 1 and its signatures from outside: what the vectors do not ask.

#![expect(clippy::unwrap_used, reason = "a test, helpers and all: what is not as it must be fails it")]

mod images;
mod properties;
mod signatures;

use manifest_core::document::{Document, Limits};
use manifest_core::oci_types::{Algorithm, Digest, MediaType};
use serde_json::json;

/// The digest of some blob.
fn blob(content: &str) -> Digest {
    Digest::of(Algorithm::Sha256, content.as_bytes())
}

fn parse(media_type: &'static str, text: &str) -> Document {
    let media_type = MediaType::from_static(media_type);
    Document::parse(Some(&media_type), text.to_owned().into(), &Limits::default()).unwrap()
}

/// A docker image with that config and these layers, each of three bytes.
fn docker(config: &str, layers: &[Digest]) -> Document {
    image(MediaType::DOCKER_SCHEMA2, MediaType::DOCKER_CONFIG, MediaType::DOCKER_LAYER, config, layers)
}

/// An OCI image in the same way.
fn oci(config: &str, layers: &[Digest]) -> Document {
    image(MediaType::OCI_MANIFEST, MediaType::OCI_CONFIG, MediaType::OCI_LAYER, config, layers)
}

fn image(kind: &'static str, config_kind: &str, layer_kind: &str, config: &str, layers: &[Digest]) -> Document {
    let layers = layers.iter().map(|layer| format!(r#"{{"mediaType":"{layer_kind}","size":3,"digest":"{layer}"}}"#));
    let (layers, size, digest) = (layers.collect::<Vec<_>>().join(","), config.len(), blob(config));
    let config = format!(r#"{{"mediaType":"{config_kind}","size":{size},"digest":"{digest}"}}"#);
    parse(kind, &format!(r#"{{"schemaVersion":2,"mediaType":"{kind}","config":{config},"layers":[{layers}]}}"#))
}

/// Schema 1 for `a/b:t` with these layers and metadata, base first.
fn schema1(layers: &[(Digest, &str)]) -> Document {
    parse(MediaType::DOCKER_SCHEMA1, &text(layers))
}

/// Its text.
fn text(layers: &[(Digest, &str)]) -> String {
    let blobs = layers.iter().rev().map(|(blob, _)| format!(r#"{{"blobSum":"{blob}"}}"#)).collect::<Vec<_>>();
    let history =
        layers.iter().rev().map(|(_, text)| format!(r#"{{"v1Compatibility":{}}}"#, json!(text))).collect::<Vec<_>>();
    let (blobs, history) = (blobs.join(","), history.join(","));
    format!(r#"{{"schemaVersion":1,"name":"a/b","tag":"t","fsLayers":[{blobs}],"history":[{history}]}}"#)
}
