use crate::clock;
use crate::storage::AskCondition;
use manifest_core::ports::PageAsk;
use manifest_core::{Millis, ReadScope, Registry};
use registry_http::Readiness;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether requests should be sent here: the rows answer and take writes, the bytes have room, the clock is right, and nobody has told us to
/// stop.
#[derive(Clone)]
pub(crate) struct Ready(Arc<State>);

struct State {
    registry: Registry,
    /// `None` where rows are on this machine.
    database: Option<AskCondition>,
    stopping: AtomicBool,
}

impl Ready {
    pub(crate) fn new(registry: Registry, database: Option<AskCondition>) -> Self {
        Self(Arc::new(State { registry, database, stopping: AtomicBool::new(false) }))
    }

    /// From here on nothing more should be sent.
    pub(crate) fn stopping(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }

    /// As the HTTP edge asks.
    pub(crate) fn probe(&self) -> Readiness {
        let state = Arc::clone(&self.0);
        Arc::new(move || {
            let state = Arc::clone(&state);
            Box::pin(async move { state.check().await })
        })
    }
}

impl State {
    async fn check(&self) -> Result<(), String> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err("stopping".to_owned());
        }
        let ports = self.registry.ports();
        // A page of one: one statement over an index, as every pull needs one.
        let page = ports.listings.repositories(&ReadScope::All, &PageAsk::first(1)).await;
        page.map_err(|error| error.to_string())?;
        if let Some(ask) = &self.database {
            let before = clock::now();
            let database = ask().await.map_err(|error| error.to_string())?;
            if let Some(reason) = database.read_only {
                return Err(format!("the database takes no writes: {reason}"));
            }
            judge(deviation(before, database.now, clock::now()))?;
        }
        let capacity = ports.bytes.capacity().await.map_err(|error| error.to_string())?;
        if capacity.writable {
            return Ok(());
        }
        let free = capacity.free.map(|bytes| format!(": {bytes} bytes are free")).unwrap_or_default();
        Err(format!("the blob store takes no writes{free}"))
    }
}

/// How many milliseconds this machine's clock is ahead of the database's at least, or behind it (negative): what the way there
/// and back explains is taken for no deviation.
fn deviation(before: Millis, database: Millis, after: Millis) -> Millis {
    if database < before {
        before - database
    } else if database > after {
        after - database
    } else {
        0
    }
}

/// Beyond a warning, a node with a wrong clock should not be sent requests. It serves those that come: the database orders tags.
fn judge(deviation: Millis) -> Result<(), String> {
    let side = if deviation > 0 { "ahead of" } else { "behind" };
    let off = deviation.unsigned_abs();
    if off > NOT_READY {
        return Err(format!(
            "the clock of this machine is {off} ms {side} the database's; at most {NOT_READY} ms are tolerated"
        ));
    }
    if off > SUSPICIOUS {
        tracing::warn!(deviation_ms = deviation, "the clock of this machine is {off} ms {side} the database's");
    }
    Ok(())
}

/// Milliseconds between clocks beyond which a node warns, and is not ready (semantics 16).
const SUSPICIOUS: u64 = 500;
const NOT_READY: u64 = 5_000;

#[cfg(test)]
mod tests {
    use super::{Ready, deviation, judge};
    use manifest_core::{AllowAll, Policy, Registry};
    use manifest_memory::{MemoryBlobs, MemoryStore};

    #[test]
    fn clocks() {
        let check = |before, database, after, expected| assert_eq!(deviation(before, database, after), expected);
        check(100, 100, 100, 0);
        check(100, 150, 200, 0);
        check(100, 90, 200, 10);
        check(100, 250, 200, -50);
        assert_eq!(judge(5_000), Ok(()));
        let behind = "the clock of this machine is 10000 ms behind the database's; at most 5000 ms are tolerated";
        assert_eq!(judge(-10_000), Err(behind.to_owned()));
    }

    #[tokio::test]
    async fn ready_while_there_is_room_and_nobody_stops_it() {
        let with_room = |bytes| {
            let ports = MemoryStore::new().ports(MemoryBlobs::new(bytes), AllowAll);
            Ready::new(Registry::new(ports, Policy::default()), None)
        };
        let ready = with_room(1_000);
        assert_eq!(ready.probe()().await, Ok(()));
        ready.stopping();
        assert_eq!(ready.probe()().await, Err("stopping".to_owned()));
        let full = with_room(0).probe()().await;
        assert_eq!(full, Err("the blob store takes no writes: 0 bytes are free".to_owned()));
    }
}
