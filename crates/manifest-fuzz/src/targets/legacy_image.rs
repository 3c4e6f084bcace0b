use crate::rng::hash;
use crate::shape::{shape, size};
use crate::target::{Broken, Outcome, Target, ensure, ensure_readable};
use manifest_core::document::{Document, Limits, Schema1};
use manifest_core::legacy::{AsSchema1, ImageHistory, legacy_images, to_schema1};
use oci_types::{Algorithm, Digest, MediaType};
use std::collections::BTreeMap;

pub(crate) const LEGACY_IMAGE: Target = Target {
    name: "legacy-image",
    weight: 3,
    check,
    tokens: &[
        "\"architecture\":\"amd64\"",
        "\"os\":\"linux\"",
        "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}",
        "\"history\":[",
        "{\"empty_layer\":true}",
        "\"created\":\"2024-01-02T03:04:05Z\"",
        "\"created_by\":\"sh\"",
        "\"comment\":\"\\ud83d\"",
        "\"author\":",
        "\"config\":{\"Cmd\":[\"a\"]}",
        "\"container_config\":",
        "\"id\":",
        "\"parent\":",
        "\"throwaway\":",
        "\"Size\":",
        "1e400",
    ],
};

/// The input is the config of an image, docker's or OCI's, with as many layers as the input decides.
fn check(input: &[u8]) -> Result<Outcome, Broken> {
    let count = hash(input) % 4;
    let docker = (MediaType::DOCKER_SCHEMA2, MediaType::DOCKER_CONFIG, MediaType::DOCKER_LAYER);
    let oci = (MediaType::OCI_MANIFEST, MediaType::OCI_CONFIG, MediaType::OCI_LAYER);
    let outcomes = [docker, oci].map(|(kind, config_kind, layer_kind)| {
        let layers = (0..count).map(|at| {
            let digest = Digest::of(Algorithm::Sha256, &[u8::try_from(at).unwrap_or(0)]);
            format!(r#"{{"mediaType":"{layer_kind}","size":{at},"digest":"{digest}"}}"#)
        });
        let (layers, size) = (layers.collect::<Vec<_>>().join(","), input.len());
        let digest = Digest::of(Algorithm::Sha256, input);
        let config = format!(r#"{{"mediaType":"{config_kind}","size":{size},"digest":"{digest}"}}"#);
        let text = format!(r#"{{"schemaVersion":2,"mediaType":"{kind}","config":{config},"layers":[{layers}]}}"#);
        let document = Document::parse(None, text.into(), &Limits::default());
        check_image(&document.map_err(|error| Broken(error.to_string()))?, input)
    });
    let [docker, oci] = outcomes;
    Ok(Outcome(format!("{count} {} / {}", docker?, oci?)))
}

fn check_image(document: &Document, config: &[u8]) -> Result<String, Broken> {
    let form = to_schema1(document, Some(config), "a/b", "t");
    ensure(form == to_schema1(document, Some(config), "a/b", "t"), "conversion is deterministic")?;
    let text = match form {
        Ok(AsSchema1::Built(text)) => text,
        Ok(AsSchema1::Already(_) | AsSchema1::Child(_) | AsSchema1::Never) => {
            return Err(Broken("does not hold: an image can be said in schema 1".to_owned()));
        }
        Err(error) => {
            ensure_readable(&error)?;
            return Ok(shape(&error.kind()));
        }
    };
    ensure(text.is_ascii(), "what is built is ASCII")?;
    let history = ImageHistory::read(document, Some(config)).ok().flatten();
    let steps = history.as_ref().map(ImageHistory::steps).unwrap_or_default();
    let rows = legacy_images(document, Some(config), &BTreeMap::new(), &BTreeMap::new());
    match &rows {
        Ok(rows) => {
            let expected = if document.layers().is_empty() { 0 } else { steps.len() };
            ensure(rows.len() == expected, "there is a row for each step")?;
            ensure(rows.iter().zip(steps).all(|(row, step)| row.id == step.id), "ids are those of the steps")?;
        }
        Err(error) => ensure_readable(error)?,
    }
    let media_type = MediaType::from_static(MediaType::DOCKER_SCHEMA1);
    let built = Document::parse(Some(&media_type), text.into(), &Limits::default());
    if let Ok(built) = &built {
        let layers = built.schema1().map(Schema1::layers).unwrap_or_default();
        let is_same = layers.iter().map(|layer| layer.digest).eq(steps.iter().map(|step| step.blob));
        ensure(is_same, "conversion changes no layer")?;
    }
    Ok(format!("{} {} {}", size(steps.len()), rows.is_ok(), built.is_ok()))
}
