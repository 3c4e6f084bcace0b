use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;
use std::str::FromStr;

/// A number of bytes with its unit, such as `4MiB`.
///
/// Written as digits and one of `B`, `KiB`, `MiB`, `GiB`, `TiB` (powers of 1,024) or `KB`, `MB`, `GB`, `TB` (powers of
/// 1,000); a number alone, as TOML has it, is bytes. Printed in the largest binary unit that divides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(pub(crate) u64);

/// Why a text is no [`Size`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseSizeError {
    #[error("`{0}` does not begin with a number")]
    NoNumber(String),
    #[error("`{0}` is not a unit of size (B, KiB, MiB, GiB, TiB, KB, MB, GB, TB)")]
    Unit(String),
    #[error("`{0}` is more than a 64-bit number holds")]
    TooLarge(String),
}

/// Largest first within each base, so that printing finds the largest that divides.
const BINARY: [(&str, u64); 5] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
const DECIMAL: [(&str, u64); 4] = [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)];

impl Size {
    pub(crate) const fn mib(count: u64) -> Self {
        Self(count << 20)
    }
}

impl FromStr for Size {
    type Err = ParseSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        if number.is_empty() {
            return Err(ParseSizeError::NoNumber(text.to_owned()));
        }
        let unit = unit.trim_start();
        let factor = match unit {
            "" => 1,
            _ => BINARY
                .iter()
                .chain(&DECIMAL)
                .find(|(name, _)| name.eq_ignore_ascii_case(unit))
                .map(|(_, factor)| *factor)
                .ok_or_else(|| ParseSizeError::Unit(unit.to_owned()))?,
        };
        let bytes = number.parse::<u64>().ok().and_then(|count| count.checked_mul(factor));
        bytes.map(Self).ok_or_else(|| ParseSizeError::TooLarge(text.to_owned()))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fitting = BINARY.iter().find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor));
        let (unit, factor) = fitting.unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Bytes(u64),
            Text(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Bytes(bytes) => Ok(Self(bytes)),
            Form::Text(text) => text.parse().map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ParseSizeError, Size};

    #[test]
    fn sizes() {
        let check = |text: &str, expected: u64| assert_eq!(text.parse(), Ok(Size(expected)), "{text:?}");
        check("0", 0);
        check("7", 7);
        check("7B", 7);
        check("4MiB", 4 << 20);
        check("4 mib", 4 << 20);
        check("4MB", 4_000_000);
        check("1TiB", 1 << 40);
        let refused = |text: &str, expected: &str| {
            assert_eq!(text.parse::<Size>().unwrap_err().to_string(), expected, "{text:?}");
        };
        refused("", "`` does not begin with a number");
        refused("-1B", "`-1B` does not begin with a number");
        refused("4M", "`M` is not a unit of size (B, KiB, MiB, GiB, TiB, KB, MB, GB, TB)");
        refused("4é", "`é` is not a unit of size (B, KiB, MiB, GiB, TiB, KB, MB, GB, TB)");
        refused("1.5GiB", "`.5GiB` is not a unit of size (B, KiB, MiB, GiB, TiB, KB, MB, GB, TB)");
        let large = "18446744073709551615KiB";
        assert_eq!(large.parse::<Size>(), Err(ParseSizeError::TooLarge(large.into())));
    }

    #[test]
    fn sizes_read_what_they_print() {
        let check = |bytes: u64, expected: &str| {
            assert_eq!(Size(bytes).to_string(), expected);
            assert_eq!(expected.parse(), Ok(Size(bytes)));
        };
        check(0, "0B");
        check(1_023, "1023B");
        check(1_024, "1KiB");
        check(4 << 20, "4MiB");
        check(3 << 39, "1536GiB");
    }
}
