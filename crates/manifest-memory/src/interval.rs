use manifest_core::Millis;
use manifest_core::facts::TagState;
use oci_types::Digest;

/// One interval of a tag's name. The newest one is the tag's row; those before it are its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interval {
    /// What, from when, until when, by whom.
    pub(crate) state: TagState,
    /// What the name pointed at before, if it did.
    pub(crate) previous: Option<Digest>,
    /// Whether it restored an earlier target.
    pub(crate) reversion: bool,
}

impl Interval {
    /// An interval never ends before it starts, though an expiry computed from one clock may lie before a start that
    /// another clock had set: it is empty then.
    pub(crate) fn new(state: TagState, previous: Option<Digest>, reversion: bool) -> Self {
        let expires = state.expires.max(state.start);
        Self { state: TagState { expires, ..state }, previous, reversion }
    }

    /// The interval, ended there unless it had expired before.
    pub(crate) fn closed_at(mut self, end: Millis) -> Self {
        self.state.expires = self.state.expires.min(end.max(self.state.start));
        self
    }
}

/// Where an interval starts that follows one which is still the name's row.
pub(crate) fn start_of_move(now: Millis, row: &Interval) -> Millis {
    now.max(row.state.start.saturating_add(1))
}

/// Where an interval starts whose name has no row, behind the last one that was closed.
pub(crate) fn start_of_return(now: Millis, last: &Interval) -> Millis {
    start_of_move(now, last).max(last.state.expires)
}

#[cfg(test)]
mod tests {
    use super::{Interval, start_of_move, start_of_return};
    use manifest_core::facts::TagState;
    use manifest_core::{Millis, NEVER};
    use oci_types::{Algorithm, Digest};

    fn interval(start: Millis, expires: Millis) -> Interval {
        let state =
            TagState { target: Digest::of(Algorithm::Sha256, b""), start, expires, immutable: false, actor: None };
        Interval::new(state, None, false)
    }

    #[test]
    fn intervals_never_invert() {
        let check = |start, expires, end, expected: Millis| {
            assert_eq!(interval(start, expires).closed_at(end).state.expires, expected);
        };
        check(10, NEVER, 20, 20);
        check(10, 15, 20, 15);
        check(10, NEVER, 5, 10);
        check(10, 5, 20, 10);
        check(NEVER, NEVER, 0, NEVER);
    }

    #[test]
    fn a_start_is_behind_what_was_before() {
        assert_eq!(start_of_move(20, &interval(10, NEVER)), 20);
        assert_eq!(start_of_move(5, &interval(10, NEVER)), 11);
        assert_eq!(start_of_return(5, &interval(10, 30)), 30);
        assert_eq!(start_of_return(5, &interval(10, 10)), 11);
        assert_eq!(start_of_return(40, &interval(10, 30)), 40);
    }
}
