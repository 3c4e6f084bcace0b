//! What holds for every image and every JSON text.

use crate::{blob, docker, oci, parse};
use manifest_core::document::Document;
use manifest_core::empty_layer;
use manifest_core::legacy::{
    AsSchema1, ImageHistory, canonical_json, legacy_images, plain_json, reduced, to_schema1, unsigned, v1_images,
};
use manifest_core::oci_types::{Digest, MediaType};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// The steps of a build: whether each has a layer of its own, and what is said about it.
fn steps() -> impl Strategy<Value = Vec<(bool, String)>> {
    prop::collection::vec((any::<bool>(), ".{0,8}"), 1..12)
}

/// An image of these steps, its config, and the blobs of its layers. `rest` is what else the config says.
fn image(steps: &[(bool, String)], is_oci: bool, rest: &str) -> (Document, String, Vec<Digest>) {
    let entries = steps.iter().map(|(has_layer, text)| {
        let text = serde_json::to_string(text).unwrap();
        let empty = if *has_layer { "" } else { r#","empty_layer":true"# };
        format!(r#"{{"created_by":{text},"comment":{text}{empty}}}"#)
    });
    let history = entries.collect::<Vec<_>>().join(" , ");
    let config = format!(
        r#"{{{rest}"architecture":"arm64","os":"linux","rootfs":{{"type":"layers","diff_ids":[]}},"history":[{history}]}}"#
    );
    let layers: Vec<Digest> = steps
        .iter()
        .enumerate()
        .filter(|(_, step)| step.0)
        .map(|(at, step)| blob(&format!("{at} {}", step.1)))
        .collect();
    let document = if is_oci { oci(&config, &layers) } else { docker(&config, &layers) };
    (document, config, layers)
}

fn ids(document: &Document, config: &str) -> Vec<String> {
    let history = ImageHistory::read(document, Some(config.as_bytes())).unwrap().unwrap();
    history.steps().iter().map(|step| step.id.clone()).collect()
}

fn json(doubles: impl Strategy<Value = f64> + 'static) -> impl Strategy<Value = String> {
    let string = prop_oneof![
        "[a-z]{0,3}".prop_map(|text| format!("\"{text}\"")),
        ".{0,5}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        Just(r#""\ud83d""#.to_owned()),
        Just(r#""\uDE31\u0041\/""#.to_owned()),
    ];
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("-0".to_owned()),
        Just("NaN".to_owned()),
        doubles.prop_map(|number| format!("{number:e}")),
        "-?[1-9][0-9]{0,40}",
        string.clone(),
    ];
    scalar.prop_recursive(4, 32, 5, move |inner| {
        let member = (string.clone(), inner.clone()).prop_map(|(name, value)| format!("{name} :{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(|list| format!("[ {}]", list.join(",\t"))),
            prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}\n}}", members.join(" ,"))),
        ]
    })
}

proptest! {
    /// Schema 1 has the layers of the image, one by one, and the empty layer where there was none.
    #[test]
    fn conversion_never_changes_a_layer(steps in steps(), is_oci: bool) {
        let (document, config, layers) = image(&steps, is_oci, "");
        let AsSchema1::Built(text) = to_schema1(&document, Some(config.as_bytes()), "a/b", "t").unwrap() else {
            panic!("not built")
        };
        let built = parse(MediaType::DOCKER_SCHEMA1, &text);
        let schema1 = built.schema1().unwrap();
        let found: Vec<Digest> = schema1.layers().iter().map(|layer| layer.digest).collect();
        prop_assert_eq!(found.len(), steps.len());
        let own: Vec<Digest> = found.iter().copied().filter(|blob| *blob != empty_layer::digest()).collect();
        prop_assert_eq!(&own, &layers);
        // What is built out of it again has the same.
        for again in [reduced(schema1).unwrap(), String::from_utf8(unsigned(schema1).to_vec()).unwrap()] {
            let again = parse(MediaType::DOCKER_SCHEMA1, &again);
            let blobs: Vec<Digest> = again.schema1().unwrap().layers().iter().map(|layer| layer.digest).collect();
            prop_assert_eq!(&blobs, &found);
        }
        // And it consists of the same images.
        let images = v1_images(&built, None, &BTreeMap::new()).unwrap();
        if !layers.is_empty() {
            prop_assert_eq!(images, v1_images(&document, Some(config.as_bytes()), &BTreeMap::new()).unwrap());
        }
    }

    /// Neither the kind of the image nor anything else that the config says has a part in its ids.
    #[test]
    fn ids_follow_from_history_and_blobs_alone(steps in steps(), label in "[a-z]{1,8}") {
        let (docker, config, _) = image(&steps, false, "");
        let found = ids(&docker, &config);
        let rest = format!(r#""config":{{"Labels":{{"{label}":"{label}"}}}},"author":"{label}", "#);
        let (oci, config, _) = image(&steps, true, &rest);
        prop_assert_eq!(&found, &ids(&oci, &config));
        // Each is of all that was before, so a prefix of the steps has a prefix of the ids.
        let (shorter, config, _) = image(&steps[..steps.len() - 1], false, "");
        if steps.len() > 1 {
            prop_assert_eq!(&found[..found.len() - 1], &ids(&shorter, &config)[..]);
        }
        let mut other = steps.clone();
        other[0].1.push('!');
        let (other, config, _) = image(&other, false, "");
        prop_assert!(ids(&other, &config).iter().all(|id| !found.contains(id)));
    }

    /// Rows chain up, one for each step.
    #[test]
    fn rows_stand_on_one_another(steps in steps()) {
        let (document, config, layers) = image(&steps, false, "");
        let rows = legacy_images(&document, Some(config.as_bytes()), &BTreeMap::new(), &BTreeMap::new()).unwrap();
        prop_assert_eq!(rows.len(), if layers.is_empty() { 0 } else { steps.len() });
        prop_assert!(rows.windows(2).all(|pair| pair[1].parent.as_ref() == Some(&pair[0].id)));
        prop_assert!(rows.first().is_none_or(|base| base.parent.is_none()));
    }

    /// What was written is written the same again, and both ways to write say the same.
    #[test]
    fn json_round_trips(text in json(any::<f64>().prop_filter("written otherwise", |number| number.is_finite()))) {
        let plain = plain_json(&text).unwrap();
        let canonical = canonical_json(&text).unwrap();
        prop_assert!(plain.is_ascii() && canonical.is_ascii());
        prop_assert_eq!(&plain_json(&plain).unwrap(), &plain);
        prop_assert_eq!(&canonical_json(&plain).unwrap(), &canonical);
        prop_assert_eq!(&canonical_json(&canonical).unwrap(), &canonical);
    }

    /// What other readers can read, they read the same. Doubles are short ones: that reader is not exact to the last bit. Of
    /// the integer zero the sign is lost, as in Python.
    #[test]
    fn json_says_the_same(text in json((-1000_i32..1000).prop_map(|eighths| f64::from(eighths) / 8.0))) {
        prop_assume!(!text.contains("-0"));
        let (Ok(before), Ok(after)) = (
            serde_json::from_str::<serde_json::Value>(&text),
            serde_json::from_str::<serde_json::Value>(&plain_json(&text).unwrap()),
        ) else {
            return Ok(());
        };
        prop_assert_eq!(before, after);
    }
}
