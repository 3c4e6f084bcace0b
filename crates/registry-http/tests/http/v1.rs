//! Docker's first registry protocol.

use crate::images::{image, sha256};
use crate::server::{Server, Setup};
use manifest_core::Policy;
use manifest_core::policy::LegacyImageRows;
use manifest_core::ports::BlobStore;
use oci_types::MediaType;
use serde_json::{Value, json};

/// Two images on one base.
async fn two_images(server: &Server, repository: &str) {
    for (tag, top) in [("v1", b"top one".as_slice()), ("v2", b"top two")] {
        for blob in [b"{}".as_slice(), b"base", top] {
            server.push_blob(repository, blob).await;
        }
        let mut manifest = image(b"{}", b"base");
        let layer = crate::images::descriptor(MediaType::OCI_LAYER_GZIP, top);
        manifest["layers"].as_array_mut().unwrap().push(layer);
        server.put(repository, tag, &manifest).await.expect(201);
    }
}

#[tokio::test]
async fn from_a_tag_to_its_layers() {
    let server = Server::start().await;
    two_images(&server, "team/app").await;
    let ping = server.ask("GET /v1/_ping").await.expect(200);
    assert_eq!(ping.text(), "true");
    assert_eq!(ping.header("x-docker-registry-version"), "0.9.1");

    let images = server.ask("GET /v1/repositories/team/app/images").await.expect(200);
    let token = images.header("x-docker-token").to_owned();
    assert_eq!(token, "signature=none,repository=\"team/app\",access=read");
    assert_eq!(images.header("x-docker-endpoints"), "localhost");
    let token = format!("Token {token}");
    let tags = server.ask("GET /v1/repositories/team/app/tags").await.expect(200).json();
    let ids: Vec<&str> = ["v1", "v2"].iter().map(|tag| tags[tag].as_str().unwrap()).collect();
    assert_ne!(ids[0], ids[1]);
    let mut listed: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
    listed.sort_by_key(ToString::to_string);
    assert_eq!(images.json(), Value::Array(listed));

    for (tag, id, top) in [("v1", ids[0], b"top one"), ("v2", ids[1], b"top two")] {
        let one = server.ask(&format!("GET /v1/repositories/team/app/tags/{tag}")).await.expect(200);
        assert_eq!(one.json(), json!(id));
        // With the token that the client was given, and without.
        for headers in [&[("Authorization", token.as_str())][..], &[]] {
            let ancestry = server.call(&format!("GET /v1/images/{id}/ancestry"), headers, b"").await.expect(200).json();
            assert_eq!(ancestry.as_array().unwrap().len(), 2);
            assert_eq!(ancestry[0], json!(id));
            for (id, content) in [(id, top.as_slice()), (ancestry[1].as_str().unwrap(), b"base")] {
                let answer = server.call(&format!("GET /v1/images/{id}/json"), headers, b"").await.expect(200);
                assert_eq!(answer.json()["id"], json!(id));
                assert_eq!(answer.header("x-docker-size"), content.len().to_string());
                let layer = server.call(&format!("GET /v1/images/{id}/layer"), headers, b"").await.expect(200);
                assert_eq!(layer.body, content);
                assert_eq!(layer.header("docker-content-digest"), sha256(content).to_string());
                let range = [headers, &[("Range", "bytes=1-2")]].concat();
                let part = server.call(&format!("GET /v1/images/{id}/layer"), &range, b"").await.expect(206);
                assert_eq!(part.body, &content[1..3]);
                let head = server.call(&format!("HEAD /v1/images/{id}/layer"), headers, b"").await.expect(200);
                assert_eq!(head.header("content-length"), content.len().to_string());
            }
        }
    }
}

