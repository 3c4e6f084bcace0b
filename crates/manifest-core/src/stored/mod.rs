//! The forms in which adapters store values, so that every adapter stores the same, reads it back the same way, and says the same
//! where a row cannot be believed.

mod codes;
mod column;
pub mod cursor;
pub mod form;
pub mod page;
mod platforms;
mod text;

pub use codes::{OPEN, READ_ONLY, label_source_code, stored_size, visibility_code};
pub use column::{Column, label};
pub use platforms::shown_platforms;
pub use text::{
    StoredFormError, annotations_from_text, annotations_to_text, nul_free, platform_from_text, platform_to_text,
    with_nul,
};
