//! Labels: which ones a manifest has, which of them act on tags, and which can be stored. Pure.
//!
//! Source: quay-semantics, sections 3.1 and 6; a number in a comment is one of the semantics.

mod acting;
mod key;
mod new;
mod own;
mod stored;
mod value;

pub use acting::{EXPIRES_AFTER, IMMUTABLE, acting, acts, expires_after, immutable, overlay};
pub use key::{LabelKeyError, check_api_key};
pub use new::{LabelError, check_new};
pub use own::{common, own};
pub use stored::{MAX_COUNT, MAX_KEY_BYTES, MAX_VALUE_BYTES, Storable, storable};
pub use value::is_json;
