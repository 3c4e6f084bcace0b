//! Behind a pooler: what works in session mode, and what is said in transaction mode where prepared statements are not kept.
//!
//! The whole contract runs behind one with `TEST_POOLER=session cargo test -p manifest-postgres --test contract`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]

use manifest_core::facts::Visibility;
use manifest_core::ports::Repositories;
use manifest_postgres::{ConnectError, Migrations, PostgresOptions, PostgresStore};
use postgres_fixture::{Cluster, Database, PoolMode, Pooler};
use std::error::Error;
use tokio::task::JoinSet;

fn through(pooler: &Pooler, database: &Database) -> PostgresOptions {
    PostgresOptions::new(pooler.url(database.name()).parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn by_sessions_nodes_that_start_together_migrate_once_and_work() {
    let cluster = Cluster::start().unwrap();
    let pooler = Pooler::before(cluster.url(), PoolMode::Session, &[]).unwrap();
    let database = cluster.empty().unwrap();
    let all = Migrations::status(&through(&pooler, &database)).await.unwrap().missing;
    let nodes = (0..4).map(|_| tokio::spawn(PostgresStore::connect(through(&pooler, &database))));
    let mut stores = Vec::new();
    for node in nodes.collect::<Vec<_>>() {
        stores.push(node.await.unwrap().unwrap());
    }
    assert_eq!(stores.iter().filter(|store| store.opened().missing == all).count(), 1);
    let mut writers = JoinSet::new();
    for turn in 0..100 {
        let store = stores[turn % stores.len()].clone();
        let name = format!("team/number-{}", turn / 2).parse().unwrap();
        writers.spawn(async move { store.create(&name, Visibility::Private, 10).await.unwrap() });
    }
    assert_eq!(writers.join_all().await.into_iter().filter(|made| *made).count(), 50);
}

/// `PgBouncer` can keep them from 1.21 on.
const KEEPS: (u32, u32) = (1, 21);

#[tokio::test(flavor = "multi_thread")]
async fn by_transactions_without_prepared_statements_a_node_does_not_start() {
    let cluster = Cluster::start().unwrap();
    let none = [("max_prepared_statements", "0")];
    let settings = if Pooler::version().unwrap() < KEEPS { &[][..] } else { &none };
    let pooler = Pooler::before(cluster.url(), PoolMode::Transaction, settings).unwrap();
    for database in [cluster.empty().unwrap(), cluster.fresh().unwrap()] {
        let error = PostgresStore::connect(through(&pooler, &database)).await.unwrap_err();
        assert!(matches!(error, ConnectError::Pooler { .. }), "{error:?}");
        let said = error.source().unwrap().to_string();
        assert!(said.contains("prepared statement"), "{said}");
    }
}

/// One connection for all clients: there is no other one on which a statement would not be known.
#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_one_is_not_waited_for() {
    let cluster = Cluster::start().unwrap();
    let pooler = Pooler::before(cluster.url(), PoolMode::Transaction, &[("default_pool_size", "1")]).unwrap();
    let database = cluster.fresh().unwrap();
    PostgresStore::connect(through(&pooler, &database)).await.unwrap().now().await.unwrap();
}
