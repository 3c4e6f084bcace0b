use super::key::PublicKey;
use crate::document::{BASE64URL, Document, Schema1};
use crate::json::{Dialect, Json, LENIENT_DEPTH, Object, parse_bytes};
use base64::Engine as _;
use oci_types::Quoted;

/// Why a schema 1 manifest is not what somebody signed. On the wire it is `MANIFEST_UNVERIFIED`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// There are more signatures than anybody needs. Each costs a pass over the whole text.
    #[error("the manifest has {found} signatures, more than {limit}")]
    TooMany {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The algorithm is none that is taken: neither ES256 nor RS256.
    #[error("signatures[{at}].header.alg is {}, neither ES256 nor RS256", Quoted(found))]
    Algorithm {
        /// Which signature.
        at: usize,
        /// What it says.
        found: Box<str>,
    },
    /// The key is of another type than the algorithm takes. A key is never used otherwise than it is meant to be.
    #[error("signatures[{at}].header.alg is `{found}`, but a key of that type signs with {needed}")]
    KeyType {
        /// Which signature.
        at: usize,
        /// What it says.
        found: Box<str>,
        /// What the key is for.
        needed: &'static str,
    },
    /// The key is none, or of a type that is not taken.
    #[error("signatures[{at}].header.jwk.{member} is missing, or is that of no P-256 or RSA key")]
    Key {
        /// Which signature.
        at: usize,
        /// The member of the key that is wrong.
        member: &'static str,
    },
    /// What the signature is about cannot be rebuilt.
    #[error("signatures[{at}].protected does not say what was signed")]
    Protected {
        /// Which signature.
        at: usize,
    },
    /// The signature is about another text than the first one.
    #[error("signatures[{at}] is about another text than signatures[0]")]
    OtherText {
        /// Which signature.
        at: usize,
    },
    /// The signature is not that of the text and the key.
    #[error("signatures[{at}] does not fit the manifest and its key")]
    Invalid {
        /// Which signature.
        at: usize,
    },
    /// The manifest says something that was not signed.
    #[error("{} stands in the manifest, but not in what was signed", Quoted(member))]
    Unsigned {
        /// The member.
        member: Box<str>,
    },
    /// What was signed says something that the manifest does not say, or says otherwise: a signature brings the end of that text itself.
    #[error("{} stands in what was signed, but not so in the manifest", Quoted(member))]
    Unsaid {
        /// The member.
        member: Box<str>,
    },
}

/// The most signatures of a manifest.
const MAX_SIGNATURES: usize = 8;

/// The keys that signed a schema 1 manifest, one for each signature. There is none of a manifest without signatures, and of
/// other manifests.
///
/// Every signature must fit, each about the same text, with the algorithm that its key's type is for; and the manifest must
/// consist of that text, all of it, and the signatures alone (semantics 7). There may be 8 of them, and of RSA keys those from 2,048 to
/// 8,192 bits are taken.
///
/// # Errors
///
/// [`VerifyError`] for the first thing that is wrong.
pub fn verify(document: &Document) -> Result<Vec<PublicKey>, VerifyError> {
    let Some(schema1) = document.schema1().filter(|schema1| schema1.is_signed()) else {
        return Ok(Vec::new());
    };
    let whole = members(document.bytes());
    let signatures = whole.get("signatures").and_then(Json::list).unwrap_or_default();
    if signatures.len() > MAX_SIGNATURES {
        return Err(VerifyError::TooMany { found: signatures.len(), limit: MAX_SIGNATURES });
    }
    let message = BASE64URL.encode(schema1.payload());
    let keys = signatures.iter().enumerate().map(|(at, signature)| {
        let signature = signature.object().ok_or(VerifyError::Protected { at })?;
        check(at, signature, document, schema1, &message)
    });
    let keys = keys.collect::<Result<_, _>>()?;
    let signed = members(schema1.payload());
    if let Some(member) = whole.first_that_differs(&signed, Some("signatures")) {
        return Err(VerifyError::Unsigned { member: member.into() });
    }
    // Not even signatures: those of the manifest are around the text, never in it.
    match signed.first_that_differs(&whole, None) {
        Some(member) => Err(VerifyError::Unsaid { member: member.into() }),
        None => Ok(keys),
    }
}

/// The members of a text that was read as a manifest.
fn members(text: &[u8]) -> Object<'_> {
    match parse_bytes(text, Dialect::Strict, LENIENT_DEPTH).map(crate::json::Value::tree) {
        Ok(Json::Object(members)) => members,
        // A document that is none has not been read.
        Ok(Json::Scalar(_) | Json::List(_)) | Err(_) => Object::default(),
    }
}

fn check(
    at: usize,
    signature: &Object<'_>,
    document: &Document,
    schema1: &Schema1,
    message: &str,
) -> Result<PublicKey, VerifyError> {
    let header = signature.get("header").and_then(Json::object);
    let member = |name: &str| header.and_then(|header| header.get(name));
    let algorithm = member("alg").and_then(Json::text).unwrap_or_default();
    if !["ES256", "RS256"].contains(&algorithm.as_str()) {
        return Err(VerifyError::Algorithm { at, found: algorithm.into() });
    }
    let jwk = member("jwk").and_then(Json::object).ok_or(VerifyError::Key { at, member: "kty" })?;
    let key = PublicKey::read(jwk).map_err(|member| VerifyError::Key { at, member })?;
    if key.algorithm() != algorithm {
        return Err(VerifyError::KeyType { at, found: algorithm.into(), needed: key.algorithm() });
    }
    let protected = signature.get("protected").and_then(Json::text).ok_or(VerifyError::Protected { at })?;
    let text = signed_text(document.bytes(), &protected).ok_or(VerifyError::Protected { at })?;
    if text != *schema1.payload() {
        return Err(VerifyError::OtherText { at });
    }
    let found = signature.get("signature").and_then(Json::text).and_then(|text| BASE64URL.decode(text).ok());
    let message = format!("{protected}.{message}");
    match found {
        Some(found) if key.fits(message.as_bytes(), &found) => Ok(key),
        Some(_) | None => Err(VerifyError::Invalid { at }),
    }
}

/// The text that a protected block says was signed.
fn signed_text(bytes: &[u8], protected: &str) -> Option<Vec<u8>> {
    let block = BASE64URL.decode(protected).ok()?;
    let block = members(&block);
    let Some(Json::Scalar(length)) = block.get("formatLength") else {
        return None;
    };
    let tail = BASE64URL.decode(block.get("formatTail")?.text()?).ok()?;
    Some([bytes.get(..length.parse().ok()?)?, &tail].concat())
}
