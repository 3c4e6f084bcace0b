//! The other algorithm, everywhere.

use crate::images::{image, sha512};
use crate::server::Server;

#[tokio::test]
async fn a_blob_in_every_way() {
    let server = Server::start().await;
    let bytes = b"some content".as_slice();
    let digest = sha512(bytes);
    let pushed = |answer: crate::client::Answer| {
        let answer = answer.expect(201);
        assert_eq!(answer.header("location"), format!("/v2/a/blobs/{digest}"));
        assert_eq!(answer.header("docker-content-digest"), digest.to_string());
    };
    pushed(server.call(&format!("POST /v2/a/blobs/uploads/?digest={digest}"), &[], bytes).await);
    // With the hint, and without it.
    for begin in ["POST /v2/a/blobs/uploads/?digest-algorithm=sha512", "POST /v2/a/blobs/uploads/"] {
        server.ask(&format!("DELETE /v2/a/blobs/{digest}")).await.expect(202);
        let location = server.ask(begin).await.expect(202).header("location").to_owned();
        server.call(&format!("PATCH {location}"), &[], &bytes[..5]).await.expect(202);
        pushed(server.call(&format!("PUT {location}?digest={digest}"), &[], &bytes[5..]).await);
        let answer = server.ask(&format!("GET /v2/a/blobs/{digest}")).await.expect(200);
        assert_eq!((answer.header("docker-content-digest"), answer.body.as_slice()), (&*digest.to_string(), bytes));
    }
    let location = server.begin("a").await;
    let wrong = sha512(b"other content");
    server.call(&format!("PUT {location}?digest={wrong}"), &[], bytes).await.refused(400, "DIGEST_INVALID");
}

#[tokio::test]
async fn a_manifest() {
    let server = Server::start().await;
    server.push_blob("a", b"{}").await;
    server.push_blob("a", b"layer").await;
    let manifest = image(b"{}", b"layer");
    let digest = sha512(manifest.to_string().as_bytes());
    let answer = server.put("a", &digest.to_string(), &manifest).await.expect(201);
    assert_eq!(answer.header("location"), format!("/v2/a/manifests/{digest}"));
    let answer = server.ask(&format!("GET /v2/a/manifests/{digest}")).await.expect(200);
    assert_eq!(answer.header("docker-content-digest"), digest.to_string());
    assert_eq!(answer.header("etag"), format!("\"{digest}\""));
    let wrong = sha512(b"wrong");
    server.put("a", &wrong.to_string(), &manifest).await.refused(400, "DIGEST_INVALID");
}
