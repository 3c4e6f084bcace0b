use std::borrow::Cow;

/// What stands between the quotes of a JSON string that has been checked, without its escapes.
///
/// `None` if half of a surrogate pair is among them: no Unicode text says that.
pub(super) fn unescape(raw: &str) -> Option<Cow<'_, str>> {
    let Some(first) = raw.find('\\') else {
        return Some(Cow::Borrowed(raw));
    };
    let mut text = String::with_capacity(raw.len());
    text.push_str(&raw[..first]);
    let mut rest = &raw[first..];
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let (character, after) = escaped(&rest[at + 1..])?;
        text.push(character);
        rest = after;
    }
    text.push_str(rest);
    Some(Cow::Owned(text))
}

/// The character after a backslash, and what follows it.
fn escaped(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    let character = match chars.next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return unicode(chars.as_str()),
        other => other,
    };
    Some((character, chars.as_str()))
}

/// The character of one `\u` escape, or of two that form a surrogate pair.
fn unicode(digits: &str) -> Option<(char, &str)> {
    let (unit, rest) = code_unit(digits)?;
    if let Some(character) = char::from_u32(unit) {
        return Some((character, rest));
    }
    let (low, rest) = code_unit(rest.strip_prefix("\\u")?)?;
    let is_pair = (0xd800..0xdc00).contains(&unit) && (0xdc00..0xe000).contains(&low);
    let character = is_pair.then(|| 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).and_then(char::from_u32)?;
    Some((character, rest))
}

fn code_unit(digits: &str) -> Option<(u32, &str)> {
    let (digits, rest) = digits.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        let check = |raw: &str, expected: Option<&str>| assert_eq!(unescape(raw).as_deref(), expected, "{raw:?}");
        check("", Some(""));
        check("é", Some("é"));
        check(r"a\u00e9b", Some("aéb"));
        check(r#"\"\\\/\b\f\n\r\t"#, Some("\"\\/\u{8}\u{c}\n\r\t"));
        check(r"\u0000", Some("\0"));
        check(r"\uD83D\uDE31!", Some("😱!"));
        check(r"\ud7ff\ue000", Some("\u{d7ff}\u{e000}"));
        check(r"\ud83d", None);
        check(r"\ud83dx", None);
        check(r"\ud83d\n", None);
        check(r"\ud83d\ud83d", None);
        check(r"\ude31\ud83d", None);
        check(r"\\ud83d", Some(r"\ud83d"));
    }
}
