//! Numbers as Quay writes them: integers as they are, everything else as the shortest decimal that is the same double.

use std::borrow::Cow;

/// A number of a text that has been checked, as it is written anew.
///
/// An integer stays exact at any length; only of zero the sign is lost. What has a point or an exponent is a double, which
/// may be infinite, and is written as Python writes it: with an exponent from 1e16 on and below 1e-4.
pub(super) fn rewritten(number: &str) -> Cow<'_, str> {
    if matches!(number, "NaN" | "Infinity" | "-Infinity") {
        return Cow::Borrowed(number);
    }
    if number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return Cow::Borrowed(if number == "-0" { "0" } else { number });
    }
    // What has been checked is a number to Rust as well.
    Cow::Owned(double(number.parse().unwrap_or(f64::NAN)))
}

fn double(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    // One digit, a point, the others, and the exponent: the shortest that is read as the same double.
    let scientific = format!("{:e}", number.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = mantissa.replace('.', "");
    let sign = if number.is_sign_negative() { "-" } else { "" };
    match usize::try_from(exponent) {
        Ok(exponent @ 0..16) => {
            let digits = format!("{digits:0<width$}", width = exponent + 1);
            let (whole, fraction) = digits.split_at(exponent + 1);
            format!("{sign}{whole}.{}", if fraction.is_empty() { "0" } else { fraction })
        }
        Err(_) if exponent >= -4 => {
            let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
            format!("{sign}0.{}{digits}", "0".repeat(zeros))
        }
        _ => {
            let direction = if exponent < 0 { '-' } else { '+' };
            format!("{sign}{mantissa}e{direction}{:02}", exponent.abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::rewritten;

    #[test]
    fn numbers_are_written_anew() {
        let check = |number: &str, expected: &str| assert_eq!(rewritten(number), expected, "{number}");
        for same in ["0", "-1", "12345678901234567890123", "NaN", "Infinity", "-Infinity", "0.5", "-0.0", "5e-324"] {
            check(same, same);
        }
        check("-0", "0");
        check("1E2", "100.0");
        check("0e9", "0.0");
        check("1.50", "1.5");
        check("123.456", "123.456");
        check("1e15", "1000000000000000.0");
        check("1e16", "1e+16");
        check("12345678901234567890.0", "1.2345678901234567e+19");
        check("0.0001", "0.0001");
        check("0.00001", "1e-05");
        check("0.000123", "0.000123");
        check("1.5E300", "1.5e+300");
        check("-1.5e-300", "-1.5e-300");
        check("1e400", "Infinity");
        check("-1e400", "-Infinity");
        check("1e-400", "0.0");
        check("0.1", "0.1");
        check("9007199254740993.0", "9007199254740992.0");
    }
}
