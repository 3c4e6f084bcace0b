//! Servers that take no writes: what is said, and how a store comes back.

use super::options;
use manifest_core::error::{Port, PortErrorKind};
use manifest_core::facts::Visibility;
use manifest_core::ports::{Listings, PageAsk, Repositories};
use manifest_core::{Millis, ReadScope};
use manifest_postgres::{PostgresStore, Writable};
use postgres_fixture::{Cluster, Database};
use std::time::{Duration, Instant};

/// How long a store may take to be itself again.
const HEALED: Duration = Duration::from_secs(10);

async fn write(store: &PostgresStore, now: Millis) -> Port<bool> {
    store.create(&format!("team/at-{now}").parse().unwrap(), Visibility::Private, now).await
}

async fn reads(store: &PostgresStore) -> usize {
    store.repositories(&ReadScope::All, &PageAsk::first(10)).await.unwrap().items.len()
}

/// Whether new sessions of that database take writes; those that are open stay as they are.
fn admit_writes(database: &Database, admit: bool) {
    let name = database.name();
    let (set, value) = if admit { ("RESET", "") } else { ("SET", " = on") };
    let alter = format!("BEGIN READ WRITE; ALTER DATABASE {name} {set} default_transaction_read_only{value}; COMMIT");
    database.psql(&alter).unwrap();
}

/// Ends the sessions of a store on that database, which opens new ones.
async fn end_sessions(database: &Database, store: &PostgresStore) {
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.psql(end).unwrap();
    answers(store).await;
}

/// Returns when a store is answered whose sessions have ended. Each of the old ones may have to be met once.
async fn answers(store: &PostgresStore) {
    let until = Instant::now() + HEALED;
    while let Err(error) = store.condition().await {
        assert!(Instant::now() < until, "{error:?}");
    }
}

#[tokio::test]
async fn a_connection_that_takes_no_writes_is_not_used_for_ever() {
    let database = Database::fresh().await;
    let store = PostgresStore::connect(options(database.url())).await.unwrap();
    assert!(write(&store, 1).await.unwrap());
    assert_eq!(store.condition().await.unwrap().writable, Writable::Yes);
    admit_writes(&database, false);
    end_sessions(&database, &store).await;
    assert_eq!(reads(&store).await, 1);
    let error = write(&store, 2).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome_unknown()), (PortErrorKind::Unavailable, false), "{error:?}");
    assert_eq!(store.condition().await.unwrap().writable, Writable::ReadOnly);
    // Sessions that are open stay read-only, as those to a server that lost its place do.
    admit_writes(&database, true);
    let until = Instant::now() + HEALED;
    while let Err(error) = write(&store, 3).await {
        assert!(Instant::now() < until, "{error:?}");
    }
    assert_eq!(store.condition().await.unwrap().writable, Writable::Yes);
    assert_eq!(reads(&store).await, 2);
}

#[tokio::test]
async fn asking_is_enough_to_find_the_way_back() {
    let database = Database::fresh().await;
    let store = PostgresStore::connect(options(database.url())).await.unwrap();
    admit_writes(&database, false);
    end_sessions(&database, &store).await;
    assert_eq!(store.condition().await.unwrap().writable, Writable::ReadOnly);
    admit_writes(&database, true);
    let until = Instant::now() + HEALED;
    while store.condition().await.unwrap().writable != Writable::Yes {
        assert!(Instant::now() < until);
    }
    assert!(write(&store, 1).await.unwrap());
}

#[tokio::test]
async fn where_servers_changed_places_a_write_is_not_refused() {
    let database = Database::fresh().await;
    let store = PostgresStore::connect(options(database.url())).await.unwrap();
    admit_writes(&database, false);
    end_sessions(&database, &store).await;
    assert_eq!(store.condition().await.unwrap().writable, Writable::ReadOnly);
    admit_writes(&database, true);
    // The connection is old enough that another one may lead elsewhere.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(2)).await;
    tokio::time::resume();
    assert!(write(&store, 1).await.unwrap());
}

#[tokio::test]
async fn a_standby_is_one() {
    let cluster = Cluster::start().unwrap();
    let database = cluster.fresh().unwrap();
    let store = PostgresStore::connect(options(database.url())).await.unwrap();
    assert!(write(&store, 1).await.unwrap());
    cluster.demote().unwrap();
    answers(&store).await;
    let error = write(&store, 2).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable, "{error:?}");
    assert_eq!(store.condition().await.unwrap().writable, Writable::Standby);
    assert_eq!(reads(&store).await, 1);
    cluster.promote().unwrap();
    assert_eq!(store.condition().await.unwrap().writable, Writable::Yes);
    assert!(write(&store, 3).await.unwrap());
}
