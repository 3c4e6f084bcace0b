//! Strings as Quay writes them: in ASCII, with the short escape where JSON has one.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A string of a text that has been checked, quotes included, as it is written anew.
///
/// Two strings say the same, half surrogate pairs included, exactly if they are written the same: each UTF-16 code unit
/// has one way to be written.
pub(super) fn rewritten(quoted: &str) -> Cow<'_, str> {
    if is_plain(quoted) {
        return Cow::Borrowed(quoted);
    }
    let raw = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    let mut out = String::with_capacity(quoted.len());
    out.push('"');
    for unit in units(raw) {
        push(&mut out, unit);
    }
    out.push('"');
    Cow::Owned(out)
}

/// A text as a string with quotes.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    if is_plain(text) && !text.contains('"') {
        out.push_str(text);
    } else {
        text.encode_utf16().for_each(|unit| push(&mut out, unit));
    }
    out.push('"');
    out
}

/// Whether there is nothing to escape but quotes. Looks at all of it at once, which is faster than to stop early.
fn is_plain(text: &str) -> bool {
    let odd = |byte: u8| u8::from(!(0x20..0x7f).contains(&byte)) | u8::from(byte == b'\\');
    text.bytes().fold(0, |found, byte| found | odd(byte)) == 0
}

/// The UTF-16 code units that stand between the quotes of a checked string.
pub(super) fn units(raw: &str) -> impl Iterator<Item = u16> {
    let mut rest = raw;
    // The second half of a character beyond the first 65,536 waits here for its turn.
    let mut low = None;
    std::iter::from_fn(move || {
        if let Some(unit) = low.take() {
            return Some(unit);
        }
        let mut chars = rest.chars();
        let mut first = chars.next()?;
        if first == '\\' {
            first = match chars.next()? {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let (digits, after) = chars.as_str().split_at_checked(4)?;
                    rest = after;
                    return u16::from_str_radix(digits, 16).ok();
                }
                other => other,
            };
        }
        rest = chars.as_str();
        let mut buffer = [0; 2];
        let encoded = first.encode_utf16(&mut buffer);
        low = encoded.get(1).copied();
        encoded.first().copied()
    })
}

fn push(out: &mut String, unit: u16) {
    let short = match unit {
        0x22 => '"',
        0x5c => '\\',
        0x08 => 'b',
        0x0c => 'f',
        0x0a => 'n',
        0x0d => 'r',
        0x09 => 't',
        0x20..0x7f => return out.extend(char::from_u32(u32::from(unit))),
        _ => {
            // Writing into a string cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
            return;
        }
    };
    out.push('\\');
    out.push(short);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_written_anew() {
        let check = |raw: &str, expected: &str| {
            assert_eq!(rewritten(&format!("\"{raw}\"")), format!("\"{expected}\""), "{raw}");
        };
        check("", "");
        check("a <&> /", "a <&> /");
        check(r"\/\u0041\u00e9", r"/A\u00e9");
        check("é\u{7f}\u{2028}😱", r"\u00e9\u007f\u2028\ud83d\ude31");
        check(r"\uD83D\uDE31", r"\ud83d\ude31");
        check(r"\uD83D\u0020\uDE31", r"\ud83d \ude31");
        check(r#"\"\\\b\f\n\r\t\u0008\u0009\u0000\u001f"#, r#"\"\\\b\f\n\r\t\b\t\u0000\u001f"#);
        check(r"\u0022\u005c", r#"\"\\"#);
    }

    #[test]
    fn texts_are_quoted() {
        assert_eq!(quoted("a\"\\/\n\u{7f}é😱"), r#""a\"\\/\n\u007f\u00e9\ud83d\ude31""#);
    }
}
