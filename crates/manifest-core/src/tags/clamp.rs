use crate::policy::Policy;
use crate::time::{Millis, after};

/// When a tag that started at `start` ends, if somebody wants it to end at `wish`: no earlier than
/// `policy.min_tag_life` after its start, and no later than `policy.max_tag_life` after it.
///
/// Counted from the tag's start, not from now, as Quay does (quay-semantics, section 5.3); Quay rounds to whole seconds,
/// here a wish within the bounds is kept to the millisecond.
///
/// ```
/// # use manifest_core::{Policy, tags::clamp_expiry, time::{DAY, HOUR}};
/// let policy = Policy::default();
/// assert_eq!(clamp_expiry(1_000, 1_001, &policy), 1_000 + HOUR);
/// assert_eq!(clamp_expiry(1_000, 5 * DAY, &policy), 5 * DAY);
/// assert_eq!(clamp_expiry(1_000, i64::MAX, &policy), 1_000 + 104 * 7 * DAY);
/// ```
#[must_use]
pub fn clamp_expiry(start: Millis, wish: Millis, policy: &Policy) -> Millis {
    // Bounds in the wrong order: the upper one wins, rather than a panic.
    wish.max(after(start, policy.min_tag_life)).min(after(start, policy.max_tag_life))
}

#[cfg(test)]
mod tests {
    use super::clamp_expiry;
    use crate::policy::Policy;

    #[test]
    fn bounds_count_from_the_start() {
        let policy = Policy { min_tag_life: 10, max_tag_life: 100, ..Policy::default() };
        let check = |wish: i64, expected: i64| assert_eq!(clamp_expiry(1_000, wish, &policy), expected, "{wish}");
        check(i64::MIN, 1_010);
        check(1_009, 1_010);
        check(1_010, 1_010);
        check(1_011, 1_011);
        check(1_100, 1_100);
        check(1_101, 1_100);
        check(i64::MAX, 1_100);
        let crossed = Policy { min_tag_life: 100, max_tag_life: 10, ..Policy::default() };
        assert_eq!(clamp_expiry(0, 50, &crossed), 10);
    }
}
