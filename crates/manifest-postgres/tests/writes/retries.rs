//! Other transactions that are in the way: what comes of it is tried again.

use crate::script::until_somebody_waits;
use crate::world::{create, digest, manifest, open, plan, points};
use manifest_core::error::PortErrorKind;
use manifest_core::plan::{Applied, Pin, Plan};
use manifest_core::ports::{Blobs, Collection, Manifests, Removal, Repositories, SweepAsk, SweepKind};
use postgres_fixture::Database;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};

/// A session of another program.
pub(crate) async fn session(database: &Database) -> Client {
    let (client, connection) = tokio_postgres::connect(database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn deadlocks(database: &Database) -> u64 {
    let count = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    database.psql(count).unwrap().trim().parse().unwrap()
}

/// Two manifests, the one of the smaller digest first.
async fn two_manifests(database: &Database) -> [&'static str; 2] {
    let store = open(database.url(), 1).await;
    let mut names = ["a", "b"];
    names.sort_by_key(|name| digest(name));
    for name in names {
        store.apply(&Plan { manifest: Some(create(manifest(name))), ..plan(10) }).await.unwrap();
    }
    let second = points(&["latest"], names[1]);
    store.apply(&Plan { tags: second, ..plan(11) }).await.unwrap();
    names
}

/// A plan that writes both: the first is pinned, and so is the second, which a tag leaves.
fn writes_both([first, _]: [&str; 2]) -> Plan {
    let pin = Some(Pin { digest: digest(first), until: 900 });
    Plan { tags: points(&["latest"], first), pin, displaced_until: Some(800), ..plan(20) }
}

const PIN: &str = "UPDATE manifest SET pinned_until_ms = pinned_until_ms WHERE digest = $1";

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_tried_again() {
    let database = Database::fresh().await;
    // The other session is patient, so that it is the store's statement that the server gives up. A session looks for a deadlock once,
    // when it has waited so long: by then the other one waits too.
    database.psql(&format!("ALTER DATABASE {} SET deadlock_timeout = '2s'", database.name())).unwrap();
    let names = two_manifests(&database).await;
    let store = open(database.url(), 1).await;
    let other = session(&database).await;
    other.batch_execute("SET deadlock_timeout = '1h'; BEGIN").await.unwrap();
    other.execute(PIN, &[&digest(names[1]).as_bytes()]).await.unwrap();
    let applying = tokio::spawn(async move { store.apply(&writes_both(names)).await });
    until_somebody_waits(&session(&database).await).await;
    // The store has the first row and waits for the second one.
    other.execute(PIN, &[&digest(names[0]).as_bytes()]).await.unwrap();
    other.batch_execute("COMMIT").await.unwrap();
    let applied = applying.await.unwrap().unwrap();
    assert!(matches!(applied, Applied::Done { ref displaced, .. } if displaced.len() == 1), "{applied:?}");
    drop(other);
    while deadlocks(&database) == 0 {}
    assert_eq!(
        database.psql("SELECT max(pinned_until_ms), min(pinned_until_ms) FROM manifest").unwrap().trim(),
        "900|800"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serialisation_failure_is_tried_again() {
    let database = Database::fresh().await;
    let names = two_manifests(&database).await;
    // A sequence goes on though the transaction is undone.
    let fails_twice = "CREATE SEQUENCE failures; \
        CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        IF nextval('failures') < 3 THEN RAISE EXCEPTION 'a fault' USING ERRCODE = 'serialization_failure'; END IF; \
        RETURN NULL; END $$; \
        CREATE TRIGGER fault AFTER UPDATE ON tag FOR EACH STATEMENT EXECUTE FUNCTION fault()";
    database.psql(fails_twice).unwrap();
    let applied = open(database.url(), 1).await.apply(&writes_both(names)).await.unwrap();
    assert!(matches!(applied, Applied::Done { .. }), "{applied:?}");
    assert_eq!(database.psql("SELECT last_value FROM failures").unwrap().trim(), "3");
    assert_eq!(database.psql("SELECT count(*) FROM tag_history").unwrap().trim(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_does_not_wait_for_ever_for_pushes() {
    let database = Database::fresh().await;
    two_manifests(&database).await;
    let store = open(database.url(), 1).await;
    let pushing = session(&database).await;
    pushing.batch_execute("BEGIN; SELECT pg_advisory_xact_lock_shared(id) FROM repository").await.unwrap();
    let (app, layer) = ("app".parse().unwrap(), digest("layer"));
    let error = store.remove(&app, &layer, 20).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome_unknown()), (PortErrorKind::Unavailable, false), "{error:?}");
    let delete = Plan { delete: Some(digest("a")), ..plan(20) };
    let error = store.apply(&delete).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome_unknown()), (PortErrorKind::Unavailable, false), "{error:?}");
    pushing.batch_execute("COMMIT").await.unwrap();
    assert_eq!(store.remove(&app, &layer, 20).await.unwrap(), Removal::Absent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_says_where_pushes_were_in_its_way() {
    let database = Database::fresh().await;
    let store = open(database.url(), 2).await;
    for repository in ["app", "calm"] {
        let push = Plan { repository: repository.parse().unwrap(), manifest: Some(create(manifest("a"))), ..plan(10) };
        store.apply(&push).await.unwrap();
    }
    let pushing = session(&database).await;
    let hold = "BEGIN; SELECT pg_advisory_xact_lock_shared(id) FROM repository WHERE name = 'app'";
    pushing.batch_execute(hold).await.unwrap();
    let ask = SweepAsk { kind: SweepKind::Manifests, after: None, limit: 200, now: 5_000, window: 0, grace: 0 };
    let done = store.sweep(&ask).await.unwrap();
    assert_eq!((done.removed, done.busy), (1, true), "only the calm repository");
    store.delete(&"app".parse().unwrap(), 20).await.unwrap();
    let repositories = SweepAsk { kind: SweepKind::Repositories, ..ask.clone() };
    let done = store.sweep(&repositories).await.unwrap();
    assert_eq!((done.removed, done.busy), (0, true));
    // Whoever gives up on it goes on behind it.
    assert_eq!(store.sweep(&SweepAsk { after: done.next, ..repositories.clone() }).await.unwrap().next, None);
    pushing.batch_execute("COMMIT").await.unwrap();
    let done = store.sweep(&repositories).await.unwrap();
    assert_eq!((done.removed, done.busy), (2, false), "the manifest and the repository");
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_without_end_do_not_keep_a_sweep_out() {
    let database = Database::fresh().await;
    let names = two_manifests(&database).await;
    let store = open(database.url(), 10).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut pushers = JoinSet::new();
    for _ in 0..8 {
        let (store, is_over) = (store.clone(), Arc::clone(&is_over));
        pushers.spawn(async move {
            while !is_over.load(Ordering::SeqCst) {
                store
                    .apply(&Plan { pin: Some(Pin { digest: digest(names[1]), until: 900 }), ..plan(20) })
                    .await
                    .unwrap();
            }
        });
    }
    let ask = SweepAsk { kind: SweepKind::Manifests, after: None, limit: 200, now: 800, window: 0, grace: 0 };
    let done = store.sweep(&ask).await.unwrap();
    is_over.store(true, Ordering::SeqCst);
    while let Some(pushed) = pushers.join_next().await {
        pushed.unwrap();
    }
    assert_eq!((done.removed, done.busy), (1, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_under_an_isolation_in_which_locks_protect_nothing() {
    let database = Database::fresh().await;
    for call in ["repository_shared_1('app')", "repository_alone_1('app', '1s')", "repository_try_1(1, false)"] {
        let strict = format!("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT {call}");
        let error = database.psql(&strict).unwrap_err().to_string();
        assert!(error.contains("writes need the isolation READ COMMITTED, not REPEATABLE READ"), "{error}");
    }
}
