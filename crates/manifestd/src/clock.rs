use manifest_core::Millis;
use std::time::{SystemTime, UNIX_EPOCH};

/// The time, which the core takes as a value. A clock before 1970 counts as 1970.
pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
