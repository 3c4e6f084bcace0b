//! The shared empty layer: what docker's builder put where a history entry changed no file.
//!
//! Its bytes are this constant, so it exists in every registry and is never uploaded, swept or collected. Adapters seed a
//! blob row for it at [`location`]; a plan whose manifest sets `empty_layer` gives the repository its access row.
//! Source: quay-semantics, section 7.3; the bytes are a gzip of 1,024 zeros.

use crate::facts::{Blob, Location, StoreName};
use oci_types::{Algorithm, Digest};
use std::sync::LazyLock;

/// The layer's bytes.
pub const BYTES: [u8; 32] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x09, 0x6e, 0x88, 0x00, 0xff, 0x62, 0x18, 0x05, 0xa3, 0x60, 0x14, 0x8c, 0x58, 0x00,
    0x08, 0x00, 0x00, 0xff, 0xff, 0x2e, 0xaf, 0xb5, 0xef, 0x00, 0x04, 0x00, 0x00,
];

/// The layer's digest, `sha256:a3ed95ca…`.
#[must_use]
pub fn digest() -> Digest {
    static DIGEST: LazyLock<Digest> = LazyLock::new(|| Digest::of(Algorithm::Sha256, &BYTES));
    *DIGEST
}

/// Where adapters say that it is: in no store, but in the program.
///
/// # Panics
///
/// Never: the store's name is a constant that parses, which a test shows.
#[must_use]
pub fn location() -> Location {
    #[expect(clippy::expect_used, reason = "a constant that the test below parses")]
    let store: StoreName = "builtin".parse().expect("a store name");
    Location { store, key: "empty-layer".to_owned() }
}

/// The layer as a repository has it.
#[must_use]
pub fn blob() -> Blob {
    Blob { size: BYTES.len() as u64, location: location() }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_the_layer_everybody_knows() {
        assert_eq!(
            super::digest().to_string(),
            "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"
        );
        assert_eq!(super::blob().location.to_string(), "builtin:empty-layer");
    }
}
