use std::fmt::{self, Write as _};

/// Foreign text as an error message may show it: between backticks, one line, at most 100 characters of it.
///
/// A message must not repeat megabytes that a client sent, nor let it write into a log or a terminal.
///
/// ```
/// # use oci_types::Quoted;
/// assert_eq!(Quoted("a\nb").to_string(), r"`a\nb`");
/// assert_eq!(Quoted(&"x".repeat(101)).to_string(), format!("`{}…`", "x".repeat(100)));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

/// How many characters of the text are shown.
const SHOWN: usize = 100;

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('`')?;
        let mut chars = self.0.chars();
        for c in chars.by_ref().take(SHOWN) {
            // Quotation marks need no escape between backticks.
            match c {
                '"' | '\'' => f.write_char(c)?,
                _ => write!(f, "{}", c.escape_debug())?,
            }
        }
        f.write_str(if chars.next().is_some() { "…`" } else { "`" })
    }
}
