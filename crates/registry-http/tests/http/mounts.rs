//! Mounts, with and without a source.

use crate::client::Answer;
use crate::images::sha256;
use crate::server::Server;

/// A mount that became an upload, which works.
async fn upload_instead(server: &Server, answer: Answer, bytes: &[u8]) {
    let answer = answer.expect(202);
    let location = answer.header("location");
    assert!(location.starts_with("/v2/b/blobs/uploads/"), "{location}");
    assert_eq!(answer.header("range"), "0-0");
    let digest = sha256(bytes);
    server.call(&format!("PUT {location}?digest={digest}"), &[], bytes).await.expect(201);
}

#[tokio::test]
async fn from_a_repository() {
    let server = Server::start().await;
    let digest = server.push_blob("team/a", b"blob").await;
    let escaped = digest.to_string().replace(':', "%3A");
    for query in [format!("mount={digest}&from=team/a"), format!("from=team%2Fa&mount={escaped}&origin=x")] {
        let answer = server.ask(&format!("POST /v2/b/blobs/uploads/?{query}")).await.expect(201);
        assert_eq!(answer.header("location"), format!("/v2/b/blobs/{digest}"));
        assert_eq!(answer.header("docker-content-digest"), digest.to_string());
    }
    assert_eq!(server.ask(&format!("GET /v2/b/blobs/{digest}")).await.expect(200).text(), "blob");
}

#[tokio::test]
async fn from_anywhere() {
    let server = Server::start().await;
    let digest = server.push_blob("team/a", b"blob").await;
    server.ask(&format!("POST /v2/b/blobs/uploads/?mount={digest}")).await.expect(201);
    server.ask(&format!("HEAD /v2/b/blobs/{digest}")).await.expect(200);
}

#[tokio::test]
async fn what_cannot_be_mounted_is_uploaded() {
    let server = Server::start().await;
    let digest = sha256(b"blob");
    server.push_blob("empty", b"other").await;
    for from in ["", "&from=empty", "&from=not-there", "&from=NO-NAME", "&from="] {
        let answer = server.ask(&format!("POST /v2/b/blobs/uploads/?mount={digest}{from}")).await;
        upload_instead(&server, answer, b"blob").await;
        server.ask(&format!("DELETE /v2/b/blobs/{digest}")).await.expect(202);
    }
}
