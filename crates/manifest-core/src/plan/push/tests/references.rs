//! What a push asks about the names in a manifest, and how it tells what is wrong with them.

use super::*;

#[test]
fn a_push_asks_about_all_that_the_manifest_names() {
    let entry = |media_type: &str, content: &str| {
        format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":1}}"#, digest(content))
    };
    let entries = [entry(MediaType::OCI_MANIFEST, "child"), entry(MediaType::OCI_LAYER_GZIP, "layer")].join(",");
    let list = format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{entries}]}}"#, MediaType::OCI_INDEX);
    let ask = push_ask(&Scene::of(&list, to_tag("v1")).case());
    assert_eq!(ask.digest, Some(digest(&list)));
    assert_eq!(ask.children, BTreeSet::from([digest("child"), digest("layer")]));
    assert_eq!(ask.blobs, BTreeSet::from([digest("layer")]), "only what may be no manifest is looked for as a blob");
    assert_eq!(ask.tags, BTreeSet::from([tag("v1")]));
}

#[test]
fn what_is_missing_is_counted_in_words() {
    let said = |blobs: &[&str], children: &[&str]| {
        let set = |names: &[&str]| names.iter().map(|name| digest(name)).collect();
        Rejection::Missing { blobs: set(blobs), children: set(children) }.to_string()
    };
    assert_eq!(said(&["a"], &[]), "the manifest names a blob that the repository does not have");
    assert_eq!(said(&[], &["a", "b"]), "the manifest names 2 manifests that the repository does not have");
    assert_eq!(
        said(&["a", "b"], &["c"]),
        "the manifest names 2 blobs and a manifest that the repository does not have"
    );
}

#[test]
fn the_empty_layer_is_always_there_but_not_as_a_config() {
    let empty = empty_layer::digest();
    let named = |config: Digest, layer: Digest| {
        let descriptor = |media_type: &str, digest: Digest| {
            format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":32}}"#)
        };
        let (config, layer) = (descriptor(MediaType::OCI_CONFIG, config), descriptor(MediaType::OCI_LAYER_GZIP, layer));
        let media_type = MediaType::OCI_MANIFEST;
        let text = format!(r#"{{"schemaVersion":2,"mediaType":"{media_type}","config":{config},"layers":[{layer}]}}"#);
        let mut scene = Scene::of(&text, to_tag("v1"));
        scene.facts.blobs.insert(digest("there"), stored(32));
        scene.plan().map(drop)
    };
    assert_eq!(named(digest("there"), empty), Ok(()));
    let missing = Rejection::Missing { blobs: BTreeSet::from([empty]), children: BTreeSet::new() };
    assert_eq!(named(empty, digest("there")), Err(missing));
}

#[test]
fn a_child_is_of_the_type_that_the_index_says_unless_both_are_schema1() {
    let child = "a child";
    let check = |listed: &'static str, found: &'static str, fits: bool| {
        let (listed, found) = (MediaType::from_static(listed), MediaType::from_static(found));
        let digest = digest(child);
        let platform = r#""platform":{"architecture":"amd64","os":"linux"}"#;
        let entry = format!(r#"{{"mediaType":"{listed}","digest":"{digest}","size":{},{platform}}}"#, child.len());
        let list = format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{entry}]}}"#, MediaType::DOCKER_LIST);
        let mut scene = Scene::of(&list, to_tag("v1"));
        scene.has_child(child, &[]);
        scene.facts.children.get_mut(&digest).unwrap().media_type = found.clone();
        let rejected = Rejection::ChildMediaType { digest, expected: listed, found };
        assert_eq!(scene.plan().map(drop), if fits { Ok(()) } else { Err(rejected) });
    };
    check(MediaType::DOCKER_SCHEMA2, MediaType::DOCKER_SCHEMA2, true);
    check(MediaType::DOCKER_SCHEMA1, MediaType::DOCKER_SCHEMA1_SIGNED, true);
    check(MediaType::DOCKER_SCHEMA1, MediaType::DOCKER_SCHEMA2, false);
    check(MediaType::DOCKER_SCHEMA2, MediaType::DOCKER_SCHEMA1_SIGNED, false);
}
