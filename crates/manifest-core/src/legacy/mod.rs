//! Images as docker had them before manifests had digests: v1 images, one a layer, and schema 1.
//!
//! Everything here is pure and total: values in, values or an error out. What comes out is, byte for byte, what Quay
//! writes; sections are those of quay-semantics.
//!
//! | question | answer | section |
//! |---|---|---|
//! | what are the steps of a docker or OCI image, and their v1 ids? | [`ImageHistory`] | 9.1, 9.2 |
//! | what are a step's metadata? | [`ImageHistory::v1_compatibility`] | 9.3 |
//! | which images does a manifest consist of, in a repository that has these? | [`v1_images`] | 9.4 |
//! | which rows does a push have to store? | [`legacy_images`] | 4 |
//! | what is a manifest in schema 1? | [`to_schema1`], [`unsigned`] | 8.7, 9.5 |
//! | who signed a schema 1 manifest? | [`verify`] | 8.2 |
//! | how is one signed? | [`sign`], with a [`Signer`] | 9.5 |
//!
//! # On a push
//!
//! Schema 1 that was pushed is to be verified: whatever [`verify`] refuses is not stored. Then [`legacy_images`] gives the
//! rows, from the document, its config, the images that the repository has under [`schema1_ids`] (part of the facts; empty
//! for all but schema 1) and the sizes of the blobs (part of the facts as well). They are data of the plan; an adapter
//! inserts them in one statement in this order and leaves alone those that are there. A row's ancestors are found by
//! its `parent`.
//!
//! # On a pull by tag
//!
//! [`to_schema1`] says what the manifest is, step by step: where it answers a child, that one is loaded and asked. A text that
//! was built is signed with [`sign`] and has the digest of its unsigned text.
//!
//! # Errors
//!
//! [`LegacyError`] is the manifest's fault, `MANIFEST_INVALID`. [`VerifyError`] is `MANIFEST_UNVERIFIED`. [`SignError`] is ours.

mod dialect;
mod error;
mod images;
mod layers;
mod metadata;
mod rewrite;
mod schema1;
mod signature;
mod v1_compatibility;

pub use dialect::{canonical_json, plain_json};
pub use error::LegacyError;
pub(crate) use images::legacy_images_of;
pub use images::{LegacyImage, legacy_images, schema1_ids};
pub(crate) use layers::ConfigBytes;
pub use layers::{ImageHistory, Step, has_legacy_images};
pub use rewrite::{KnownImage, V1Image, v1_images};
pub use schema1::{AsSchema1, rebuilt, reduced, schema1_child, to_schema1, unsigned};
pub use signature::{PublicKey, SignError, Signer, VerifyError, sign, verify};
