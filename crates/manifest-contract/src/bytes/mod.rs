//! The suite of `BlobStore`.
