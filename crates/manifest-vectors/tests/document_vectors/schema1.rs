//! Group d: docker schema 1, signed and unsigned.

use crate::cases::{self, Case, result};
use crate::deviations::{self, Rule};
use crate::observed::document;
use crate::report::{Report, Verdict};
use manifest_core::document::Document;
use manifest_core::oci_types::Algorithm;
use serde_json::{Value, json};

pub(crate) fn run(text: &str, report: &mut Report) {
    for case in cases::read(text) {
        // Rebuilding a manifest with less metadata is no matter of reading.
        if case.kind != "strip-metadata" {
            report.case(&case.name, judge(&case));
        }
    }
}

fn judge(case: &Case) -> Verdict {
    let payload = &case.expected["payload"];
    let accepted = result(&case.expected["parse"]).and_then(|_| result(payload)).map(|_| ());
    match (accepted, document(case)) {
        (Ok(()), Ok(document)) => compare(case, &document),
        // Quay finds the fault where it verifies, or crashes: any refusal is as good.
        (Err("bad-signature" | "unhandled"), Err(_)) => Verdict::AsQuay,
        (Err("bad-signature" | "unhandled"), Ok(_)) => Verdict::ByRule(Rule::SignaturesLater),
        (Err(expected), Err(failure)) if expected == failure.kind() => Verdict::AsQuay,
        (expected, Err(failure)) => match deviations::of_refusal(expected.err(), &failure) {
            Some(rule) => Verdict::ByRule(rule),
            None => Verdict::Failed(format!("expected {expected:?}, found {failure:?}")),
        },
        (Err(expected), Ok(_)) => Verdict::Failed(format!("expected {expected}, but it was accepted")),
    }
}

fn compare(case: &Case, document: &Document) -> Verdict {
    for (name, found) in fields_of(document) {
        let expected = &case.expected[name];
        let (expected, found) = match name {
            "layers" => (only_read_members(&expected["ok"]), found),
            _ => (expected.clone(), found),
        };
        if expected != found {
            return Verdict::Failed(format!("{name}: expected {expected}, found {found}"));
        }
    }
    Verdict::AsQuay
}

fn fields_of(document: &Document) -> Vec<(&'static str, Value)> {
    let schema1 = document.schema1().unwrap();
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
        ("payload", json!({"ok": str::from_utf8(schema1.payload()).unwrap()})),
        ("validate", json!({"ok": null})),
        ("layers", json!(layers)),
        ("labels", json!({"ok": schema1.labels()})),
        ("blob_digests", json!({"ok": digests})),
        ("layers_compressed_size", json!({"ok": document.layers_size()})),
    ]
}

/// The members of a layer that are read now.
fn only_read_members(layers: &Value) -> Value {
    let mut layers = layers.clone();
    for layer in layers.as_array_mut().unwrap() {
        for name in ["created", "comment", "author", "command", "labels"] {
            layer.as_object_mut().unwrap().remove(name);
        }
    }
    layers
}
