//! The rows of a push, and what is refused.

use crate::{blob, docker, oci, schema1, text};
use manifest_core::document::{Document, Limits};
use manifest_core::empty_layer;
use manifest_core::legacy::{
    AsSchema1, KnownImage, LegacyImage, legacy_images, schema1_child, schema1_ids, to_schema1,
};
use manifest_core::oci_types::{Digest, MediaType};
use std::collections::BTreeMap;

const CONFIG: &str = r#"{"architecture":"arm","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"history":[
    {"created":"2018-01-01T00:00:00+02:00","created_by":"base","comment":"c"},
    {"created":"yesterday","created_by":"env","empty_layer":true},
    {"created_by":"top"}]}"#;

fn sizes(blobs: &[(Digest, u64)]) -> BTreeMap<Digest, u64> {
    blobs.iter().copied().collect()
}

fn rows(document: &Document, known: &[(&str, KnownImage)], sizes: &BTreeMap<Digest, u64>) -> Vec<LegacyImage> {
    let known = known.iter().map(|(id, image)| ((*id).to_owned(), image.clone())).collect();
    legacy_images(document, None, &known, sizes).unwrap()
}

#[test]
fn rows_of_a_docker_image() {
    let layers = [blob("one"), blob("two")];
    let document = docker(CONFIG, &layers);
    let stored = sizes(&[(layers[0], 100), (layers[1], 10)]);
    let rows = legacy_images(&document, Some(CONFIG.as_bytes()), &BTreeMap::new(), &stored).unwrap();
    let [base, env, top] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!([base.blob, env.blob, top.blob], [layers[0], empty_layer::digest(), layers[1]]);
    assert_eq!([&base.parent, &env.parent, &top.parent], [&None, &Some(base.id.clone()), &Some(env.id.clone())]);
    assert_eq!([base.aggregate_size, env.aggregate_size, top.aggregate_size], [Some(100), Some(132), Some(142)]);
    // The zone is dropped; a date that is none is null, and its text stays in the metadata.
    assert_eq!([base.created, env.created, top.created], [Some(1_514_764_800_000), None, None]);
    assert!(env.metadata.contains(r#""created": "yesterday""#) && env.metadata.contains(r#""throwaway": true"#));
    assert_eq!([base.comment.as_deref(), top.comment.as_deref()], [Some("c"), None]);
    assert_eq!(top.command.as_deref(), Some(r#"["top"]"#));
}

#[test]
fn a_size_that_is_not_known_makes_all_above_it_unknown() {
    let layers = [blob("one"), blob("two")];
    let document = docker(CONFIG, &layers);
    let rows = legacy_images(&document, Some(CONFIG.as_bytes()), &BTreeMap::new(), &sizes(&[(layers[1], 10)])).unwrap();
    assert!(rows.iter().all(|row| row.aggregate_size.is_none()));
}

#[test]
fn ids_that_stand_for_something_else_are_replaced() {
    let (one, two, other) = (blob("one"), blob("two"), blob("other"));
    let document = schema1(&[(one, r#"{"id":"x"}"#), (two, r#"{"id":"y","parent":"x"}"#)]);
    assert_eq!(schema1_ids(&document).into_iter().collect::<Vec<_>>(), ["x", "y"]);
    let stored = sizes(&[(one, 5), (two, 7)]);
    let known = |blob| KnownImage { blob, parent: None, aggregate_size: Some(50) };

    let plain = rows(&document, &[], &stored);
    assert_eq!([plain[0].aggregate_size, plain[1].aggregate_size], [Some(5), Some(12)]);
    // What is stored already counts as it is stored.
    let same = rows(&document, &[("x", known(one))], &stored);
    assert_eq!((same[1].id.as_str(), same[1].aggregate_size), ("y", Some(57)));
    assert_eq!(same[1].metadata, plain[1].metadata);

    let clash = rows(&document, &[("x", known(other))], &stored);
    assert!(clash.iter().all(|row| row.id.len() == 64), "{clash:?}");
    assert_eq!(clash[1].parent.as_ref(), Some(&clash[0].id));
    assert_eq!(clash[1].metadata, format!(r#"{{"id":"{}","parent":"{}"}}"#, clash[1].id, clash[0].id));
    assert_eq!(clash[1].aggregate_size, Some(12));
    // Pushed again, the new ids are there with the same blobs, and x still stands for something else.
    let second = KnownImage { parent: Some(clash[0].id.clone()), ..known(two) };
    let again = [("x", known(other)), (&clash[0].id, known(one)), (&clash[1].id, second)];
    let ids = |rows: &[LegacyImage]| rows.iter().map(|row| row.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&rows(&document, &again, &stored)), ids(&clash));
    // Somebody has called another image by the new id.
    let third = rows(&document, &[("x", known(other)), (&clash[0].id, known(other))], &stored);
    assert_eq!(third[0].id, blob(&clash[0].id).hex());
    assert_eq!(third[1].parent.as_ref(), Some(&third[0].id));
}

#[test]
fn ids_that_stand_on_something_else_are_replaced() {
    let (one, two, three) = (blob("one"), blob("two"), blob("three"));
    let on_x = KnownImage { blob: two, parent: Some("x".to_owned()), aggregate_size: Some(12) };
    let chain = |rows: &[LegacyImage]| rows.iter().map(|row| (row.blob, row.parent.clone())).collect::<Vec<_>>();
    let base = schema1(&[(two, r#"{"id":"y"}"#), (three, r#"{"id":"z","parent":"y"}"#)]);
    let clash = rows(&base, &[("y", on_x.clone())], &BTreeMap::new());
    assert_eq!(chain(&clash), [(two, None), (three, Some(clash[0].id.clone()))], "its ancestry ends with its own base");
    assert!(clash.iter().all(|row| row.id.len() == 64), "{clash:?}");
    let whole = schema1(&[(one, r#"{"id":"x"}"#), (two, r#"{"id":"y","parent":"x"}"#)]);
    let same = rows(&whole, &[("y", on_x)], &BTreeMap::new());
    assert_eq!(same.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["x", "y"]);
}

#[test]
fn ids_of_other_images_that_schema_1_has_taken_are_replaced() {
    let layers = [blob("one"), blob("two")];
    let document = docker(CONFIG, &layers);
    let known = |taken: &[(&str, KnownImage)]| {
        let known = taken.iter().map(|(id, image)| ((*id).to_owned(), image.clone())).collect();
        legacy_images(&document, Some(CONFIG.as_bytes()), &known, &BTreeMap::new()).unwrap()
    };
    let plain = known(&[]);
    let taken = KnownImage { blob: blob("other"), parent: None, aggregate_size: None };
    let clash = known(&[(&plain[1].id, taken)]);
    assert_eq!(clash[0], plain[0]);
    assert!(clash[1..].iter().zip(&plain[1..]).all(|(new, old)| new.id != old.id && new.blob == old.blob), "{clash:?}");
    assert!(clash.windows(2).all(|pair| pair[1].parent.as_ref() == Some(&pair[0].id)), "{clash:?}");
    assert!(clash[1].metadata.contains(&clash[1].id) && !clash[1].metadata.contains(&plain[1].id));
}

#[test]
fn one_id_twice_is_one_row_and_no_cycle() {
    let layers = [blob("one"), blob("two"), blob("three")];
    let document = schema1(&[
        (layers[0], r#"{"id":"x"}"#),
        (layers[1], r#"{"id":"y","parent":"x"}"#),
        (layers[2], r#"{"id":"x","parent":"y"}"#),
    ]);
    let rows = rows(&document, &[], &BTreeMap::new());
    let chain: Vec<_> = rows.iter().map(|row| (row.id.as_str(), row.parent.as_deref())).collect();
    assert_eq!(chain, [("x", None), ("y", Some("x"))]);
}

#[test]
fn comments_are_what_every_database_holds() {
    let document = schema1(&[(blob("one"), r#"{"id":"x","comment":"a\u0000b\ud800","Size":3}"#)]);
    let rows = rows(&document, &[], &BTreeMap::new());
    assert_eq!(rows[0].comment.as_deref(), Some("a\u{fffd}b\u{fffd}"));
    assert!(rows[0].metadata.contains(r"a\u0000b\ud800"));
}

#[test]
fn parents_that_go_round_are_refused() {
    let check = |layers: &[(Digest, &str)], parent: &str| {
        let error = Document::parse(None, text(layers).into(), &Limits::default()).unwrap_err();
        assert_eq!(error.kind().as_str(), "unknown-parent", "{error}");
        assert!(error.to_string().contains(&format!("`{parent}`")), "{error}");
    };
    let (one, two) = (blob("one"), blob("two"));
    check(&[(one, r#"{"id":"x","parent":"y"}"#), (two, r#"{"id":"y","parent":"x"}"#)], "y");
    check(&[(one, r#"{"id":"x","parent":"x"}"#)], "x");
    check(&[(one, r#"{"id":"x"}"#), (two, r#"{"id":"y","parent":"z"}"#)], "z");
}

#[test]
fn a_config_of_one_step_keeps_a_parent_that_is_no_image() {
    let config = r#"{"rootfs":{"type":"layers"},"history":[{}],"parent":"stray"}"#;
    let document = docker(config, &[blob("one")]);
    let rows = legacy_images(&document, Some(config.as_bytes()), &BTreeMap::new(), &BTreeMap::new()).unwrap();
    assert_eq!(rows[0].parent, None);
    assert!(rows[0].metadata.contains(r#""parent": "stray""#), "{}", rows[0].metadata);
}

#[test]
fn configs_that_are_refused() {
    let layers = [blob("one"), blob("two")];
    let check = |document: &Document, config: Option<&str>, kind: &str, words: &str| {
        let config = config.map(str::as_bytes);
        let error = legacy_images(document, config, &BTreeMap::new(), &BTreeMap::new()).unwrap_err();
        assert_eq!((error.kind().as_str(), error.to_string().as_str()), (kind, words));
        assert_eq!(to_schema1(document, config, "a/b", "t"), Err(error));
    };
    let document = docker(CONFIG, &layers);
    check(&document, None, "config-missing", "the image config is missing");
    let cut = &CONFIG[..CONFIG.len() - 1];
    let words = format!("the image config has {} bytes, but the manifest says {}", cut.len(), CONFIG.len());
    check(&document, Some(cut), "config-size", &words);
    let garbage = "}".repeat(CONFIG.len());
    let words = "the image config is not JSON: '}' where a value should be at byte 0";
    check(&document, Some(&garbage), "config-json", words);
    let one = r#"{"architecture":"a","os":"l","rootfs":{"type":"layers","diff_ids":[]},"history":[{}]}"#;
    let words = "the history of the image config has 1 entries, fewer than the 2 layers";
    check(&oci(one, &layers), Some(one), "history-short", words);
    let words = "the history of the image config has more entries with a layer than the 1 layers";
    check(&docker(CONFIG, &layers[..1]), Some(CONFIG), "history-overflow", words);
    let many = format!(r#"{{"rootfs":{{"type":"layers"}},"history":[{{}}{}]}}"#, ",{}".repeat(16_384));
    let words = "the history of the image config has more than 16384 entries";
    check(&docker(&many, &layers), Some(&many), "schema", words);
    let words = "in the image config, rootfs is missing";
    let shapeless = r#"{"history":[]}"#;
    check(&docker(shapeless, &layers), Some(shapeless), "config-schema", words);
}

#[test]
fn metadata_that_are_refused() {
    let check = |layers: &[(Digest, &str)], known: &[(&str, KnownImage)], words: &str| {
        let known = known.iter().map(|(id, image)| ((*id).to_owned(), image.clone())).collect();
        let error = legacy_images(&schema1(layers), None, &known, &BTreeMap::new()).unwrap_err();
        assert_eq!((error.kind().as_str(), error.to_string().as_str()), ("schema", words));
    };
    let (one, two) = (blob("one"), blob("two"));
    let layers = [(one, r#"{"id":"x"}"#), (two, r#"{"id":null}"#)];
    check(&layers, &[], "history[0].v1Compatibility.id is null, not a string");
    check(&[(one, r#"{"id":""}"#)], &[], "history[0].v1Compatibility.id is empty");
    check(&[(one, r#"{"id":"a\u0000"}"#)], &[], r"history[0].v1Compatibility.id contains '\0'");
    let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(256));
    check(&[(one, &long)], &[], "history[0].v1Compatibility.id has more than 255 bytes");
    let layers = [(one, r#"{"id":"x","container_config":[1]}"#)];
    check(&layers, &[], "history[0].v1Compatibility.container_config is a list, not an object");
    // Quay takes null for nothing unless it has to rewrite.
    let layers = [(one, r#"{"id":"x","container_config":null}"#)];
    assert_eq!(rows(&schema1(&layers), &[], &BTreeMap::new())[0].command, None);
    let clash = [("x", KnownImage { blob: two, parent: None, aggregate_size: None })];
    check(&layers, &clash, "history[0].v1Compatibility.container_config is null, not an object");
}

#[test]
fn what_has_no_schema_1() {
    let remote = crate::image(
        MediaType::OCI_MANIFEST,
        "application/vnd.example",
        MediaType::OCI_LAYER,
        "anything",
        &[blob("one")],
    );
    assert_eq!(to_schema1(&remote, None, "a", "t"), Ok(AsSchema1::Never));
    let index = |kind: &'static str, media_type: &str, platform: &str| {
        let digest = blob("child");
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{kind}","manifests":[{{"mediaType":"{media_type}","size":1,"digest":"{digest}","platform":{platform}}}]}}"#
        );
        let kind = MediaType::from_static(kind);
        Document::parse(Some(&kind), text.into(), &Limits::default()).unwrap()
    };
    let amd64 = r#"{"architecture":"amd64","os":"linux","variant":"v2"}"#;
    let check = |document: &Document, is_child: bool| {
        let form = to_schema1(document, None, "a", "t").unwrap();
        assert_eq!(matches!(form, AsSchema1::Child(_)), is_child, "{form:?}");
        assert!(is_child || form == AsSchema1::Never);
    };
    check(&index(MediaType::OCI_INDEX, MediaType::OCI_MANIFEST, amd64), true);
    check(&index(MediaType::OCI_INDEX, MediaType::OCI_INDEX, amd64), true);
    check(&index(MediaType::DOCKER_LIST, MediaType::DOCKER_SCHEMA1, amd64), true);
    let listed = index(MediaType::OCI_INDEX, MediaType::DOCKER_SCHEMA1, amd64);
    assert!(schema1_child(&listed).is_some());
    check(&listed, false);
    check(&index(MediaType::OCI_INDEX, MediaType::OCI_MANIFEST, r#"{"architecture":"arm64","os":"linux"}"#), false);
}
