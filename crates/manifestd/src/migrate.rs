//! `manifestd migrate`: which version the tables have, and the way to the one that this program knows.

use crate::cli::MigrateStep;
use crate::config::Config;
use crate::failure::Failure;
use crate::logs::{self, LogStream};
use crate::output;
use crate::storage::{self, Place};

/// Runs the migrations that are missing, or says which those are.
pub(crate) fn run(config: &Config, step: &MigrateStep) -> Result<(), Failure> {
    logs::start(&config.log, LogStream::Error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| Failure::Process { doing: "starting the runtime", source })?;
    let text = runtime.block_on(answer(config, step))?;
    output::print(&text)
}

async fn answer(config: &Config, step: &MigrateStep) -> Result<String, Failure> {
    let run = matches!(step, MigrateStep::Up { dry_run: false });
    if config.metadata.url.is_postgres() {
        let found = storage::migrations(&config.metadata, run).await?;
        return Ok(match step {
            MigrateStep::Status => status(&found.applied, &found.missing),
            MigrateStep::Up { dry_run: true } => would(&found.missing),
            MigrateStep::Up { dry_run: false } => ran(&found.missing),
        });
    }
    if !run {
        // A file is opened by a program that knows its version, or not at all; it says which of the two.
        storage::open_read_only(config).await?;
        return Ok("The database is up to date.\n".to_owned());
    }
    storage::require_registry(config)?;
    let storage = Place::claim(config)?.open(config).await?;
    let text = match storage.migration() {
        None => "The database is up to date.\n".to_owned(),
        Some((from, copy)) => {
            let copy = copy.map(|path| format!("; a copy from before is {}", path.display())).unwrap_or_default();
            format!("Migrated from version {from}{copy}.\n")
        }
    };
    storage.close();
    Ok(text)
}

fn status(applied: &[String], missing: &[String]) -> String {
    let lines =
        |state: &str, names: &[String]| -> String { names.iter().flat_map(|name| [state, "  ", name, "\n"]).collect() };
    format!("{}{}", lines("ran    ", applied), lines("missing", missing))
}

fn would(missing: &[String]) -> String {
    if missing.is_empty() {
        return "The database is up to date.\n".to_owned();
    }
    format!("Would run, in one transaction:\n{}", listed(missing))
}

fn ran(missing: &[String]) -> String {
    if missing.is_empty() {
        return "The database is up to date.\n".to_owned();
    }
    format!("Ran:\n{}", listed(missing))
}

fn listed(names: &[String]) -> String {
    names.iter().flat_map(|name| ["  ", name, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::{ran, status, would};

    #[test]
    fn answers() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(status(&names(&["0001_a"]), &names(&["0002_b"])), "ran      0001_a\nmissing  0002_b\n");
        assert_eq!(would(&[]), "The database is up to date.\n");
        assert_eq!(would(&names(&["0002_b"])), "Would run, in one transaction:\n  0002_b\n");
        assert_eq!(ran(&names(&["0002_b"])), "Ran:\n  0002_b\n");
    }
}
