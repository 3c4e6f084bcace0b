use super::{options, refusal};
use manifest_postgres::{ConnectError, Migrations, PostgresStore};
use postgres_fixture::Database;

#[tokio::test]
async fn a_new_database_is_migrated_once_however_many_nodes_start() {
    let database = Database::empty().await;
    let all = Migrations::status(&options(database.url())).await.unwrap().missing;
    assert!(all.len() > 1, "{all:?}");
    let nodes = (0..4).map(|_| tokio::spawn(PostgresStore::connect(options(database.url()))));
    let mut ran = 0;
    for node in nodes.collect::<Vec<_>>() {
        let store = node.await.unwrap().unwrap();
        ran += usize::from(store.opened().missing == all);
        assert!(store.opened().missing.is_empty() || store.opened().applied.is_empty());
    }
    assert_eq!(ran, 1);
    let status = Migrations::status(&options(database.url())).await.unwrap();
    assert_eq!(status, Migrations { applied: all, missing: Vec::new() });
}

#[tokio::test]
async fn what_is_missing_is_not_run_unless_asked_for() {
    let database = Database::empty().await;
    let mut read_only = options(database.url());
    read_only.migrate = false;
    let (error, text) = refusal(read_only).await;
    assert!(matches!(error, ConnectError::Older { .. }), "{error:?}");
    assert!(text.starts_with("the database lacks the migrations 0001_tables, "), "{text}");
    assert_eq!(database.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").unwrap(), "0");
    let up = Migrations::up(&options(database.url())).await.unwrap();
    assert_eq!(up.missing[0], "0001_tables");
    let again = Migrations::up(&options(database.url())).await.unwrap();
    assert_eq!(again, Migrations { applied: up.missing, missing: Vec::new() });
}

#[tokio::test]
async fn a_failed_migration_leaves_nothing() {
    let database = Database::empty().await;
    // A name that a later migration will want.
    database.psql("CREATE TYPE blob_store AS ENUM ('taken')").unwrap();
    let (error, text) = refusal(options(database.url())).await;
    assert!(matches!(error, ConnectError::Migration { .. }), "{error:?}");
    assert!(text.starts_with("migration 0009_store failed, and none was kept: "), "{text}");
    assert_eq!(database.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").unwrap(), "0");
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let database = Database::fresh().await;
    database.psql("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')").unwrap();
    let (error, text) = refusal(options(database.url())).await;
    assert!(matches!(error, ConnectError::Newer { .. }), "{error:?}");
    assert!(text.starts_with("the database has version 9999, and this program knows none newer than "), "{text}");
}
