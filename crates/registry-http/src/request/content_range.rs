use oci_types::Quoted;
use std::str::FromStr;

/// Which bytes of an upload a chunk holds: `0-1023`, both ends included.
///
/// The distribution spec's form has neither unit nor total; `bytes 0-1023/4096`, as RFC 9110 has it, is taken as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContentRange {
    pub(crate) start: u64,
    /// How many bytes; at least 1.
    pub(crate) length: u64,
}

/// Why a `Content-Range` says nothing about a chunk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("content range {} is not of the form <first>-<last>", Quoted(.0))]
pub(crate) struct ParseContentRangeError(Box<str>);

impl FromStr for ContentRange {
    type Err = ParseContentRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseContentRangeError(text.into());
        let range = text.trim();
        let range = range.strip_prefix("bytes").map_or(range, |range| range.trim_start_matches([' ', '=']));
        let range = match range.split_once('/') {
            Some((range, "*")) => range,
            Some((range, total)) => number(total).map(|_| range).ok_or_else(wrong)?,
            None => range,
        };
        let (start, end) = range.split_once('-').ok_or_else(wrong)?;
        let (start, end) = (number(start).ok_or_else(wrong)?, number(end).ok_or_else(wrong)?);
        let length = end.checked_sub(start).and_then(|distance| distance.checked_add(1)).ok_or_else(wrong)?;
        Ok(Self { start, length })
    }
}

/// A number without sign, as `parse` would take a `+`.
pub(super) fn number(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::ContentRange;

    #[test]
    fn forms() {
        let check = |text: &str, expected: Option<(u64, u64)>| {
            let range = text.parse::<ContentRange>().ok();
            assert_eq!(range.map(|range| (range.start, range.length)), expected, "{text:?}");
        };
        check("0-0", Some((0, 1)));
        check("0-1023", Some((0, 1024)));
        check("1024-2047", Some((1024, 1024)));
        check(" 5-9 ", Some((5, 5)));
        check("bytes 5-9/10", Some((5, 5)));
        check("bytes=5-9", Some((5, 5)));
        check("bytes 5-9/*", Some((5, 5)));
        check("5-9/10", Some((5, 5)));
        check("", None);
        check("5", None);
        check("5-", None);
        check("-5", None);
        check("9-5", None);
        check("+5-9", None);
        check("a-b", None);
        check("5-9/x", None);
        check("0-18446744073709551615", None);
        check("18446744073709551616-18446744073709551617", None);
    }
}
