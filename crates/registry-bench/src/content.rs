//! What is pushed and pulled: made from numbers, so that two runs push the same and no two pushes of a run do.

use std::{fmt::Write as _, sync::Arc};

use sha2::{Digest as _, Sha256};

/// The media type of what is pushed.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Layers of an image.
pub(crate) const LAYERS: u64 = 20;
/// Layers of an image that it shares with all others of its base.
const SHARED: u64 = 15;
/// How many layers the upper ones of an image are chosen from.
pub(crate) const UPPER: u64 = 64;
/// How large the layers of images are.
pub(crate) const LAYER_BYTES: usize = 1024;
/// How large the piece is that a large blob repeats.
const PIECE: usize = 1 << 20;
/// Bytes at the end of a blob that make it one of its kind.
const TAIL: usize = 32;

/// `sha256:` and the digest in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    shown(Sha256::new().chain_update(bytes))
}

fn shown(hash: Sha256) -> String {
    hash.finalize().iter().fold(String::from("sha256:"), |mut text, byte| {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes under their digest.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    /// `sha256:…`
    pub(crate) digest: Arc<str>,
    /// The bytes.
    pub(crate) bytes: Arc<[u8]>,
}

impl Content {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self { digest: digest(bytes).into(), bytes: bytes.into() }
    }
}

/// A blob of some kind: bytes that do not compress, and that no other number and kind has.
pub(crate) fn blob(kind: &str, number: u64, bytes: usize) -> Content {
    let seed = kind.bytes().fold(number, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut made = noise(seed, bytes);
    let mark = format!("{kind} {number}");
    let end = mark.len().min(bytes);
    made[..end].copy_from_slice(&mark.as_bytes()[..end]);
    Content::new(&made)
}

/// Bytes that do not compress (xorshift64*).
fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
    let mut made = Vec::with_capacity(bytes + 8);
    while made.len() < bytes {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        made.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    made.truncate(bytes);
    made
}

/// A blob too large to keep: one piece again and again, and an end of its own.
#[derive(Clone)]
pub(crate) struct LargeBlob {
    piece: Arc<[u8]>,
    bytes: u64,
    /// The state of the hash before the end, so that another blob of this size costs no second pass.
    before_tail: Sha256,
}

impl LargeBlob {
    /// Blobs of a whole number of mebibytes.
    pub(crate) fn of(mebibytes: u64) -> Self {
        let piece: Arc<[u8]> = noise(7, PIECE).into();
        let mut hash = Sha256::new();
        for _ in 1..mebibytes {
            hash.update(&piece);
        }
        hash.update(&piece[..PIECE - TAIL]);
        Self { piece, bytes: mebibytes << 20, before_tail: hash }
    }

    /// How large each is.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The last piece of the blob of that number.
    fn last(&self, number: u64) -> Vec<u8> {
        let mut last = self.piece.to_vec();
        last[PIECE - TAIL..].copy_from_slice(&noise(number, TAIL));
        last
    }

    /// Its digest.
    pub(crate) fn digest(&self, number: u64) -> String {
        shown(self.before_tail.clone().chain_update(noise(number, TAIL)))
    }

    /// Its pieces in order.
    pub(crate) fn pieces(&self, number: u64) -> impl Iterator<Item = Arc<[u8]>> {
        let whole = self.bytes / (1 << 20) - 1;
        let piece = Arc::clone(&self.piece);
        let last: Arc<[u8]> = self.last(number).into();
        (0..whole).map(move |_| Arc::clone(&piece)).chain(std::iter::once(last))
    }

    /// What compares downloaded bytes with it.
    pub(crate) fn judge(&self, number: u64) -> impl Fn(u64, &[u8]) -> bool {
        let (piece, last, bytes) = (Arc::clone(&self.piece), self.last(number), self.bytes);
        move |offset, mut read| {
            let mut offset = offset;
            while !read.is_empty() {
                if offset >= bytes {
                    return false;
                }
                let of = if offset >> 20 == (bytes >> 20) - 1 { &last[..] } else { &piece[..] };
                let Ok(within) = usize::try_from(offset & 0xf_ffff) else { return false };
                let length = read.len().min(PIECE - within);
                if read[..length] != of[within..within + length] {
                    return false;
                }
                read = &read[length..];
                offset += u64::try_from(length).unwrap_or(u64::MAX);
            }
            true
        }
    }
}

/// Images of 20 layers: 15 of the base, and 5 that are chosen from 64 by the image's number, so that the v1 images of the upper
/// five are its own, as those of real images over a common base are.
pub(crate) struct Images {
    /// The config, one for all.
    pub(crate) config: Content,
    base: Vec<Content>,
    upper: Vec<Content>,
    /// The text before the upper layers, and for each layer its descriptor.
    prefix: String,
    descriptors: Vec<String>,
}

impl Images {
    pub(crate) fn new() -> Self {
        let config = config(0);
        let layers = |kind, count| (0..count).map(|number| blob(kind, number, LAYER_BYTES)).collect::<Vec<_>>();
        let (base, upper) = (layers("base", SHARED), layers("upper", UPPER));
        let mut prefix = head(&config);
        for layer in &base {
            prefix += &layer_descriptor(layer);
            prefix.push(',');
        }
        let descriptors = upper.iter().map(layer_descriptor).collect();
        Self { config, base, upper, prefix, descriptors }
    }

    /// The blobs that all images together need.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Content> {
        std::iter::once(&self.config).chain(&self.base).chain(&self.upper)
    }

    /// The manifest of the image of that number.
    pub(crate) fn manifest(&self, number: u64) -> Content {
        let mut text = String::with_capacity(self.prefix.len() + 1500);
        text += &self.prefix;
        let mut rest = number;
        for place in 0..LAYERS - SHARED {
            if place > 0 {
                text.push(',');
            }
            text += &self.descriptors[usize::try_from(rest % UPPER).unwrap_or_default()];
            rest /= UPPER;
        }
        let _infallible = write!(text, "],\"annotations\":{{\"org.example.number\":\"{number}\"}}}}");
        Content::new(text.as_bytes())
    }
}

/// An image that shares nothing with any other.
pub(crate) struct OwnImage {
    /// Its config and its layers.
    pub(crate) blobs: Vec<Content>,
    /// Its manifest.
    pub(crate) manifest: Content,
}

impl OwnImage {
    pub(crate) fn new(number: u64) -> Self {
        let config = config(number + 1);
        let layers: Vec<Content> = (0..LAYERS).map(|layer| blob("own", number * LAYERS + layer, LAYER_BYTES)).collect();
        let descriptors: Vec<String> = layers.iter().map(layer_descriptor).collect();
        let text = format!("{}{}]}}", head(&config), descriptors.join(","));
        Self { blobs: std::iter::once(config).chain(layers).collect(), manifest: Content::new(text.as_bytes()) }
    }
}

/// The config of an image without layers.
pub(crate) fn empty_config() -> Content {
    Content::new(
        b"{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}",
    )
}

/// A manifest of one layer and a config, small and one of its kind.
pub(crate) fn small_manifest(config: &Content, layer: &Content, number: u64) -> Content {
    let text = format!(
        "{}{}],\"annotations\":{{\"org.example.number\":\"{number}\"}}}}",
        head(config),
        layer_descriptor(layer)
    );
    Content::new(text.as_bytes())
}

/// A manifest that is about another one.
pub(crate) fn referrer(config: &Content, subject: &Content, number: u64) -> Content {
    let text = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{MANIFEST}\",\"artifactType\":\"application/vnd.example.sbom\",\
         \"config\":{},\"layers\":[{}],\"subject\":{},\"annotations\":{{\"org.example.number\":\"{number}\"}}}}",
        descriptor("application/vnd.oci.image.config.v1+json", config),
        layer_descriptor(config),
        descriptor(MANIFEST, subject),
    );
    Content::new(text.as_bytes())
}

