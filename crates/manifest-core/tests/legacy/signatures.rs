//! What is signed here verifies, and what somebody changed does not.

#![expect(clippy::disallowed_types, reason = "a test is no part of the core: it may draw random numbers")]

use crate::{blob, docker};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use manifest_core::document::{Document, Limits};
use manifest_core::legacy::{AsSchema1, PublicKey, SignError, Signer, VerifyError, sign, to_schema1, verify};
use manifest_core::oci_types::{Algorithm, Digest, MediaType};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use std::error::Error;

type Signature = Result<Vec<u8>, Box<dyn Error + Send + Sync>>;

/// A key on P-256, as an instance has one.
struct P256(EcdsaKeyPair, PublicKey);

impl P256 {
    fn generate() -> Self {
        let random = SystemRandom::new();
        let secret = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, secret.as_ref(), &random).unwrap();
        let point = pair.public_key().as_ref();
        let key = PublicKey::P256 { x: point[1..33].try_into().unwrap(), y: point[33..].try_into().unwrap() };
        Self(pair, key)
    }
}

impl Signer for P256 {
    fn key(&self) -> &PublicKey {
        &self.1
    }

    fn sign(&self, message: &[u8]) -> Signature {
        Ok(self.0.sign(&SystemRandom::new(), message).map_err(|error| error.to_string())?.as_ref().to_vec())
    }
}

/// An RSA key that was made for this test.
struct Rsa(RsaKeyPair, PublicKey);

impl Rsa {
    fn read() -> Self {
        let pair = RsaKeyPair::from_pkcs8(include_bytes!("rsa-2048.pkcs8")).unwrap();
        let RsaPublicKeyComponents { n, e } = pair.public().into();
        Self(pair, PublicKey::Rsa { n, e })
    }
}

impl Signer for Rsa {
    fn key(&self) -> &PublicKey {
        &self.1
    }

    fn sign(&self, message: &[u8]) -> Signature {
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map_err(|e| e.to_string())?;
        Ok(signature)
    }
}

struct Broken(PublicKey);

impl Signer for Broken {
    fn key(&self) -> &PublicKey {
        &self.0
    }

    fn sign(&self, _: &[u8]) -> Signature {
        Err("the key is away".into())
    }
}

fn unsigned() -> String {
    let config = r#"{"rootfs":{"type":"layers"},"history":[{"author":"é"}]}"#;
    let image = docker(config, &[blob("one")]);
    match to_schema1(&image, Some(config.as_bytes()), "a/b", "t").unwrap() {
        AsSchema1::Built(text) => text,
        AsSchema1::Already(_) | AsSchema1::Child(_) | AsSchema1::Never => panic!("not built"),
    }
}

fn parse(text: &str) -> Document {
    Document::parse(None, text.to_owned().into(), &Limits::default()).unwrap()
}

#[test]
fn what_is_signed_here_verifies() {
    let unsigned = unsigned();
    for signer in [&P256::generate() as &dyn Signer, &Rsa::read()] {
        let text = sign(&unsigned, signer, 1_550_166_402_000).unwrap();
        let document = parse(&text);
        assert_eq!(*document.media_type(), MediaType::DOCKER_SCHEMA1_SIGNED);
        assert_eq!(document.digest(Algorithm::Sha256), Digest::of(Algorithm::Sha256, unsigned.as_bytes()));
        assert_eq!(verify(&document).unwrap(), [signer.key().clone()]);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["signatures"][0]["header"]["jwk"]["kid"], json!(signer.key().id()));
        assert_eq!(signer.key().id().split(':').filter(|group| group.len() == 4).count(), 12);
    }
    assert_eq!(verify(&parse(&unsigned)).unwrap(), []);
    // RSA has no chance in it.
    let rsa = Rsa::read();
    assert_eq!(sign(&unsigned, &rsa, 0).unwrap(), sign(&unsigned, &rsa, 999).unwrap());
}

#[test]
fn what_cannot_be_signed() {
    let (unsigned, rsa) = (unsigned(), Rsa::read());
    let error = sign(&unsigned, &Broken(rsa.key().clone()), 0).unwrap_err();
    assert_eq!(error.to_string(), "the key cannot sign");
    assert_eq!(error.source().unwrap().to_string(), "the key is away");
    assert!(matches!(sign("{}", &rsa, 0), Err(SignError::NoObject)));
    assert!(matches!(sign("[\n]", &rsa, 0), Err(SignError::NoObject)));
    assert!(matches!(sign("{", &rsa, 0), Err(SignError::Json(_))));
    assert!(matches!(sign(&unsigned, &rsa, i64::MAX), Err(SignError::Time(i64::MAX))));
}

/// The text with its one signature changed.
fn changed(text: &str, change: impl FnOnce(&mut Value)) -> String {
    let start = text.find("\"signatures\"").unwrap();
    let value: Value = serde_json::from_str(&format!("{{{}", &text[start..])).unwrap();
    let mut signatures = value["signatures"].clone();
    change(&mut signatures);
    format!("{}\"signatures\":{signatures}\n}}", &text[..start])
}

