use async_trait::async_trait;
use http::HeaderValue;
use http::request::Parts;
use manifest_core::PortError;
use manifest_core::access::{AccessAsk, Caller};

/// Says who makes a request. What the caller may do is the core's `Authorizer`'s business, not this one's.
///
/// A registry with one answers `GET /v2/` without credentials with 401, even where anonymous pulls are allowed: docker, podman
/// and crane decide by that answer alone whether to send credentials at all.
#[async_trait]
pub trait Authenticate: Send + Sync {
    /// The caller: [`Caller::Anonymous`] for a request without credentials.
    ///
    /// # Errors
    ///
    /// [`AuthenticateError::Refused`] for credentials that are there and wrong: they never make an anonymous caller.
    async fn authenticate(&self, request: &Parts) -> Result<Caller, AuthenticateError>;

    /// The value of `WWW-Authenticate` on a 401: one challenge, by which a client can get what the asks need. No asks: for
    /// `GET /v2/`. Realm and service must not contain the words `basic` or `bearer`, which some clients search the header for.
    fn challenge(&self, request: &Parts, asks: &[AccessAsk]) -> HeaderValue;
}

/// Why nobody knows who makes a request.
#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    /// The credentials are wrong or have expired; the text tells the client. 401 with a challenge.
    #[error("{0}")]
    Refused(String),
    /// It cannot be found out now. Nothing is allowed then.
    #[error(transparent)]
    Port(#[from] PortError),
}
