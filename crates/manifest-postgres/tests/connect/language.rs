use super::{as_user, options};
use manifest_postgres::PostgresStore;
use postgres_fixture::Cluster;

#[tokio::test]
async fn messages_that_are_not_understood_are_told() {
    let cluster = Cluster::start().unwrap();
    let database = cluster.fresh().unwrap();
    database
        .psql(
            "CREATE ROLE pusher LOGIN PASSWORD 'p'; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO pusher",
        )
        .unwrap();
    cluster.speak("de_DE.utf8").unwrap();
    // It does.
    let refused = database.psql("SELECT 1 FROM nirgends").unwrap_err().to_string();
    assert!(refused.contains("existiert nicht"), "{refused}");
    let foreign = async |url: &str| {
        let store = PostgresStore::connect(options(url)).await.unwrap();
        store.foreign_messages().map(str::to_owned)
    };
    // The superuser may ask for English.
    assert_eq!(foreign(database.url()).await, None);
    let pusher = as_user(database.url(), "pusher:p");
    assert_eq!(foreign(&pusher).await.as_deref(), Some("de_DE.utf8"));
    database.psql("ALTER ROLE pusher SET lc_messages = 'C'").unwrap();
    assert_eq!(foreign(&pusher).await, None);
    database.psql("ALTER ROLE pusher RESET lc_messages; GRANT SET ON PARAMETER lc_messages TO pusher").unwrap();
    assert_eq!(foreign(&pusher).await, None);
}