#[test]
fn what_was_changed_does_not() {
    let (unsigned, p256, rsa) = (unsigned(), P256::generate(), Rsa::read());
    let signed = sign(&unsigned, &p256, 0).unwrap();
    let by_rsa: Value = serde_json::from_str(&sign(&unsigned, &rsa, 0).unwrap()).unwrap();
    let by_rsa = &by_rsa["signatures"][0];
    let check = |text: &str, expected: &str| {
        assert_eq!(verify(&parse(text)).unwrap_err().to_string(), expected, "{text}");
    };
    let change = |change: &dyn Fn(&mut Value), expected: &str| check(&changed(&signed, change), expected);

    assert_eq!(
        verify(&parse(&changed(&signed, |all| all.as_array_mut().unwrap().push(by_rsa.clone())))).unwrap().len(),
        2
    );
    change(
        &|all| all[0]["header"]["alg"] = json!("none"),
        "signatures[0].header.alg is `none`, neither ES256 nor RS256",
    );
    change(
        &|all| all[0]["header"]["alg"] = json!("HS256"),
        "signatures[0].header.alg is `HS256`, neither ES256 nor RS256",
    );
    let mixed = "signatures[0].header.alg is `RS256`, but a key of that type signs with ES256";
    change(&|all| all[0]["header"]["alg"] = json!("RS256"), mixed);
    let no_key = "signatures[0].header.jwk.kty is missing, or is that of no P-256 or RSA key";
    change(&|all| all[0]["header"]["jwk"] = json!({"kty": "oct", "k": "AA"}), no_key);
    let other = "signatures[0] does not fit the manifest and its key";
    change(&|all| all[0]["header"] = by_rsa["header"].clone(), other);
    change(&|all| all[0]["signature"] = json!(""), other);
    change(&|all| all[0]["signature"] = json!("#"), other);
    // Not on the curve.
    change(&|all| all[0]["header"]["jwk"]["x"] = json!("AQ"), other);
    let two = |second: Value| changed(&signed, |all| all.as_array_mut().unwrap().push(second));
    let mut second = by_rsa.clone();
    second["protected"] = json!("e30");
    check(&two(second.clone()), "signatures[1].protected does not say what was signed");
    // {"formatLength":2,"formatTail":"fQ"}
    second["protected"] = json!("eyJmb3JtYXRMZW5ndGgiOjIsImZvcm1hdFRhaWwiOiJmUSJ9");
    check(&two(second), "signatures[1] is about another text than signatures[0]");
    check(&signed.replacen("one", "two", 1).replacen("\"t\"", "\"u\"", 1), other);
}

#[test]
fn what_stands_outside_of_the_signed_text_is_refused() {
    let signed = sign(&unsigned(), &P256::generate(), 0).unwrap();
    let outside = |text: &str, member: &str| {
        let error = verify(&parse(text)).unwrap_err();
        assert_eq!(error, VerifyError::Unsigned { member: member.into() }, "{text}");
    };
    outside(&signed.replacen("   \"signatures\"", "   \"remark\": 1,\n   \"signatures\"", 1), "remark");
    let end = signed.strip_suffix("\n}").unwrap();
    outside(&format!("{end},\n   \"after\": {{}}\n}}"), "after");
}

/// Signs `head` and `tail` as one text, of which the manifest has the head alone.
fn signed_with_tail(head: &str, tail: &str, signer: &dyn Signer) -> String {
    let block = json!({ "formatLength": head.len(), "formatTail": BASE64URL.encode(tail) });
    let protected = BASE64URL.encode(block.to_string());
    let message = format!("{protected}.{}", BASE64URL.encode(format!("{head}{tail}")));
    let rsa = signer.key();
    let PublicKey::Rsa { n, e } = rsa else { panic!("the key is of another kind") };
    let jwk = json!({ "kty": "RSA", "n": BASE64URL.encode(n), "e": BASE64URL.encode(e) });
    let signature = BASE64URL.encode(signer.sign(message.as_bytes()).unwrap());
    let signatures = json!([{
        "header": { "jwk": jwk, "alg": rsa.algorithm() }, "signature": signature, "protected": protected,
    }]);
    format!("{head},\n   \"signatures\": {signatures}\n}}")
}

/// The end of what was signed is in the signature alone, so it can say what the manifest does not.
#[test]
fn what_only_the_signed_text_says_is_refused() {
    let (unsigned, rsa) = (unsigned(), Rsa::read());
    let head = unsigned.strip_suffix("\n}").unwrap();
    assert_eq!(verify(&parse(&signed_with_tail(head, "\n}", &rsa))).unwrap().len(), 1);
    let check = |head: &str, tail: &str, member: &str| {
        let text = signed_with_tail(head, tail, &rsa);
        let document = crate::parse(MediaType::DOCKER_SCHEMA1_SIGNED, &text);
        assert_eq!(verify(&document).unwrap_err(), VerifyError::Unsaid { member: member.into() }, "{text}");
    };
    check(head, ",\n   \"remark\": 1\n}", "remark");
    check(head, ",\n   \"signatures\": []\n}", "signatures");
    // All that says what the image is.
    let (start, rest) = head.split_once(",\n   \"schemaVersion\"").unwrap();
    let whole = format!("{start},\n   \"schemaVersion\": 1");
    check(&whole, &format!("{}\n}}", rest.strip_prefix(": 1").unwrap()), "history");
}
