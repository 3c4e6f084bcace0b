use crate::shape::{shape, size};
use crate::target::{Broken, Outcome, Target, ensure, ensure_readable};
use bytes::Bytes;
use manifest_core::document::{Document, Limits, Schema1};
use manifest_core::legacy::{legacy_images, rebuilt, reduced, unsigned, verify};
use oci_types::MediaType;
use std::collections::BTreeMap;

pub(crate) const SIGNATURE: Target = Target {
    name: "signature",
    weight: 4,
    check,
    tokens: &[
        "\"signatures\":[",
        "\"header\":{",
        "\"jwk\":{",
        "\"kty\":\"EC\"",
        "\"kty\":\"RSA\"",
        "\"kty\":\"oct\"",
        "\"crv\":\"P-256\"",
        "\"x\":\"AQAB\"",
        "\"y\":\"AQAB\"",
        "\"n\":\"AQAB\"",
        "\"e\":\"AQAB\"",
        "\"alg\":\"ES256\"",
        "\"alg\":\"RS256\"",
        "\"alg\":\"HS256\"",
        "\"alg\":\"none\"",
        "\"signature\":",
        "\"protected\":\"eyJmb3JtYXRMZW5ndGgiOjIsImZvcm1hdFRhaWwiOiJmUSJ9\"",
        "\"name\":\"a/b\"",
        "\"tag\":\"t\"",
        "\"remark\":1,",
        "\"v1Compatibility\":\"{\\\"id\\\":\\\"a\\\"}\"",
        "\"container_config\\\":null",
    ],
};

fn check(input: &[u8]) -> Result<Outcome, Broken> {
    let media_type = MediaType::from_static(MediaType::DOCKER_SCHEMA1);
    let parsed = Document::parse(Some(&media_type), Bytes::copy_from_slice(input), &Limits::default());
    let document = match parsed {
        Ok(document) => document,
        Err(error) => return Ok(Outcome(shape(&error.kind()))),
    };
    let Some(schema1) = document.schema1() else {
        return Err(Broken("does not hold: what is read as schema 1 is schema 1".to_owned()));
    };
    let verified = verify(&document);
    ensure(verified == verify(&document), "verification is deterministic")?;
    ensure_rebuilt(schema1)?;
    let rows = legacy_images(&document, None, &BTreeMap::new(), &BTreeMap::new());
    let rows = rows.map_err(|error| ensure_readable(&error).map(|()| shape(&error)));
    let rows = match rows {
        Ok(rows) => size(rows.len()),
        Err(error) => error?,
    };
    let keys = match verified {
        Ok(keys) => {
            ensure(keys.is_empty() != schema1.is_signed(), "what is signed has keys, and nothing else has")?;
            size(keys.len())
        }
        Err(error) => {
            ensure_readable(&error)?;
            shape(&error)
        }
    };
    Ok(Outcome(format!("{keys} / {rows}")))
}

/// What is built anew is read again, with the same layers and metadata.
fn ensure_rebuilt(schema1: &Schema1) -> Result<(), Broken> {
    let media_type = MediaType::from_static(MediaType::DOCKER_SCHEMA1);
    let parse = |text: Bytes| Document::parse(Some(&media_type), text, &Limits::default());
    let plain = parse(unsigned(schema1));
    let plain = plain.as_ref().ok().and_then(Document::schema1);
    ensure(plain.is_some_and(|plain| plain.layers() == schema1.layers()), "a manifest is the same without signatures")?;
    let retagged = parse(rebuilt(schema1, "u").into());
    let retagged = retagged.as_ref().ok().and_then(Document::schema1);
    let is_same = retagged.is_some_and(|other| other.layers() == schema1.layers() && other.tag() == "u");
    ensure(is_same, "a manifest is the same under another tag")?;
    let Ok(text) = reduced(schema1) else { return Ok(()) };
    let less = parse(text.into());
    let less = less.as_ref().ok().and_then(Document::schema1).map(Schema1::layers).unwrap_or_default();
    let is_same = less
        .iter()
        .map(|layer| (layer.digest, &layer.id))
        .eq(schema1.layers().iter().map(|layer| (layer.digest, &layer.id)));
    ensure(is_same, "less metadata leave layers and ids")
}
