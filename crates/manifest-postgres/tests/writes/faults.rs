//! A write of which any statement fails, or whose connection goes at any of them, leaves the state as it was.

use crate::script::STEPS;
use crate::world::{TABLES, open, rows};
use postgres_fixture::Database;
use std::collections::BTreeSet;

/// What each write does to which tables, in the order of the script: found by triggers that write it down.
async fn touched() -> Vec<BTreeSet<(String, String)>> {
    let database = Database::fresh().await;
    let note = "CREATE TABLE noted (what TEXT, which TEXT); \
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN INSERT INTO noted VALUES (TG_OP, TG_TABLE_NAME); RETURN NULL; END $$;";
    let trigger = |table| {
        format!(
            "CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION note();"
        )
    };
    let triggers = format!("{note} {}", TABLES.map(trigger).concat() + &trigger("write_token"));
    database.psql(&triggers).unwrap();
    let store = open(database.url(), 1).await;
    let mut touched = Vec::new();
    for (name, run) in STEPS {
        run(&store).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let noted = database.psql("SELECT DISTINCT what, which FROM noted").unwrap();
        let pair = |line: &str| line.split_once('|').map(|(what, which)| (what.to_owned(), which.to_owned()));
        touched.push(noted.lines().filter_map(pair).collect());
        database.psql("DELETE FROM noted").unwrap();
    }
    touched
}

async fn check(fault: &str) {
    let database = Database::fresh().await;
    database
        .psql(&format!(
            "CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {fault} RETURN NULL; END $$"
        ))
        .unwrap();
    let store = open(database.url(), 1).await;
    let mut faults = 0;
    for ((name, run), touched) in STEPS.iter().zip(touched().await) {
        let before = rows(&database);
        assert!(!touched.is_empty(), "{name} writes nothing");
        for (what, which) in touched {
            let create = "CREATE TRIGGER zz_fault AFTER";
            database.psql(&format!("{create} {what} ON {which} FOR EACH STATEMENT EXECUTE FUNCTION fault()")).unwrap();
            let answer = run(&store).await;
            assert!(answer.is_err(), "{name}, {what} on {which}: {answer:?}");
            database.psql(&format!("DROP TRIGGER zz_fault ON {which}")).unwrap();
            assert_eq!(rows(&database), before, "{name}, {what} on {which}");
            faults += 1;
        }
        run(&store).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
    assert!(faults > 100, "{faults}");
    let left = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
    assert_eq!(database.psql(left).unwrap().trim(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_that_fails_leaves_anything_behind() {
    check("RAISE EXCEPTION 'a fault';").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_connection_that_goes_leaves_anything_behind() {
    check("PERFORM pg_terminate_backend(pg_backend_pid());").await;
}
