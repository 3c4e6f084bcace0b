use super::{Hosts, split};
use http::Request;

fn hosts(listening: &str, names: &[&str]) -> Hosts {
    Hosts::listening_on(listening.parse().unwrap()).and(names).unwrap()
}

fn admitted(hosts: &Hosts, headers: &[(&str, &str)]) -> bool {
    let mut request = Request::get("/v2/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    hosts.check(&request.body(()).unwrap().into_parts().0).is_ok()
}

#[test]
fn the_address_listened_on() {
    let check = |listening: &str, host: &str, expected: bool| {
        assert_eq!(admitted(&hosts(listening, &[]), &[("host", host)]), expected, "{host} at {listening}");
    };
    for loopback in ["127.0.0.1", "::1"] {
        check(loopback, "localhost", true);
        check(loopback, "LocalHost.:5000", true);
        check(loopback, "127.0.0.1:5000", true);
        check(loopback, "127.0.0.53", true);
        check(loopback, "[::1]:5000", true);
        check(loopback, "[::ffff:127.0.0.1]", true);
        check(loopback, "192.0.2.1:5000", false);
        check(loopback, "registry:5000", false);
        check(loopback, "localhost.example.com", false);
        check(loopback, "example.com", false);
        check(loopback, "", false);
        check(loopback, "127.0.0.1:port", false);
        check(loopback, "user@localhost", false);
    }
    for unspecified in ["0.0.0.0", "::"] {
        check(unspecified, "192.0.2.1:5000", true);
        check(unspecified, "[2001:db8::1]", true);
        check(unspecified, "localhost:5000", true);
        check(unspecified, "registry:5000", false);
    }
    check("192.0.2.1", "192.0.2.1", true);
    check("192.0.2.1", "192.0.2.2", false);
    check("192.0.2.1", "localhost", false);
}

#[test]
fn configured_names() {
    let hosts = hosts("127.0.0.1", &["Registry.example.com", "r:5000", "[2001:db8::1]:80"]);
    let check = |host: &str, expected: bool| assert_eq!(admitted(&hosts, &[("host", host)]), expected, "{host}");
    check("registry.example.com", true);
    check("REGISTRY.example.com.:443", true);
    check("r:5000", true);
    check("r", false);
    check("r:5001", false);
    check("[2001:db8::1]:80", true);
    check("localhost", true);
    check("example.com", false);
    assert!(admitted(&self::hosts("127.0.0.1", &["*"]), &[("host", "anything")]));
    assert!(Hosts::listening_on([127, 0, 0, 1].into()).and(["a b"]).is_err());
    assert!(Hosts::listening_on([127, 0, 0, 1].into()).and([""]).is_err());
}

#[test]
fn origins() {
    let hosts = hosts("127.0.0.1", &["ui.example.com"]);
    let check = |host: &str, origin: &str, expected: bool| {
        assert_eq!(admitted(&hosts, &[("host", host), ("origin", origin)]), expected, "{origin} to {host}");
    };
    check("localhost:5000", "http://localhost:5000", true);
    check("localhost", "http://localhost:80", true);
    check("localhost", "https://localhost", true);
    check("localhost:5000", "http://localhost:3000", false);
    check("localhost:5000", "http://127.0.0.1:5000", false);
    check("localhost:5000", "http://evil.example.com", false);
    check("localhost:5000", "null", false);
    check("localhost:5000", "", false);
    check("localhost:5000", "file://localhost:5000", false);
    check("localhost:5000", "https://ui.example.com", true);
    check("evil.example.com", "http://evil.example.com", false);
    // A wildcard for hosts is none for origins.
    let any = self::hosts("127.0.0.1", &["*"]);
    assert!(!admitted(&any, &[("host", "a"), ("origin", "http://b")]));
    assert!(admitted(&any, &[("host", "a"), ("origin", "http://a")]));
}

#[test]
fn there_is_one_host() {
    let hosts = hosts("127.0.0.1", &[]);
    assert!(!admitted(&hosts, &[]));
    assert!(!admitted(&hosts, &[("host", "localhost"), ("host", "localhost")]));
}

#[test]
fn authorities() {
    let check = |text: &str, expected| assert_eq!(split(text), expected, "{text}");
    check("a", Some(("a", None)));
    check("a:", Some(("a", None)));
    check("a.:1", Some(("a", Some(1))));
    check("[::1]", Some(("::1", None)));
    check("[::1]:65535", Some(("::1", Some(65535))));
    check("a:65536", None);
    check("a:+1", None);
    check("::1", None);
    check("[::1", None);
    check("[::1]x", None);
    check("[a]", None);
    check(".", None);
}
