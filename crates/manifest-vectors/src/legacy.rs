//! What groups a, b and e ask of the legacy view of images: v1 ids, layers, schema 1 and conversion.

use crate::case::Case;
use crate::children::{class, kinds};
use crate::observed::read;
use crate::odd_labels;
use crate::unusable::InputError;
use manifest_core::document::{ConfigKind, Document};
use manifest_core::legacy::{
    AsSchema1, ImageHistory, KnownImage, LegacyError, Step, V1Image, has_legacy_images, plain_json, schema1_child,
    to_schema1, unsigned, v1_images,
};
use manifest_core::oci_types::{Algorithm, Digest, MediaType};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) type Content = BTreeMap<String, Vec<u8>>;

/// The fields of an image, which may fail with the config.
pub(crate) fn of_image(
    case: &Case,
    document: &Document,
    content: &Content,
) -> Result<Vec<(&'static str, Value)>, InputError> {
    let config = config_bytes(document, content);
    let history = ImageHistory::read(document, config);
    let ids = |history: &ImageHistory<'_>| -> Option<Vec<String>> {
        (!history.has_remote_layers()).then(|| history.steps().iter().map(|step| step.id.clone()).collect())
    };
    let images = v1_images(document, config, &BTreeMap::new());
    let legacy_layers = if has_legacy_images(document) {
        wrapped(images.map(|images| json!(images.iter().flatten().map(image).collect::<Vec<_>>())))
    } else {
        Value::Null
    };
    Ok(vec![
        (
            "v1_ids",
            wrapped(history.as_ref().map(|history| json!(history.as_ref().and_then(ids))).map_err(Clone::clone)),
        ),
        ("layers", wrapped(history.map(|history| layers(document, history.as_ref())))),
        ("schema1", schema1(case, document, content)?),
        ("legacy_layers", legacy_layers),
        ("convert", convert(case, document, content)?),
    ])
}

/// The fields of an index.
pub(crate) fn of_index(
    case: &Case,
    index: &Document,
    content: &Content,
) -> Result<Vec<(&'static str, Value)>, InputError> {
    let chosen = schema1_child(index);
    let loaded = chosen.and_then(|_| child(index, content));
    let loaded = loaded.map(
        |child| json!({"class": class(child.media_type()), "digest": child.digest(Algorithm::Sha256).to_string()}),
    );
    Ok(vec![
        ("amd64_linux_manifest_digest", json!({"ok": chosen.map(|child| child.digest.to_string())})),
        ("selected_child", json!({"ok": loaded})),
        ("schema1", schema1(case, index, content)?),
        ("convert", convert(case, index, content)?),
    ])
}

/// Why an operation of Quay's on the legacy view fails for us, on a document that we accept.
pub(crate) fn failure(stage: &str, document: &Document, content: &Content) -> Option<LegacyError> {
    let config = config_bytes(document, content);
    match stage {
        "v1_ids" | "layers" => ImageHistory::read(document, config).err(),
        "schema1" => to_schema1(document, config, "a/b", "t").err(),
        "legacy_layers" => v1_images(document, config, &BTreeMap::new()).err(),
        _ => None,
    }
}

/// The expected value of such a field, in the form in which it is compared: errors by their kind, commands as JSON, dates
/// and half surrogate pairs as we have them.
pub(crate) fn expected(name: &str, value: &Value) -> Value {
    let mut value = kinds(value);
    if name == "convert"
        && let Some(members) = value.as_object_mut()
    {
        members.values_mut().for_each(|result| *result = kinds(result));
    }
    if matches!(name, "layers" | "legacy_layers" | "rewritten") {
        let layers = value.get_mut("ok").and_then(Value::as_array_mut);
        for layer in layers.into_iter().flatten().filter_map(Value::as_object_mut) {
            for (member, value) in layer.iter_mut() {
                if name == "layers" && member == "command" {
                    *value = command(value);
                } else if let Some(text) = odd_labels::replaced(value) {
                    *value = text;
                }
            }
        }
    }
    value
}

