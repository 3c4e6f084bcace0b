use super::content_range::number;
use std::ops::Range;

/// More ranges than any client sends in one request; beyond it the whole blob costs less.
const MOST_RANGES: usize = 1_024;

/// Which bytes a `Range` header asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of them: there is no range that we know, or too many, or they overlap so much that the whole is less.
    Whole,
    /// One range, not empty and within the whole.
    One(Range<u64>),
    /// Several, each not empty and within the whole, in the order in which they were asked for and never merged.
    Many(Vec<Range<u64>>),
    /// Nothing that there is: 416.
    Nothing,
}

/// What `header` asks for of `size` bytes (RFC 9110, section 14).
///
/// A range that ends before it starts is unsatisfiable here, where the RFC would let it be ignored: the OCI conformance suite
/// wants a 416.
pub(crate) fn wanted(header: &str, size: u64) -> Wanted {
    let Some((unit, set)) = header.split_once('=') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    let mut ranges = Vec::new();
    let mut asked = 0;
    for item in set.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        asked += 1;
        match resolve(item, size) {
            Some(range) if range.is_empty() => {}
            Some(range) => ranges.push(range),
            None => return Wanted::Whole,
        }
    }
    let sum = ranges.iter().fold(0_u64, |sum, range| sum.saturating_add(range.end - range.start));
    match (asked, ranges.as_slice()) {
        (0, _) => Wanted::Whole,
        (_, []) => Wanted::Nothing,
        (1, [range]) => Wanted::One(range.clone()),
        _ if asked > MOST_RANGES || sum > size => Wanted::Whole,
        _ => Wanted::Many(ranges),
    }
}

/// One item of a range set within `size`, empty if nothing of it is there. `None`: it is no range.
fn resolve(item: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = item.split_once('-')?;
    match (first.is_empty(), last.is_empty()) {
        (true, true) => None,
        (true, false) => Some(size.saturating_sub(clamped(last)?)..size),
        (false, true) => Some(clamped(first)?..size),
        (false, false) => Some(clamped(first)?..clamped(last)?.saturating_add(1).min(size)),
    }
}

/// A number; what is too large for a `u64` lies beyond every blob.
fn clamped(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| number(digits).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{MOST_RANGES, Wanted, wanted};

    #[test]
    fn one_range() {
        let check = |header: &str, expected: Wanted| assert_eq!(wanted(header, 2048), expected, "{header:?}");
        check("bytes=500-1499", Wanted::One(500..1500));
        check("bytes=500-", Wanted::One(500..2048));
        check("bytes=-500", Wanted::One(1548..2048));
        check("bytes=2000-5000", Wanted::One(2000..2048));
        check("bytes=0-0", Wanted::One(0..1));
        check("bytes=0-", Wanted::One(0..2048));
        check("bytes=-5000", Wanted::One(0..2048));
        check("BYTES = 0-0", Wanted::One(0..1));
        check("bytes=0-99999999999999999999999", Wanted::One(0..2048));
        check("bytes=500-0", Wanted::Nothing);
        check("bytes=5000-10000", Wanted::Nothing);
        check("bytes=2048-", Wanted::Nothing);
        check("bytes=-0", Wanted::Nothing);
        check("bytes=99999999999999999999999-", Wanted::Nothing);
        check("", Wanted::Whole);
        check("bytes", Wanted::Whole);
        check("bytes=", Wanted::Whole);
        check("bytes=-", Wanted::Whole);
        check("bytes=a-b", Wanted::Whole);
        check("bytes=+1-2", Wanted::Whole);
        check("items=0-1", Wanted::Whole);
    }

    #[test]
    fn several_ranges() {
        let check = |header: &str, expected: Wanted| assert_eq!(wanted(header, 100), expected, "{header:?}");
        check("bytes=0-9,20-29", Wanted::Many(vec![0..10, 20..30]));
        check("bytes=20-29, 0-9", Wanted::Many(vec![20..30, 0..10]));
        check("bytes=0-9,10-19", Wanted::Many(vec![0..10, 10..20]));
        check("bytes=,0-9,,-5,", Wanted::Many(vec![0..10, 95..100]));
        // One of two is there: still an answer in parts, as the client expects one.
        check("bytes=0-9,200-", Wanted::Many(std::iter::once(0..10).collect()));
        check("bytes=200-,300-", Wanted::Nothing);
        check("bytes=0-9,x", Wanted::Whole);
        check("bytes=0-,0-,0-", Wanted::Whole);
        let many = format!("bytes={}", vec!["5-5"; MOST_RANGES + 1].join(","));
        assert_eq!(wanted(&many, 1 << 20), Wanted::Whole);
    }

    #[test]
    fn nothing_of_an_empty_blob() {
        assert_eq!(wanted("bytes=0-", 0), Wanted::Nothing);
        assert_eq!(wanted("bytes=-5", 0), Wanted::Nothing);
    }
}
