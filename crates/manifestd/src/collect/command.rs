use super::dry::dry_run;
use super::round::Removed;
use crate::cli::Gc;
use crate::config::Config;
use crate::failure::Failure;
use crate::logs::{self, LogStream};
use crate::storage::{self, Place};
use crate::{clock, output, words};
use manifest_core::ports::Reclaim;
use manifest_core::service::{Collector, Preview, Stage};
use manifest_core::{Millis, PortError, Registry};
use serde_json::json;

/// More rounds than this only follow each other if something else keeps making work.
const MAX_ROUNDS: u32 = 16;

/// Collects where nothing is served, or says what a collection would remove.
pub(crate) fn run(config: &Config, gc: &Gc) -> Result<(), Failure> {
    logs::start(&config.log, LogStream::Error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| Failure::Process { doing: "starting the runtime", source })?;
    let text = runtime.block_on(answer(config, gc))?;
    output::print(&text)
}

async fn answer(config: &Config, gc: &Gc) -> Result<String, Failure> {
    if gc.dry_run {
        let registry = Registry::new(storage::open_read_only(config).await?, config.policy());
        return dry_run(&registry, clock::now(), gc.form.json).await;
    }
    storage::require_registry(config)?;
    let place = Place::claim(config).map_err(refused)?;
    let storage = place.open_as_it_is(config).await?;
    let registry = Registry::new(storage.ports.clone(), config.policy());
    let collected = collect(&registry, clock::now).await;
    storage.close();
    let (removed, freed) =
        collected.map_err(|source| Failure::UseCase { doing: "collecting", source: source.into() })?;
    Ok(if gc.form.json { to_json(&removed, freed) } else { to_text(&removed, freed) })
}

/// Who is refused here need not stop the other process, which does the same.
fn refused(failure: Failure) -> Failure {
    if let Failure::InUse { directory, pid } = failure {
        return Failure::Serving { directory, pid };
    }
    failure
}

/// Rounds until one finds nothing that another could go on with: the blobs of a deleted repository, and bytes that nobody names, go in
/// the round after the one that finds them.
pub(super) async fn collect(registry: &Registry, clock: fn() -> Millis) -> Result<(Removed, Reclaim), PortError> {
    let freed = Preview::new(registry).reclaim(clock()).await?;
    let (mut collector, mut all) = (Collector::new(registry), Removed::default());
    for _ in 0..MAX_ROUNDS {
        let mut round = Removed::default();
        loop {
            let step = collector.step(clock()).await?;
            round.add(&step);
            all.add(&step);
            if step.done_round {
                break;
            }
        }
        if round.of(Stage::Repositories) + round.of(Stage::Unnamed) == 0 {
            break;
        }
    }
    Ok((all, freed))
}

pub(super) fn to_text(removed: &Removed, freed: Reclaim) -> String {
    if !removed.any() {
        return "Nothing was removed: everything is kept by a tag, a pin, or the history window.\n".to_owned();
    }
    let lines = [
        words::counted(removed.of(Stage::History), "interval of a tag's history", "intervals of tags' history"),
        words::counted(removed.of(Stage::Manifests), "manifest", "manifests"),
        words::counted(removed.of(Stage::Access), "access to a blob", "accesses to blobs"),
        words::counted(removed.of(Stage::Blobs), "blob", "blobs"),
        words::counted(removed.of(Stage::Repositories), "row of deleted repositories", "rows of deleted repositories"),
        words::counted(removed.of(Stage::Uploads), "upload", "uploads"),
        words::counted(removed.of(Stage::Trash), "file of bytes", "files of bytes"),
    ];
    let lines: String =
        lines.iter().filter(|line| !line.starts_with("0 ")).flat_map(|line| ["  ", line, "\n"]).collect();
    format!("Removed, and freed {} of blobs:\n{lines}", words::size(freed.bytes))
}

fn to_json(removed: &Removed, freed: Reclaim) -> String {
    output::json(&json!({
        "removed": removed.json(),
        "freed": { "manifests": freed.manifests, "blobs": freed.blobs, "bytes": freed.bytes },
    }))
}
