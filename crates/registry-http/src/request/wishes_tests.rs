use super::{BadBody, ConfirmedPurge, confirmed_purge, expiry, label, purge, read_only, target, visibility};
use manifest_core::facts::Visibility;
use manifest_core::plan::PlanId;
use manifest_core::service::Purge;
use oci_types::{Algorithm, Digest};
use serde_json::json;

fn digest() -> Digest {
    Digest::of(Algorithm::Sha256, b"x")
}

fn bytes(value: &serde_json::Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[test]
fn what_is_no_object_of_known_members() {
    let check = |body: &str, expected: &str| {
        let error = target(body.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{body}: {error}");
    };
    check("", "no JSON object");
    check("null", "no JSON object");
    check("\"x\"", "no JSON object");
    check("[\"sha256:0\"]", "no JSON object");
    check("{", "EOF");
    check("{}", "missing field `digest`");
    check(r#"{"digest":"x","tag":"y"}"#, "unknown field `tag`");
    check(r#"{"digest":"x","digest":"y"}"#, "duplicate field `digest`");
    check(r#"{"digest":5}"#, "invalid type: integer `5`");
    check(r#"{"digest":null}"#, "invalid type: null");
    check(r#"{"digest":"x"} {}"#, "trailing characters");
    check(r#"{"digest":"x"}"#, "digest `x`");
    let long = target(format!("{{\"{}\":1}}", "y".repeat(10_000)).as_bytes()).unwrap_err();
    assert!(long.to_string().len() < 300, "{long}");
    assert!(matches!(target(b"{\"\xff\":1}"), Err(BadBody::Json(_))));
}

#[test]
fn targets_and_ends() {
    assert_eq!(target(&bytes(&json!({ "digest": digest().to_string() }))), Ok(digest()));
    assert_eq!(target(format!(" \n{{ \"digest\": \"{}\" }} ", digest()).as_bytes()), Ok(digest()));
    assert_eq!(expiry(br#"{"expires":"2027-01-15T08:00:00Z"}"#), Ok(1_800_000_000_000));
    let refused = |body: &str| {
        let error = expiry(body.as_bytes()).unwrap_err();
        assert!(matches!(error, BadBody::Value { member: "expires", .. }), "{body}: {error}");
    };
    refused(r#"{"expires":"tomorrow"}"#);
    refused(r#"{"expires":"1800000000000"}"#);
    assert!(matches!(expiry(br#"{"expires":1800000000000}"#), Err(BadBody::Json(_))));
    assert!(matches!(expiry(br#"{"expires":null}"#), Err(BadBody::Json(_))));
}

#[test]
fn labels() {
    let of = |value: serde_json::Value| label(&bytes(&value));
    let plain = of(json!({ "key": "a", "value": "b" })).unwrap();
    assert_eq!((plain.key.as_str(), plain.value.as_str(), plain.media_type), ("a", "b", None));
    let typed = of(json!({ "key": "a", "value": "b", "mediaType": "text/plain" })).unwrap();
    assert_eq!(typed.media_type.unwrap().as_str(), "text/plain");
    let wrong = of(json!({ "key": "a", "value": "b", "mediaType": "nonsense" })).unwrap_err();
    assert!(matches!(wrong, BadBody::Value { member: "mediaType", .. }));
    assert!(matches!(of(json!({ "key": "a", "value": "b", "source": "manifest" })), Err(BadBody::Json(_))));
}

#[test]
fn repositories() {
    assert_eq!(visibility(b""), Ok(None));
    assert_eq!(visibility(b"{}"), Ok(None));
    assert_eq!(visibility(br#"{"visibility":"public"}"#), Ok(Some(Visibility::Public)));
    assert_eq!(visibility(br#"{"visibility":"private"}"#), Ok(Some(Visibility::Private)));
    let wrong = visibility(br#"{"visibility":"Public"}"#).unwrap_err();
    assert_eq!(wrong.to_string(), "`visibility` is `Public`, not `public` or `private`");
    assert_eq!(read_only(br#"{"state":"readOnly"}"#), Ok(true));
    assert_eq!(read_only(br#"{"state":"open"}"#), Ok(false));
    assert!(matches!(read_only(br#"{"state":"deleting"}"#), Err(BadBody::Value { .. })));
}

#[test]
fn purges() {
    let of = |value: serde_json::Value| purge(&bytes(&value));
    let twice = json!({ "manifests": [digest().to_string(), digest().to_string()] });
    assert_eq!(of(twice), Ok(Purge::Manifests([digest()].into())));
    assert_eq!(of(json!({ "tags": ["a"] })), Ok(Purge::Tags(["a".parse().unwrap()].into())));
    assert_eq!(of(json!({ "repository": true })), Ok(Purge::Repository));
    for wrong in [
        json!({}),
        json!({ "tags": [] }),
        json!({ "manifests": [] }),
        json!({ "repository": false }),
        json!({ "tags": ["a"], "repository": true }),
        json!({ "tags": ["a"], "manifests": [digest().to_string()] }),
    ] {
        assert_eq!(of(wrong.clone()), Err(BadBody::PurgeOf), "{wrong}");
    }
    assert!(matches!(of(json!({ "tags": ["-"] })), Err(BadBody::Tag(_))));
    assert!(matches!(of(json!({ "manifests": ["a"] })), Err(BadBody::Digest(_))));
    assert!(matches!(of(json!({ "tags": "a" })), Err(BadBody::Json(_))));
}

#[test]
fn confirmations() {
    let id = PlanId::of_json(&json!({}));
    let body = json!({ "repository": true, "id": id.to_string(), "plannedAt": "1970-01-01T00:00:00.007Z" });
    assert_eq!(confirmed_purge(&bytes(&body)), Ok(ConfirmedPurge { what: Purge::Repository, id, planned_at: 7 }));
    let with = |member: &str, value: serde_json::Value| {
        let mut body = body.clone();
        body[member] = value;
        confirmed_purge(&bytes(&body)).unwrap_err()
    };
    assert!(matches!(with("id", json!("x")), BadBody::Value { member: "id", .. }));
    assert!(matches!(with("plannedAt", json!("x")), BadBody::Value { member: "plannedAt", .. }));
    assert!(matches!(with("force", json!(true)), BadBody::Json(_)));
    assert!(matches!(confirmed_purge(br#"{"repository":true}"#), Err(BadBody::Json(_))));
}
