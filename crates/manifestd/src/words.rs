//! Numbers and times as people read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use manifest_core::{Millis, NEVER};

/// A count with thousands set off: `12,345`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with what is counted: `1 tag`, `2 tags`, `2 repositories`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A size to three digits: `17 B`, `4.2 MiB`, `118 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    // Tenths of the unit, in whole numbers, so that no rounding of floats shows.
    let mut unit = 0;
    let mut tenths = u128::from(bytes) * 10 / 1024;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    if tenths >= 1_000 {
        format!("{} {}", tenths / 10, UNITS[unit])
    } else {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    }
}

/// A time in the zone of this machine: `2026-03-21 08:15:00 +01:00`; `never` for what has no end.
pub(crate) fn time(millis: Millis) -> String {
    time_in(millis, TimeZone::system())
}

fn time_in(millis: Millis, zone: TimeZone) -> String {
    if millis == NEVER {
        return "never".to_owned();
    }
    Timestamp::from_millisecond(millis).map_or_else(
        |_| format!("{millis} ms"),
        |time| time.to_zoned_datetime(zone).strftime("%Y-%m-%d %H:%M:%S %:z").to_string(),
    )
}

/// A time in UTC as RFC 3339 has it, for machines; nothing for what has no end.
pub(crate) fn rfc3339(millis: Millis) -> Option<String> {
    Timestamp::from_millisecond(millis).ok().filter(|_| millis != NEVER).map(|time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::{count, counted, rfc3339, size, time_in};
    use jiff::tz::{TimeZone, offset};
    use manifest_core::NEVER;

    #[test]
    fn counts() {
        let check = |number: u64, expected: &str| assert_eq!(count(number), expected);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(1_234_567, "1,234,567");
        assert_eq!(counted(1, "repository", "repositories"), "1 repository");
        assert_eq!(counted(0, "tag", "tags"), "0 tags");
    }

    #[test]
    fn sizes() {
        let check = |bytes: u64, expected: &str| assert_eq!(size(bytes), expected);
        check(0, "0 B");
        check(1_023, "1023 B");
        check(1_024, "1.0 KiB");
        check(1_535, "1.4 KiB");
        check(102_400, "100 KiB");
        check(1_048_575, "1023 KiB");
        check(4 << 20, "4.0 MiB");
        check(u64::MAX, "15.9 EiB");
    }

    #[test]
    fn times() {
        let zone = TimeZone::fixed(offset(1));
        assert_eq!(time_in(0, zone.clone()), "1970-01-01 01:00:00 +01:00");
        assert_eq!(time_in(NEVER, zone.clone()), "never");
        assert_eq!(time_in(NEVER - 1, zone), "9223372036854775806 ms");
        assert_eq!(rfc3339(1_500).as_deref(), Some("1970-01-01T00:00:01.5Z"));
        assert_eq!(rfc3339(NEVER), None);
    }
}
