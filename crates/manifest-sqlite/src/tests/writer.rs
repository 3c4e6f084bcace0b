//! The group commit: what writes that wait together share, and what they do not.

use super::world::{World, digest, plan};
use crate::driver::Doing;
use crate::writer::Verdict;
use crate::{SqliteOptions, SqliteStore};
use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl, SqliteConnection};
use manifest_core::PortErrorKind;
use manifest_core::error::{Port, PortError};
use manifest_core::facts::PushAsk;
use manifest_core::plan::{Applied, ManifestChange, Plan};
use manifest_core::ports::{FetchAsk, Fetched, Liveness, Manifests};
use oci_types::Reference;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Holds the writer until it is told to go on, so that what is asked meanwhile waits together.
struct Held {
    go_on: mpsc::Sender<()>,
    first: JoinHandle<Port<()>>,
}

impl Held {
    async fn new(store: &SqliteStore) -> Self {
        let (go_on, wait) = mpsc::channel();
        let (begun, has_begun) = mpsc::channel();
        let first = ask(store, move |_| {
            // Errors mean that the test is over.
            let _ = begun.send(());
            let _ = wait.recv();
            Ok(Verdict::Keep(()))
        });
        polled().await;
        has_begun.recv().unwrap();
        Self { go_on, first }
    }

    async fn release(self) {
        // What was spawned is in the queue after it was polled once.
        polled().await;
        self.go_on.send(()).unwrap();
        self.first.await.unwrap().unwrap();
    }
}

/// On one thread, everything that was spawned is polled before this goes on.
async fn polled() {
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
}

fn ask<T: Send + 'static>(
    store: &SqliteStore,
    write: impl FnMut(&mut SqliteConnection) -> Port<Verdict<T>> + Send + 'static,
) -> JoinHandle<Port<T>> {
    let store = store.clone();
    tokio::spawn(async move { store.write(write).await })
}

fn put(connection: &mut SqliteConnection, location: &str) -> Port<()> {
    let sql = format!("INSERT INTO trash (location, not_before_ms) VALUES ('main:{location}', 0)");
    connection.batch_execute(&sql).doing("a test's write")
}

fn count(connection: &mut SqliteConnection) -> i64 {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let Count { count } = diesel::sql_query("SELECT count(*) AS count FROM trash").get_result(connection).unwrap();
    count
}

#[tokio::test]
async fn writes_that_wait_share_a_transaction() {
    let world = World::new();
    let held = Held::new(&world.store).await;
    let writes: Vec<_> = (0..5)
        .map(|number| {
            let mut outside = world.connection();
            ask(&world.store, move |connection| {
                put(connection, &number.to_string())?;
                Ok(Verdict::Keep((count(connection), count(&mut outside))))
            })
        })
        .collect();
    held.release().await;
    for (number, write) in writes.into_iter().enumerate() {
        // Each sees those before it, and nobody else sees any.
        let before = i64::try_from(number).unwrap();
        assert_eq!(write.await.unwrap().unwrap(), (before + 1, 0));
    }
    assert_eq!(count(&mut world.connection()), 5);
}

#[tokio::test]
async fn a_refusal_leaves_nothing_behind_and_the_others_alone() {
    let world = World::new();
    let held = Held::new(&world.store).await;
    let writes: Vec<_> = ["kept", "refused", "kept too"]
        .into_iter()
        .map(|name| {
            ask(&world.store, move |connection| {
                put(connection, name)?;
                Ok(if name == "refused" { Verdict::Refuse(name) } else { Verdict::Keep(name) })
            })
        })
        .collect();
    held.release().await;
    for (write, name) in writes.into_iter().zip(["kept", "refused", "kept too"]) {
        assert_eq!(write.await.unwrap().unwrap(), name);
    }
    assert_eq!(count(&mut world.connection()), 2);
}

