use crate::json::{Dialect, LENIENT_DEPTH, parse};

/// Whether the value of a label is a JSON object or list, so that its media type is `application/json` and not
/// `text/plain`.
///
/// Without blanks around it; `NaN` is a number, as Quay has it (quay-semantics, section 6.2).
///
/// ```
/// # use manifest_core::labels::is_json;
/// assert!(is_json(r#"{"a": [1]}"#));
/// assert!(!is_json(" {}"));
/// assert!(!is_json("1"));
/// ```
#[must_use]
pub fn is_json(value: &str) -> bool {
    let is_bracketed = |(open, close)| value.starts_with(open) && value.ends_with(close);
    [('{', '}'), ('[', ']')].into_iter().any(is_bracketed) && parse(value, Dialect::Lenient, LENIENT_DEPTH).is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn objects_and_lists_without_blanks_around_them() {
        let check = |value: &str, expected: bool| assert_eq!(is_json(value), expected, "{value:?}");
        check("{}", true);
        check("[1, NaN]", true);
        check(" {}", false);
        check("{} ", false);
        check("[] ", false);
        check("\n[]", false);
        check("1", false);
        check("\"{}\"", false);
        check("{]", false);
        check("[}", false);
        check("{", false);
        check("", false);
    }
}