/// Whether a field has a text that cannot be said in Unicode, so that ours is another one (semantics 22).
pub(crate) fn has_odd_texts(name: &str, expected: &Value) -> bool {
    let members =
        |layer: &Value| ["comment", "author"].iter().any(|member| odd_labels::replaced(&layer[*member]).is_some());
    matches!(name, "layers" | "legacy_layers" | "rewritten")
        && expected.get("ok").and_then(Value::as_array).is_some_and(|layers| layers.iter().any(members))
}

/// An image as the vectors list it.
pub(crate) fn image(image: &V1Image) -> Value {
    json!({
        "image_id": image.id,
        "parent_image_id": image.parent,
        "created": image.created,
        "comment": image.comment,
        "author": image.author,
        "command": image.command,
        "content_checksum": image.blob.to_string(),
        "compat_json": image.metadata,
    })
}

/// The images that a case says are stored.
pub(crate) fn known(case: &Case) -> Result<BTreeMap<String, KnownImage>, InputError> {
    let wrong = || InputError::Form {
        input: "existing_images".to_owned(),
        wanted: "an object of digests",
        found: crate::compare::shown(case.input("existing_images")),
    };
    let images = case.input("existing_images").as_object().ok_or_else(wrong)?;
    let known = images.iter().map(|(id, blob)| {
        let blob: Digest = blob.as_str()?.parse().ok()?;
        Some((id.clone(), KnownImage { blob, parent: None, aggregate_size: None }))
    });
    known.collect::<Option<_>>().ok_or_else(wrong)
}

pub(crate) fn wrapped(result: Result<Value, LegacyError>) -> Value {
    match result {
        Ok(value) => json!({"ok": value}),
        Err(error) => json!({"error": {"kind": error.kind().as_str()}}),
    }
}

/// A schema 1 text with its type and digest.
pub(crate) fn built(text: &str) -> Value {
    json!({
        "media_type": MediaType::DOCKER_SCHEMA1,
        "digest": Digest::of(Algorithm::Sha256, text.as_bytes()).to_string(),
        "bytes": text,
    })
}

pub(crate) fn config_bytes<'a>(document: &Document, content: &'a Content) -> Option<&'a [u8]> {
    content.get(&document.config()?.digest.to_string()).map(Vec::as_slice)
}

fn layers(document: &Document, history: Option<&ImageHistory<'_>>) -> Value {
    if let Some(history) = history {
        return history.steps().iter().map(step).collect();
    }
    // An artifact has files, not steps.
    let files = document.layers().iter().map(|layer| {
        json!({
            "layer_id": layer.digest.to_string(),
            "compressed_size": layer.size,
            "is_remote": layer.is_remote(),
            "urls": urls(&layer.urls),
            "command": null,
            "blob_digest": layer.digest.to_string(),
            "created_datetime": null,
            "author": null,
            "comment": null,
        })
    });
    files.collect()
}

fn step(step: &Step<'_>) -> Value {
    json!({
        "layer_id": step.id,
        "compressed_size": step.size,
        "is_remote": step.is_remote,
        "urls": urls(&step.urls),
        "command": step.command().filter(|command| command != "null"),
        "blob_digest": step.blob.to_string(),
        "created_datetime": step.created().map(|created| python_date(&created)),
        "author": step.author(),
        "comment": step.comment(),
    })
}

fn urls(urls: &[String]) -> Option<&[String]> {
    (!urls.is_empty()).then_some(urls)
}

/// A command of the vectors as JSON text, written as ours are.
fn command(value: &Value) -> Value {
    let text = match value.get("$json").and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None if value.is_null() => return Value::Null,
        None => value.to_string(),
    };
    plain_json(&text).map_or(Value::Null, Value::from)
}

/// A date of RFC 3339 as Python prints it: six digits of a fraction or none, and the offset in digits.
fn python_date(text: &str) -> String {
    let split = |text: &str| -> Option<String> {
        let (seconds, rest) = text.split_at_checked(19)?;
        let digits = rest
            .strip_prefix('.')
            .map_or("", |rest| &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())]);
        let offset = rest.strip_prefix('.').map_or(rest, |rest| &rest[digits.len()..]);
        let micros: String = digits.chars().chain("000000".chars()).take(6).collect();
        let fraction = if micros == "000000" { String::new() } else { format!(".{micros}") };
        Some(format!("{seconds}{fraction}{}", if offset == "Z" { "+00:00" } else { offset }))
    };
    split(text).unwrap_or_else(|| text.to_owned())
}