#[tokio::test]
async fn what_an_id_names_in_a_repository_is_cached() {
    let server = Server::start().await;
    two_images(&server, "a").await;
    let id: String = serde_json::from_value(server.ask("GET /v1/repositories/a/tags/v1").await.json()).unwrap();
    let token = ("Authorization", "Token repository=\"a\"");
    for what in ["json", "ancestry", "layer"] {
        let line = format!("GET /v1/images/{id}/{what}");
        let answer = server.call(&line, &[token], b"").await.expect(200);
        assert_eq!(answer.header("cache-control"), "private, max-age=31536000", "{what}");
        assert_eq!(answer.header("vary"), "authorization, cookie");
        let since = ("If-Modified-Since", answer.header("last-modified"));
        let known = server.call(&line, &[token, since], b"").await.expect(304);
        assert!(known.body.is_empty());
        // Whoever names what it has is not answered by a date.
        server.call(&line, &[token, since, ("If-None-Match", "\"other\"")], b"").await.expect(200);
        // Only of what is there.
        let line = format!("GET /v1/images/none/{what}");
        server.call(&line, &[since], b"").await.refused(404, "MANIFEST_UNKNOWN");
        server.call(&line, &[token, since], b"").await.refused(404, "MANIFEST_UNKNOWN");
    }
}

/// Which repository answers then depends on the rights of the caller and on what else there is.
#[tokio::test]
async fn without_a_repository_an_answer_is_asked_for_again() {
    let server = Server::start().await;
    two_images(&server, "a").await;
    let id: String = serde_json::from_value(server.ask("GET /v1/repositories/a/tags/v1").await.json()).unwrap();
    for what in ["json", "ancestry", "layer"] {
        let line = format!("GET /v1/images/{id}/{what}");
        let since = ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT");
        let answer = server.call(&line, &[since], b"").await.expect(200);
        assert_eq!(answer.header("cache-control"), "private, no-cache", "{what}");
        assert_eq!(answer.header("vary"), "authorization, cookie");
        assert!(!answer.has("last-modified"), "{what}");
    }
    // A layer is known by its digest.
    let line = format!("GET /v1/images/{id}/layer");
    let etag = server.ask(&line).await.header("etag").to_owned();
    let known = server.call(&line, &[("If-None-Match", &etag)], b"").await.expect(304);
    assert_eq!(known.header("cache-control"), "private, no-cache");
}

#[tokio::test]
async fn old_clients_put_library_before_short_names() {
    let server = Server::start().await;
    two_images(&server, "app").await;
    let images = server.ask("GET /v1/repositories/library/app/images").await.expect(200);
    assert!(images.header("x-docker-token").contains("\"app\""));
    for path in ["library/app/tags", "library/app/tags/v1"] {
        server.ask(&format!("GET /v1/repositories/{path}")).await.expect(200);
    }
    server.ask("GET /v1/repositories/library/none/tags").await.refused(404, "NAME_UNKNOWN");
    server.ask("GET /v1/repositories/library/a/app/tags").await.refused(404, "NAME_UNKNOWN");
}

/// A tag may have the name of a listing, and a repository that of what stands before a tag.
#[tokio::test]
async fn tags_and_repositories_named_like_parts_of_paths() {
    let server = Server::start().await;
    for tag in ["v1", "images", "tags"] {
        server.push_image("a", tag, tag.as_bytes()).await;
    }
    for repository in ["b/tags", "b/images", "tags", "c", "c/tags"] {
        server.push_image(repository, "v1", b"layer").await;
    }
    let ask = async |path: &str| server.ask(&format!("GET /v1/repositories/{path}")).await.expect(200).json();
    let tags = ask("a/tags").await;
    for tag in ["v1", "images", "tags"] {
        assert_eq!(ask(&format!("a/tags/{tag}")).await, tags[tag], "{tag}");
    }
    for repository in ["b/tags", "b/images", "tags", "c/tags"] {
        let tags = ask(&format!("{repository}/tags")).await;
        assert_eq!(ask(&format!("{repository}/images")).await, json!([{ "id": tags["v1"] }]), "{repository}");
        assert_eq!(ask(&format!("{repository}/tags/v1")).await, tags["v1"], "{repository}");
    }
    // Where both are there, it is the tag.
    server.push_image("c", "tags", b"layer").await;
    assert!(ask("c/tags/tags").await.is_string());
    server.ask("GET /v1/repositories/a/tags/none").await.refused(404, "MANIFEST_UNKNOWN");
    server.ask("GET /v1/repositories/none/tags/images").await.refused(404, "NAME_UNKNOWN");
}

