//! Ranges of blobs, as RFC 9110 and the OCI conformance suite have them.

use crate::client::Answer;
use crate::server::Server;
use oci_types::Digest;

fn content() -> Vec<u8> {
    (0..2048_u32).map(|n| (n % 251) as u8).collect()
}

async fn with_blob() -> (Server, Digest) {
    let server = Server::start().await;
    let digest = server.push_blob("a", &content()).await;
    (server, digest)
}

async fn get(server: &Server, digest: &Digest, headers: &[(&str, &str)]) -> Answer {
    server.call(&format!("GET /v2/a/blobs/{digest}"), headers, b"").await
}

#[tokio::test]
async fn one_range() {
    let (server, digest) = with_blob().await;
    let check = async |range: &str, content_range: &str, expected: std::ops::Range<usize>| {
        let answer = get(&server, &digest, &[("Range", range)]).await.expect(206);
        assert_eq!(answer.header("content-range"), content_range, "{range}");
        assert_eq!(answer.header("content-length"), expected.len().to_string(), "{range}");
        assert_eq!(answer.header("docker-content-digest"), digest.to_string());
        assert!(answer.body == content()[expected], "{range}");
    };
    check("bytes=500-1499", "bytes 500-1499/2048", 500..1500).await;
    check("bytes=500-", "bytes 500-2047/2048", 500..2048).await;
    check("bytes=-500", "bytes 1548-2047/2048", 1548..2048).await;
    check("bytes=2000-5000", "bytes 2000-2047/2048", 2000..2048).await;
    check("bytes=0-", "bytes 0-2047/2048", 0..2048).await;
    check("bytes=2047-2047", "bytes 2047-2047/2048", 2047..2048).await;
}

#[tokio::test]
async fn nothing_of_it() {
    let (server, digest) = with_blob().await;
    for range in ["bytes=500-0", "bytes=5000-10000", "bytes=2048-", "bytes=-0", "bytes=3000-4000,5000-"] {
        let answer = get(&server, &digest, &[("Range", range)]).await.refused(416, "SIZE_INVALID");
        assert_eq!(answer.header("content-range"), "bytes */2048", "{range}");
        assert_eq!(answer.detail()["size"], 2048);
    }
    let empty = server.push_blob("a", b"").await;
    get(&server, &empty, &[("Range", "bytes=0-")]).await.refused(416, "SIZE_INVALID");
}

#[tokio::test]
async fn no_range_that_we_know_is_the_whole() {
    let (server, digest) = with_blob().await;
    for range in ["items=0-5", "bytes=a-b", "bytes", "bytes=0-,0-"] {
        let answer = get(&server, &digest, &[("Range", range)]).await.expect(200);
        assert!(answer.body == content(), "{range}");
        assert!(!answer.has("content-range"));
    }
    let answer = server.call(&format!("HEAD /v2/a/blobs/{digest}"), &[("Range", "bytes=0-5")], b"").await.expect(200);
    assert_eq!(answer.header("content-length"), "2048");
}

#[tokio::test]
async fn if_range() {
    let (server, digest) = with_blob().await;
    let check = async |value: String, status: u16| {
        get(&server, &digest, &[("Range", "bytes=0-9"), ("If-Range", &value)]).await.expect(status);
    };
    check(format!("\"{digest}\""), 206).await;
    check("\"other\"".into(), 200).await;
    check(format!("W/\"{digest}\""), 200).await;
    check("Wed, 21 Oct 2015 07:28:00 GMT".into(), 200).await;
}

#[tokio::test]
async fn several_ranges() {
    let (server, digest) = with_blob().await;
    let check = async |range: &str, expected: &[std::ops::Range<usize>]| {
        let answer = get(&server, &digest, &[("Range", range)]).await.expect(206);
        let content_type = answer.header("content-type");
        let boundary = content_type.strip_prefix("multipart/byteranges; boundary=").expect(content_type);
        assert!(!answer.has("content-range"));
        assert_eq!(answer.header("content-length"), answer.body.len().to_string());
        let parts = split(&answer.body, boundary);
        assert_eq!(parts.len(), expected.len(), "{range}");
        for ((head, body), expected) in parts.iter().zip(expected) {
            assert!(**body == content()[expected.clone()], "{range}");
            let content_range = format!("Content-Range: bytes {}-{}/2048", expected.start, expected.end - 1);
            assert!(head.contains(&content_range), "{head}");
            assert!(head.contains("Content-Type: application/octet-stream"), "{head}");
        }
    };
    check("bytes=0-9,100-199", &[0..10, 100..200]).await;
    // In the order asked for; neighbours are not merged.
    check("bytes=100-199,0-9,10-19,-5", &[100..200, 0..10, 10..20, 2043..2048]).await;
    check("bytes=0-9,5000-6000", std::slice::from_ref(&(0..10))).await;
}

/// Heads and bodies of a multipart body, whose parts hold no boundary.
fn split<'a>(body: &'a [u8], boundary: &str) -> Vec<(String, &'a [u8])> {
    let delimiter = format!("\r\n--{boundary}");
    let at = |from: usize, text: &[u8]| {
        body[from..].windows(text.len()).position(|window| window == text).map(|at| from + at)
    };
    let mut parts = Vec::new();
    let mut from = at(0, delimiter.as_bytes()).unwrap() + delimiter.len();
    while !body[from..].starts_with(b"--\r\n") {
        let head = at(from, b"\r\n\r\n").unwrap() + 4;
        let end = at(head, delimiter.as_bytes()).unwrap();
        parts.push((String::from_utf8(body[from..head].to_vec()).unwrap(), &body[head..end]));
        from = end + delimiter.len();
    }
    assert_eq!(from + 4, body.len());
    parts
}
