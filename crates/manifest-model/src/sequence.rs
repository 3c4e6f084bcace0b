//! A sequence, run over several sides at once.

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

    /// Runs it over all of these at once, and says at which operation one first differs from the first of them and how.
    pub(crate) async fn run(&self, ports: Vec<(&str, Ports)>) -> Result<(), Difference> {
        let pool = Pool::new();
        let mut sides: Vec<Side> =
            ports.into_iter().map(|(name, ports)| Side::new(name, ports, self.policy())).collect();
        let mut now = START;
        for (step, op) in self.ops.iter().enumerate() {
            let caller = match op.pick % 2 {
                0 => Caller::Anonymous,
                _ => "alice".parse().map_or(Caller::Anonymous, Caller::Named),
            };
            let cx = Context { caller, now };
            let ask = Ask { op: *op, pool: &pool, cx: &cx, fresh: (step as u128 + 1) << 8 };
            now += moved(&ask);
            let what = || format!("the answers to operation {step}, {op:?},");
            same(&mut sides, what, async |side| vec![side.run(&ask).await]).await?;
            if step % EVERY == EVERY - 1 || step + 1 == self.ops.len() {
                let what = || format!("the states after operation {step}, {op:?},");
                same(&mut sides, what, async |side| side.rows(&pool, &cx).await).await?;
            }
        }
        let what = || "the last rounds of collection".to_owned();
        same(&mut sides, what, async |side| vec![side.collect(START + LONG).await]).await?;
        let what = || "the numbers of locations emptied".to_owned();
        same(&mut sides, what, async |side| vec![side.emptied.to_string()]).await
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
    /// The names of the two, with what they say.
    sides: [(String, String); 2],
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} differ:", self.what)?;
        self.sides.iter().try_for_each(|(name, said)| write!(f, "\n  {name}: {said}"))
    }
}

impl std::error::Error for Difference {}

/// Asks all sides, and names the first line in which one differs from the first side.
async fn same(
    sides: &mut [Side],
    what: impl Fn() -> String,
    ask: impl AsyncFn(&mut Side) -> Vec<String>,
) -> Result<(), Difference> {
    let Some((first, others)) = sides.split_first_mut() else { return Ok(()) };
    let expected = ask(first).await;
    for other in others {
        let found = ask(other).await;
        for at in 0..expected.len().max(found.len()) {
            let line = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
            let (a, b) = (line(&expected), line(&found));
            if a != b {
                return Err(Difference { what: what(), sides: [(first.name.clone(), a), (other.name.clone(), b)] });
            }
        }
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
