//! The Postgres adapter keeps every promise of the ports.

#![expect(clippy::expect_used, reason = "a test without its database cannot begin")]

use manifest_contract::keys;
use manifest_contract::rows::{Fixture, Rows};
use manifest_core::ports::SigningKeys;
use manifest_postgres::{PostgresOptions, PostgresStore};
use postgres_fixture::{Database, PoolMode, Pooler};
use std::sync::{Arc, OnceLock};

/// The variable that puts a pooler between the stores and their server: `session` or `transaction`.
const POOLER: &str = "TEST_POOLER";

/// Where stores find their database.
fn address(database: &Database) -> String {
    static POOLER_OF_ALL: OnceLock<Option<Pooler>> = OnceLock::new();
    let pooler = POOLER_OF_ALL.get_or_init(|| {
        let mode = match std::env::var(POOLER).ok()?.as_str() {
            "session" => PoolMode::Session,
            "transaction" => PoolMode::Transaction,
            other => panic!("{POOLER} is `{other}`, which is no mode"),
        };
        Some(Pooler::before(database.url(), mode, &[]).expect("a pooler"))
    });
    pooler.as_ref().map_or_else(|| database.url().to_owned(), |pooler| pooler.url(database.name()))
}

async fn connect(url: &str) -> Arc<PostgresStore> {
    let options = PostgresOptions::new(url.parse().expect("a URL"));
    Arc::new(PostgresStore::connect(options).await.expect("a store"))
}

async fn open(url: &str) -> Rows {
    Rows::of(connect(url).await)
}

async fn fresh() -> Fixture {
    let database = Arc::new(Database::fresh().await);
    let rows = open(&address(&database)).await;
    let (again, spoilt) = (Arc::clone(&database), Arc::clone(&database));
    Fixture::new(rows).keeping(database).reopening(move || async move { open(&address(&again)).await }).spoiling(
        move |_, _| async move {
            // By somebody else, as it were.
            spoilt.psql("UPDATE manifest SET media_type = 'no type'").expect("an update");
            ("manifest".to_owned(), "media_type".to_owned())
        },
    )
}

manifest_contract::rows!(fresh);

async fn signing_keys() -> keys::Fixture {
    let database = Arc::new(Database::fresh().await);
    let keys = connect(&address(&database)).await;
    // Another node's store, which has asked nothing yet.
    let again = connect(&address(&database)).await;
    keys::Fixture::new(keys).keeping(database).reopening(move || -> Arc<dyn SigningKeys> { again })
}

manifest_contract::keys!(signing_keys);
