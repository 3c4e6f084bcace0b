//! From one database into another: the rows go, the blobs stay where they are.

use super::{BLOBS, DATABASE, absolute, is_refusal, no_blobs, no_database, not_writable, postgres, store_name};
use crate::config::{Config, Metadata, MetadataUrl};
use crate::failure::Failure;
use crate::lock::{DirectoryLock, LockError};
use blobs_filesystem::FilesystemBlobs;
use manifest_core::{PortError, PortErrorKind};
use manifest_postgres::{DatabaseUrl, ImportTable, PostgresStore, line_sum};
use manifest_sqlite::{ExportBatch, ExportColumn, SqliteOptions, SqliteStore};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// A copy under way. The directory is locked until it ends: rows that were written meanwhile would be missed.
pub(crate) struct Move {
    from: SqliteStore,
    to: PostgresStore,
    tables: Vec<ImportTable>,
    directory: PathBuf,
    /// The id of the store that has the bytes.
    store: String,
    _lock: DirectoryLock,
}

/// How long the server may take for one statement: a sum is over all rows of a table.
const PATIENCE: Duration = Duration::from_hours(24);

/// What is written at once: enough that the way there does not count. Some of these are in memory at a time, and a manifest of
/// 4 MiB, the largest by default, is 8 MiB on the way.
const BATCH: ExportBatch = ExportBatch { rows: 500, bytes: 8 * 1024 * 1024 };

impl Move {
    /// Opens both sides and claims the target for these blobs: a database that holds another registry is refused.
    pub(crate) async fn open(config: &Config, from: &Path, to: &DatabaseUrl) -> Result<Self, Failure> {
        let file = if from.is_dir() { from.join(DATABASE) } else { from.to_owned() };
        let directory = absolute(file.parent().unwrap_or(Path::new(".")));
        if !file.is_file() {
            return Err(Failure::NoRegistry { directory });
        }
        let lock = match DirectoryLock::acquire(&directory) {
            Ok(lock) => lock,
            Err(LockError::Held { pid }) => return Err(Failure::InUse { directory, pid }),
            Err(LockError::Io(source)) if is_refusal(&source) => return Err(not_writable(&directory, source)),
            Err(LockError::Io(source)) => return Err(Failure::NoDirectory { directory, source }),
        };
        let from =
            SqliteStore::open(&file, SqliteOptions::default()).map_err(|error| no_database(&directory, error))?;
        let metadata = Metadata { url: MetadataUrl(Some(to.clone())), ..config.metadata.clone() };
        let options = postgres::Options {
            migrate: true,
            pool_size: 2,
            statement_timeout: PATIENCE,
            ..postgres::options(&metadata)?
        };
        let to = postgres::connect(options).await?;
        let (name, root) = (store_name()?, directory.join(BLOBS));
        let blobs = FilesystemBlobs::open(&root, name.clone(), blobs_filesystem::Options::default())
            .map_err(|error| no_blobs(&root, error))?;
        let tables = to.import_tables().await.map_err(failed)?;
        // An unclaimed database with rows is some other registry's that has not been served yet.
        let claimed = to.blob_store_id(&name).await.map_err(failed)?;
        if claimed.is_none() && to.count_rows(&tables[0]).await.map_err(failed)? > 0 {
            return Err(Failure::OccupiedDatabase);
        }
        let store = blobs.store_id().to_string();
        // Until all rows are there no node may serve them: it would take the bytes whose rows are still to come for nobody's.
        let unfinished = postgres::unfinished(&store);
        let claimed = match claimed {
            Some(claimed) => claimed,
            None => to.claim_blob_store(&name, &unfinished).await.map_err(failed)?,
        };
        if claimed != unfinished {
            postgres::agree(&root, claimed, store.clone())?;
        }
        Ok(Self { from, to, tables, directory, store, _lock: lock })
    }

    pub(crate) fn tables(&self) -> &[ImportTable] {
        &self.tables
    }

    pub(crate) fn database(&self) -> &DatabaseUrl {
        self.to.url()
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.directory.join(BLOBS)
    }

    /// How many rows a table has.
    pub(crate) async fn total(&self, table: &ImportTable) -> Result<u64, Failure> {
        self.from.count_rows(&table.name).await.map_err(failed)
    }

    /// Copies a table. What an earlier copy has written is not sent again.
    pub(crate) async fn table(&self, table: &ImportTable, total: u64, show: &dyn Fn(u64)) -> Result<(), Failure> {
        let there = self.to.count_rows(table).await.map_err(failed)?;
        // The one row that migrations write is in both, somewhere in the order.
        let skip = if table.name == "blob" { there.saturating_sub(1) } else { there };
        self.rest(table, skip.min(total), show).await?;
        // What was there was not what an interrupted copy leaves, the first rows.
        if self.to.count_rows(table).await.map_err(failed)? < total {
            self.rest(table, 0, show).await?;
        }
        Ok(())
    }

    /// Copies the rows of a table after the first so many.
    async fn rest(&self, table: &ImportTable, skip: u64, show: &dyn Fn(u64)) -> Result<(), Failure> {
        let (send, receive) = mpsc::channel::<Vec<String>>(1);
        let take = move |lines| {
            let gone = |error: mpsc::error::SendError<_>| {
                PortError::new(PortErrorKind::Internal, "handing rows over").with_source(error.to_string())
            };
            send.blocking_send(lines).map_err(gone)
        };
        let columns = columns(table);
        let reading = self.from.export(&table.name, &columns, &table.key, skip, BATCH, take);
        let writing = async move {
            // The reader is told by the channel, which goes with this, that nobody listens any more.
            let mut receive = receive;
            let mut done = skip;
            while let Some(lines) = receive.recv().await {
                self.to.import(table, &lines).await?;
                done += lines.len() as u64;
                show(done);
            }
            Ok(())
        };
        let (read, written) = tokio::join!(reading, writing);
        written.and(read).map_err(failed)
    }

    /// Compares the rows of both sides.
    pub(crate) async fn verify(&self, table: &ImportTable) -> Result<(), Failure> {
        let sum = Arc::new(Mutex::new((0_u64, 0_u128)));
        let summing = Arc::clone(&sum);
        let take = move |lines: Vec<String>| {
            let mut sum = summing.lock().unwrap_or_else(PoisonError::into_inner);
            sum.0 += lines.len() as u64;
            sum.1 += lines.iter().map(|line| line_sum(line)).sum::<u128>();
            Ok(())
        };
        self.from.export(&table.name, &columns(table), &table.key, 0, BATCH, take).await.map_err(failed)?;
        let source = *sum.lock().unwrap_or_else(PoisonError::into_inner);
        let target = self.to.sum_rows(table).await.map_err(failed)?;
        if source == target {
            return Ok(());
        }
        Err(Failure::CopyDiffers { table: table.name.clone(), rows_there: source.0, rows_here: target.0 })
    }

    /// Has new rows numbered after those that were copied, and nodes serve them.
    pub(crate) async fn finish(&self) -> Result<(), Failure> {
        self.to.number_after_import().await.map_err(failed)?;
        let unfinished = postgres::unfinished(&self.store);
        self.to.reclaim_blob_store(&store_name()?, &unfinished, &self.store).await.map_err(failed)?;
        self.from.close();
        Ok(())
    }
}

fn columns(table: &ImportTable) -> Vec<ExportColumn> {
    table.columns.iter().map(|column| ExportColumn { name: column.name.clone(), number: column.number }).collect()
}

fn failed(source: PortError) -> Failure {
    Failure::UseCase { doing: "the copy", source: source.into() }
}
