//! Times as clients write them.

use super::route::BadRequest;
use jiff::Timestamp;
use manifest_core::Millis;

/// A time in a query: RFC 3339 with any offset, or milliseconds since 1970. What is finer than a millisecond is cut off.
pub(super) fn parse_time(name: &'static str, text: &str) -> Result<Millis, BadRequest> {
    // A time holds no spaces: one that reads so was sent with a raw `+`.
    let plus = text.replace(' ', "+");
    let millis = text.parse::<Millis>().ok();
    millis.or_else(|| rfc3339(&plus)).ok_or_else(|| BadRequest::Value {
        name,
        found: text.into(),
        expected: "a time as RFC 3339 has it, or in milliseconds since 1970",
    })
}

/// The milliseconds since 1970 of a time as RFC 3339 has it, section 5.6, with upper-case `T` and `Z`.
pub(super) fn rfc3339(text: &str) -> Option<Millis> {
    // The parser takes more than that: other separators, names of zones, shorter times.
    let shape = |at: usize, c: u8| text.as_bytes().get(at) == Some(&c);
    let shaped = shape(4, b'-') && shape(7, b'-') && shape(10, b'T') && shape(13, b':') && shape(16, b':');
    let rest = text.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let zoned = rest == "Z" || rest.len() == 6 && rest.starts_with(['+', '-']) && rest.as_bytes().get(3) == Some(&b':');
    if !(shaped && zoned) {
        return None;
    }
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::{parse_time, rfc3339};

    #[test]
    fn times() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(rfc3339(text), expected, "{text}");
        check("1970-01-01T00:00:00Z", Some(0));
        check("1970-01-01T00:00:01.5Z", Some(1_500));
        check("1970-01-01T00:00:01.5009Z", Some(1_500));
        check("2027-01-15T08:00:00.000Z", Some(1_800_000_000_000));
        check("2027-01-15T09:00:00+01:00", Some(1_800_000_000_000));
        check("2027-01-15T06:30:00-01:30", Some(1_800_000_000_000));
        check("2027-01-15 08:00:00Z", None);
        check("2027-01-15T08:00:00", None);
        check("2027-01-15T08:00:00z", None);
        check("2027-01-15T08:00:00+01", None);
        check("2027-01-15T08:00:00+01:00[Europe/Paris]", None);
        check("2027-01-15T08:00Z", None);
        check("2027-02-30T08:00:00Z", None);
        check("20270115T080000Z", None);
        check("2027-01-15", None);
        check("tomorrow", None);
        check("", None);
        check("éééééééééééééééééé", None);
    }

    #[test]
    fn in_a_query_milliseconds_too() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(parse_time("at", text).ok(), expected, "{text}");
        check("0", Some(0));
        check("-5", Some(-5));
        check("1800000000000", Some(1_800_000_000_000));
        check("2027-01-15T09:00:00 01:00", Some(1_800_000_000_000));
        check("1.5", None);
        check("99999999999999999999", None);
    }
}
