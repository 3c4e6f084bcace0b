//! Groups a, b and e: documents that Quay accepts, field by field.

use crate::cases::{self, Case, result};
use crate::deviations::{self, Rule};
use crate::observed::{config, content, document, own_labels};
use crate::report::{Report, Verdict};
use manifest_core::document::{ConfigKind, Document, Layer};
use manifest_core::oci_types::{Algorithm, MediaType};
use manifest_core::plan::Need;
use serde_json::{Value, json};

pub(crate) fn run(text: &str, report: &mut Report) {
    for case in cases::read(text) {
        report.case(&case.name, judge(&case));
    }
}

fn judge(case: &Case) -> Verdict {
    let document = match (result(&case.expected["parse"]), document(case)) {
        (Ok(_), Ok(document)) => document,
        (Err(expected), Err(failure)) if expected == failure.kind() => return Verdict::AsQuay,
        (expected, found) => return Verdict::Failed(format!("expected {expected:?}, found {found:?}")),
    };
    let mut fields = fields_of(&document);
    let mut rule = None;
    if !document.is_index() {
        match config(&document, &content(case)) {
            Ok(config) => {
                let config = config.unwrap();
                fields.push(("validate", json!({"ok": null})));
                fields.push(("labels", json!({"ok": own_labels(&document, Some(&config))})));
                fields.push(("requires_empty_layer_blob", json!({"ok": config.has_empty_layers()})));
            }
            Err(failure) => match deviations::of_refusal(None, &failure) {
                Some(known) => rule = Some(known),
                None => return Verdict::Failed(format!("{failure:?}")),
            },
        }
    }
    for (name, found) in fields {
        let expected = sorted(name, &case.expected[name]);
        if expected == found {
            continue;
        }
        match deviations::of_field(name, &expected, &found, &document) {
            Some(known) => rule = Some(known),
            None => return Verdict::Failed(format!("{name}: expected {expected}, found {found}")),
        }
    }
    rule.map_or(Verdict::AsQuay, |rule: Rule| Verdict::ByRule(rule))
}

fn fields_of(document: &Document) -> Vec<(&'static str, Value)> {
    let mut fields = vec![
        ("digest", json!(document.digest(Algorithm::Sha256).to_string())),
        ("media_type", json!(document.media_type().as_str())),
        ("artifact_type", json!(document.declared_artifact_type())),
        ("subject_digest", json!(document.subject().map(|digest| digest.to_string()))),
    ];
    let Some(config) = document.config() else {
        let children: Vec<String> = document.children().iter().map(|child| child.digest.to_string()).collect();
        fields.push(("child_digests", json!(children)));
        return fields;
    };
    let config_digest = config.digest.to_string();
    let digests = |filter: fn(&&Layer) -> bool| {
        let layers = document.layers().iter().filter(filter).map(|layer| layer.digest.to_string());
        let mut digests: Vec<String> = layers.chain([config_digest.clone()]).collect();
        digests.sort_unstable();
        digests
    };
    let (all, local) = (digests(|_| true), digests(|layer| !layer.is_remote()));
    let required = document.blobs().iter().filter(|(_, need)| **need == Need::Required).map(|(digest, _)| digest);
    assert!(document.blobs().keys().all(|digest| all.contains(&digest.to_string())));
    assert!(all.iter().all(|digest| document.blobs().contains_key(&digest.parse().unwrap())));
    assert!(required.into_iter().all(|digest| local.contains(&digest.to_string())));
    assert!(local.iter().all(|digest| document.blobs()[&digest.parse().unwrap()] == Need::Required));

    let is_image = *document.media_type() == MediaType::OCI_MANIFEST && config.kind == ConfigKind::OciImage;
    let is_image = is_image || *document.media_type() == MediaType::DOCKER_SCHEMA2;
    fields.extend([
        ("layers_compressed_size", json!(document.layers_size())),
        ("config_media_type", json!(config.media_type.as_str())),
        ("config_digest", json!(config_digest)),
        ("config_size", json!(config.size)),
        ("blob_digests", json!(all)),
        ("local_blob_digests", json!(local)),
        ("has_remote_layer", json!(document.layers().iter().any(Layer::is_remote))),
        ("is_image_manifest", json!(is_image)),
    ]);
    fields
}

/// Lists of blobs are compared as multisets.
fn sorted(name: &str, value: &Value) -> Value {
    let mut value = value.clone();
    if let (true, Some(list)) = (name.ends_with("blob_digests"), value.as_array_mut()) {
        list.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
    value
}
