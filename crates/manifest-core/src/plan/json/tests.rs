use super::super::testing::{NOW, START, digest, existing, facts, state, tag};
use super::*;
use crate::facts::Location;
use crate::plan::{LabelId, LabelRow};
use crate::time::HOUR;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

#[test]
fn facts_are_shown_whole() {
    let (blob, child) = (digest("b"), digest("c"));
    let mut facts = facts();
    facts.existing = Some(existing(INDEX, Acting { expires_after: Some(HOUR), immutable: false }));
    let location = Location { store: "files".parse().unwrap(), key: "key".to_owned() };
    facts.blobs.insert(blob, Blob { size: 7, location });
    let platform = Some(Platform::new("linux", "arm64"));
    let labels = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    let legacy_image = Some("f".repeat(64));
    facts.children.insert(child, Child { media_type: INDEX.parse().unwrap(), size: 9, platform, labels, legacy_image });
    facts.tags.insert(tag("v1"), TagState { expires: NOW, actor: Some("ada".parse().unwrap()), ..state(child) });
    facts.tags_of.insert(tag("v2"), state(child));
    let label = Label { key: "k".into(), value: "v".into(), json: false, source: LabelSource::Api };
    facts.legacy_images.insert("1".repeat(64), KnownImage { blob, parent: None, aggregate_size: Some(8) });
    facts.labels.push(LabelRow { id: LabelId(3), label });

    let expected = json!({
        "repository": "open",
        "existing": {
            "mediaType": INDEX,
            "acting": acting_to_json(Acting { expires_after: Some(HOUR), immutable: false }),
            "deleted": false,
        },
        "blobs": { blob.to_string(): { "size": 7, "location": "files:key" } },
        "children": { child.to_string(): {
            "mediaType": INDEX,
            "size": 9,
            "platform": { "architecture": "arm64", "os": "linux" },
            "labels": { "a": "b" },
            "legacyImage": "f".repeat(64),
        } },
        "tagsOf": { "v2": {
            "target": child.to_string(), "start": START, "expires": null, "immutable": false, "actor": null,
        } },
        "labels": [{ "id": 3, "label": { "key": "k", "value": "v", "json": false, "source": "api" } }],
        "tags": { "v1": {
            "target": child.to_string(), "start": START, "expires": NOW, "immutable": false, "actor": "ada",
        } },
        "legacyImages": { "1".repeat(64): { "blob": blob.to_string(), "parent": null, "aggregateSize": 8 } },
    });
    assert_eq!(facts_to_json(&facts), expected);
}