#[tokio::test]
async fn what_is_not_there() {
    let server = Server::start().await;
    two_images(&server, "a").await;
    server.ask("GET /v1/repositories/none/tags").await.refused(404, "NAME_UNKNOWN");
    server.ask("GET /v1/repositories/none/images").await.refused(404, "NAME_UNKNOWN");
    server.ask("GET /v1/repositories/a/tags/none").await.refused(404, "MANIFEST_UNKNOWN");
    server.ask("GET /v1/repositories/A/tags").await.refused(400, "NAME_INVALID");
    for path in ["", "users/", "images/0f/checksum", "nothing"] {
        server.ask(&format!("GET /v1/{path}")).await.refused(404, "UNSUPPORTED");
    }
}

#[tokio::test]
async fn nothing_is_pushed() {
    let server = Server::start().await;
    for line in [
        "PUT /v1/repositories/a/",
        "PUT /v1/repositories/a/images",
        "PUT /v1/repositories/a/tags/v1",
        "DELETE /v1/repositories/a/tags",
        "PUT /v1/images/0f/json",
        "PUT /v1/images/0f/layer",
        "PUT /v1/images/0f/checksum",
        "POST /v1/users/",
    ] {
        let answer = server.call(line, &[], b"{}").await.refused(405, "UNSUPPORTED");
        assert_eq!(answer.header("allow"), "GET, HEAD", "{line}");
        assert!(answer.text().contains("/v2/"), "{line}");
    }
    assert_eq!(server.totals().await.repositories, 0);
}

#[tokio::test]
async fn a_search() {
    let server = Server::start().await;
    for name in ["team/alpine", "alpine-tools", "other"] {
        server.push_image(name, "v1", b"layer").await;
    }
    let check = async |query: &str, expected: &[&str]| {
        let found = server.ask(&format!("GET /v1/search{query}")).await.expect(200).json();
        let names: Vec<&str> =
            found["results"].as_array().unwrap().iter().map(|result| result["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{query}");
        assert_eq!(found["num_results"], json!(expected.len()));
    };
    check("?q=alpine", &["alpine-tools", "team/alpine"]).await;
    // Names are always lower case.
    check("?q=Team/ALPine", &["team/alpine"]).await;
    check("?q=alpine&n=1", &["alpine-tools"]).await;
    check("?q=none", &[]).await;
    check("", &["alpine-tools", "other", "team/alpine"]).await;
}

#[tokio::test]
async fn switched_off_it_is_not_there() {
    let server = Setup { app: Box::new(|options| options.v1_api = false), ..Setup::default() }.start().await;
    server.push_image("a", "v1", b"layer").await;
    for line in [
        "GET /v1/_ping",
        "GET /v1/repositories/a/tags",
        "GET /v1/repositories/A/tags",
        "PUT /v1/images/0f/json",
        "GET /v1/search?q=a",
    ] {
        server.ask(line).await.refused(404, "UNSUPPORTED");
    }
    server.ask("GET /v2/").await.expect(200);
}

#[tokio::test]
async fn a_config_that_is_gone_takes_its_own_images_alone() {
    let policy = Policy { legacy_images: LegacyImageRows::Off, ..Policy::default() };
    let server = Setup { policy, ..Setup::default() }.start().await;
    let lost = b"{        }";
    for (tag, config, layer) in [("kept", b"{}".as_slice(), b"one".as_slice()), ("lost", lost, b"other")] {
        server.push_blob("a", config).await;
        server.push_blob("a", layer).await;
        server.put("a", tag, &image(config, layer)).await.expect(201);
    }
    let id = server.ask("GET /v1/repositories/a/tags/kept").await.expect(200).json();
    let all = server.bytes.list(None, 1_000).await.unwrap().items;
    for stored in all.into_iter().filter(|stored| stored.size == lost.len() as u64) {
        server.bytes.delete(&stored.location).await.unwrap();
    }
    let tags = server.ask("GET /v1/repositories/a/tags").await.expect(200).json();
    assert_eq!(tags, json!({ "kept": id }));
    server.ask("GET /v1/repositories/a/tags/lost").await.refused(404, "MANIFEST_UNKNOWN");
    server.ask(&format!("GET /v1/images/{}/json", id.as_str().unwrap())).await.expect(200);
    server.ask("GET /v1/images/none/json").await.refused(404, "MANIFEST_UNKNOWN");
}
