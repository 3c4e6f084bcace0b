//! Groups a, b and e: documents that Quay accepts, field by field.

use crate::case::{Case, result};
use crate::children;
use crate::compare::{first_difference, shown};
use crate::deviations::{self, Rule};
use crate::legacy;
use crate::observed::{config, document, own_labels};
use crate::outcome::{Outcome, Verdict};
use crate::unusable::InputError;
use manifest_core::document::{ConfigKind, Document, ImageConfig, Layer};
use manifest_core::legacy::has_legacy_images;
use manifest_core::oci_types::{Algorithm, Digest, MediaType};
use manifest_core::plan::Need;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn judge(case: &Case) -> Result<Outcome, InputError> {
    let expected = result(case.expected("parse"));
    let document = match (expected, document(case)?) {
        (Some(Ok(Value::Bool(true))), Ok(document)) => document,
        (Some(Err(kind)), Err(failure)) if kind == failure.kind() => return Ok(Verdict::AsQuay.whole()),
        (_, found) => {
            let found = found.map_or_else(|failure| failure.to_string(), |_| "a document".to_owned());
            let why = format!("parse: expected {}, found {found}", shown(case.expected("parse")));
            return Ok(Verdict::Failed(why).whole());
        }
    };
    let content = case.content()?;
    let mut fields = fields_of(&document);
    let mut rule = None;
    if document.is_index() {
        fields.extend(children::fields(case, &document, &content)?);
        fields.extend(legacy::of_index(case, &document, &content)?);
    } else {
        match config(&document, &content) {
            Ok(config) => {
                let has_empty_layers = config.as_ref().is_some_and(ImageConfig::has_empty_layers);
                fields.push(("validate", json!({"ok": null})));
                fields.push(("labels", json!({"ok": own_labels(&document, config.as_ref())})));
                fields.push(("requires_empty_layer_blob", json!({"ok": has_empty_layers})));
                fields.extend(legacy::of_image(case, &document, &content)?);
            }
            Err(failure) => match deviations::of_labels(case.expected("labels"), &failure, case) {
                Some(known) => rule = Some(known),
                None => return Ok(Verdict::Failed(format!("config: expected one, found {failure}")).whole()),
            },
        }
    }
    let mut judged: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    judged.push("parse");
    if rule.is_some() {
        // A document that is refused has no such fields.
        judged.extend(["validate", "labels", "requires_empty_layer_blob"]);
        judged.extend(["v1_ids", "layers", "schema1", "legacy_layers", "convert"]);
    }
    Ok(compare(case, &document, &fields, rule).on(case, &judged))
}

fn compare(case: &Case, document: &Document, fields: &[(&str, Value)], mut rule: Option<Rule>) -> Verdict {
    if let Some(why) = wrong_needs(document) {
        return Verdict::Failed(why);
    }
    for (name, found) in fields {
        let expected = sorted(name, case.expected(name));
        let Some(difference) = first_difference(name, &expected, found) else {
            if legacy::has_odd_texts(name, case.expected(name)) {
                rule = rule.or(Some(Rule::OddLabels));
            }
            continue;
        };
        match deviations::of_field(name, &expected, found, document) {
            Some(known) => rule = Some(known),
            None => return Verdict::Failed(difference),
        }
    }
    Verdict::by(rule)
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
    let (all, local) = blobs(document);
    let is_image = *document.media_type() == MediaType::OCI_MANIFEST && config.kind == ConfigKind::OciImage;
    let is_image = is_image || *document.media_type() == MediaType::DOCKER_SCHEMA2;
    fields.extend([
        // Manifests of any other version do not parse.
        ("schema_version", json!(if document.schema1().is_some() { 1 } else { 2 })),
        ("layers_compressed_size", json!(document.layers_size())),
        ("config_media_type", json!(config.media_type.as_str())),
        ("config_digest", json!(config.digest.to_string())),
        ("config_size", json!(config.size)),
        ("blob_digests", sorted("blob_digests", &json!(texts(&all)))),
        ("local_blob_digests", sorted("local_blob_digests", &json!(texts(&local)))),
        ("has_remote_layer", json!(document.layers().iter().any(Layer::is_remote))),
        ("is_image_manifest", json!(is_image)),
        ("has_legacy_image", json!(has_legacy_images(document))),
    ]);
    fields
}

/// All blobs, and those that must be there; one that is named twice is in them twice.
fn blobs(document: &Document) -> (Vec<Digest>, Vec<Digest>) {
    let config = document.config().map(|config| config.digest);
    let all = document.layers().iter().map(|layer| layer.digest).chain(config).collect();
    let local = document.layers().iter().filter(|layer| !layer.is_remote()).map(|layer| layer.digest);
    (all, local.chain(config).collect())
}

/// [`Document::blobs`] says the same once for each blob, which Quay has no field for.
fn wrong_needs(document: &Document) -> Option<String> {
    let (all, local) = blobs(document);
    let local: BTreeSet<Digest> = local.into_iter().collect();
    let need = |digest: &Digest| if local.contains(digest) { Need::Required } else { Need::MayBeAbsent };
    let expected: BTreeMap<Digest, Need> = all.iter().map(|digest| (*digest, need(digest))).collect();
    (expected != *document.blobs())
        .then(|| format!("needed blobs: layers and config say {expected:?}, found {:?}", document.blobs()))
}

fn texts(digests: &[Digest]) -> Vec<String> {
    digests.iter().map(Digest::to_string).collect()
}

/// Lists of blobs are compared as multisets, errors of children by their kind.
fn sorted(name: &str, value: &Value) -> Value {
    let mut value = match name {
        "children" | "validate" => children::kinds(value),
        _ => legacy::expected(name, value),
    };
    if let (true, Some(list)) = (name.ends_with("blob_digests"), value.as_array_mut()) {
        list.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
    value
}
