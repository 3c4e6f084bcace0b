use manifest_core::legacy::{PublicKey, Signer};
use manifest_core::ports::PrivateKey;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use std::error::Error;
use std::fmt;

/// A key that signs, with both halves at hand.
pub(super) struct InstanceKey {
    public: PublicKey,
    pair: Pair,
    random: SystemRandom,
}

enum Pair {
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyError {
    /// It is of another kind, or damaged.
    #[error(
        "it is neither a P-256 key nor an RSA key of 2,048 to 4,096 bits in PKCS #8 (as P-256: {p256}; as RSA: {rsa})"
    )]
    Unknown { p256: String, rsa: String },
    /// The system gave no random numbers.
    #[error("no key could be made: the system gives no random numbers")]
    Random,
}

impl InstanceKey {
    /// A new P-256 key.
    pub(super) fn generate() -> Result<PrivateKey, KeyError> {
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        key.map(|key| PrivateKey::from_der(key.as_ref().to_vec())).map_err(|_| KeyError::Random)
    }

    /// The key, to sign with.
    pub(super) fn read(stored: &PrivateKey) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let p256 = match EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, stored.der(), &random) {
            Ok(pair) => match point(pair.public_key().as_ref()) {
                Some(public) => return Ok(Self { public, pair: Pair::P256(pair), random }),
                None => "it has no point".to_owned(),
            },
            Err(error) => error.to_string(),
        };
        match RsaKeyPair::from_pkcs8(stored.der()) {
            Ok(pair) => {
                let PublicKeyComponents::<Vec<u8>> { n, e } = pair.public_key().into();
                Ok(Self { public: PublicKey::Rsa { n, e }, pair: Pair::Rsa(pair), random })
            }
            Err(error) => Err(KeyError::Unknown { p256, rsa: error.to_string() }),
        }
    }
}

/// An uncompressed point of the curve: a 4, x and y.
fn point(bytes: &[u8]) -> Option<PublicKey> {
    let (x, y) = bytes.strip_prefix(&[4])?.split_at_checked(32)?;
    Some(PublicKey::P256 { x: x.try_into().ok()?, y: y.try_into().ok()? })
}

impl Signer for InstanceKey {
    fn key(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let failed = |_| "the key did not sign";
        match &self.pair {
            Pair::P256(pair) => Ok(pair.sign(&self.random, message).map_err(failed)?.as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &self.random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
        }
    }
}

impl fmt::Debug for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceKey").field("public", &self.public).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{InstanceKey, KeyError};
    use manifest_core::legacy::Signer;
    use manifest_core::ports::PrivateKey;

    #[test]
    fn a_new_key_signs_what_its_public_half_verifies() {
        let key = InstanceKey::read(&InstanceKey::generate().unwrap()).unwrap();
        let signature = key.sign(b"text").unwrap();
        assert_eq!((key.key().algorithm(), signature.len()), ("ES256", 64));
        assert!(key.key().fits(b"text", &signature));
        assert!(!key.key().fits(b"test", &signature));
        assert!(!format!("{key:?}").contains("pair"));
    }

    #[test]
    fn what_is_no_key() {
        for der in [&[][..], b"nonsense", &[0x30, 0]] {
            let error = InstanceKey::read(&PrivateKey::from_der(der.to_vec())).unwrap_err();
            assert!(matches!(error, KeyError::Unknown { .. }), "{error}");
        }
    }
}
