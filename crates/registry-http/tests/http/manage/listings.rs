//! Tags, history and manifests, page by page.

use super::{DAY, HOUR};
use crate::images::{descriptor, sha256};
use crate::server::{Server, Setup};
use manifest_core::Policy;
use oci_types::MediaType;
use serde_json::{Value, json};

async fn with_tags() -> Server {
    let server = Server::start().await;
    let digest = server.image("v2", "layer").await;
    for tag in ["V1", "a.b", "_x", "v10", "a-b"] {
        server.pass(1_000);
        server.manage(&format!("PUT tags/{tag}"), json!({ "digest": digest.to_string() })).await.expect(200);
    }
    server
}

#[tokio::test]
async fn tags_by_name_in_pages_of_any_size() {
    let server = with_tags().await;
    let sorted = ["V1", "_x", "a-b", "a.b", "v10", "v2"];
    for size in 1..=7 {
        let pages = server.pages("tags", &format!("n={size}"), "name").await;
        assert_eq!(pages.concat(), sorted, "pages of {size}");
        assert_eq!(pages.len(), sorted.len().div_ceil(size), "pages of {size}");
    }
    assert_eq!(server.pages("tags", "", "name").await, [sorted]);
    assert_eq!(server.pages("tags", "sort=name&n=100000", "name").await, [sorted]);
    assert_eq!(server.pages("tags", "n=0", "name").await, [[""; 0]]);
    server.ask("HEAD /v2/a/_manifestd/tags").await.expect(200);
}

#[tokio::test]
async fn tags_newest_first_and_filtered_in_pages() {
    let server = with_tags().await;
    let newest = ["a-b", "v10", "_x", "a.b", "V1", "v2"];
    for size in 1..=7 {
        let pages = server.pages("tags", &format!("sort=newest&n={size}"), "name").await;
        assert_eq!(pages.concat(), newest, "pages of {size}");
    }
    assert_eq!(server.pages("tags", "contains=v", "name").await, [["v10", "v2"]]);
    assert_eq!(server.pages("tags", "contains=v&n=1", "name").await, [["v10"], ["v2"]]);
    assert_eq!(server.pages("tags", "contains=v&n=1&sort=newest", "name").await, [["v10"], ["v2"]]);
    assert_eq!(server.pages("tags", "contains=1&n=1&sort=newest", "name").await, [["v10"], ["V1"]]);
    // Not a pattern, and nothing that SQL would read.
    for text in ["%25", "a_b", "*", "%27", "a%00"] {
        assert_eq!(server.pages("tags", &format!("contains={text}"), "name").await, [[""; 0]], "{text}");
    }
}

#[tokio::test]
async fn no_page_is_larger_than_policy_says() {
    let setup = Setup { policy: Policy { max_page: 2, ..Policy::default() }, ..Setup::default() };
    let server = setup.start().await;
    for tag in ["a", "b", "c"] {
        server.image(tag, tag).await;
    }
    assert_eq!(server.pages("tags", "n=1000", "name").await, [vec!["a", "b"], vec!["c"]]);
    assert_eq!(server.pages("history", "", "tag").await, [vec!["a", "b"], vec!["c"]]);
    assert_eq!(server.pages("manifests", "state=tagged", "digest").await.len(), 2);
}

#[tokio::test]
async fn a_tag_says_what_it_points_at() {
    let server = Server::start().await;
    let config = br#"{"architecture":"arm","variant":"v7","os":"linux","created":"2020-01-01T00:00:00Z","rootfs":{"type":"layers","diff_ids":[]}}"#;
    server.push_blob("a", config).await;
    server.push_blob("a", b"layer").await;
    let mut manifest = crate::images::image(config, b"layer");
    manifest["annotations"] = json!({ "quay.expires-after": "1h", "quay.immutable": "false" });
    server.put("a", "v1", &manifest).await.expect(201);
    let tags = server.manage("GET tags", Value::Null).await.expect(200).json()["tags"].clone();
    let bytes = manifest.to_string();
    let expected = json!([{
        "name": "v1",
        "digest": sha256(bytes.as_bytes()).to_string(),
        "mediaType": MediaType::OCI_MANIFEST,
        "size": bytes.len(),
        "layersSize": 5,
        "platforms": ["linux/arm/v7"],
        "created": "2020-01-01T00:00:00.000Z",
        "pushed": "2027-01-15T08:00:00.000Z",
        "expires": "2027-01-15T09:00:00.000Z",
        "immutable": false,
        "actor": null,
    }]);
    assert_eq!(tags, expected);
    server.pass(HOUR);
    assert_eq!(server.manage("GET tags", Value::Null).await.expect(200).json()["tags"], json!([]));
}

#[tokio::test]
async fn a_tag_of_an_index() {
    let server = Server::start().await;
    let child = server.push_image("a", "child", b"layer").await;
    let entry = |platform: Value| {
        let mut entry = descriptor(MediaType::OCI_MANIFEST, &child);
        entry["platform"] = platform;
        entry
    };
    let entries = [
        entry(json!({ "os": "linux", "architecture": "arm64" })),
        entry(json!({ "os": "linux", "architecture": "arm", "variant": "v7" })),
        entry(json!({ "os": "unknown", "architecture": "unknown" })),
        entry(json!({ "os": "linux", "architecture": "arm64" })),
    ];
    let index = json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": entries });
    server.put("a", "index", &index).await.expect(201);
    let tag = server.manage("GET tags?contains=index", Value::Null).await.expect(200).json()["tags"][0].clone();
    assert_eq!((&tag["mediaType"], &tag["layersSize"]), (&json!(MediaType::OCI_INDEX), &Value::Null));
    assert_eq!(tag["platforms"], json!(["linux/arm64", "linux/arm/v7"]));
}

