use super::key::PublicKey;
use crate::document::BASE64URL;
use crate::json::{Dialect, Json, LENIENT_DEPTH, SyntaxError, parse};
use crate::time::Millis;
use base64::Engine as _;
use std::error::Error;

/// A key that signs manifests. Its private half, and the random numbers that some algorithms want, are outside of the core.
pub trait Signer: Send + Sync {
    /// The public half. It says the algorithm: ES256 or RS256.
    fn key(&self) -> &PublicKey;

    /// The signature of `message` with the algorithm of [`Signer::key`]: of P-256 the two numbers side by side, 64 bytes.
    ///
    /// # Errors
    ///
    /// Whatever keeps the key from signing.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;
}

/// Why a manifest could not be signed. It is not the manifest's fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The text is none that [`to_schema1`](super::super::to_schema1) and its like give.
    #[error("the text to be signed is no manifest: {0}")]
    Json(SyntaxError),
    /// The text is no object, or does not end as those do.
    #[error("the text to be signed does not end in a line with a brace")]
    NoObject,
    /// The time is none that a date can say.
    #[error("{0} ms since 1970 is no date")]
    Time(Millis),
    /// The key did not sign.
    #[error("the key cannot sign")]
    Signer(#[source] Box<dyn Error + Send + Sync>),
}

/// Signs a schema 1 manifest that was built here: the text with the signature in it, the media type of which is
/// [`DOCKER_SCHEMA1_SIGNED`](oci_types::MediaType::DOCKER_SCHEMA1_SIGNED) and the digest that of `unsigned`.
///
/// `time` stands in the signature, to the second, and proves nothing. With one key and one time RS256 gives one text; ES256
/// does not. Source: quay-semantics, section 9.5.
///
/// # Errors
///
/// [`SignError`] if the signer fails, or `unsigned` was not built here.
pub fn sign(unsigned: &str, signer: &dyn Signer, time: Millis) -> Result<String, SignError> {
    let value = parse(unsigned, Dialect::Strict, LENIENT_DEPTH).map_err(SignError::Json)?;
    let Json::Object(mut members) = value.tree() else {
        return Err(SignError::NoObject);
    };
    let length = unsigned.rfind("\n}").ok_or(SignError::NoObject)?;
    let tail = unsigned.get(length..).unwrap_or_default();
    let date = jiff::Timestamp::from_millisecond(time).map_err(|_| SignError::Time(time))?;
    let block = [
        ("formatTail", Json::string(&BASE64URL.encode(tail))),
        ("formatLength", Json::integer(length as u64)),
        ("time", Json::string(&date.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())),
    ];
    let protected = BASE64URL.encode(Json::Object(block.into_iter().collect()).compact());
    let message = format!("{protected}.{}", BASE64URL.encode(unsigned));
    let signature = signer.sign(message.as_bytes()).map_err(SignError::Signer)?;
    let header = [("jwk", signer.key().to_jwk()), ("alg", Json::string(signer.key().algorithm()))];
    let signature = [
        ("header", Json::Object(header.into_iter().collect())),
        ("signature", Json::string(&BASE64URL.encode(signature))),
        ("protected", Json::string(&protected)),
    ];
    members.set("signatures", Json::List(vec![Json::Object(signature.into_iter().collect())]));
    Ok(Json::Object(members).indented())
}
