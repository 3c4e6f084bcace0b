//! When a write is answered: what is promised durable after a sync of the log that follows its commit, and never after one
//! that failed.

use super::world::World;
use crate::driver::Doing;
use crate::migrate::MIGRATIONS;
use crate::writer::{Promise, Verdict};
use crate::{SqliteOptions, SqliteStore};
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection;
use manifest_core::PortErrorKind;
use manifest_core::error::Port;
use std::fs::File;
use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokio::task::JoinHandle;

/// A sync that waits until it is told what to come to. There is one at a time: tests of this file take turns.
struct Syncs {
    begun: Receiver<()>,
    end: Sender<io::Result<()>>,
}

/// The other ends.
type Wire = (Sender<()>, Receiver<io::Result<()>>);

impl Syncs {
    /// Waits until one has begun.
    async fn begun(&self) {
        while self.begun.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
    }

    /// Has the next one succeed.
    async fn succeed(&self) {
        self.begun().await;
        self.end.send(Ok(())).unwrap();
    }

    /// Has the next one fail.
    async fn fail(&self) {
        self.begun().await;
        self.end.send(Err(io::Error::other("a fault"))).unwrap();
    }
}

static WIRE: Mutex<Option<Wire>> = Mutex::new(None);
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn told(file: &File) -> io::Result<()> {
    let wire = WIRE.lock().unwrap();
    let (begun, end) = wire.as_ref().unwrap();
    begun.send(()).unwrap();
    end.recv().unwrap().and_then(|()| file.sync_data())
}

fn world() -> (World, Syncs) {
    let (begins, begun) = channel();
    let (end, ends) = channel();
    *WIRE.lock().unwrap() = Some((begins, ends));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("registry.sqlite");
    let options = SqliteOptions { busy_timeout: Duration::from_millis(10), ..SqliteOptions::default() };
    let store = SqliteStore::open_with(&path, options, &MIGRATIONS, told).unwrap();
    (World { store, directory }, Syncs { begun, end })
}

fn put(store: &SqliteStore, promise: Promise, name: &'static str) -> JoinHandle<Port<()>> {
    let store = store.clone();
    let write = move |connection: &mut SqliteConnection| {
        let sql = format!("INSERT INTO trash (location, not_before_ms) VALUES ('main:{name}', 0)");
        connection.batch_execute(&sql).doing("a test's write").map(Verdict::Keep)
    };
    tokio::spawn(async move { store.write_as(promise, write).await })
}

/// Whether others see it.
fn there(world: &World, name: &str) -> bool {
    world.count(&format!("SELECT count(*) AS count FROM trash WHERE location = 'main:{name}'")) == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_answered_after_a_sync_that_began_after_its_commit() {
    let _turn = TURN.lock().await;
    let (world, syncs) = world();
    let first = put(&world.store, Promise::Durable, "first");
    syncs.begun().await;
    assert!(there(&world, "first") && !first.is_finished(), "committed, and not durable");
    // The first may have been synced on the writer's thread, with nothing else to do. Whatever comes now waits for a sync of its own.
    let second = put(&world.store, Promise::Durable, "second");
    syncs.end.send(Ok(())).unwrap();
    first.await.unwrap().unwrap();
    syncs.begun().await;
    assert!(there(&world, "second") && !second.is_finished());
    syncs.end.send(Ok(())).unwrap();
    second.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_need_not_be_durable_waits_for_no_sync() {
    let _turn = TURN.lock().await;
    let (world, syncs) = world();
    put(&world.store, Promise::Committed, "committed").await.unwrap().unwrap();
    assert!(syncs.begun.try_recv().is_err(), "nothing was synced");
    // Nor does it end the wait of another.
    let durable = put(&world.store, Promise::Durable, "durable");
    syncs.succeed().await;
    durable.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failed_sync_nothing_is_durable_until_the_log_is_emptied() {
    let _turn = TURN.lock().await;
    let (world, syncs) = world();
    let lost = put(&world.store, Promise::Durable, "lost");
    syncs.fail().await;
    let error = lost.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.outcome_unknown()), (PortErrorKind::Unavailable, true), "{error:?}");

    // Emptied, but not on the disk yet: the next write is refused, and did not happen.
    let refused = put(&world.store, Promise::Durable, "refused");
    syncs.begun().await;
    assert_eq!(world.log_size(), 0, "the log is in the database");
    syncs.end.send(Err(io::Error::other("a fault"))).unwrap();
    assert_eq!(refused.await.unwrap().unwrap_err().kind(), PortErrorKind::Unavailable);
    assert!(!there(&world, "refused"));

    // One sync for the emptied log, one for the write.
    let written = put(&world.store, Promise::Durable, "written");
    for _ in 0..2 {
        syncs.succeed().await;
    }
    written.await.unwrap().unwrap();
    assert!(there(&world, "written") && there(&world, "lost"), "what was committed is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_keeps_the_log_is_waited_for_after_a_failed_sync() {
    let _turn = TURN.lock().await;
    let (world, syncs) = world();
    let lost = put(&world.store, Promise::Durable, "lost");
    syncs.fail().await;
    lost.await.unwrap().unwrap_err();
    let mut reader = world.connection();
    reader.batch_execute("PRAGMA busy_timeout = 0; BEGIN; SELECT count(*) FROM trash").unwrap();
    world.store.write_as(Promise::Committed, |_| Ok(Verdict::Keep(()))).await.expect_err("the log is still there");
    reader.batch_execute("COMMIT").unwrap();
    let written = put(&world.store, Promise::Committed, "written");
    syncs.succeed().await;
    written.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_waits_for_syncs() {
    let _turn = TURN.lock().await;
    let (world, syncs) = world();
    let written = put(&world.store, Promise::Durable, "written");
    syncs.begun().await;
    let store = world.store.clone();
    let closed = tokio::task::spawn_blocking(move || store.close());
    syncs.end.send(Ok(())).unwrap();
    closed.await.unwrap();
    written.await.unwrap().unwrap();
}
