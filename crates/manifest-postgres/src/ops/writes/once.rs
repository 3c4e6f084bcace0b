//! Writes that would do harm if they were made twice: what they removed may be there again, through somebody else.

use super::{is_lost, only, settled};
use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Nullable, SmallInt};
use manifest_core::error::{Port, PortError};
use std::hash::{BuildHasher, RandomState};

/// The number under which a write is made, and settled if its answer is lost: drawn anew for each, and negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WriteToken(i64);

impl WriteToken {
    /// One of 2^63, so that of the writes of a day no two have the same.
    pub(crate) fn draw() -> Self {
        // A hasher of the standard library is seeded at random, and differently each time.
        let drawn = i64::from_le_bytes(RandomState::new().hash_one(()).to_le_bytes());
        Self(drawn | i64::MIN)
    }

    pub(crate) fn bound(self) -> i64 {
        self.0
    }
}

/// Makes a write. If its answer is lost with the connection, `settle` says what it was; `None`: the write was not made, and never is under
/// that number, so that it is made under another one.
pub(crate) async fn once<T, W, S>(write: impl Fn(WriteToken) -> W, settle: impl FnOnce(WriteToken) -> S) -> Port<T>
where
    W: Future<Output = Port<T>>,
    S: Future<Output = Port<Option<T>>>,
{
    let token = WriteToken::draw();
    match write(token).await {
        Err(error) if is_lost(&error) => {}
        answer => return answer,
    }
    match settle(token).await.map_err(PortError::with_unknown_outcome)? {
        Some(answer) => Ok(answer),
        None => write(WriteToken::draw()).await,
    }
}

/// The outcome of a write that left it under that number, if it was made.
pub(crate) async fn outcome(store: &PostgresStore, token: WriteToken) -> Port<Option<i16>> {
    const WHAT: &str = "looking what became of a write";
    let ask = async || store.write(Outcome { token: token.bound() }, WHAT).await;
    // Asked twice it says the same.
    let (outcome,): (Option<i16>,) = only(settled(ask, async |rows| Ok(rows)).await?, WHAT)?;
    Ok(outcome)
}

statement! {
    struct Outcome { token: i64 => BigInt }
    -> (Nullable<SmallInt>,);
    "SELECT (s.answer #>> '{}')::SMALLINT FROM write_settle_1($1) s (answer)"
}

#[cfg(test)]
mod tests {
    use super::{WriteToken, once};
    use manifest_core::error::{Port, PortError, PortErrorKind};
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_are_negative_and_differ() {
        let drawn: BTreeSet<i64> = (0..10_000).map(|_| WriteToken::draw().bound()).collect();
        assert!(drawn.len() == 10_000 && drawn.iter().all(|number| *number < 0));
    }

    fn unavailable() -> PortError {
        PortError::new(PortErrorKind::Unavailable, "writing")
    }

    /// The answer, whether its outcome is unknown if it is an error, and how many numbers were used.
    async fn run(mut answers: Vec<Port<u8>>, settled: Port<Option<u8>>) -> (Result<u8, bool>, usize) {
        answers.reverse();
        let (answers, numbers) = (RefCell::new(answers), RefCell::new(Vec::new()));
        let write = async |token: WriteToken| {
            numbers.borrow_mut().push(token.bound());
            answers.borrow_mut().pop().unwrap()
        };
        let settle = async |token: WriteToken| {
            assert_eq!(*numbers.borrow(), [token.bound()]);
            settled
        };
        let answer = once(write, settle).await.map_err(|error| error.outcome_unknown());
        (answer, numbers.take().into_iter().collect::<BTreeSet<_>>().len())
    }

    #[tokio::test]
    async fn what_was_not_made_is_made_under_another_number() {
        let lost = || Err(unavailable().with_unknown_outcome());
        let never = || Err(PortError::new(PortErrorKind::Internal, "not to be asked"));
        assert_eq!(run(vec![Ok(1)], never()).await, (Ok(1), 1));
        assert_eq!(run(vec![Err(unavailable())], never()).await, (Err(false), 1));
        assert_eq!(run(vec![lost()], Ok(Some(2))).await, (Ok(2), 1));
        assert_eq!(run(vec![lost(), Ok(3)], Ok(None)).await, (Ok(3), 2));
        assert_eq!(run(vec![lost(), Err(unavailable())], Ok(None)).await, (Err(false), 2));
        assert_eq!(run(vec![lost(), lost()], Ok(None)).await, (Err(true), 2));
        assert_eq!(run(vec![lost()], Err(unavailable())).await, (Err(true), 1));
    }
}
