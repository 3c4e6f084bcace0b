//! The way from a task to a thread that may block, and back.

use manifest_core::{Port, PortError, PortErrorKind};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// A job on a thread that may block.
pub(crate) type Job<T> = JoinHandle<Port<T>>;

/// Starts a job. It runs to its end even if nobody waits for it.
pub(crate) fn start<T: Send + 'static>(job: impl FnOnce() -> Port<T> + Send + 'static) -> Job<T> {
    tokio::task::spawn_blocking(job)
}

/// What a job came to.
pub(crate) async fn end<T>(job: Job<T>) -> Port<T> {
    match job.await {
        Ok(result) => result,
        Err(error) if error.is_panic() => {
            Err(PortError::new(PortErrorKind::Internal, "a job on the blob directory panicked").with_source(error))
        }
        Err(error) => {
            Err(PortError::new(PortErrorKind::Unavailable, "the runtime is shutting down").with_source(error))
        }
    }
}

/// Starts a job and waits for it.
pub(crate) async fn run<T: Send + 'static>(job: impl FnOnce() -> Port<T> + Send + 'static) -> Port<T> {
    end(start(job)).await
}

/// A value whose drop may block, on its way through tasks: dropped there, it is dropped on a thread that may block.
#[derive(Debug)]
pub(crate) struct Aside<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Aside<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// Something of the value that does not block.
    pub(crate) fn peek<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        self.0.as_ref().map(look)
    }

    /// The value, for a job that may block.
    pub(crate) fn take(mut self) -> T {
        #[expect(clippy::expect_used, reason = "only this method and the drop take the value, each once and last")]
        self.0.take().expect("a value that was not taken")
    }
}

impl<T: Send + 'static> Drop for Aside<T> {
    fn drop(&mut self) {
        // Without a runtime, and in one that shuts down, the value is dropped here, which is late but right.
        if let (Some(value), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn_blocking(move || drop(value));
        }
    }
}
