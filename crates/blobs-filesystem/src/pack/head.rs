use crate::key::PackId;
use oci_types::{Algorithm, Digest, Hasher};
use std::fmt;
use uuid::Uuid;

/// The beginning of a pack: who it is, and the secret that makes its headers known.
///
/// ```text
///   0  magic   "mfd-pack"
///   8  id      16 bytes, the name of the file
///  24  secret  16 bytes, drawn at random. No location holds it, and no client is ever told it
///  40  check   16 bytes of the SHA-256 of the 40 before it
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    id: PackId,
    secret: [u8; 16],
}

/// The length of a head in bytes. The rest of its block is zeros.
pub(crate) const HEAD: usize = CHECK + 16;

const MAGIC: &[u8; 8] = b"mfd-pack";
const ID: usize = 8;
const SECRET: usize = 24;
const CHECK: usize = 40;

impl Head {
    /// That of a pack which does not exist yet.
    pub(crate) fn draw(id: PackId) -> Self {
        Self { id, secret: Uuid::new_v4().into_bytes() }
    }

    pub(crate) fn id(&self) -> PackId {
        self.id
    }

    pub(crate) fn to_bytes(self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[..ID].copy_from_slice(MAGIC);
        bytes[ID..SECRET].copy_from_slice(&self.id.to_bytes());
        bytes[SECRET..CHECK].copy_from_slice(&self.secret);
        let check = check(&bytes);
        bytes[CHECK..].copy_from_slice(&check);
        bytes
    }

    /// The head of the pack of that name; none if the bytes are not it.
    pub(crate) fn of_bytes(bytes: &[u8; HEAD], id: PackId) -> Option<Self> {
        let known = bytes.starts_with(MAGIC) && bytes[ID..SECRET] == id.to_bytes() && check(bytes) == bytes[CHECK..];
        Some(Self { id, secret: bytes[SECRET..CHECK].try_into().ok()? }).filter(|_| known)
    }

    /// What only who knows the secret can make of bytes, all of which have one length.
    pub(crate) fn tag(&self, bytes: &[u8]) -> [u8; 16] {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(&self.secret);
        hasher.update(&self.id.to_bytes());
        hasher.update(bytes);
        first(&hasher.finish())
    }
}

fn check(head: &[u8; HEAD]) -> [u8; 16] {
    first(&Digest::of(Algorithm::Sha256, &head[..CHECK]))
}

fn first(digest: &Digest) -> [u8; 16] {
    let mut first = [0; 16];
    first.copy_from_slice(&digest.hash()[..16]);
    first
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_that_of_its_pack_and_whole() {
        let head = Head::draw(PackId::draw());
        let bytes = head.to_bytes();
        assert_eq!(Head::of_bytes(&bytes, head.id()), Some(head));
        assert_eq!(Head::of_bytes(&bytes, PackId::draw()), None);
        for at in 0..HEAD {
            let mut damaged = bytes;
            damaged[at] ^= 1;
            assert_eq!(Head::of_bytes(&damaged, head.id()), None, "byte {at}");
        }
        assert!(!format!("{head:?}").contains("secret"));
    }
}
