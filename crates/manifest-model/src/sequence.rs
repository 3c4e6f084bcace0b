//! A sequence, run over two sides at once.

use crate::op::{Kind, Manage, Op};
use crate::pool::Pool;
use crate::side::{Ask, Side};
use manifest_core::time::{DAY, HOUR, SECOND};
use manifest_core::{Caller, Context, Millis, Policy, Ports};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use std::fmt;

/// Later than the real clock, so that bytes which nobody names are old.
const START: Millis = 4_000_000_000_000;

/// Longer than a sequence lasts.
const LONG: i64 = 365 * DAY;

/// After how many operations the whole state is compared.
const EVERY: usize = 10;

/// Manifests that are there from the start in every second sequence: images, indexes over them, and what is about them. The one
/// that makes its tag immutable is not among them.
const FURNITURE: [u8; 9] = [0, 1, 2, 5, 4, 6, 8, 7, 9];

/// Operations, and the policy under which they run.
#[derive(Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Whether a tag that leaves a manifest pins it.
    pin: bool,
    /// Whether references are unchecked.
    unchecked: bool,
    ops: Vec<Op>,
}

impl Sequence {
    /// Any sequence of so many operations on the average.
    pub fn any(ops: usize) -> impl Strategy<Value = Self> {
        let operations = vec(Op::any(), 1..=2 * ops);
        let furnished = any::<bool>().prop_map(|yes| if yes { FURNITURE.to_vec() } else { Vec::new() });
        (any::<bool>(), 0..8_u8, furnished, operations).prop_map(|(pin, unchecked, manifests, operations)| {
            let ops = manifests.into_iter().map(Op::provide).chain(operations).collect();
            Self { pin, unchecked: unchecked == 7, ops }
        })
    }

    /// What is done in it.
    #[must_use]
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// Runs it over both, and says at which operation they first differ and how.
    ///
    /// # Errors
    ///
    /// The [`Difference`].
    pub async fn run(&self, left: Ports, right: Ports) -> Result<(), Difference> {
        let pool = Pool::new();
        let (mut left, mut right) = (Side::new(left, self.policy()), Side::new(right, self.policy()));
        let mut now = START;
        for (step, op) in self.ops.iter().enumerate() {
            let caller = match op.pick % 2 {
                0 => Caller::Anonymous,
                _ => "alice".parse().map_or(Caller::Anonymous, Caller::Named),
            };
            let cx = Context { caller, now };
            let ask = Ask { op: *op, pool: &pool, cx: &cx, fresh: (step as u128 + 1) << 8 };
            now += moved(&ask);
            let (a, b) = (left.run(&ask).await, right.run(&ask).await);
            let what = || format!("the answers to operation {step}, {op:?}");
            differ(what, &a, &b)?;
            if step % EVERY == EVERY - 1 || step + 1 == self.ops.len() {
                let (a, b) = (left.rows(&pool, &cx).await, right.rows(&pool, &cx).await);
                same_rows(step, *op, &a, &b)?;
            }
        }
        let end = START + LONG;
        let (a, b) = (left.collect(end).await, right.collect(end).await);
        differ(|| "the last rounds of collection".to_owned(), &a, &b)?;
        differ(|| "the numbers of locations emptied".to_owned(), &left.emptied.to_string(), &right.emptied.to_string())
    }

    /// Short spans, so that a sequence lives through all of them.
    fn policy(&self) -> Policy {
        Policy {
            references: if self.unchecked {
                manifest_core::policy::References::Unchecked
            } else {
                manifest_core::policy::References::Required
            },
            untagged_ttl: HOUR,
            pin_on_untag: self.pin,
            lease: HOUR,
            head_lease_floor: 600 * SECOND,
            upload_ttl: HOUR,
            history_window: 2 * HOUR,
            collection_grace: 600 * SECOND,
            min_tag_life: 60 * SECOND,
            ..Policy::default()
        }
    }
}

/// By how much the operation moves the clock.
fn moved(ask: &Ask<'_>) -> i64 {
    match ask.op.kind {
        Kind::Manage(Manage::Forward) => ask.span(),
        Kind::Manage(Manage::Backward) => -ask.span(),
        Kind::Bytes(_)
        | Kind::Push(_)
        | Kind::Tags(_)
        | Kind::Labels(_)
        | Kind::Manage(_)
        | Kind::Look(_)
        | Kind::Pages(_) => 0,
    }
}

/// Where two sides first differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    what: String,
    left: String,
    right: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} differ:\n  left:  {}\n  right: {}", self.what, self.left, self.right)
    }
}

impl std::error::Error for Difference {}

fn differ(what: impl FnOnce() -> String, left: &str, right: &str) -> Result<(), Difference> {
    if left == right {
        return Ok(());
    }
    Err(Difference { what: what(), left: left.to_owned(), right: right.to_owned() })
}

/// Names only the first rows that differ.
fn same_rows(step: usize, op: Op, left: &[String], right: &[String]) -> Result<(), Difference> {
    let none = String::new();
    for at in 0..left.len().max(right.len()) {
        let row = |rows: &[String]| rows.get(at).unwrap_or(&none).clone();
        differ(|| format!("the states after operation {step}, {op:?},"), &row(left), &row(right))?;
    }
    Ok(())
}

impl fmt::Debug for Sequence {
    /// One operation a line, as a failing case is read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "pin_on_untag = {}, references unchecked = {}", self.pin, self.unchecked)?;
        for (step, op) in self.ops.iter().enumerate() {
            writeln!(f, "  {step}: {op:?}")?;
        }
        Ok(())
    }
}
