use std::future::Future;
use std::panic::resume_unwind;
use std::sync::Arc;
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

/// What so many tasks answer that start at the same moment, in the order of their numbers.
pub(crate) async fn at_once<T, F>(count: usize, task: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(count));
    let running: Vec<_> = (0..count).map(|number| after(&barrier, task(number))).collect();
    let mut answers = Vec::with_capacity(count);
    for task in running {
        answers.push(joined(task).await);
    }
    answers
}

/// What two tasks answer that start at the same moment. Which of them comes first differs from round to round, if anything can
/// be done about it.
pub(crate) async fn race<A, B>(
    round: usize,
    one: impl Future<Output = A> + Send + 'static,
    other: impl Future<Output = B> + Send + 'static,
) -> (A, B)
where
    A: Send + 'static,
    B: Send + 'static,
{
    let barrier = Arc::new(Barrier::new(2));
    // Who reaches the barrier last goes on at once.
    let (one, other) = if round.is_multiple_of(2) {
        let one = after(&barrier, one);
        (one, after(&barrier, other))
    } else {
        let other = after(&barrier, other);
        (after(&barrier, one), other)
    };
    (joined(one).await, joined(other).await)
}

/// Polls a call until it gave way so many times, and drops it.
pub(crate) async fn drop_after<T>(yields: usize, call: impl Future<Output = T>) {
    let patience = async {
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        _ = call => {}
        () = patience => {}
    }
}

fn after<T: Send + 'static>(barrier: &Arc<Barrier>, task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    let barrier = Arc::clone(barrier);
    tokio::spawn(async move {
        barrier.wait().await;
        task.await
    })
}

async fn joined<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(answer) => answer,
        Err(error) => resume_unwind(error.into_panic()),
    }
}