/// The child that the schema 1 form of an index is made of, if it is there and is what the index says.
fn child(index: &Document, content: &Content) -> Option<Document> {
    let Ok(AsSchema1::Child(entry)) = to_schema1(index, None, "", "") else {
        return None;
    };
    let bytes = content.get(&entry.digest.to_string())?;
    (bytes.len() as u64 == entry.size).then(|| read(entry.media_type.as_str(), bytes.clone()).ok())?
}

/// The schema 1 form, with the child of an index resolved step by step as a caller has to.
fn schema1(case: &Case, document: &Document, content: &Content) -> Result<Value, InputError> {
    let (namespace, repository) = (case.text("namespace")?, case.text("repository")?);
    let name = if namespace.is_empty() { repository.to_owned() } else { format!("{namespace}/{repository}") };
    let form = to_schema1(document, config_bytes(document, content), &name, case.text("tag")?);
    Ok(match form {
        Ok(AsSchema1::Child(_)) => match child(document, content) {
            Some(child) => schema1(case, &child, content)?,
            None => json!({"ok": null}),
        },
        Ok(AsSchema1::Built(text)) => json!({"ok": built(&text)}),
        Ok(AsSchema1::Already(schema1)) => json!({"ok": {
            "media_type": document.media_type().as_str(),
            "digest": document.digest(Algorithm::Sha256).to_string(),
            "bytes": String::from_utf8_lossy(if schema1.is_signed() { document.bytes() } else { schema1.payload() }),
        }}),
        Ok(AsSchema1::Never) => json!({"ok": null}),
        Err(error) => wrapped(Err(error)),
    })
}

/// What Quay's conversion gives for several sets of allowed types. Ours has one target, schema 1: the others follow from
/// which child is chosen.
fn convert(case: &Case, document: &Document, content: &Content) -> Result<Value, InputError> {
    let mut results = serde_json::Map::new();
    let sets: &[(&str, &[&str])] = if document.is_index() {
        &[
            ("schema2", &[MediaType::DOCKER_SCHEMA2]),
            ("oci", &[MediaType::OCI_MANIFEST]),
            ("schema1_unsigned", &[MediaType::DOCKER_SCHEMA1]),
            ("none", &[]),
        ]
    } else {
        &[
            ("schema1_unsigned", &[MediaType::DOCKER_SCHEMA1]),
            ("schema1_signed_only", &[MediaType::DOCKER_SCHEMA1_SIGNED]),
            ("none", &[]),
        ]
    };
    results.insert("own".to_owned(), json!({"ok": "self"}));
    for (name, allowed) in sets {
        results.insert((*name).to_owned(), converted(case, document, content, allowed)?);
    }
    Ok(Value::Object(results))
}

fn converted(case: &Case, document: &Document, content: &Content, allowed: &[&str]) -> Result<Value, InputError> {
    let about = |media_type: &str, digest: &str| json!({"ok": {"media_type": media_type, "digest": digest}});
    if document.is_index() {
        let Some(child) = child(document, content) else {
            return Ok(json!({"ok": null}));
        };
        if allowed.contains(&child.media_type().as_str()) {
            return Ok(about(child.media_type().as_str(), &child.digest(Algorithm::Sha256).to_string()));
        }
        return converted(case, &child, content, allowed);
    }
    if let Some(schema1) = document.schema1() {
        let is_allowed = allowed.contains(&MediaType::DOCKER_SCHEMA1);
        let digest = Digest::of(Algorithm::Sha256, &unsigned(schema1)).to_string();
        return Ok(if is_allowed { about(MediaType::DOCKER_SCHEMA1, &digest) } else { json!({"ok": null}) });
    }
    // An artifact is not even tried.
    if document.config().is_some_and(|config| config.kind == ConfigKind::Other) {
        return Ok(json!({"ok": null}));
    }
    let form = schema1(case, document, content)?;
    Ok(match form.get("ok") {
        Some(Value::Object(built)) if allowed.contains(&MediaType::DOCKER_SCHEMA1) => {
            json!({"ok": {"media_type": built.get("media_type"), "digest": built.get("digest")}})
        }
        Some(_) => json!({"ok": null}),
        None => form,
    })
}