/// Three writes that wait together, of which the second goes wrong. Answers, and how often each of the others ran.
async fn with_one_that_fails(
    world: &World,
    fail: fn(&mut SqliteConnection) -> Port<Verdict<()>>,
) -> (Vec<Port<()>>, usize) {
    let runs = Arc::new(AtomicUsize::new(0));
    let held = Held::new(&world.store).await;
    let good = |name: &'static str| {
        let runs = Arc::clone(&runs);
        ask(&world.store, move |connection| {
            runs.fetch_add(1, Ordering::Relaxed);
            put(connection, name)?;
            Ok(Verdict::Keep(()))
        })
    };
    let writes = [good("before"), ask(&world.store, fail), good("after")];
    held.release().await;
    let mut answers = Vec::new();
    for write in writes {
        answers.push(write.await.unwrap());
    }
    (answers, runs.load(Ordering::Relaxed))
}

#[tokio::test]
async fn an_error_has_the_others_done_again_one_by_one() {
    let world = World::new();
    let (answers, runs) = with_one_that_fails(&world, |connection| {
        put(connection, "lost")?;
        connection.batch_execute("INSERT INTO nowhere VALUES (1)").doing("going wrong").map(Verdict::Keep)
    })
    .await;
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    let error = answers[1].as_ref().unwrap_err();
    assert_eq!((error.kind(), error.outcome_unknown()), (PortErrorKind::Internal, false));
    assert_eq!(runs, 3, "the first twice, the last once");
    assert_eq!(count(&mut world.connection()), 2);
}

#[tokio::test]
async fn a_panic_takes_only_its_own_write() {
    let world = World::new();
    let (answers, _) = with_one_that_fails(&world, |connection| {
        put(connection, "lost")?;
        panic!("a bug in one write")
    })
    .await;
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    assert_eq!(answers[1].as_ref().unwrap_err().kind(), PortErrorKind::Internal);
    assert_eq!(count(&mut world.connection()), 2);
}

#[tokio::test]
async fn an_ended_transaction_is_noticed_and_the_writer_goes_on() {
    let world = World::new();
    // As SQLite does on some errors, under the writer's feet.
    let (answers, _) = with_one_that_fails(&world, |connection| {
        connection.batch_execute("ROLLBACK").doing("ending the transaction").map(Verdict::Keep)
    })
    .await;
    assert!(answers[0].is_ok() && answers[2].is_ok(), "{answers:?}");
    assert!(answers[1].is_err());
    assert_eq!(count(&mut world.connection()), 2);
}

#[tokio::test]
async fn closing_finishes_what_waits_and_refuses_what_comes() {
    let world = World::new();
    let held = Held::new(&world.store).await;
    let waiting = ask(&world.store, |connection| {
        put(connection, "waiting")?;
        Ok(Verdict::Keep(()))
    });
    held.release().await;
    let store = world.store.clone();
    tokio::task::spawn_blocking(move || store.close()).await.unwrap();
    waiting.await.unwrap().unwrap();
    let error = world.store.write(|_| Ok(Verdict::Keep(()))).await.unwrap_err();
    assert!(error.is_retryable() && !error.outcome_unknown(), "{error:?}");
    let log = world.directory.path().join("registry.sqlite-wal");
    assert_eq!(log.metadata().map_or(0, |log| log.len()), 0, "the log is folded into the database");
    assert_eq!(count(&mut world.connection()), 1);
    // Reads go on.
    assert_eq!(fetch(&world.store, "app", "latest").await, Fetched::RepositoryUnknown);
}

#[tokio::test]
async fn a_lock_of_another_process_is_waited_for_and_then_said() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions { busy_timeout: Duration::from_millis(10), ..SqliteOptions::default() };
    let store = SqliteStore::open(&directory.path().join("registry.sqlite"), options).unwrap();
    let world = World { store, directory };
    let mut other = world.connection();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let writes: Vec<_> = (0..8).map(|_| ask(&world.store, |_| Ok(Verdict::Keep(())))).collect();
    for write in writes {
        let error = write.await.unwrap().unwrap_err();
        assert!(error.is_retryable() && !error.outcome_unknown(), "{error:?}");
    }
    assert_eq!(fetch(&world.store, "app", "latest").await, Fetched::RepositoryUnknown, "reads go on");
    other.batch_execute("ROLLBACK").unwrap();
    assert!(matches!(world.push("app", "image", &["latest"]).await, Applied::Done { created: true, .. }));
}

