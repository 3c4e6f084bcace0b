//! Who may do what with the extension, and what nobody learns from it.

use crate::access::{ROOT, furnish, guarded, telling};
use crate::images::sha256;
use serde_json::json;

/// A digest of nothing.
const NOTHING: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// Every endpoint, with a body that it takes.
fn requests(manifest: &str) -> Vec<(String, String)> {
    let target = json!({ "digest": manifest }).to_string();
    let confirmed = json!({ "tags": ["v1"], "id": manifest, "plannedAt": "2027-01-15T08:00:00Z" }).to_string();
    let none = String::new;
    let requests = [
        ("GET repository", none()),
        ("PATCH repository", json!({ "state": "readOnly" }).to_string()),
        ("DELETE repository", none()),
        ("GET tags", none()),
        ("PUT tags/v1", target.clone()),
        ("POST tags/v1/restore", target),
        ("PUT tags/v1/expiry", json!({ "expires": "2027-02-01T00:00:00Z" }).to_string()),
        ("DELETE tags/v1/expiry", none()),
        ("PUT tags/v1/immutable", none()),
        ("DELETE tags/v1/immutable", none()),
        ("GET history", none()),
        ("GET manifests?state=tagged", none()),
        ("GET manifests?state=deleted", none()),
        ("DELETE manifests/DIGEST/tags", none()),
        ("GET manifests/DIGEST/why", none()),
        ("GET manifests/DIGEST/labels", none()),
        ("POST manifests/DIGEST/labels", json!({ "key": "k", "value": "v" }).to_string()),
        ("DELETE manifests/DIGEST/labels/1", none()),
        ("POST purge/plan", json!({ "tags": ["v1"] }).to_string()),
        ("POST purge/plan", json!({ "repository": true }).to_string()),
        ("POST purge", confirmed),
    ];
    requests.into_iter().map(|(line, body)| (line.replace("DIGEST", manifest), body)).collect()
}

fn at(line: &str, repository: &str) -> String {
    let (method, rest) = line.split_once(' ').unwrap();
    format!("{method} /v2/{repository}/_manifestd/{rest}")
}

#[tokio::test]
async fn what_is_hidden_looks_as_if_it_were_not_there() {
    let server = guarded().await;
    // Of one length, so that even lengths must agree.
    let (hidden, absent) = ("secret/app", "absent/app");
    let manifest = sha256(&furnish(&server, hidden).await).to_string();
    for (line, body) in requests(&manifest) {
        let there = server.call(&at(&line, hidden), &[], &body).await;
        let not_there = server.call(&at(&line, absent), &[], &body).await;
        assert_eq!(telling(&there, hidden), telling(&not_there, absent), "{line}");
        assert_eq!(there.status, 404, "{line}");
    }
    let at = |name: &str| format!("GET /v2/{name}/manifests/v1?at=1800000000000");
    let (there, not_there) = (server.ask(&at(hidden)).await, server.ask(&at(absent)).await);
    assert_eq!(telling(&there, hidden), telling(&not_there, absent));
    // Nor is the name free for others.
    let line = format!("PUT /v2/{hidden}/_manifestd/repository");
    server.ask(&line).await.refused(404, "NAME_UNKNOWN");
    // And root saw nothing happen.
    server.call(&format!("GET /v2/{hidden}/manifests/v1"), &[ROOT], b"").await.expect(200);
}

#[tokio::test]
async fn what_needs_credentials_says_so() {
    let server = guarded().await;
    let manifest = sha256(b"x").to_string();
    for (line, body) in requests(&manifest) {
        let answer = server.call(&at(&line, "private/app"), &[], &body).await.refused(401, "UNAUTHORIZED");
        assert!(answer.header("www-authenticate").contains("scope=\"private/app:"), "{line}: {answer:?}");
    }
    server.call("GET /v2/_manifestd/api", &[("Authorization", "nonsense")], b"").await.refused(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn readers_write_nothing() {
    let server = guarded().await;
    let manifest = sha256(&furnish(&server, "frozen/app").await).to_string();
    for (line, body) in requests(&manifest) {
        let answer = server.call(&at(&line, "frozen/app"), &[], &body).await;
        if line.starts_with("GET") && !line.ends_with("deleted") {
            answer.expect(200);
        } else {
            answer.refused(403, "DENIED");
        }
    }
    server.ask("PUT /v2/frozen/new/_manifestd/repository").await.refused(403, "DENIED");
}

#[tokio::test]
async fn what_was_deleted_is_for_administrators() {
    let server = guarded().await;
    let manifest = sha256(&furnish(&server, "frozen/app").await).to_string();
    let why = at(&format!("GET manifests/{manifest}/why"), "frozen/app");
    let listed = at("GET manifests?state=deleted", "frozen/app");
    server.ask(&why).await.expect(200);
    server.call(&format!("DELETE /v2/frozen/app/manifests/{manifest}"), &[ROOT], b"").await.expect(202);
    server.ask(&listed).await.refused(403, "DENIED");
    let (there, not_there) = (server.ask(&why).await, server.ask(&why.replace(&manifest, NOTHING)).await);
    assert_eq!(telling(&there, &manifest), telling(&not_there, NOTHING));
    there.refused(404, "MANIFEST_UNKNOWN");
    let list = server.call(&listed, &[ROOT], b"").await.expect(200).json();
    assert_eq!(list["manifests"][0]["digest"], manifest);
    let kept = server.call(&why, &[ROOT], b"").await.expect(200).json();
    assert_eq!(kept["retained"]["hold"]["by"], "deletion");
}

#[tokio::test]
async fn who_did_it_is_recorded() {
    let server = guarded().await;
    let manifest = sha256(&furnish(&server, "app").await).to_string();
    let target = json!({ "digest": manifest }).to_string();
    let ann = ("Authorization", "user ann");
    server.call("PUT /v2/app/_manifestd/tags/v2", &[ann], target).await.expect(200);
    let history = server.ask("GET /v2/app/_manifestd/history?tag=v2").await.expect(200).json();
    assert_eq!(history["history"][0]["actor"], "ann");
    let tags = server.ask("GET /v2/app/_manifestd/tags?contains=v1").await.expect(200).json();
    assert_eq!(tags["tags"][0]["actor"], "root");
    let manifests = server.ask("GET /v2/app/_manifestd/manifests?state=tagged").await.expect(200).json();
    assert_eq!(manifests["manifests"][0]["actor"], "root");
}
