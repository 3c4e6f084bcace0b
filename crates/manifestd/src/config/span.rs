use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A length of time with its unit, such as `14d` or `1h30m`. Held in milliseconds.
///
/// Written as one or more pairs of digits and a unit: `ms`, `s`, `m` (minutes), `h`, `d`, `w`. There are no months and
/// years, because nobody knows how long they are. Printed in the largest unit that divides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(i64);

/// Why a text is no [`Span`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseSpanError {
    #[error("a length of time is empty")]
    Empty,
    #[error("`{0}` has no number where one belongs")]
    NoNumber(String),
    #[error("`{0}` lacks a unit (ms, s, m, h, d, w)")]
    NoUnit(String),
    #[error("`{0}` is not a unit of time (ms, s, m, h, d, w)")]
    Unit(String),
    #[error("`{0}` is longer than can be counted")]
    TooLong(String),
}

/// Largest first, so that printing finds the largest that divides.
const UNITS: [(&str, i64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Span {
    pub(crate) const fn from_millis(millis: i64) -> Self {
        Self(if millis < 0 { 0 } else { millis })
    }

    pub(crate) const fn seconds(count: i64) -> Self {
        Self::from_millis(count.saturating_mul(1_000))
    }

    pub(crate) const fn as_millis(self) -> i64 {
        self.0
    }

    pub(crate) const fn as_duration(self) -> Duration {
        Duration::from_millis(self.0.unsigned_abs())
    }
}

impl FromStr for Span {
    type Err = ParseSpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(ParseSpanError::Empty);
        }
        let mut rest = text;
        let mut millis = 0_i64;
        while !rest.is_empty() {
            let (number, tail) = split(rest, |c| !c.is_ascii_digit());
            if number.is_empty() {
                return Err(ParseSpanError::NoNumber(text.to_owned()));
            }
            let (unit, tail) = split(tail, |c| c.is_ascii_digit());
            let factor = match unit {
                "" => return Err(ParseSpanError::NoUnit(text.to_owned())),
                _ => UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor),
            };
            let factor = factor.ok_or_else(|| ParseSpanError::Unit(unit.to_owned()))?;
            let sum = number
                .parse::<i64>()
                .ok()
                .and_then(|count| count.checked_mul(factor))
                .and_then(|part| millis.checked_add(part));
            millis = sum.ok_or_else(|| ParseSpanError::TooLong(text.to_owned()))?;
            rest = tail;
        }
        Ok(Self(millis))
    }
}

fn split(text: &str, at: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(at).unwrap_or(text.len()))
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Days before weeks: `14d` is how such spans are spoken of.
        let fitting = UNITS.iter().skip(1).find(|(_, factor)| self.0 >= *factor && self.0 % factor == 0);
        let (unit, factor) = fitting.unwrap_or(&("s", 1_000));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A number alone is refused by its type: nobody can see whether it means seconds or days.
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Span;

    #[test]
    fn spans() {
        let check = |text: &str, expected: i64| assert_eq!(text.parse(), Ok(Span(expected)), "{text:?}");
        check("0s", 0);
        check("250ms", 250);
        check("30s", 30_000);
        check("14d", 1_209_600_000);
        check("2w", 1_209_600_000);
        check("1h30m", 5_400_000);
        let refused = |text: &str, expected: &str| {
            assert_eq!(text.parse::<Span>().unwrap_err().to_string(), expected, "{text:?}");
        };
        refused("", "a length of time is empty");
        refused("d", "`d` has no number where one belongs");
        refused("-1d", "`-1d` has no number where one belongs");
        refused("14", "`14` lacks a unit (ms, s, m, h, d, w)");
        refused("1d12", "`1d12` lacks a unit (ms, s, m, h, d, w)");
        refused("14 days", "` days` is not a unit of time (ms, s, m, h, d, w)");
        refused("1y", "`y` is not a unit of time (ms, s, m, h, d, w)");
        refused("9223372036854775807w", "`9223372036854775807w` is longer than can be counted");
    }

    #[test]
    fn spans_read_what_they_print() {
        let check = |millis: i64, expected: &str| {
            assert_eq!(Span(millis).to_string(), expected);
            assert_eq!(expected.parse(), Ok(Span(millis)));
        };
        check(0, "0s");
        check(250, "250ms");
        check(90_000, "90s");
        check(86_400_000, "1d");
        check(1_209_600_000, "14d");
    }
}