#[tokio::test]
async fn history_in_pages_of_any_size() {
    let server = Server::start().await;
    for (tag, layer) in [("a", "one"), ("b", "one"), ("a", "two"), ("c", "two"), ("a", "three")] {
        server.image(tag, layer).await;
        server.pass(1_000);
    }
    server.ask("DELETE /v2/a/manifests/b").await.expect(202);
    let newest = ["a", "c", "a", "b", "a"];
    for size in 1..=6 {
        let pages = server.pages("history", &format!("n={size}"), "tag").await;
        assert_eq!(pages.concat(), newest, "pages of {size}");
    }
    assert_eq!(server.pages("history", "tag=a&n=2", "tag").await, [vec!["a", "a"], vec!["a"]]);
    assert_eq!(server.pages("history", "tag=never", "tag").await, [[""; 0]]);
    assert_eq!(server.pages("history", "active=true&n=1", "tag").await, [["a"], ["c"]]);
    let since = |time: &str| format!("since={time}&n=1");
    assert_eq!(server.pages("history", &since("2027-01-15T08:00:02Z"), "tag").await.concat(), ["a", "c", "a", "b"]);
    // What is open has neither started nor ended since.
    assert_eq!(server.pages("history", &since("1800000004999"), "tag").await.concat(), ["b"]);
}

#[tokio::test]
async fn manifests_by_state_in_pages_of_any_size() {
    let server = Server::start().await;
    let mut digests = Vec::new();
    for number in 0..6 {
        digests.push(server.image(&format!("t{number}"), &format!("layer {number}")).await);
    }
    let texts = |digests: &[oci_types::Digest]| {
        let mut texts: Vec<String> = digests.iter().map(ToString::to_string).collect();
        texts.sort();
        texts
    };
    server.manage(&format!("DELETE manifests/{}/tags", digests[0]), Value::Null).await.expect(200);
    server.manage(&format!("DELETE manifests/{}/tags", digests[1]), Value::Null).await.expect(200);
    server.ask(&format!("DELETE /v2/a/manifests/{}", digests[2])).await.expect(202);
    for size in 1..=7 {
        let of = async |state: &str| server.pages("manifests", &format!("state={state}&n={size}"), "digest").await;
        assert_eq!(of("untagged").await.concat(), texts(&digests[..2]), "{size}");
        assert_eq!(of("deleted").await.concat(), texts(&digests[2..3]), "{size}");
        assert_eq!(of("tagged").await.concat(), texts(&digests[3..]), "{size}");
    }
    let deleted = server.manage("GET manifests?state=deleted", Value::Null).await.json()["manifests"][0].clone();
    assert_eq!(deleted["recoverableUntil"], "2027-01-29T08:00:00.000Z");
    let untagged = server.manage("GET manifests?state=untagged", Value::Null).await.json()["manifests"][0].clone();
    assert_eq!((&untagged["pinnedUntil"], &untagged["tags"]), (&json!("2027-01-29T08:00:00.000Z"), &json!(0)));
}

#[tokio::test]
async fn why_a_child_of_an_index_is_there() {
    let server = Server::start().await;
    let child = server.push_image("a", "child", b"layer").await;
    let digest = sha256(&child);
    let index = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_INDEX,
        "manifests": [descriptor(MediaType::OCI_MANIFEST, &child)],
    });
    server.put("a", "index", &index).await.expect(201);
    server.manage(&format!("DELETE manifests/{digest}/tags"), Value::Null).await.expect(200);
    server.pass(15 * DAY);
    let why = server.manage(&format!("GET manifests/{digest}/why"), Value::Null).await.expect(200).json();
    let parent = sha256(index.to_string().as_bytes()).to_string();
    let chain = json!({
        "links": [{ "link": "parent", "digest": parent }],
        "hold": { "by": "tag", "tag": "index", "expires": null },
        "until": null,
    });
    assert_eq!((&why["visible"], &why["retained"]), (&chain, &chain));
    assert_eq!((&why["stays"], &why["goes"]), (&json!(true), &Value::Null));
    let nothing = sha256(b"nothing");
    server.manage(&format!("GET manifests/{nothing}/why"), Value::Null).await.refused(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn what_is_asked_wrongly() {
    let server = Server::start().await;
    server.image("v1", "layer").await;
    for (line, parameter) in [
        ("GET tags?sort=age", "sort"),
        ("GET tags?n=-1", "n"),
        ("GET tags?order=name", "order"),
        ("GET tags?n=1&n=1", "n"),
        ("GET history?active=yes", "active"),
        ("GET history?since=2027-01-15", "since"),
        ("GET manifests?state=gone", "state"),
        ("GET manifests", "state"),
        ("GET repository?at=0", "at"),
    ] {
        let answer = server.manage(line, Value::Null).await.refused(400, "REQUEST_INVALID");
        assert_eq!(answer.detail()["parameter"], parameter, "{line}");
    }
    for line in ["GET tags?after=v1", "GET history?after=1", "GET manifests?state=tagged&after=v1"] {
        server.manage(line, Value::Null).await.refused(400, "REQUEST_INVALID");
    }
    server.manage("GET history?tag=-", Value::Null).await.refused(400, "TAG_INVALID");
    server.manage("GET manifests/v1/why", Value::Null).await.refused(400, "DIGEST_INVALID");
    server.manage("GET nothing", Value::Null).await.refused(404, "UNSUPPORTED");
    server.ask("GET /v2/A/_manifestd/tags").await.refused(400, "NAME_INVALID");
    for line in ["tags", "history", "manifests?state=tagged", "repository"] {
        server.ask(&format!("GET /v2/none/_manifestd/{line}")).await.refused(404, "NAME_UNKNOWN");
    }
}
