//! The JSON dialect on its own, for whoever compares texts with Quay's.

use crate::json::{Dialect, LENIENT_DEPTH, SyntaxError, parse};

/// A JSON text as Quay writes it into v1 ids and metadata: members in their order, a blank behind commas and colons, ASCII.
///
/// ```
/// # use manifest_core::legacy::plain_json;
/// assert_eq!(plain_json(r#"{"é":1e2,"a":[-0]}"#)?, r#"{"\u00e9": 100.0, "a": [0]}"#);
/// # Ok::<(), manifest_core::document::SyntaxError>(())
/// ```
pub fn plain_json(text: &str) -> Result<String, SyntaxError> {
    Ok(parse(text, Dialect::Lenient, LENIENT_DEPTH)?.tree().plain())
}

/// A JSON text as Quay writes it to compare values: members sorted, no blanks, ASCII.
pub fn canonical_json(text: &str) -> Result<String, SyntaxError> {
    Ok(parse(text, Dialect::Lenient, LENIENT_DEPTH)?.tree().canonical())
}
