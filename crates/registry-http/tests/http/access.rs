//! Who asks, and what they may not know.

use crate::client::Answer;
use crate::images::{about, sha256};
use crate::server::{Server, Setup};
use async_trait::async_trait;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use http::request::Parts;
use manifest_core::access::{AccessAsk, Action, Authorizer, Caller, Decision, NameRange, ReadScope};
use manifest_core::{Port, PortError, PortErrorKind};
use registry_http::{Authenticate, AuthenticateError};
use std::fmt::Write as _;
use std::sync::Arc;

/// `Authorization: user <name>` is somebody; any other is a mistake.
struct Names;

#[async_trait]
impl Authenticate for Names {
    async fn authenticate(&self, request: &Parts) -> Result<Caller, AuthenticateError> {
        let Some(header) = request.headers.get(AUTHORIZATION) else { return Ok(Caller::Anonymous) };
        match header.to_str().unwrap_or_default().strip_prefix("user ") {
            Some("unlucky") => Err(PortError::new(PortErrorKind::Unavailable, "the directory of users").into()),
            Some(name) => Ok(Caller::Named(name.parse().unwrap())),
            None => Err(AuthenticateError::Refused("the credentials are wrong".into())),
        }
    }

    fn challenge(&self, _: &Parts, asks: &[AccessAsk]) -> HeaderValue {
        let mut challenge = "Bearer realm=\"http://localhost/token\"".to_owned();
        for ask in asks {
            let name = ask.repository.as_ref().map_or("", |name| name.as_str());
            write!(challenge, ",scope=\"{name}:{:?}\"", ask.action).unwrap();
        }
        challenge.parse().unwrap()
    }
}

/// Root may do everything. Others see nothing below `secret/`, need credentials below `private/`, and may only read below
/// `frozen/`.
struct Rules;

#[async_trait]
impl Authorizer for Rules {
    async fn decide(&self, caller: &Caller, asks: &[AccessAsk]) -> Port<Vec<Decision>> {
        let is_root = matches!(caller, Caller::Named(name) if name.as_str() == "root");
        let decide = |ask: &AccessAsk| {
            let name = ask.repository.as_ref().map_or("", |name| name.as_str());
            match name.split('/').next() {
                _ if is_root => Decision::Allow,
                Some("secret") => Decision::Hide,
                Some("private") => Decision::Challenge,
                Some("frozen") if ask.action != Action::Pull => Decision::Deny,
                Some(_) | None => Decision::Allow,
            }
        };
        Ok(asks.iter().map(decide).collect())
    }

    async fn read_scope(&self, caller: &Caller) -> Port<ReadScope> {
        let range = |start: &str, end: &str| NameRange { start: start.into(), end: end.into() };
        Ok(match caller {
            Caller::Named(name) if name.as_str() == "root" => ReadScope::All,
            Caller::Named(_) | Caller::Anonymous => {
                ReadScope::ranges(false, [range("", "private/"), range("private0", "secret/"), range("secret0", "{")])
            }
        })
    }
}

pub(crate) const ROOT: (&str, &str) = ("Authorization", "user root");

pub(crate) async fn guarded() -> Server {
    let setup = Setup {
        access: Arc::new(Rules),
        app: Box::new(|options| options.authenticate = Some(Arc::new(Names))),
        ..Setup::default()
    };
    setup.start().await
}

/// As root, a blob, an image and a manifest about it.
pub(crate) async fn furnish(server: &Server, repository: &str) -> Vec<u8> {
    for blob in ["{}", "layer"] {
        let line = format!("POST /v2/{repository}/blobs/uploads/?digest={}", sha256(blob.as_bytes()));
        server.call(&line, &[ROOT], blob).await.expect(201);
    }
    let image = crate::images::image(b"{}", b"layer").to_string();
    let referrer = about(image.as_bytes(), "application/x.note", "n").to_string();
    server.call(&format!("PUT /v2/{repository}/manifests/v1"), &[ROOT], &image).await.expect(201);
    server.call(&format!("PUT /v2/{repository}/manifests/note"), &[ROOT], referrer).await.expect(201);
    image.into_bytes()
}

#[tokio::test]
async fn ping_asks_for_credentials() {
    let server = guarded().await;
    let answer = server.ask("GET /v2/").await.refused(401, "UNAUTHORIZED");
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"http://localhost/token\"");
    server.call("GET /v2/", &[ROOT], b"").await.expect(200);
    let answer = server.call("GET /v2/", &[("Authorization", "nonsense")], b"").await.refused(401, "UNAUTHORIZED");
    assert_eq!(answer.json()["errors"][0]["message"], "the credentials are wrong");
    assert!(answer.has("www-authenticate"));
    server.call("GET /v2/", &[("Authorization", "user unlucky")], b"").await.refused(503, "UNAVAILABLE");
}

