use crate::connection::File;
use crate::known_images::KnownImages;
use crate::lookups::{Lookups, State};
use crate::migrate::MIGRATIONS;
use crate::open::{self, OpenError, Opened};
use crate::reader::Readers;
use crate::writer::{Promise, Sync, Verdict, Writer};
use diesel::SqliteConnection;
use diesel::migration::MigrationSource;
use diesel::sqlite::Sqlite;
use manifest_core::error::{Port, PortError, PortErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Every port of `manifest-core` that holds rows, on one SQLite file. Clones are the same store.
///
/// The file may be opened for writing by one store at a time, of one process; whoever runs that process sees to it. Others may read
/// it meanwhile, with [`open_read_only`](Self::open_read_only). What else writes to it is not seen at once: a store that writes
/// keeps answers to lookups until it writes itself.
#[derive(Clone, Debug)]
pub struct SqliteStore(Arc<Inner>);

/// What an operator may choose about a [`SqliteStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The page cache of the writer, in KiB.
    pub writer_cache_kib: u32,
    /// The page cache of each reader, in KiB. There is a reader for each thread that asks.
    pub reader_cache_kib: u32,
    /// How long a statement waits for a lock of another process.
    pub busy_timeout: Duration,
    /// How many long reads run at once; more wait.
    pub long_reads: usize,
    /// How many answers to lookups of manifests by tag or digest, and of blobs, are kept in memory while nothing is written: those
    /// of manifests up to 8 KiB. 0 keeps none. A store that is only read keeps none.
    pub lookups: usize,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            writer_cache_kib: 16 * 1024,
            reader_cache_kib: 2 * 1024,
            busy_timeout: Duration::from_secs(5),
            long_reads: 4,
            lookups: 2_048,
        }
    }
}

#[derive(Debug)]
struct Inner {
    // First, so that the log is folded into the database before the readers go.
    writer: Option<Writer>,
    readers: Readers,
    lookups: Arc<Lookups>,
    known_images: Arc<KnownImages>,
    opened: Opened,
}

impl SqliteStore {
    /// Opens the database in that file for reading and writing.
    ///
    /// Makes it if there is none, and migrates it if it is of an older version, after a copy was made beside it. The directory
    /// must exist.
    ///
    /// # Errors
    ///
    /// [`OpenError`], which says what is in the way.
    pub fn open(path: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        Self::open_with(path, options, &MIGRATIONS, std::fs::File::sync_data)
    }

    /// Opens the database in that file for reading only, also while another process writes to it. Writes answer an error of
    /// kind `Internal`. Never migrates.
    ///
    /// # Errors
    ///
    /// [`OpenError`], which says what is in the way.
    pub fn open_read_only(path: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        let file = file(path)?;
        open::readable(&file, &MIGRATIONS)?;
        let opened = Opened::Existing { migrated_from: None, backup: None };
        // Who writes does not tell.
        Ok(Self::new(file, &options, None, Arc::new(Lookups::new(0)), opened))
    }

    /// What opening came to.
    #[must_use]
    pub fn opened(&self) -> &Opened {
        &self.0.opened
    }

    /// Finishes the writes that wait, folds the write-ahead log into the database, and refuses later writes.
    ///
    /// Blocks the thread meanwhile. Dropping the last clone does the same.
    pub fn close(&self) {
        if let Some(writer) = &self.0.writer {
            writer.stop();
        }
    }

    pub(crate) fn open_with(
        path: &Path,
        options: SqliteOptions,
        migrations: &impl MigrationSource<Sqlite>,
        sync: Sync,
    ) -> Result<Self, OpenError> {
        let file = file(path)?;
        let lookups = Arc::new(Lookups::new(options.lookups));
        let (writer, opened) = open::writable(&file, &options, migrations, Arc::clone(&lookups), sync)?;
        Ok(Self::new(file, &options, Some(writer), lookups, opened))
    }

    /// Runs a read that is short for sure, on this thread.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&mut SqliteConnection) -> Port<T>) -> Port<T> {
        self.0.readers.here(read)
    }

    /// Runs a read of so many rows: on this thread if they are few.
    pub(crate) async fn read_page<T: Send + 'static>(
        &self,
        rows: usize,
        read: impl FnOnce(&mut SqliteConnection) -> Port<T> + Send + 'static,
    ) -> Port<T> {
        if rows <= SHORT_PAGE { self.0.readers.here(read) } else { self.read_long(read).await }
    }

    /// Runs a read that may be long, on a thread where nobody else waits for it.
    pub(crate) async fn read_long<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut SqliteConnection) -> Port<T> + Send + 'static,
    ) -> Port<T> {
        self.0.readers.elsewhere(read).await
    }

    /// Has a write done, whole or not at all, so that it outlasts a crash.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        write: impl FnMut(&mut SqliteConnection) -> Port<Verdict<T>> + Send + 'static,
    ) -> Port<T> {
        self.write_as(Promise::Durable, write).await
    }

    /// Has a write done, whole or not at all, which lasts as it is promised.
    pub(crate) async fn write_as<T: Send + 'static>(
        &self,
        promise: Promise,
        write: impl FnMut(&mut SqliteConnection) -> Port<Verdict<T>> + Send + 'static,
    ) -> Port<T> {
        match &self.0.writer {
            Some(writer) => writer.write(promise, write).await,
            None => {
                Err(PortError::new(PortErrorKind::Internal, "writing to a database that was opened for reading only"))
            }
        }
    }

    /// What is known of lookups, and what the store is now unless it is just changing.
    pub(crate) fn lookups(&self) -> (&Lookups, Option<State>) {
        (&self.0.lookups, self.0.lookups.state())
    }

    /// What the writer knows of legacy images.
    pub(crate) fn known_images(&self) -> Arc<KnownImages> {
        Arc::clone(&self.0.known_images)
    }

    fn new(file: File, options: &SqliteOptions, writer: Option<Writer>, lookups: Arc<Lookups>, opened: Opened) -> Self {
        let readers = Readers::new(file, options.reader_cache_kib, options.busy_timeout, options.long_reads);
        Self(Arc::new(Inner { writer, readers, lookups, known_images: Arc::default(), opened }))
    }
}

/// The largest page that is read on the thread that asks for it: some 100 µs.
const SHORT_PAGE: usize = 100;

fn file(path: &Path) -> Result<File, OpenError> {
    File::new(path).map_err(|error| OpenError::Other {
        path: path.to_owned(),
        source: PortError::new(PortErrorKind::Internal, "making the path absolute").with_source(error),
    })
}