async fn fetch(store: &SqliteStore, repository: &str, reference: &str) -> Fetched {
    let ask = FetchAsk {
        repository: repository.parse().unwrap(),
        reference: reference.parse::<Reference>().unwrap(),
        now: 20,
        liveness: Liveness::Visible,
        have: None,
        at: None,
    };
    store.fetch(&ask).await.unwrap()
}

/// A plan that touches as much as it can: a new manifest, a tag that moves, one that ends, pins.
fn large(name: &str) -> Plan {
    let mut plan = plan("app", name, &["latest", "other"]);
    if let Some(ManifestChange::Create(new)) = &mut plan.manifest {
        let new = Arc::make_mut(new);
        new.bytes = name.repeat(2_000).into();
        new.labels = (0..50)
            .map(|number| manifest_core::plan::Label {
                key: format!("key {number}"),
                value: "v".repeat(200),
                json: false,
                source: manifest_core::plan::LabelSource::Manifest,
            })
            .collect();
    }
    plan.displaced_until = Some(900);
    plan
}

#[tokio::test]
async fn a_full_disk_at_any_point_of_a_write_leaves_nothing_of_it() {
    let world = World::new();
    world.store.apply(&large("old")).await.unwrap();
    let facts = async || {
        let ask = PushAsk {
            repository: "app".parse().unwrap(),
            now: 20,
            digest: Some(digest("new")),
            blobs: BTreeSet::new(),
            children: BTreeSet::from([digest("old"), digest("new")]),
            tags: BTreeSet::from(["latest".parse().unwrap(), "other".parse().unwrap()]),
            tags_of: None,
            labels: false,
            visibility: false,
            legacy_images: BTreeSet::new(),
        };
        world.store.push_facts(&ask).await.unwrap()
    };
    let before = facts().await;
    let mut refused = 0;
    // SQLite takes no limit below what there is, so the room grows from nothing, page by page.
    for room in 0.. {
        let limit = move |connection: &mut SqliteConnection| {
            let pages = pragma(connection, "page_count");
            let limit = format!("PRAGMA max_page_count = {}", pages + room);
            connection.batch_execute(&limit).doing("setting a limit").map(Verdict::Refuse)
        };
        world.store.write(limit).await.unwrap();
        match world.store.apply(&large("new")).await {
            Ok(applied) => {
                assert!(matches!(applied, Applied::Done { created: true, .. }));
                break;
            }
            Err(error) => {
                assert_eq!((error.kind(), error.outcome_unknown()), (PortErrorKind::Full, false), "{error:?}");
                assert_eq!(facts().await, before, "with room for {room} pages");
                refused += 1;
            }
        }
    }
    assert!(refused >= 3, "the disk was full at {refused} points");
    let after = facts().await;
    assert!(after.existing.is_some() && after.tags.values().all(|tag| tag.target == digest("new")));
}

fn pragma(connection: &mut SqliteConnection, name: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Value {
        #[diesel(sql_type = BigInt)]
        value: i64,
    }
    let sql = format!("SELECT {name} AS value FROM pragma_{name}");
    let Value { value } = diesel::sql_query(sql).get_result(connection).unwrap();
    value
}

#[tokio::test]
async fn a_full_disk_spares_the_writes_that_fit() {
    let world = World::new();
    world.store.apply(&large("old")).await.unwrap();
    let limit = |connection: &mut SqliteConnection| {
        let limit = format!("PRAGMA max_page_count = {}", pragma(connection, "page_count"));
        connection.batch_execute(&limit).doing("setting a limit").map(Verdict::Refuse)
    };
    world.store.write(limit).await.unwrap();
    let held = Held::new(&world.store).await;
    let (store, mut end) = (world.store.clone(), plan("app", "old", &[]));
    end.delete = Some(digest("old"));
    let (deletion, too_much) = (
        tokio::spawn({
            let store = store.clone();
            async move { store.apply(&Plan { manifest: None, pin: None, ..end }).await }
        }),
        tokio::spawn(async move { store.apply(&large("new")).await }),
    );
    held.release().await;
    assert!(matches!(deletion.await.unwrap(), Ok(Applied::Done { .. })), "deletes go on");
    let error: PortError = too_much.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Full);
}