#[tokio::test]
async fn wrong_credentials_are_worse_than_none() {
    let server = guarded().await;
    furnish(&server, "open").await;
    server.ask("GET /v2/open/manifests/v1").await.expect(200);
    server.call("GET /v2/open/manifests/v1", &[("Authorization", "x")], b"").await.refused(401, "UNAUTHORIZED");
    // Even for names that could not be.
    server.call("GET /v2/OPEN/manifests/v1", &[("Authorization", "x")], b"").await.refused(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_challenge_says_what_is_needed() {
    let server = guarded().await;
    let check = async |line: &str, scope: &str| {
        let answer = server.ask(line).await.expect(401);
        assert!(answer.header("www-authenticate").contains(scope), "{line}: {answer:?}");
    };
    check("GET /v2/private/app/manifests/v1", "scope=\"private/app:Pull\"").await;
    check("HEAD /v2/private/app/manifests/v1", "scope=\"private/app:Pull\"").await;
    check("POST /v2/private/app/blobs/uploads/", "scope=\"private/app:Push\"").await;
    check("DELETE /v2/private/app/manifests/v1", "scope=\"private/app:Delete\"").await;
    server.ask("GET /v2/private/app/tags/list").await.refused(401, "UNAUTHORIZED");
    // Before anything else is said of the name: it may exist or not.
    furnish(&server, "private/app").await;
    check("GET /v2/private/app/manifests/v1", "scope=\"private/app:Pull\"").await;
}

#[tokio::test]
async fn a_challenge_without_an_authenticator_is_one_all_the_same() {
    let server = Setup { access: Arc::new(Rules), ..Setup::default() }.start().await;
    server.ask("GET /v2/").await.expect(200);
    let answer = server.ask("GET /v2/private/app/manifests/v1").await.refused(401, "UNAUTHORIZED");
    assert_eq!(answer.header("www-authenticate"), "Basic realm=\"registry\"");
}

#[tokio::test]
async fn what_is_denied() {
    let server = guarded().await;
    let image = furnish(&server, "frozen/app").await;
    server.ask("GET /v2/frozen/app/manifests/v1").await.expect(200);
    server.call("PUT /v2/frozen/app/manifests/v2", &[], &image).await.refused(403, "DENIED");
    server.ask("POST /v2/frozen/app/blobs/uploads/").await.refused(403, "DENIED");
    server.ask("DELETE /v2/frozen/app/manifests/v1").await.refused(403, "DENIED");
    let digest = sha256(b"layer");
    server.ask(&format!("DELETE /v2/frozen/app/blobs/{digest}")).await.refused(403, "DENIED");
}

/// What of an answer could tell one repository from another.
pub(crate) fn telling(answer: &Answer, name: &str) -> (u16, String, Vec<String>) {
    let names = answer.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "x-request-id" | "date"));
    let headers = names.map(|(header, value)| format!("{header}: {}", value.replace(name, "NAME"))).collect();
    let length = answer.text().replace(name, "NAME");
    (answer.status, length, headers)
}

#[tokio::test]
async fn what_is_hidden_looks_as_if_it_were_not_there() {
    let server = guarded().await;
    // Of one length, so that even lengths must agree.
    let (hidden, absent) = ("secret/app", "absent/app");
    let image = furnish(&server, hidden).await;
    let (manifest, blob) = (sha256(&image), sha256(b"layer"));
    let location = server.call(&format!("POST /v2/{hidden}/blobs/uploads/"), &[ROOT], b"").await;
    let id = location.header("location").rsplit('/').next().unwrap().to_owned();
    let requests = [
        "GET /v2/NAME/manifests/v1".to_owned(),
        "HEAD /v2/NAME/manifests/v1".into(),
        format!("GET /v2/NAME/manifests/{manifest}"),
        format!("GET /v2/NAME/blobs/{blob}"),
        format!("HEAD /v2/NAME/blobs/{blob}"),
        "GET /v2/NAME/tags/list".into(),
        "GET /v2/NAME/tags/list?n=0".into(),
        format!("GET /v2/NAME/referrers/{manifest}"),
        "DELETE /v2/NAME/manifests/v1".into(),
        format!("DELETE /v2/NAME/manifests/{manifest}"),
        format!("DELETE /v2/NAME/blobs/{blob}"),
        format!("GET /v2/NAME/blobs/uploads/{id}"),
        format!("PATCH /v2/NAME/blobs/uploads/{id}"),
        format!("PUT /v2/NAME/blobs/uploads/{id}?digest={blob}"),
        format!("DELETE /v2/NAME/blobs/uploads/{id}"),
        "GET /v2/NAME/manifests/-".into(),
    ];
    for request in requests {
        let there = server.ask(&request.replace("NAME", hidden)).await;
        let not_there = server.ask(&request.replace("NAME", absent)).await;
        assert_eq!(telling(&there, hidden), telling(&not_there, absent), "{request}");
        assert_ne!(there.status, 403, "{request}");
    }
    // Nobody who may not see it writes to it.
    server.call(&format!("PUT /v2/{hidden}/manifests/v2"), &[], &image).await.refused(404, "NAME_UNKNOWN");
    server.ask(&format!("POST /v2/{hidden}/blobs/uploads/")).await.refused(404, "NAME_UNKNOWN");
    // And root saw nothing happen.
    server.call(&format!("GET /v2/{hidden}/manifests/v1"), &[ROOT], b"").await.expect(200);
    server.call(&format!("GET /v2/{hidden}/blobs/uploads/{id}"), &[ROOT], b"").await.expect(204);
}

#[tokio::test]
async fn the_catalogue_and_mounts_do_not_reveal_it() {
    let server = guarded().await;
    furnish(&server, "secret/app").await;
    furnish(&server, "private/app").await;
    let of = async |headers: &[(&str, &str)]| {
        server.call("GET /v2/_catalog", headers, b"").await.expect(200).json()["repositories"].to_string()
    };
    assert_eq!(of(&[]).await, "[]");
    assert_eq!(of(&[ROOT]).await, r#"["private/app","secret/app"]"#);
    let blob = sha256(b"layer");
    for from in ["&from=secret/app", "&from=private/app", ""] {
        let line = format!("POST /v2/open/blobs/uploads/?mount={blob}{from}");
        server.ask(&line).await.expect(202);
        server.ask(&format!("HEAD /v2/open/blobs/{blob}")).await.expect(404);
        server.call(&line, &[ROOT], b"").await.expect(201);
        server.call(&format!("DELETE /v2/open/blobs/{blob}"), &[ROOT], b"").await.expect(202);
    }
}
