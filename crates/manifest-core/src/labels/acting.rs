use crate::facts::Acting;
use std::collections::BTreeMap;

/// The key of the label that [`expires_after`] reads.
pub const EXPIRES_AFTER: &str = "quay.expires-after";

/// The key of the label that [`immutable`] reads.
pub const IMMUTABLE: &str = "quay.immutable";

/// Whether a label of that key acts on tags.
#[must_use]
pub fn acts(key: &str) -> bool {
    key == EXPIRES_AFTER || key == IMMUTABLE
}

/// What a manifest's labels do to a tag that is pointed at it.
#[must_use]
pub fn acting(labels: &BTreeMap<String, String>) -> Acting {
    Acting {
        expires_after: labels.get(EXPIRES_AFTER).and_then(|label| expires_after(label)),
        immutable: labels.get(IMMUTABLE).is_some_and(|label| immutable(label)),
    }
}

/// What a manifest does to tags once these labels, in the order in which they were stored, are added to what it did.
///
/// The last `quay.expires-after` that asks for something counts; one `quay.immutable` that says so is enough,
/// whatever others say: a label that anybody may add cannot undo what the manifest itself asked for.
#[must_use]
pub fn overlay<'a>(base: Acting, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Acting {
    labels.into_iter().fold(base, |acting, (key, value)| match key {
        EXPIRES_AFTER => Acting { expires_after: expires_after(value).or(acting.expires_after), ..acting },
        IMMUTABLE => Acting { immutable: acting.immutable || immutable(value), ..acting },
        _ => acting,
    })
}

/// How long a tag lives, in milliseconds, as the label `quay.expires-after` says it: `30m`, `12h`, `2w`.
///
/// `None` where the label asks for nothing that we honour: no number, no unit, zero, or more than 999,999,999 days,
/// which is where Quay overflows; so a time plus this never does. Quay takes a negative number and creates a tag that
/// has already expired; here it is ignored (semantics 6).
#[must_use]
pub fn expires_after(label: &str) -> Option<i64> {
    const MAX: i64 = 999_999_999 * 24 * 60 * 60 * 1000;
    let (number, unit) = label.split_at_checked(label.len().checked_sub(1)?)?;
    let seconds_per_unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        "y" => 365 * 24 * 60 * 60,
        _ => return None,
    };
    // `parse` would take a sign; the label's grammar has none.
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: i64 = number.parse().ok()?;
    count.checked_mul(seconds_per_unit * 1000).filter(|ms| (1..=MAX).contains(ms))
}

/// Whether a tag may not be moved or deleted, as the label `quay.immutable` says it: `true`, in any case, with any blanks
/// around it.
#[must_use]
pub fn immutable(label: &str) -> bool {
    label.trim().eq_ignore_ascii_case("true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives() {
        let check = |label: &str, expected: Option<i64>| assert_eq!(expires_after(label), expected, "{label:?}");
        check("30s", Some(30_000));
        check("1m", Some(60_000));
        check("12h", Some(43_200_000));
        check("2w", Some(1_209_600_000));
        check("1y", Some(31_536_000_000));
        check("007d", Some(604_800_000));
        check("999999999d", Some(86_399_999_913_600_000));
        check("1000000000d", None);
        check("0s", None);
        check("-1h", None);
        check("+1h", None);
        check("1 h", None);
        check("1_0h", None);
        check("1.5h", None);
        check("1", None);
        check("h", None);
        check("", None);
        check("1H", None);
        check("9223372036854775807w", None);
        check("99999999999999999999s", None);
        check("1é", None);
        check("٣d", None);
    }

    #[test]
    fn immutability() {
        let check = |label: &str, expected: bool| assert_eq!(immutable(label), expected, "{label:?}");
        check("true", true);
        check(" TRUE\n", true);
        check("", false);
        check("1", false);
        check("yes", false);
        check("false", false);
    }

    #[test]
    fn labels_over_labels() {
        let base = Acting { expires_after: Some(5), immutable: false };
        let check = |labels: &[(&str, &str)], expires_after: i64, immutable: bool| {
            let acting = overlay(base, labels.iter().copied());
            assert_eq!(acting, Acting { expires_after: Some(expires_after), immutable }, "{labels:?}");
        };
        check(&[], 5, false);
        check(&[("x", "1s")], 5, false);
        check(&[(EXPIRES_AFTER, "1s")], 1_000, false);
        check(&[(EXPIRES_AFTER, "1s"), (EXPIRES_AFTER, "2s")], 2_000, false);
        check(&[(EXPIRES_AFTER, "1s"), (EXPIRES_AFTER, "0s")], 1_000, false);
        check(&[(IMMUTABLE, "true"), (IMMUTABLE, "false")], 5, true);
    }

    #[test]
    fn both_from_one_set() {
        let labels = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        assert_eq!(acting(&labels(&[])), Acting::default());
        let both = acting(&labels(&[(EXPIRES_AFTER, "1s"), (IMMUTABLE, "true"), ("x", "y")]));
        assert_eq!(both, Acting { expires_after: Some(1000), immutable: true });
    }
}
