//! Signatures of schema 1, in the form of docker's libtrust: a JWS whose payload is the manifest around it.
//!
//! The key stands in the signature, so a signature proves that the text is as somebody wrote it, not who that was.
//! Source: RFC 7515; docker's libtrust, "pretty JWS"; quay-semantics, sections 8.2 and 9.5.

mod key;
mod sign;
mod verify;

pub use key::PublicKey;
pub use sign::{SignError, Signer, sign};
pub use verify::{VerifyError, verify};
