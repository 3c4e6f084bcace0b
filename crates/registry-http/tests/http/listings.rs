//! Tag lists and the catalogue, page by page.

use crate::server::{Server, Setup};
use manifest_core::Policy;
use serde_json::json;

/// Follows the links from `path` on; the pages' lists of that name.
async fn pages(server: &Server, path: &str, list: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut path = path.to_owned();
    loop {
        let answer = server.ask(&format!("GET {path}")).await.expect(200);
        assert_eq!(answer.header("content-type"), "application/json");
        let items = answer.json()[list].as_array().unwrap().clone();
        pages.push(items.iter().map(|item| item.as_str().unwrap().to_owned()).collect());
        let links = answer.headers("link");
        match links.as_slice() {
            [] => return pages,
            [link] => {
                let target = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap();
                assert!(target.starts_with("/v2/"), "{target}");
                target.clone_into(&mut path);
            }
            more => panic!("{more:?}"),
        }
    }
}

async fn with_tags(server: &Server, tags: &[&str]) {
    let manifest = server.push_image("team/app", tags[0], b"layer").await;
    for tag in tags {
        server.call(&format!("PUT /v2/team/app/manifests/{tag}"), &[], &manifest).await.expect(201);
    }
}

#[tokio::test]
async fn tags() {
    let server = Server::start().await;
    with_tags(&server, &["v2", "V1", "_x", "a-b", "v10", "a.b"]).await;
    let sorted = ["V1", "_x", "a-b", "a.b", "v10", "v2"];
    let answer = server.ask("GET /v2/team/app/tags/list").await.expect(200);
    assert_eq!(answer.json(), json!({ "name": "team/app", "tags": sorted }));
    assert!(!answer.has("link"));
    let of = async |query: &str| pages(&server, &format!("/v2/team/app/tags/list{query}"), "tags").await;
    assert_eq!(of("?n=2").await, [&sorted[..2], &sorted[2..4], &sorted[4..]]);
    assert_eq!(of("?n=4").await, [&sorted[..4], &sorted[4..]]);
    assert_eq!(of("?n=6").await, [sorted]);
    assert_eq!(of("?n=100000").await, [sorted]);
    assert_eq!(of("?last=a-b").await, [&sorted[3..]]);
    assert_eq!(of("?last=a-zz&n=1").await, [["a.b"], ["v10"], ["v2"]]);
    assert_eq!(of("?last=zzz").await, [[""; 0]]);
    assert_eq!(of("?n=0").await, [[""; 0]]);
    server.ask("HEAD /v2/team/app/tags/list").await.expect(200);
}

#[tokio::test]
async fn pages_that_nobody_can_want() {
    let server = Server::start().await;
    with_tags(&server, &["v1"]).await;
    for n in ["-1", "ten", "1.0", "%20"] {
        let answer = server.ask(&format!("GET /v2/team/app/tags/list?n={n}")).await.refused(400, "UNSUPPORTED");
        assert!(answer.detail()["n"].is_string());
        server.ask(&format!("GET /v2/_catalog?n={n}")).await.refused(400, "UNSUPPORTED");
    }
    server.ask("GET /v2/team/app/tags/list?last=a/b").await.refused(400, "TAG_INVALID");
    server.ask("GET /v2/_catalog?last=A").await.refused(400, "NAME_INVALID");
    server.ask("GET /v2/none/tags/list").await.refused(404, "NAME_UNKNOWN");
}

#[tokio::test]
async fn a_repository_without_tags() {
    let server = Server::start().await;
    server.push_blob("a", b"blob").await;
    assert_eq!(server.ask("GET /v2/a/tags/list").await.expect(200).json(), json!({ "name": "a", "tags": [] }));
}

#[tokio::test]
async fn a_page_is_never_larger_than_policy_says() {
    let setup = Setup { policy: Policy { max_page: 2, ..Policy::default() }, ..Setup::default() };
    let server = setup.start().await;
    with_tags(&server, &["a", "b", "c"]).await;
    for query in ["", "?n=3", "?n=99999999999999"] {
        let path = format!("/v2/team/app/tags/list{query}");
        assert_eq!(pages(&server, &path, "tags").await, [vec!["a", "b"], vec!["c"]], "{query}");
    }
}

#[tokio::test]
async fn the_catalogue() {
    let server = Server::start().await;
    assert_eq!(server.ask("GET /v2/_catalog").await.expect(200).json(), json!({ "repositories": [] }));
    for name in ["b", "a/b", "a", "a-b"] {
        server.push_blob(name, b"blob").await;
    }
    let of = async |query: &str| pages(&server, &format!("/v2/_catalog{query}"), "repositories").await;
    let sorted = ["a", "a-b", "a/b", "b"];
    assert_eq!(of("").await, [sorted]);
    assert_eq!(of("?n=3").await, [&sorted[..3], &sorted[3..]]);
    assert_eq!(of("?n=1&last=a-b").await, [["a/b"], ["b"]]);
    assert_eq!(of("?n=0").await, [[""; 0]]);
}
