//! What a row must look like to be believed, see [`manifest_core::stored`].

pub(crate) use manifest_core::stored::{
    Column, OPEN, READ_ONLY, label, label_source_code, stored_size, visibility_code,
};

use bytes::Bytes;

/// Bytes that the driver copied out of a row.
pub(crate) fn bytes(stored: Vec<u8>) -> Bytes {
    Bytes::from(stored)
}
