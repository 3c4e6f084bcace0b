use crate::error::Port;
use async_trait::async_trait;
use std::fmt;

/// Where the key is that signs schema 1 manifests: one for all nodes of a registry.
///
/// Keys are opaque here; whoever signs can read them. They are compared byte by byte.
///
/// # What every adapter promises
///
/// - **K1.** `replace` MUST be atomic and guarded: it acts only if the key in use is the one that is expected; of several callers
///   that expect the same, one wins, and all are answered the key that is in use then.
/// - **K2.** `current` MUST answer the key that was stored last, to the byte, also after the store was opened anew.
/// - **K3.** `replace` MUST add the public half of the key that it takes out of use to the end of `earlier`; one whose guard fails
///   MUST change nothing.
///
/// A private half is for the owner of the store alone, and is not kept once it is out of use; what that means is the store's.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait SigningKeys: Send + Sync {
    /// The key in use; `None` if there never was one.
    async fn current(&self) -> Port<Option<PrivateKey>>;

    /// Takes `key` into use instead of the one that is `expected` to be (`None`: none). Answers the key that is in use afterwards.
    async fn replace(&self, expected: Option<Retired>, key: &PrivateKey) -> Port<Option<PrivateKey>>;

    /// The public halves of the keys that were in use before, oldest first: each a `SubjectPublicKeyInfo` in DER.
    async fn earlier(&self) -> Port<Vec<Vec<u8>>>;
}

/// A private key: PKCS #8 in DER. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(Vec<u8>);

/// A key that is to be taken out of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired {
    /// As it is stored now.
    pub private: PrivateKey,
    /// What stays of it: its public half, a `SubjectPublicKeyInfo` in DER.
    pub public: Vec<u8>,
}

impl PrivateKey {
    /// The key of that DER.
    #[must_use]
    pub fn from_der(der: Vec<u8>) -> Self {
        Self(der)
    }

    /// Its DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}
