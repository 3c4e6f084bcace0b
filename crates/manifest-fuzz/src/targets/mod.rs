//! What is fuzzed, and what must hold.

mod config;
mod document;
mod json_dialect;
mod labels;
mod legacy_image;
mod names;
mod signature;
mod stored;
mod wire;

pub(crate) use config::CONFIG;
pub(crate) use document::DOCUMENT;
pub(crate) use json_dialect::JSON_DIALECT;
pub(crate) use labels::LABELS;
pub(crate) use legacy_image::LEGACY_IMAGE;
pub(crate) use names::{DIGEST, MEDIA_TYPE, PLAN_ID, REFERENCE, REPOSITORY_NAME, TAG_NAME, TAG_PATTERN, UPLOAD_ID};
pub(crate) use signature::SIGNATURE;
pub(crate) use stored::STORED;
pub(crate) use wire::{BODY, CONDITIONS, CONTENT_RANGE, RANGE, REQUEST};
