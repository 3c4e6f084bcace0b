use crate::{Algorithm, Digest};
use sha2::Digest as _;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use std::fmt;

/// Makes a [`Digest`] of bytes that come in pieces, and can be put aside between two of them.
///
/// ```
/// # use oci_types::{Algorithm, Digest, Hasher};
/// let mut hasher = Hasher::new(Algorithm::Sha256);
/// hasher.update(b"hello ");
/// let state = hasher.to_state(); // stored; another process goes on
/// let mut hasher = Hasher::from_state(&state)?;
/// hasher.update(b"world");
/// assert_eq!(hasher.finish(), Digest::of(Algorithm::Sha256, b"hello world"));
///
/// assert!(Hasher::from_state(b"not a state").is_err());
/// # Ok::<(), oci_types::HasherStateError>(())
/// ```
#[derive(Clone)]
pub struct Hasher(Inner);

/// Why stored bytes are no state of a [`Hasher`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{length} stored bytes that begin with {first:?} are no hash state")]
pub struct HasherStateError {
    /// How many bytes there are.
    pub length: usize,
    /// The first of them: the algorithm, 1 for sha256 and 2 for sha512.
    pub first: Option<u8>,
}

#[derive(Clone)]
enum Inner {
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// A hasher that has seen no bytes.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => Inner::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => Inner::Sha512(sha2::Sha512::new()),
        })
    }

    /// What kind of digest this will be.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Inner::Sha256(_) => Algorithm::Sha256,
            Inner::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Inner::Sha256(hasher) => hasher.update(bytes),
            Inner::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The digest of everything taken in.
    #[must_use]
    pub fn finish(self) -> Digest {
        let algorithm = self.algorithm();
        match self.0 {
            Inner::Sha256(hasher) => Digest::from_hash(algorithm, &hasher.finalize()),
            Inner::Sha512(hasher) => Digest::from_hash(algorithm, &hasher.finalize()),
        }
    }

    /// Everything needed to go on elsewhere: one byte for the algorithm and the state of the `sha2` crate,
    /// which stays readable within its 0.11 versions. At most 210 bytes.
    #[must_use]
    pub fn to_state(&self) -> Vec<u8> {
        let mut stored = vec![self.algorithm().code()];
        match &self.0 {
            Inner::Sha256(hasher) => stored.extend_from_slice(&hasher.serialize()),
            Inner::Sha512(hasher) => stored.extend_from_slice(&hasher.serialize()),
        }
        stored
    }

    /// Reads what [`Self::to_state`] wrote.
    pub fn from_state(stored: &[u8]) -> Result<Self, HasherStateError> {
        let wrong = || HasherStateError { length: stored.len(), first: stored.first().copied() };
        let (&code, state) = stored.split_first().ok_or_else(wrong)?;
        let inner = match Algorithm::from_code(code).ok_or_else(wrong)? {
            Algorithm::Sha256 => restore(state).map(Inner::Sha256),
            Algorithm::Sha512 => restore(state).map(Inner::Sha512),
        };
        inner.map(Self).ok_or_else(wrong)
    }
}

/// A hasher of `sha2` from its own state; `None` if the length or the content is none that it writes.
fn restore<H: SerializableState>(state: &[u8]) -> Option<H> {
    H::deserialize(&SerializedState::<H>::try_from(state).ok()?).ok()
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hasher({})", self.algorithm())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_taken_anywhere_goes_on() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for algorithm in Algorithm::ALL {
            for split in [0, 1, 55, 56, 63, 64, 65, 127, 128, 129, 1000] {
                let mut hasher = Hasher::new(algorithm);
                hasher.update(&bytes[..split]);
                let mut resumed = Hasher::from_state(&hasher.to_state()).unwrap();
                resumed.update(&bytes[split..]);
                assert_eq!(resumed.finish(), Digest::of(algorithm, &bytes), "{algorithm} at {split}");
            }
        }
    }

    /// Uploads outlive a new version of the binary: whoever changes this layout must also read the old one.
    #[test]
    fn the_layout_of_a_state_is_pinned() {
        let pinned = |algorithm, expected: &str| {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(&[b'x'; 200]);
            let state = hasher.to_state();
            assert!(state.len() <= 210, "{}", state.len());
            assert_eq!(Digest::of(Algorithm::Sha256, &state).to_string(), expected);
        };
        pinned(Algorithm::Sha256, "sha256:6305cc6b0a9e461a23eb1050e74efe520d633afeed61bc43185a42e10b43f993");
        pinned(Algorithm::Sha512, "sha256:8d27c6c4380d4e2e5044d5831447c1dcbf98bb3eb48e29fdae056fd8f7b912ac");
    }

    #[test]
    fn refused_states() {
        let check = |state: &[u8]| assert!(Hasher::from_state(state).is_err(), "{state:?}");
        let good = Hasher::new(Algorithm::Sha256).to_state();
        check(&[]);
        check(&[1]);
        check(&good[..good.len() - 1]);
        check(&[&[2], &good[1..]].concat());
        check(&[&[3], &good[1..]].concat());
        check(&[&[1], &vec![0xff; good.len() - 1][..]].concat());
    }
}
