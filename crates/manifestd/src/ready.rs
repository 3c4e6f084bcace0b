use manifest_core::ports::PageAsk;
use manifest_core::{ReadScope, Registry};
use registry_http::Readiness;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether requests should be sent here: the rows answer, the bytes have room, and nobody has told us to stop.
#[derive(Clone)]
pub(crate) struct Ready(Arc<State>);

struct State {
    registry: Registry,
    stopping: AtomicBool,
}

impl Ready {
    pub(crate) fn new(registry: Registry) -> Self {
        Self(Arc::new(State { registry, stopping: AtomicBool::new(false) }))
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
        let capacity = ports.bytes.capacity().await.map_err(|error| error.to_string())?;
        if capacity.writable {
            return Ok(());
        }
        let free = capacity.free.map(|bytes| format!(": {bytes} bytes are free")).unwrap_or_default();
        Err(format!("the blob store takes no writes{free}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Ready;
    use manifest_core::{AllowAll, Policy, Registry};
    use manifest_memory::{MemoryBlobs, MemoryStore};

    #[tokio::test]
    async fn ready_while_there_is_room_and_nobody_stops_it() {
        let with_room = |bytes| {
            let ports = MemoryStore::new().ports(MemoryBlobs::new(bytes), AllowAll);
            Ready::new(Registry::new(ports, Policy::default()))
        };
        let ready = with_room(1_000);
        assert_eq!(ready.probe()().await, Ok(()));
        ready.stopping();
        assert_eq!(ready.probe()().await, Err("stopping".to_owned()));
        let full = with_room(0).probe()().await;
        assert_eq!(full, Err("the blob store takes no writes: 0 bytes are free".to_owned()));
    }
}
