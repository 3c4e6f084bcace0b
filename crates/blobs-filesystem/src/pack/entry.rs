use super::LIMIT;
use super::head::Head;
use crate::key::PackedKey;
use manifest_core::ports::UploadId;
use manifest_core::time::Millis;
use oci_types::Digest;

/// The header of an entry, which the bytes of the blob follow, and zeros up to the end of the block.
///
/// ```text
///   0  magic    "manifest"
///   8  offset   where the header is in its pack, 32 bits; all numbers are little-endian
///  12  size     how many bytes the blob has, 32 bits
///  16  written  milliseconds since 1970, 64 bits
///  24  upload   the id of the upload, 16 bytes
///  40  digest   its length in bytes, then one byte for the algorithm and the hash; zeros up to 112
/// 112  tag      16 bytes that only who knows the pack's secret can make for this pack and these 112 bytes
/// ```
///
/// The tag is what tells a header from bytes of a blob, which are whatever a client wanted: who reads a pack that a crash has torn must not
/// take them for an entry, which might be said to reach over others and would be deleted with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: PackedKey,
    pub(crate) digest: Digest,
    pub(crate) written: Millis,
}

/// The length of a header in bytes.
pub(crate) const HEADER: usize = TAG + 16;

const MAGIC: &[u8; 8] = b"manifest";
const OFFSET: usize = 8;
const SIZE: usize = 12;
const WRITTEN: usize = 16;
const UPLOAD: usize = 24;
const DIGEST: usize = 40;
const TAG: usize = 112;

impl Entry {
    /// The header.
    pub(crate) fn header(&self, head: &Head) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, MAGIC);
        put(OFFSET, &low(self.key.offset()));
        put(SIZE, &low(self.key.size()));
        put(WRITTEN, &self.written.to_le_bytes());
        put(UPLOAD, &self.key.upload().to_bytes());
        let digest = self.digest.as_bytes();
        // At most 65.
        put(DIGEST, &digest.len().to_le_bytes()[..1]);
        put(DIGEST + 1, digest);
        let tag = head.tag(&header[..TAG]);
        header[TAG..].copy_from_slice(&tag);
        header
    }

    /// The entry of a header that was found at an offset of a pack; none if it is not one.
    pub(crate) fn of_header(header: &[u8; HEADER], head: &Head, at: u64) -> Option<Self> {
        let number = |at: usize| Some(u64::from(u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?)));
        if !header.starts_with(MAGIC) || number(OFFSET)? != at || number(SIZE)? > LIMIT {
            return None;
        }
        if head.tag(&header[..TAG]) != header[TAG..] {
            return None;
        }
        let upload = UploadId::from_bytes(header[UPLOAD..DIGEST].try_into().ok()?);
        let digest = header.get(DIGEST + 1..)?.get(..usize::from(header[DIGEST]))?;
        Some(Self {
            key: PackedKey::new(head.id(), at, number(SIZE)?, upload)?,
            digest: Digest::from_bytes(digest).ok()?,
            written: Millis::from_le_bytes(header[WRITTEN..UPLOAD].try_into().ok()?),
        })
    }
}

/// A number of 32 bits, as keys hold them.
fn low(number: u64) -> [u8; 4] {
    let [a, b, c, d, ..] = number.to_le_bytes();
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::PackId;
    use oci_types::Algorithm;

    fn entry(head: &Head, algorithm: Algorithm) -> Entry {
        let key = PackedKey::new(head.id(), 3 * 4096, 65_536, UploadId::from_bits(7)).unwrap();
        Entry { key, digest: Digest::of(algorithm, b"content"), written: 1_800_000_000_123 }
    }

    #[test]
    fn headers_say_what_was_written_and_no_bit_may_differ() {
        let head = Head::draw(PackId::draw());
        for algorithm in Algorithm::ALL {
            let entry = entry(&head, algorithm);
            let header = entry.header(&head);
            assert_eq!(Entry::of_header(&header, &head, 3 * 4096), Some(entry));
            for bit in 0..HEADER * 8 {
                let mut damaged = header;
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Entry::of_header(&damaged, &head, 3 * 4096), None, "bit {bit}");
            }
        }
        assert_eq!(Entry::of_header(&[0; HEADER], &head, 0), None);
    }

    #[test]
    fn a_header_is_one_only_where_it_was_written() {
        let id = PackId::draw();
        let head = Head::draw(id);
        let header = entry(&head, Algorithm::Sha256).header(&head);
        assert_eq!(Entry::of_header(&header, &head, 4 * 4096), None, "at another place");
        assert_eq!(Entry::of_header(&header, &Head::draw(PackId::draw()), 3 * 4096), None, "in another pack");
        assert_eq!(
            Entry::of_header(&header, &Head::draw(id), 3 * 4096),
            None,
            "by somebody who does not know the secret"
        );
    }
}
