//! Time as the domain knows it: a number that the caller brings.

/// Milliseconds since 1970-01-01T00:00:00Z. The domain has no clock: every use case takes `now` as a value.
pub type Millis = i64;

/// The end of what has no end. Stored as it is, so that `expires > now` needs no case of its own.
pub const NEVER: Millis = i64::MAX;

/// `now` plus a span in milliseconds; what would overflow is [`NEVER`].
#[must_use]
pub fn after(now: Millis, span: i64) -> Millis {
    now.saturating_add(span)
}

/// One second in milliseconds.
pub const SECOND: i64 = 1_000;
/// One hour in milliseconds.
pub const HOUR: i64 = 60 * 60 * SECOND;
/// One day in milliseconds.
pub const DAY: i64 = 24 * HOUR;
