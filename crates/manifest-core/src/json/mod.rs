//! JSON as documents, configs and label values are written in it.
//!
//! [`parse`] checks a whole text once, without recursion and without building a tree; a [`Value`] is then a piece of that
//! text, read where it is needed. So a document costs memory for what is kept of it, not for what was sent, a member that
//! nobody asks for costs nothing, and a value that JSON allows but Rust has no type for (an integer of a thousand digits,
//! half of a surrogate pair) does no harm where nobody reads it.
//!
//! Where a text must come out as Quay writes it, byte for byte, [`Value::tree`] makes a [`Json`] of it, which can be changed
//! and written: plain, canonical or indented (sections 13.2 and 13.3). It says the same as what was read, exactly.
//!
//! Source: RFC 8259; for [`Dialect::Lenient`] what Quay's reader takes beyond it (quay-semantics, section 13.1).

mod escape;
mod number;
mod scan;
mod skip;
mod syntax_error;
mod text;
mod tree;
mod value;
mod write;

pub use syntax_error::{SyntaxError, SyntaxProblem};
pub(crate) use tree::{Json, Object};
pub use value::Kind;
pub(crate) use value::{Key, Value};

/// How deep configs, schema 1 metadata and label values may nest. Quay's reader gives up somewhere below 1,000.
pub(crate) const LENIENT_DEPTH: usize = 512;

/// Which texts are JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// RFC 8259.
    Strict,
    /// Also `NaN`, `Infinity` and `-Infinity`.
    Lenient,
}

/// Checks that `text` is one JSON value, with at most `max_depth` lists and objects inside one another.
///
/// In both dialects an integer has at most 4,300 digits, as Quay's reader has it; RFC 8259 lets a reader limit numbers.
pub(crate) fn parse(text: &str, dialect: Dialect, max_depth: usize) -> Result<Value<'_>, SyntaxError> {
    scan::scan(text, dialect, max_depth)
}

/// A text that [`parse_bytes`] took before; none if it is no text.
pub(crate) fn checked_before(bytes: &[u8]) -> Option<Value<'_>> {
    str::from_utf8(bytes).ok().map(|text| Value::checked(text.trim_matches([' ', '\t', '\n', '\r'])))
}

/// [`parse`] for bytes that may not be text.
pub(crate) fn parse_bytes(bytes: &[u8], dialect: Dialect, max_depth: usize) -> Result<Value<'_>, SyntaxError> {
    match str::from_utf8(bytes) {
        Ok(text) => parse(text, dialect, max_depth),
        Err(error) => Err(SyntaxError { offset: error.valid_up_to(), problem: SyntaxProblem::NotUtf8 }),
    }
}
