use crate::clock;
use manifest_core::facts::Location;
use manifest_core::{PortError, Registry};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// Sweeps until it is dropped: uploads that rested too long, bytes in the trash, and bytes that no row names.
///
/// Work is in steps, and dropping the future between or within two is safe: the next start goes on. The search for unnamed
/// bytes walks the whole store, one step each interval, and begins anew at its end.
pub(crate) async fn run(registry: Registry, every: Duration) {
    let mut ticks = interval(every);
    // After a pause (a suspended laptop) one sweep is enough.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unnamed = None;
    loop {
        ticks.tick().await;
        match sweep(&registry, unnamed.take()).await {
            Ok(next) => unnamed = next,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a sweep broke off and will be tried again");
            }
        }
    }
}

/// Everything that is due, and one step of the search. Where the search goes on.
async fn sweep(registry: &Registry, after: Option<Location>) -> Result<Option<Location>, PortError> {
    let (mut uploads, mut deleted) = (0, 0);
    loop {
        let step = registry.sweep_step(clock::now()).await?;
        uploads += step.uploads;
        deleted += step.deleted;
        for (location, error) in &step.failures {
            let error: &dyn std::error::Error = error;
            tracing::warn!(%location, error, "bytes could not be deleted and will be tried again in an hour");
        }
        if !step.more {
            break;
        }
    }
    let search = registry.sweep_unnamed_step(after, clock::now()).await?;
    if uploads + deleted + search.discarded > 0 {
        tracing::info!(uploads, deleted, unnamed = search.discarded, "swept");
    }
    Ok(search.next)
}