fn head(config: &Content) -> String {
    let config = descriptor("application/vnd.oci.image.config.v1+json", config);
    format!("{{\"schemaVersion\":2,\"mediaType\":\"{MANIFEST}\",\"config\":{config},\"layers\":[")
}

fn layer_descriptor(layer: &Content) -> String {
    descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)
}

fn descriptor(media_type: &str, content: &Content) -> String {
    format!("{{\"mediaType\":\"{media_type}\",\"digest\":\"{}\",\"size\":{}}}", content.digest, content.bytes.len())
}

/// A config with as much history as its image has layers.
fn config(number: u64) -> Content {
    let entries = |entry: &dyn Fn(u64) -> String| (0..LAYERS).map(entry).collect::<Vec<_>>().join(",");
    let ids = entries(&|layer| format!("\"{}\"", digest(format!("{number} {layer}").as_bytes())));
    let history = entries(&|layer| {
        format!(
            "{{\"created\":\"2026-01-01T00:00:{layer:02}Z\",\"created_by\":\"/bin/sh -c install package-{layer} of {number} and \
             remove what its installation leaves behind\"}}"
        )
    });
    let text = format!(
        "{{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"2026-01-01T00:00:00Z\",\
         \"config\":{{\"Env\":[\"PATH=/usr/bin:/bin\"],\"Cmd\":[\"sh\"],\"Labels\":{{\"number\":\"{number}\"}}}},\
         \"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[{ids}]}},\"history\":[{history}]}}"
    );
    Content::new(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{Images, LargeBlob, OwnImage, blob, digest};

    #[test]
    fn digests_are_those_of_the_bytes() {
        assert_eq!(digest(b""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let large = LargeBlob::of(2);
        let whole: Vec<u8> = large.pieces(5).flat_map(|piece| piece.to_vec()).collect();
        assert_eq!(u64::try_from(whole.len()).unwrap(), large.bytes());
        assert_eq!(large.digest(5), digest(&whole));
        assert_ne!(large.digest(5), large.digest(6));
    }

    #[test]
    fn a_large_blob_is_compared_wherever_reads_end() {
        let large = LargeBlob::of(2);
        let mut whole: Vec<u8> = large.pieces(5).flat_map(|piece| piece.to_vec()).collect();
        let judge = large.judge(5);
        assert!(judge(0, &whole) && judge(1_000_000, &whole[1_000_000..1_100_000]) && judge(2 << 20, &[]));
        assert!(!judge(2 << 20, &[0]), "more than there is");
        assert!(!judge(1, &whole[..10]), "at another place");
        *whole.last_mut().unwrap() ^= 1;
        assert!(!judge(0, &whole), "the last byte");
        assert!(!large.judge(6)(0, &large.pieces(5).last().unwrap()), "another blob");
    }

    #[test]
    fn no_two_are_alike_and_all_are_json() {
        let images = Images::new();
        let parse = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
        assert_eq!(parse(&images.manifest(70).bytes)["layers"].as_array().unwrap().len(), 20);
        assert_ne!(images.manifest(1).digest, images.manifest(65).digest);
        let own = OwnImage::new(3);
        assert_eq!(own.blobs.len(), 21);
        parse(&own.manifest.bytes);
        assert_eq!(parse(&own.blobs[0].bytes)["history"].as_array().unwrap().len(), 20);
        assert_ne!(blob("a", 1, 100).digest, blob("b", 1, 100).digest);
    }
}
