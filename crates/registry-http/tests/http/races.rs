//! Several clients at once.

use crate::images::sha256;
use crate::server::Server;
use futures_util::future::join_all;
use oci_types::MediaType;
use std::collections::BTreeMap;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_clients_on_one_upload() {
    let server = Server::start().await;
    for _ in 0..20 {
        let location = server.begin("a").await;
        let line = format!("PATCH {location}");
        let (mut one, mut two) = (server.connect().await, server.connect().await);
        // Both are in the middle of the same range before either ends.
        for (client, byte) in [(&mut one, b'1'), (&mut two, b'2')] {
            client.head(&line, &[("Content-Range", "0-999")], Some(1_000)).await;
            client.send([byte; 999]).await;
        }
        one.send("1").await;
        two.send("2").await;
        let answers = [one.answer(&line).await, two.answer(&line).await];
        let won = answers.iter().filter(|answer| answer.status == 202).count();
        assert_eq!(won, 1, "{answers:?}");
        let winner = if answers[0].status == 202 { b'1' } else { b'2' };
        for answer in answers {
            assert_eq!(answer.header("range"), "0-999");
            assert_eq!(answer.header("location"), location);
        }
        let digest = sha256(&[winner; 1_000]);
        server.ask(&format!("PUT {location}?digest={digest}")).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_chunk_races_the_finish() {
    let server = Server::start().await;
    for round in 0..50_u32 {
        let content = format!("content {round}");
        let location = server.begin("a").await;
        server.call(&format!("PATCH {location}"), &[], &content).await.expect(202);
        let digest = sha256(content.as_bytes());
        let (patch, put) = (format!("PATCH {location}"), format!("PUT {location}?digest={digest}"));
        let (chunk, finish) = tokio::join!(server.call(&patch, &[], b"more"), server.ask(&put));
        match (chunk.status, finish.status) {
            // Either the finish came first, and the chunk to an upload that had ended or moved on; or the chunk did, and the
            // finish found more than it expected, or lost the race for the offset.
            (404 | 416, 201) | (202, 400 | 416) => {}
            other => panic!("{other:?}"),
        }
        let read = server.ask(&format!("GET /v2/a/blobs/{digest}")).await;
        if finish.status == 201 {
            assert_eq!(read.expect(200).text(), content);
        } else {
            read.expect(404);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_finishes_of_one_upload() {
    let server = Server::start().await;
    let location = server.begin("a").await;
    server.call(&format!("PATCH {location}"), &[], b"content").await.expect(202);
    let digest = sha256(b"content");
    let put = format!("PUT {location}?digest={digest}");
    let answers = join_all((0..64).map(|_| server.ask(&put))).await;
    for answer in answers {
        answer.expect(201);
    }
    assert_eq!(server.ask(&format!("GET /v2/a/blobs/{digest}")).await.text(), "content");
    // The shared empty layer, and this one.
    assert_eq!(server.totals().await.blobs, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_finishes_with_the_last_chunk() {
    let server = Server::start().await;
    let location = server.begin("a").await;
    let digest = sha256(b"content");
    let put = format!("PUT {location}?digest={digest}");
    let answers = join_all((0..64).map(|_| server.call(&put, &[], b"content"))).await;
    let mut statuses = BTreeMap::new();
    for answer in answers {
        *statuses.entry(answer.status).or_insert(0) += 1;
    }
    assert_eq!(statuses, BTreeMap::from([(201, 64)]));
    assert_eq!(server.ask(&format!("GET /v2/a/blobs/{digest}")).await.text(), "content");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_pushes_of_one_manifest() {
    let server = Server::start().await;
    server.push_blob("a", b"{}").await;
    server.push_blob("a", b"layer").await;
    let manifest = crate::images::image(b"{}", b"layer");
    let answers = join_all((0..64).map(|n| {
        let (server, manifest) = (&server, &manifest);
        async move { server.put("a", &format!("v{}", n % 8), manifest).await }
    }));
    for answer in answers.await {
        answer.expect(201);
    }
    let totals = server.totals().await;
    assert_eq!((totals.manifests, totals.tags), (1, 8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn only_one_of_many_makes_a_new_tag() {
    let server = Server::start().await;
    server.push_blob("a", b"{}").await;
    server.push_blob("a", b"layer").await;
    let manifest = crate::images::image(b"{}", b"layer").to_string();
    let headers = [("If-None-Match", "*"), ("Content-Type", MediaType::OCI_MANIFEST)];
    let answers = join_all((0..16).map(|_| server.call("PUT /v2/a/manifests/v1", &headers, &manifest))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
    assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 412)), "{answers:?}");
}
