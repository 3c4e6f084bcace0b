use crate::rng::hash;
use crate::shape::{shape, size};
use crate::target::{Broken, Outcome, Target, ensure, ensure_readable};
use bytes::Bytes;
use manifest_core::document::{Document, DocumentError, Limits};
use manifest_core::labels;
use oci_types::{Algorithm, Digest, MediaType};

pub(crate) const DOCUMENT: Target = Target {
    name: "document",
    weight: 6,
    check,
    tokens: &[
        "\"schemaVersion\":2",
        "\"schemaVersion\":1",
        "\"mediaType\":",
        "\"config\":",
        "\"layers\":",
        "\"manifests\":",
        "\"blobs\":",
        "\"subject\":",
        "\"artifactType\":",
        "\"annotations\":",
        "\"size\":",
        "\"digest\":",
        "\"urls\":",
        "\"platform\":",
        "\"architecture\":",
        "\"os\":",
        "\"data\":",
        "\"fsLayers\":",
        "\"history\":",
        "\"blobSum\":",
        "\"v1Compatibility\":",
        "\"{\\\"id\\\":\\\"a\\\"}\"",
        "\"parent\":",
        "\"signatures\":",
        "\"protected\":",
        "\"formatLength\":",
        "\"formatTail\":",
        "\"name\":",
        "\"tag\":",
        "[\"https://a.example\"]",
        "\"application/vnd.oci.image.manifest.v1+json\"",
        "\"application/vnd.oci.image.index.v1+json\"",
        "\"application/vnd.oci.artifact.manifest.v1+json\"",
        "\"application/vnd.oci.image.config.v1+json\"",
        "\"application/vnd.oci.image.layer.v1.tar+gzip\"",
        "\"application/vnd.oci.image.layer.nondistributable.v1.tar\"",
        "\"application/vnd.docker.distribution.manifest.v2+json\"",
        "\"application/vnd.docker.distribution.manifest.list.v2+json\"",
        "\"application/vnd.docker.distribution.manifest.v1+prettyjws\"",
        "\"application/vnd.docker.container.image.v1+json\"",
        "\"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip\"",
        "\"sha256:0000000000000000000000000000000000000000000000000000000000000000\"",
    ],
};

/// What a request may say. The last is none of a manifest.
const CONTENT_TYPES: [&str; 9] = [
    MediaType::OCI_MANIFEST,
    MediaType::OCI_INDEX,
    MediaType::OCI_ARTIFACT,
    MediaType::DOCKER_SCHEMA2,
    MediaType::DOCKER_LIST,
    MediaType::DOCKER_SCHEMA1,
    MediaType::DOCKER_SCHEMA1_SIGNED,
    MediaType::JSON,
    MediaType::OCTET_STREAM,
];

/// Without a content type, and with one that the input alone decides.
fn check(input: &[u8]) -> Result<Outcome, Broken> {
    let index = usize::try_from(hash(input) % 9).unwrap_or(0);
    let Outcome(untyped) = check_as(None, input)?;
    let Outcome(typed) = check_as(Some(&MediaType::from_static(CONTENT_TYPES[index])), input)?;
    Ok(Outcome(format!("{untyped} / {index} {typed}")))
}

fn check_as(content_type: Option<&MediaType>, input: &[u8]) -> Result<Outcome, Broken> {
    let limits = Limits::default();
    let parse = |content_type| Document::parse(content_type, Bytes::copy_from_slice(input), &limits);
    let parsed = parse(content_type);
    ensure(parsed == parse(content_type), "parsing is deterministic")?;
    match parsed {
        Ok(document) => {
            ensure_document(&document, input)?;
            let again = parse(Some(document.media_type()));
            ensure(again.as_ref() == Ok(&document), "a document is read the same by its own media type")?;
            let blobs = size(document.blobs().len());
            Ok(Outcome(format!("{} {blobs} {}", document.media_type().as_str(), shape(document.body()))))
        }
        Err(error) => {
            ensure_readable(&error)?;
            let kind = error.kind();
            let problem = if let DocumentError::Member(error) = &error { shape(&error.problem) } else { shape(&error) };
            Ok(Outcome(format!("{kind:?} {problem}")))
        }
    }
}

fn ensure_document(document: &Document, input: &[u8]) -> Result<(), Broken> {
    ensure(document.bytes() == input, "a document keeps its bytes")?;
    ensure(document.media_type().is_manifest(), "a document's type is that of a manifest")?;
    for algorithm in Algorithm::ALL {
        let expected = Digest::of(algorithm, document.schema1().map_or(input, |schema1| schema1.payload()));
        ensure(document.digest(algorithm) == expected, "a document's digest is that of its bytes")?;
    }
    let size = document.layers_size();
    ensure(size.is_none_or(|size| i64::try_from(size).is_ok()), "sizes are at most 2^63 - 1")?;
    ensure(size.is_none() == document.is_index(), "all but indexes have a size")?;
    let named = document.layers().iter().map(|layer| layer.digest).chain(document.config().map(|config| config.digest));
    ensure(named.into_iter().all(|digest| document.blobs().contains_key(&digest)), "every blob is among the blobs")?;
    let artifact_type = document.artifact_type();
    ensure(artifact_type.is_none_or(|text| text.len() <= 255), "an artifact type has at most 255 bytes")?;
    let own = labels::own(document, None);
    let storable = labels::storable(&own);
    ensure(storable.labels.len() + storable.dropped == own.len(), "a label is stored or dropped")
}
