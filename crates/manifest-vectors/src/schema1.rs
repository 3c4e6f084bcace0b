//! Group d: docker schema 1, signed and unsigned.

use crate::case::{Case, result};
use crate::compare::{first_difference, shown};
use crate::deviations::{self, Rule};
use crate::legacy;
use crate::observed::{Failure, document};
use crate::outcome::{Outcome, Verdict};
use crate::unusable::InputError;
use manifest_core::document::{Document, Schema1, Schema1Layer};
use manifest_core::legacy::{V1Image, reduced, unsigned, v1_images, verify};
use manifest_core::oci_types::{Algorithm, Digest};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) fn judge(case: &Case) -> Result<Outcome, InputError> {
    if case.kind == "strip-metadata" {
        return strip(case);
    }
    let parse = result(case.expected("parse"));
    let accepted = match parse {
        Some(Ok(Value::Bool(true))) => result(case.expected("payload")),
        Some(Ok(_)) => None,
        refused => refused,
    };
    let verifies = case.input("verify") == &Value::Bool(true);
    let found = document(case)?.and_then(|document| match verify(&document) {
        Err(error) if verifies => Err(Failure::Signature(error)),
        Ok(_) | Err(_) => Ok(document),
    });
    Ok(match (accepted, found) {
        (Some(Ok(_)), Ok(document)) => compare(case, &document),
        // Quay reads the document and then fails on its payload.
        (Some(Err("unhandled")), Err(_)) if parse.is_some_and(|parse| parse.is_ok()) => {
            Verdict::by([Rule::NoCrashes]).whole()
        }
        // Quay finds the fault where it verifies, or crashes: any refusal is as good.
        (Some(Err("bad-signature" | "unhandled")), Err(_)) => Verdict::AsQuay.whole(),
        (Some(Err(kind)), Err(failure)) if kind == failure.kind() => Verdict::AsQuay.whole(),
        (Some(accepted), Err(failure)) => match deviations::of_refusal(accepted.err(), &failure, case) {
            Some(rule) => Verdict::by([rule]).whole(),
            None => Verdict::Failed(format!("parse: expected {accepted:?}, found {failure}")).whole(),
        },
        (_, found) => {
            let found = found.map_or_else(|failure| failure.to_string(), |_| "a document".to_owned());
            Verdict::Failed(format!("parse: expected {}, found {found}", shown(case.expected("parse")))).whole()
        }
    })
}

fn compare(case: &Case, document: &Document) -> Outcome {
    let Some(schema1) = document.schema1() else {
        return Verdict::Failed(format!("parse: expected schema 1, found {}", document.media_type())).whole();
    };
    let fields = fields_of(document, schema1);
    let differences = fields.iter().find_map(|(name, found)| first_difference(name, case.expected(name), found));
    let verdict = differences.map_or(Verdict::AsQuay, Verdict::Failed);
    let mut judged: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    judged.push("parse");
    verdict.on(case, &judged)
}

/// A case about a manifest with less metadata.
fn strip(case: &Case) -> Result<Outcome, InputError> {
    let document = document(case)?;
    let text = document.as_ref().ok().and_then(Document::schema1).map(reduced);
    let Some(Ok(text)) = text else {
        return Ok(Verdict::Failed(format!("manifest: expected one with less metadata, found {text:?}")).whole());
    };
    let digest = Digest::of(Algorithm::Sha256, text.as_bytes()).to_string();
    let difference = first_difference("manifest", case.expected("manifest"), &json!(text))
        .or_else(|| first_difference("digest", case.expected("digest"), &json!(digest)));
    Ok(difference.map_or(Verdict::AsQuay, Verdict::Failed).on(case, &["manifest", "digest"]))
}

fn fields_of(document: &Document, schema1: &Schema1) -> Vec<(&'static str, Value)> {
    let (namespace, repository) = schema1.name().split_once('/').unwrap_or(("", schema1.name()));
    let images = v1_images(document, None, &BTreeMap::new());
    let layers = images.map(|images| {
        let layers = images.iter().flatten().zip(schema1.layers());
        layers.map(|(image, layer)| describe(image, layer)).collect()
    });
    let digests: Vec<String> = schema1.layers().iter().map(|layer| layer.digest.to_string()).collect();
    vec![
        ("is_signed", json!(schema1.is_signed())),
        ("media_type", json!(document.media_type().as_str())),
        ("namespace", json!(namespace)),
        ("repo_name", json!(repository)),
        ("tag", json!(document.embedded_tag())),
        ("architecture", json!(schema1.architecture())),
        ("payload_digest", json!({"ok": document.digest(Algorithm::Sha256).to_string()})),
        ("payload", json!({"ok": String::from_utf8_lossy(schema1.payload())})),
        ("validate", json!({"ok": null})),
        ("layers", legacy::wrapped(layers)),
        ("unsigned", json!({"ok": legacy::built(&String::from_utf8_lossy(&unsigned(schema1)))})),
        ("labels", json!({"ok": schema1.labels()})),
        ("blob_digests", json!({"ok": digests})),
        ("layers_compressed_size", json!({"ok": document.layers_size()})),
    ]
}

fn describe(image: &V1Image, layer: &Schema1Layer) -> Value {
    json!({
        "digest": layer.digest.to_string(),
        "image_id": image.id,
        "parent_image_id": image.parent,
        "created": image.created,
        "comment": image.comment,
        "author": image.author,
        "command": image.command,
        "labels": image.labels,
        "compressed_size": layer.size,
        "raw": layer.metadata,
    })
}
