//! Schema 1 names the repository and the tag that it is for.

use super::*;

/// A schema 1 manifest over one layer, for a repository and a tag, pushed where another may be.
fn pushed(embedded: (&str, &str), repository: &str, target: PushTarget) -> Result<(), Rejection> {
    let layer = digest("layer");
    let manifest = serde_json::json!({
        "schemaVersion": 1,
        "name": embedded.0,
        "tag": embedded.1,
        "fsLayers": [{ "blobSum": layer.to_string() }],
        "history": [{ "v1Compatibility": format!(r#"{{"id":"{}"}}"#, layer.hex()) }],
    });
    let mut scene = Scene::of(&manifest.to_string(), target);
    scene.repository = repository.parse().unwrap();
    scene.facts.blobs.insert(layer, stored(5));
    scene.plan().map(drop)
}

#[test]
fn schema1_goes_to_the_repository_that_it_names_with_or_without_library() {
    let check = |name: &str, repository: &str, fits: bool| {
        let rejected = Rejection::EmbeddedName { embedded: name.to_owned(), repository: repository.parse().unwrap() };
        let expected = if fits { Ok(()) } else { Err(rejected) };
        assert_eq!(pushed((name, "v1"), repository, to_tag("v1")), expected, "{name} to {repository}");
    };
    check("team/app", "team/app", true);
    check("app", "library/app", true);
    check("library/app", "library/app", true);
    check("team/other", "team/app", false);
    check("other", "library/app", false);
    check("app", "team/app", false);
}

#[test]
fn schema1_goes_to_the_tag_that_it_names() {
    let own = ("team/app", "v1");
    assert_eq!(pushed(own, "team/app", to_tag("v1")), Ok(()));
    let rejected = Rejection::EmbeddedTag { embedded: "v1".to_owned(), tag: tag("v2") };
    assert_eq!(pushed(own, "team/app", to_tag("v2")), Err(rejected.clone()));
    let digest = digest("any");
    let with_tags = |names: &[&str]| PushTarget::Digest { digest, tags: names.iter().map(|name| tag(name)).collect() };
    assert_eq!(pushed(own, "team/app", with_tags(&[])), Ok(()), "a digest alone names no tag");
    assert_eq!(pushed(own, "team/app", with_tags(&["v1", "v2"])), Err(rejected));
}
