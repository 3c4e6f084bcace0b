use super::{as_user, options, refusal};
use manifest_postgres::{ConnectError, PostgresStore};
use postgres_fixture::{Cluster, Database};
use std::net::TcpListener;

#[tokio::test]
async fn nobody_answers_there() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (error, text) = refusal(options(&format!("postgres://me:hunter2@{free}/registry"))).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
    assert!(text.starts_with(&format!("the database server {free} cannot be reached: ")), "{text}");
    assert!(text.contains("refused"), "{text}");
    let (_, text) = refusal(options("postgres://me:hunter2@nowhere.invalid/registry")).await;
    assert!(text.starts_with("the database server nowhere.invalid:5432 cannot be reached: "), "{text}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let (error, _) = refusal(options(&format!("postgres://me@{address}/registry?connect_timeout=1"))).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn users_and_databases_that_are_not_there() {
    let cluster = Cluster::start().unwrap();
    let database = cluster.fresh().unwrap();
    database.psql("CREATE ROLE pusher LOGIN PASSWORD 'right'").unwrap();
    let (error, text) = refusal(options(&as_user(database.url(), "pusher:hunter2"))).await;
    assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
    assert!(text.contains("does not let pusher in"), "{text}");
    assert!(text.contains("password authentication failed"), "{text}");
    let (error, text) = refusal(options(&as_user(database.url(), "pusher"))).await;
    assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
    assert!(text.contains("password"), "{text}");
    let absent = database.url().replace(database.name(), "absent");
    let (error, text) = refusal(options(&absent)).await;
    assert!(matches!(error, ConnectError::NoDatabase { .. }), "{error:?}");
    assert!(text.contains("has no database `absent`"), "{text}");
    let right = as_user(database.url(), "pusher").parse::<manifest_postgres::DatabaseUrl>().unwrap();
    let (error, text) = refusal(manifest_postgres::PostgresOptions::new(right.with_password("right"))).await;
    assert!(matches!(error, ConnectError::NoPrivilege { .. }), "{error:?}");
    assert!(text.starts_with("the user `pusher` of the database lacks the privilege SELECT on the table "), "{text}");
}

#[tokio::test]
async fn privileges_that_lack() {
    let cluster = Cluster::start().unwrap();
    let empty = cluster.empty().unwrap();
    empty.psql("CREATE ROLE reader LOGIN PASSWORD 'r'; REVOKE CREATE ON SCHEMA public FROM public").unwrap();
    let (_, text) = refusal(options(&as_user(empty.url(), "reader:r"))).await;
    assert_eq!(text, "the user `reader` of the database lacks the privilege CREATE on the schema public");
    let fresh = cluster.fresh().unwrap();
    fresh
        .psql("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reader; REVOKE DELETE ON tag FROM reader")
        .unwrap();
    let (_, text) = refusal(options(&as_user(fresh.url(), "reader:r"))).await;
    assert_eq!(text, "the user `reader` of the database lacks the privilege DELETE on the table tag");
    fresh.psql("GRANT DELETE ON tag TO reader").unwrap();
    PostgresStore::connect(options(&as_user(fresh.url(), "reader:r"))).await.unwrap();
    // What others keep in the schema is theirs.
    fresh.psql("CREATE TABLE a_strangers (id int)").unwrap();
    PostgresStore::connect(options(&as_user(fresh.url(), "reader:r"))).await.unwrap();
    // A table of a later migration is ours as well.
    fresh.psql("REVOKE INSERT ON signing_key FROM reader").unwrap();
    let (_, text) = refusal(options(&as_user(fresh.url(), "reader:r"))).await;
    assert_eq!(text, "the user `reader` of the database lacks the privilege INSERT on the table signing_key");
    fresh.psql("GRANT INSERT ON signing_key TO reader").unwrap();
    fresh.psql("ALTER ROLE reader SET search_path = nowhere").unwrap();
    let (_, text) = refusal(options(&as_user(fresh.url(), "reader:r"))).await;
    assert_eq!(text, "the search path of the user names no schema that exists and may be used");
}

#[tokio::test]
async fn databases_that_are_not_ours_or_not_whole() {
    let foreign = Database::empty().await;
    foreign.psql("CREATE TABLE orders (id int)").unwrap();
    let (_, text) = refusal(options(foreign.url())).await;
    assert_eq!(text, "the database belongs to another program: it has `orders`, and is none of ours");
    assert_eq!(foreign.psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").unwrap(), "1");

    let diesel = Database::empty().await;
    diesel.psql("CREATE TABLE __diesel_schema_migrations (version text); CREATE TABLE tag (id int)").unwrap();
    let (error, _) = refusal(options(diesel.url())).await;
    assert!(matches!(error, ConnectError::Foreign { .. }), "{error:?}");

    let tampered = Database::fresh().await;
    tampered.psql("DROP TABLE upload_part").unwrap();
    let (_, text) = refusal(options(tampered.url())).await;
    assert_eq!(
        text,
        "the database lacks the table `upload_part`, which its version should have: somebody changed it by hand"
    );
}
