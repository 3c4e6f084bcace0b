//! v1 clients ask for images by ids alone: where they are, and who may know.

use crate::access::{ROOT, furnish, guarded};
use crate::images::sha256;
use crate::server::{Server, Setup};
use manifest_core::Policy;
use manifest_core::policy::LegacyImageRows;
use oci_types::MediaType;
use serde_json::{Value, json};

/// What the maker of a schema 1 image says of a layer, and the layer.
type Layer<'a> = (&'a Value, &'a [u8]);

/// A schema 1 image of one layer, whose maker chose its id.
async fn push_schema1(server: &Server, repository: &str, tag: &str, metadata: &Value, layer: &[u8]) {
    push_chain(server, repository, tag, &[(metadata, layer)]).await;
}

/// The same of several layers, base first.
async fn push_chain(server: &Server, repository: &str, tag: &str, layers: &[Layer<'_>]) {
    for (_, layer) in layers {
        server.push_blob(repository, layer).await;
    }
    let manifest = json!({
        "schemaVersion": 1,
        "name": repository,
        "tag": tag,
        "architecture": "amd64",
        "fsLayers": layers.iter().rev().map(|(_, layer)| json!({ "blobSum": sha256(layer).to_string() })).collect::<Vec<_>>(),
        "history": layers.iter().rev().map(|(metadata, _)| json!({ "v1Compatibility": metadata.to_string() })).collect::<Vec<_>>(),
    });
    let line = format!("PUT /v2/{repository}/manifests/{tag}");
    let headers = [("Content-Type", MediaType::DOCKER_SCHEMA1)];
    server.call(&line, &headers, manifest.to_string()).await.expect(201);
}

fn storing(legacy_images: LegacyImageRows) -> Setup {
    Setup { policy: Policy { legacy_images, ..Policy::default() }, ..Setup::default() }
}

const BOTH: [LegacyImageRows; 2] = [LegacyImageRows::Stored, LegacyImageRows::Off];

#[tokio::test]
async fn the_same_image_in_several_repositories_is_answered() {
    for rows in BOTH {
        let server = storing(rows).start().await;
        for repository in ["a", "b/c"] {
            push_schema1(&server, repository, "v1", &json!({ "id": "one" }), b"layer").await;
        }
        assert_eq!(server.ask("GET /v1/images/one/json").await.expect(200).json(), json!({ "id": "one" }));
        assert_eq!(server.ask("GET /v1/images/one/ancestry").await.expect(200).json(), json!(["one"]));
        assert_eq!(server.ask("GET /v1/images/one/layer").await.expect(200).body, b"layer");
        server.ask("GET /v1/images/two/json").await.refused(404, "MANIFEST_UNKNOWN");
    }
}

/// Ids of schema 1 are what their makers wrote: whoever may push somewhere could pass his image off as another's.
#[tokio::test]
async fn different_images_of_one_id_are_none() {
    let one = json!({ "id": "one" });
    let other = json!({ "id": "one", "comment": "mine" });
    let base = json!({ "id": "base" });
    let above = json!({ "id": "one", "parent": "base" });
    let cases: [(&str, &[Layer<'_>]); 3] = [
        ("another layer", &[(&one, b"mine")]),
        ("other metadata", &[(&other, b"layer")]),
        ("another base", &[(&base, b"base"), (&above, b"layer")]),
    ];
    for rows in BOTH {
        for (what, shadow) in cases {
            let server = storing(rows).start().await;
            push_schema1(&server, "team/app", "v1", &one, b"layer").await;
            push_chain(&server, "aaa", "v1", shadow).await;
            for path in ["json", "ancestry", "layer"] {
                let line = format!("GET /v1/images/one/{path}");
                let answer = server.ask(&line).await.refused(409, "CONFLICT");
                let error = &answer.json()["errors"][0];
                let message = error["message"].as_str().unwrap();
                assert!(message.contains("ambiguous") && message.contains("token"), "{what}: {message}");
                assert_eq!(error["detail"], json!({ "image": "one", "repositories": ["aaa", "team/app"] }), "{what}");
                // Whoever says which is answered, by token or by cookie.
                for named in [
                    ("Authorization", "Token signature=none,repository=\"team/app\",access=read"),
                    ("Cookie", "manifestd-v1-repository=team/app"),
                ] {
                    server.call(&line, &[named], b"").await.expect(200);
                }
            }
            let named = [("Cookie", "manifestd-v1-repository=team/app")];
            assert_eq!(server.call("GET /v1/images/one/json", &named, b"").await.json(), one, "{what}");
            assert_eq!(server.call("GET /v1/images/one/layer", &named, b"").await.body, b"layer", "{what}");
        }
    }
}

/// Docker's own client keeps cookies, and sends its token to few registries.
#[tokio::test]
async fn a_cookie_says_which_repository_is_meant() {
    let server = Server::start().await;
    push_schema1(&server, "team/app", "v1", &json!({ "id": "one" }), b"layer").await;
    let images = server.ask("GET /v1/repositories/team/app/images").await.expect(200);
    let cookie = images.header("set-cookie").to_owned();
    assert_eq!(cookie, "manifestd-v1-repository=team/app; Path=/v1/images; HttpOnly; SameSite=Strict");
    let cookie = ("Cookie", cookie.split(';').next().unwrap());
    let answer = server.call("GET /v1/images/one/json", &[cookie], b"").await.expect(200);
    assert_eq!(answer.header("vary"), "authorization, cookie");
    assert_eq!(answer.header("cache-control"), "private, max-age=31536000");
    // It names the place, and gives no right.
    let server = guarded().await;
    furnish(&server, "secret/app").await;
    furnish(&server, "private/app").await;
    for (repository, status, code) in [("secret/app", 404, "NAME_UNKNOWN"), ("private/app", 401, "UNAUTHORIZED")] {
        let cookie = format!("manifestd-v1-repository={repository}");
        server.call("GET /v1/images/one/json", &[("Cookie", &cookie)], b"").await.refused(status, code);
    }
}

#[tokio::test]
async fn of_more_repositories_than_are_asked_none_is() {
    let server = Server::start().await;
    for number in 10..42 {
        push_schema1(&server, &format!("r{number}"), "v1", &json!({ "id": "one" }), b"layer").await;
    }
    server.ask("GET /v1/images/one/json").await.expect(200);
    server.push_blob("zzz", b"layer").await;
    for path in ["one/json", "one/ancestry", "one/layer", "none/json"] {
        let answer = server.ask(&format!("GET /v1/images/{path}")).await.refused(400, "UNSUPPORTED");
        assert!(answer.text().contains("token"), "{}", answer.text());
    }
    let named = [("Authorization", "Token repository=r41")];
    server.call("GET /v1/images/one/json", &named, b"").await.expect(200);
}

/// Not a thousand in each repository.
#[tokio::test]
async fn where_images_are_not_stored_one_question_reads_a_thousand_manifests() {
    let server = storing(LegacyImageRows::Off).start().await;
    for (repository, count) in [("a", 500), ("b", 500)] {
        for number in 0..count {
            let id = json!({ "id": format!("{repository}-{number}") });
            push_schema1(&server, repository, &format!("v{number}"), &id, b"layer").await;
        }
    }
    server.ask("GET /v1/images/none/json").await.refused(404, "MANIFEST_UNKNOWN");
    push_schema1(&server, "c", "v1", &json!({ "id": "c" }), b"layer").await;
    for id in ["none", "c"] {
        let answer = server.ask(&format!("GET /v1/images/{id}/json")).await.refused(400, "UNSUPPORTED");
        assert!(answer.text().contains("1000 manifests") && answer.text().contains("token"), "{}", answer.text());
    }
    let named = [("Cookie", "manifestd-v1-repository=c")];
    server.call("GET /v1/images/c/json", &named, b"").await.expect(200);
    // Of one repository that has more, it is not said that the image is not there either; nor are its tags listed.
    for number in 500..1_001 {
        let id = json!({ "id": format!("a-{number}") });
        push_schema1(&server, "a", &format!("v{number}"), &id, b"layer").await;
    }
    let named = [("Cookie", "manifestd-v1-repository=a")];
    server.call("GET /v1/images/none/json", &named, b"").await.refused(400, "UNSUPPORTED");
    server.ask("GET /v1/repositories/a/tags").await.refused(400, "UNSUPPORTED");
    server.ask("GET /v1/repositories/a/tags/v1000").await.expect(200);
}

/// An authenticator refuses credentials that it does not know, and v1 tokens are none.
#[tokio::test]
async fn a_token_is_no_wrong_credential() {
    let server = guarded().await;
    furnish(&server, "open/app").await;
    let id = server.ask("GET /v1/repositories/open/app/tags/v1").await.expect(200).json();
    let line = format!("GET /v1/images/{}/json", id.as_str().unwrap());
    let token = ("Authorization", "Token signature=none,repository=\"open/app\",access=read");
    server.call(&line, &[token], b"").await.expect(200);
    // Beside it, credentials count.
    server.call(&line, &[token, ROOT], b"").await.expect(200);
    server.call(&line, &[token, ("Authorization", "x")], b"").await.refused(401, "UNAUTHORIZED");
    // It is no credential, so it opens nothing.
    furnish(&server, "private/app").await;
    let token = ("Authorization", "Token signature=none,repository=\"private/app\",access=read");
    server.call(&line, &[token], b"").await.refused(401, "UNAUTHORIZED");
    server.call(&line, &[token, ROOT], b"").await.expect(200);
    // Over /v2/ it is a scheme that nobody knows.
    server.call("GET /v2/open/app/tags/list", &[token], b"").await.refused(401, "UNAUTHORIZED");
}

/// The right to pull is enough, and what is hidden counts for nothing: not even as another image of that id.
#[tokio::test]
async fn without_a_token_what_may_be_pulled_is_found() {
    let server = guarded().await;
    for (repository, layer) in [("open/app", b"layer".as_slice()), ("secret/app", b"other"), ("private/app", b"third")]
    {
        let upload = format!("POST /v2/{repository}/blobs/uploads/?digest={}", sha256(layer));
        server.call(&upload, &[ROOT], layer).await.expect(201);
        let manifest = json!({
            "schemaVersion": 1, "name": repository, "tag": "v1", "architecture": "amd64",
            "fsLayers": [{ "blobSum": sha256(layer).to_string() }],
            "history": [{ "v1Compatibility": "{\"id\":\"one\"}" }],
        });
        let headers = [ROOT, ("Content-Type", MediaType::DOCKER_SCHEMA1)];
        let line = format!("PUT /v2/{repository}/manifests/v1");
        server.call(&line, &headers, manifest.to_string()).await.expect(201);
    }
    assert_eq!(server.ask("GET /v1/images/one/layer").await.expect(200).body, b"layer");
    let answer = server.call("GET /v1/images/one/layer", &[ROOT], b"").await.refused(409, "CONFLICT");
    assert!(answer.text().contains("private/app"), "{}", answer.text());
}
