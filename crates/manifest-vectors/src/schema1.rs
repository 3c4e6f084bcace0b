//! Group d: docker schema 1, signed and unsigned.

use crate::case::{Case, result};
use crate::compare::{first_difference, shown};
use crate::deviations::{self, Rule};
use crate::observed::document;
use crate::outcome::{Outcome, Verdict};
use crate::unusable::InputError;
use manifest_core::document::{Document, Schema1};
use manifest_core::oci_types::Algorithm;
use serde_json::{Value, json};

/// The members of a layer that are not read yet.
const LATER_MEMBERS: [&str; 5] = ["created", "comment", "author", "command", "labels"];

pub(crate) fn judge(case: &Case) -> Result<Outcome, InputError> {
    // Rebuilding a manifest with less metadata is no matter of reading.
    if case.kind == "strip-metadata" {
        return Ok(Verdict::Later.on(case, &[]));
    }
    let parse = result(case.expected("parse"));
    let accepted = match parse {
        Some(Ok(Value::Bool(true))) => result(case.expected("payload")),
        Some(Ok(_)) => None,
        refused => refused,
    };
    let verifies = case.input("verify") == &Value::Bool(true);
    Ok(match (accepted, document(case)?) {
        (Some(Ok(_)), Ok(document)) => compare(case, &document),
        // Quay reads the document and then fails on its payload.
        (Some(Err("unhandled")), Err(_)) if parse.is_some_and(|parse| parse.is_ok()) => {
            Verdict::by([Rule::NoCrashes]).whole()
        }
        // Quay finds the fault where it verifies, or crashes: any refusal is as good.
        (Some(Err("bad-signature" | "unhandled")), Err(_)) => Verdict::AsQuay.whole(),
        // Signatures are not verified yet, only the text that they are about is rebuilt.
        (Some(Err("bad-signature" | "unhandled")), Ok(_)) if verifies => {
            Verdict::Later.but(vec!["parse (signature)".to_owned()])
        }
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
    let differences = fields.iter().find_map(|(name, found)| {
        let expected = if *name == "layers" { read_members(case.expected(name)) } else { case.expected(name).clone() };
        first_difference(name, &expected, found)
    });
    let verdict = differences.map_or(Verdict::AsQuay, Verdict::Failed);
    let mut judged: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    judged.push("parse");
    let mut outcome = verdict.on(case, &judged);
    outcome.later.push(format!("layers ({})", LATER_MEMBERS.join(", ")));
    outcome
}

fn fields_of(document: &Document, schema1: &Schema1) -> Vec<(&'static str, Value)> {
    let (namespace, repository) = schema1.name().split_once('/').unwrap_or(("", schema1.name()));
    let layers: Vec<Value> = schema1
        .layers()
        .iter()
        .map(|layer| {
            json!({
                "digest": layer.digest.to_string(),
                "image_id": layer.id,
                "parent_image_id": layer.parent,
                "compressed_size": layer.size,
                "raw": layer.metadata,
            })
        })
        .collect();
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
        ("layers", json!({"ok": layers})),
        ("labels", json!({"ok": schema1.labels()})),
        ("blob_digests", json!({"ok": digests})),
        ("layers_compressed_size", json!({"ok": document.layers_size()})),
    ]
}

/// The layers with the members that are read now.
fn read_members(layers: &Value) -> Value {
    let mut layers = layers.clone();
    let list = layers.get_mut("ok").and_then(Value::as_array_mut);
    for layer in list.into_iter().flatten().filter_map(Value::as_object_mut) {
        layer.retain(|name, _| !LATER_MEMBERS.contains(&name.as_str()));
    }
    layers
}
