use super::options;
use manifest_postgres::{PostgresOptions, PostgresStore};
use postgres_fixture::Database;

/// What the server calls the sessions of a store, while it has one.
async fn named(database: &Database, options: PostgresOptions) -> String {
    let store = PostgresStore::connect(options).await.unwrap();
    store.now().await.unwrap();
    let named = "SELECT DISTINCT application_name FROM pg_stat_activity \
                 WHERE datname = current_database() AND state = 'idle' AND application_name <> 'psql'";
    let named = database.psql(named).unwrap();
    drop(store);
    named
}

#[tokio::test]
async fn sessions_have_the_name_that_an_operator_gave() {
    let database = Database::fresh().await;
    let with_name = format!("{}?application_name=of%20the%20url", database.url());
    let check = async |url: &str, name: Option<&str>, expected: &str| {
        // The sessions of the one before end when the server has noticed.
        let mut options = options(url);
        options.application_name = name.map(str::to_owned);
        let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        database.psql(end).unwrap();
        assert_eq!(named(&database, options).await, expected);
    };
    check(database.url(), None, "manifestd").await;
    check(&with_name, None, "of the url").await;
    check(database.url(), Some("of the options"), "of the options").await;
    check(&with_name, Some("of the options"), "of the options").await;
}
