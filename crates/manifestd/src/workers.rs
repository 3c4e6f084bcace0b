//! The threads that long computations run on, so that those of the runtime go on answering.

use async_trait::async_trait;
use manifest_core::service::{Work, Workers};
use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;
use tokio::sync::Semaphore;

/// The runtime's threads for what blocks: as many computations at once as there are processors, and the others wait.
pub(crate) struct BlockingThreads(Arc<Semaphore>);

impl BlockingThreads {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(available_parallelism().map_or(1, NonZero::get))))
    }
}

#[async_trait]
impl Workers for BlockingThreads {
    async fn run(&self, work: Work) {
        // Nobody closes it. Its place is given back when the work ends, also if nobody waits for that any more.
        let Ok(place) = Arc::clone(&self.0).acquire_owned().await else { return };
        let ended = tokio::task::spawn_blocking(move || {
            work();
            drop(place);
        });
        // A panic was logged where it happened, and what should have been made is found not to be.
        let _ended = ended.await;
    }
}

#[cfg(test)]
mod tests {
    use super::BlockingThreads;
    use manifest_core::service::Workers;
    use std::num::NonZero;
    use std::sync::{Arc, mpsc};
    use std::thread::{self, ThreadId};

    #[tokio::test]
    async fn work_runs_elsewhere_and_a_panic_takes_no_place() {
        let threads = BlockingThreads::new();
        let (sender, receiver) = mpsc::channel::<ThreadId>();
        for _ in 0..2 * thread::available_parallelism().map_or(1, NonZero::get) {
            threads.run(Box::new(|| panic!("a bug"))).await;
        }
        threads.run(Box::new(move || sender.send(thread::current().id()).unwrap())).await;
        assert_ne!(receiver.try_recv().unwrap(), thread::current().id());
    }

    /// What was begun ends, and until then holds its place.
    #[tokio::test]
    async fn no_more_runs_at_once_than_there_are_processors() {
        let threads = Arc::new(BlockingThreads::new());
        let places = threads.0.available_permits();
        let mut gates = Vec::new();
        for _ in 0..places {
            let (open, gate) = mpsc::channel::<()>();
            let (begun, begins) = tokio::sync::oneshot::channel();
            let work = Box::new(move || {
                begun.send(()).unwrap();
                gate.recv().unwrap_err();
            });
            let on = Arc::clone(&threads);
            let asked = tokio::spawn(async move { on.run(work).await });
            begins.await.unwrap();
            asked.abort();
            gates.push(open);
        }
        assert_eq!(threads.0.available_permits(), 0);
        drop(gates);
        let all = u32::try_from(places).unwrap();
        drop(threads.0.acquire_many(all).await.unwrap());
    }
}
