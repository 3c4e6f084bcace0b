//! Where long computations run. The core has no threads: whoever has some lends them.

use super::Registry;
use crate::error::{Port, PortError, PortErrorKind};
use async_trait::async_trait;
use std::sync::{Arc, Mutex, PoisonError};

/// A computation that waits for nothing.
pub type Work = Box<dyn FnOnce() + Send>;

/// Threads for computations that would keep other requests waiting: manifests of megabytes are parsed, verified, converted and signed there.
///
/// A registry without any ([`Registry::with_workers`]) computes on the thread that asks. Adapters that queue should not let more run at once than
/// there are processors.
#[async_trait]
pub trait Workers: Send + Sync {
    /// Runs the work to its end and then answers. If the answer is not waited for, the work is done as a whole or not at all.
    async fn run(&self, work: Work);
}

/// How many bytes of input are worth no other thread: about a millisecond's work.
pub(super) const AT_HAND: usize = 32 * 1024;

impl Registry {
    /// The same registry with threads that long computations are given to.
    #[must_use]
    pub fn with_workers(self, workers: Arc<dyn Workers>) -> Self {
        Self { workers: Some(workers), ..self }
    }

    /// What `work` makes of `size` bytes.
    pub(super) async fn compute<T: Send + 'static>(
        &self,
        size: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Port<T> {
        let Some(workers) = self.workers.as_ref().filter(|_| size > AT_HAND) else {
            return Ok(work());
        };
        let made = Arc::new(Mutex::new(None));
        let place = Arc::clone(&made);
        let work = move || {
            let made = work();
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
        };
        workers.run(Box::new(work)).await;
        let made = made.lock().unwrap_or_else(PoisonError::into_inner).take();
        made.ok_or_else(|| PortError::new(PortErrorKind::Internal, "a computation did not end"))
    }
}

#[cfg(test)]
mod tests {
    use super::{AT_HAND, Work, Workers};
    use crate::error::PortErrorKind;
    use crate::service::testing::Mocks;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts what it runs; loses it if it is told to.
    #[derive(Default)]
    struct Counting {
        ran: AtomicUsize,
        loses: bool,
    }

    #[async_trait::async_trait]
    impl Workers for Counting {
        async fn run(&self, work: Work) {
            self.ran.fetch_add(1, Ordering::SeqCst);
            if !self.loses {
                work();
            }
        }
    }

    #[tokio::test]
    async fn long_work_is_given_away() {
        let workers = Arc::new(Counting::default());
        let registry = Mocks::default().registry().with_workers(Arc::<Counting>::clone(&workers));
        for (size, ran) in [(0, 0), (AT_HAND, 0), (AT_HAND + 1, 1)] {
            assert_eq!(registry.compute(size, move || size).await.unwrap(), size);
            assert_eq!(workers.ran.load(Ordering::SeqCst), ran, "{size}");
        }
        assert_eq!(Mocks::default().registry().compute(AT_HAND + 1, || 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn work_that_is_lost_is_an_error_of_ours() {
        let workers = Counting { loses: true, ..Counting::default() };
        let registry = Mocks::default().registry().with_workers(Arc::new(workers));
        let error = registry.compute(AT_HAND + 1, || 7).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Internal);
    }
}
