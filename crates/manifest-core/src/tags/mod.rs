//! How long tags live, and which ones may not move.

mod clamp;
mod pattern;

pub use clamp::clamp_expiry;
pub use pattern::{ParseTagPatternError, TagPattern};

use crate::facts::Acting;
use crate::time::{Millis, NEVER, after};

/// When a tag ends that is pointed, at `now`, at a manifest with these acting labels.
///
/// A tag that is immutable does not expire: it could not be moved away from, and would still vanish (quay-semantics,
/// section 5.2, with Quay's "immutable may expire" off).
#[must_use]
pub fn expires(acting: Acting, now: Millis) -> Millis {
    match acting.expires_after {
        Some(span) if !acting.immutable => after(now, span),
        Some(_) | None => NEVER,
    }
}

#[cfg(test)]
mod tests {
    use super::expires;
    use crate::facts::Acting;
    use crate::time::NEVER;

    #[test]
    fn acting_labels_bound_a_tags_life() {
        let check = |expires_after: Option<i64>, immutable: bool, expected: i64| {
            assert_eq!(expires(Acting { expires_after, immutable }, 1_000), expected, "{expires_after:?} {immutable}");
        };
        check(None, false, NEVER);
        check(Some(500), false, 1_500);
        check(Some(500), true, NEVER);
        check(Some(i64::MAX), false, NEVER);
    }
}
