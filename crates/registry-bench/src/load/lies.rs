//! A server that lies in one way, which each kind of load must find.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::Arc,
    thread,
};

use super::{Timing, Until, operations, requests};
use crate::{
    content::digest,
    http::{Body, Client, Expect, Page, Request},
};

const BODY: &[u8] = b"the bytes that were pushed";
const PATH: &str = "/v2/a/manifests/b";

/// A server that answers each request with those bytes; without any it closes the connection. Ends with the test.
fn server(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.unwrap(), answer.clone());
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                // The requests of these tests are small, and the next comes after the answer.
                while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
                    if answer.is_empty() || stream.write_all(&answer).is_err() {
                        return;
                    }
                    // Whoever says more than is sent ends the connection, or nobody would know.
                    if !answer.ends_with(BODY) && !answer.ends_with(b"0\r\n\r\n") {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn answer(status: &str, digest: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nDocker-Content-Digest: {digest}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn expect(body: Body) -> Expect {
    Expect { digest: Some(digest(BODY).into()), body, ..Expect::status(200) }
}

/// What both kinds of load say.
fn both(answer: &[u8], expect: &Expect) -> [anyhow::Result<Timing>; 2] {
    let address = server(answer.to_vec());
    let mut source = |request: &mut Vec<u8>| {
        Request::new(request, "GET", PATH).end();
        Ok(expect.clone())
    };
    let by_requests = requests(&address, 2, Until::Count(10), &mut source);
    let operation = |client: &mut Client, _| client.call("GET", PATH)?.judge(expect);
    [by_requests, operations(&address, 2, Until::Count(10), operation)]
}

fn passes(answer: &[u8], expect: &Expect) {
    for result in both(answer, expect) {
        assert_eq!(result.unwrap().latencies.total(), 10);
    }
}

fn fails(answer: &[u8], expect: &Expect, why: &str) {
    for result in both(answer, expect) {
        let error = format!("{:#}", result.unwrap_err());
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn the_truth_passes() {
    let right = answer("200 OK", &digest(BODY), BODY.len(), BODY);
    passes(&right, &expect(Body::Exact(BODY.into())));
    passes(&right, &expect(Body::Any));
    let chunked =
        format!("HTTP/1.1 200 OK\r\nDocker-Content-Digest: {}\r\nTransfer-Encoding: chunked\r\n\r\n", digest(BODY));
    let chunked = [chunked.as_bytes(), b"a\r\n", &BODY[..10], b"\r\n10\r\n", &BODY[10..], b"\r\n0\r\n\r\n"].concat();
    passes(&chunked, &expect(Body::Exact(BODY.into())));
}

#[test]
fn each_lie_fails_the_run() {
    let exact = expect(Body::Exact(BODY.into()));
    let (right, length) = (digest(BODY), BODY.len());
    fails(&answer("404 Not Found", &right, length, BODY), &exact, "status 404 and not 200");
    fails(&answer("200 OK", &digest(b"other"), length, BODY), &exact, "and not sha256:");
    fails(&answer("200 OK", "", length, BODY), &exact, "and not sha256:");
    fails(&answer("200 OK", &right, length - 1, &BODY[1..]), &exact, "not the one");
    let another = [b"T", &BODY[1..]].concat();
    fails(&answer("200 OK", &right, length, &another), &exact, "not the one");
    fails(&answer("200 OK", &right, length + 5, &BODY[..length - 1]), &exact, "the connection ended");
    fails(&answer("200 OK", &right, length - 1, BODY), &exact, "longer than it says");
    fails(b"", &exact, "the connection ended");
    fails(b"HTTP/1.1 200", &exact, "the connection ended");
    fails(&[b"SSH-2.0\r\n\r\n", BODY].concat(), &exact, "no status line");
}

#[test]
fn a_digest_may_be_absent_where_that_is_allowed_and_wrong_nowhere() {
    let allowed = Expect { may_lack_digest: true, ..expect(Body::Any) };
    let without = [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", BODY.len()).as_bytes(), BODY].concat();
    passes(&without, &allowed);
    fails(&without, &expect(Body::Any), "digest (none) and not");
    fails(&answer("200 OK", &digest(b"other"), BODY.len(), BODY), &allowed, "and not sha256:");
}

#[test]
fn a_page_must_be_right_and_stay_as_it_is() {
    let right = answer("200 OK", &digest(BODY), BODY.len(), BODY);
    let wanted = |text: &'static [u8]| {
        Body::Page(Page::new(move |body: &[u8]| {
            anyhow::ensure!(body == text, "another page");
            Ok(())
        }))
    };
    passes(&right, &expect(wanted(BODY)));
    fails(&right, &expect(wanted(b"x")), "another page");
    let page = Page::new(|_: &[u8]| Ok(()));
    let mut client = Client::connect(&server(right)).unwrap();
    client.call("GET", PATH).unwrap().judge(&expect(Body::Page(Arc::clone(&page)))).unwrap();
    let changed = [b"T", &BODY[1..]].concat();
    let mut client = Client::connect(&server(answer("200 OK", &digest(BODY), changed.len(), &changed))).unwrap();
    let error = client.call("GET", PATH).unwrap().judge(&expect(Body::Page(page))).unwrap_err();
    assert!(error.to_string().contains("differs from the first"), "{error}");
}

#[test]
fn a_failed_operation_ends_all() {
    let address = server(answer("200 OK", &digest(BODY), BODY.len(), BODY));
    let operation = |client: &mut Client, number: u64| {
        client.call("GET", PATH)?;
        anyhow::ensure!(number != 3, "the fourth");
        Ok(())
    };
    let error = operations(&address, 4, Until::Count(u64::MAX), operation).unwrap_err();
    assert_eq!(error.to_string(), "the fourth");
}
