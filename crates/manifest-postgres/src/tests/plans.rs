//! How Postgres runs each read: along indexes, by plans that hold for any values, as those of prepared statements do.

use super::scale::CROWD;
use super::statements::{self, Named};
use super::world::World;
use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

#[derive(QueryableByName)]
struct Prepared {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = diesel::sql_types::Integer)]
    parameters: i32,
}

#[derive(QueryableByName)]
struct Explained {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    plan: String,
}

/// The plan of a statement that is prepared on the connection.
async fn plan(connection: &mut AsyncPgConnection, (_, text): Named) -> Value {
    let found: Vec<Prepared> = diesel::sql_query(
        "SELECT name, cardinality(parameter_types) AS parameters FROM pg_prepared_statements WHERE statement = $1",
    )
    .bind::<Text, _>(text)
    .load(connection)
    .await
    .unwrap();
    let [Prepared { name, parameters }] = &found[..] else {
        panic!("{} times prepared: {text}", found.len());
    };
    let nulls = vec!["NULL"; usize::try_from(*parameters).unwrap()].join(", ");
    let values = if nulls.is_empty() { nulls } else { format!("({nulls})") };
    let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE {name}{values}");
    let rows: Vec<Explained> = diesel::sql_query(explain).load(connection).await.unwrap();
    serde_json::from_str(&rows[0].plan).unwrap()
}

/// What speaks against a plan.
fn objections(name: &str, step: &Value, found: &mut Vec<String>) {
    let text = |member: &str| step[member].as_str().unwrap_or_default();
    let kind = text("Node Type");
    let condition = text("Index Cond");
    let relation = format!("{} {}", text("Relation Name"), text("Index Name"));
    match kind {
        "Hash Join" if JOINED.contains(&name) => {}
        "Seq Scan" | "Hash Join" | "Merge Join" => found.push(format!("{kind} {relation} {}", text("Hash Cond"))),
        "Index Scan" | "Index Only Scan" | "Bitmap Index Scan" if text("Index Name") != PARTIAL => {
            let coarse =
                condition.is_empty() || condition.starts_with("(repository_id = ") && !condition.contains(" AND ");
            if coarse {
                found.push(format!("{kind} {relation} of {condition}"));
            }
        }
        _ => {}
    }
    for below in step["Plans"].as_array().into_iter().flatten() {
        objections(name, below, found);
    }
}

/// Where rows that a statement itself found are joined, of which it knows how many there are at most.
const JOINED: &[&str] = &["::ops::support::Kin"];

/// An index that holds only what is looked for.
const PARTIAL: &str = "repository_deleting";

async fn check(connection: &mut AsyncPgConnection, when: &str, statements: &[Named]) -> Vec<String> {
    let mut refused = Vec::new();
    for statement in statements {
        let plan = plan(connection, *statement).await;
        let mut found = Vec::new();
        objections(statement.0, &plan[0]["Plan"], &mut found);
        if !found.is_empty() {
            refused.push(format!("{} {when}: {found:#?}", statement.0));
        }
    }
    refused
}

/// Thousands of repositories, one of them large.
const VOLUME: &str = "
    INSERT INTO repository (name, visibility, state, created_ms) VALUES ('a', 0, 0, 0), ('b', 1, 0, 0), ('c', 1, 1, 0);
    INSERT INTO repository (name, visibility, state, created_ms) SELECT 'r/' || n, n % 2, (n % 50 = 0)::int * 2, 0 FROM generate_series(1, 5000) n;
    CREATE TEMP TABLE number AS SELECT n FROM generate_series(1, 20000) n;
    CREATE FUNCTION pg_temp.d(n bigint) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT decode('01' || lpad(to_hex(n), 64, '0'), 'hex') $$;
    INSERT INTO manifest (repository_id, digest, media_type, subject, artifact_type, immutable, created_ms, bytes)
        SELECT 1 + (n % 50 = 0)::int, pg_temp.d(n), 'a/b', CASE WHEN n % 3 = 0 THEN pg_temp.d(n / 3) END,
            CASE WHEN n % 3 = 0 THEN 'c/d'::bytea END, false, 0, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'
        FROM number;
    INSERT INTO legacy_image (repository_id, v1_id, parent, blob, metadata) SELECT repository_id, lpad(id::text, 64, '0'),
        CASE WHEN id % 10 > 0 THEN lpad((id - 1)::text, 64, '0') END, '\\x01', lpad(id::text, 500, '0') FROM manifest;
    UPDATE manifest SET legacy_image = lpad(id::text, 64, '0') WHERE id % 2 = 0;
    INSERT INTO manifest_child SELECT repository_id, id, 0, pg_temp.d(id + 1), true, NULL FROM manifest WHERE id % 5 = 0;
    INSERT INTO blob SELECT pg_temp.d(n), n, 'main:' || n FROM number;
    INSERT INTO repository_blob SELECT 1, digest, size, location, 0 FROM blob WHERE size <> 32;
    INSERT INTO repository_blob SELECT 2, digest, size, location, 0 FROM blob WHERE size % 2 = 0 AND size <> 32;
    INSERT INTO manifest_blob SELECT m.repository_id, m.id, pg_temp.d((m.id + n) % 5000), true
        FROM manifest m CROSS JOIN number WHERE n <= 5;
    INSERT INTO label (repository_id, manifest_id, key, value, json, source) SELECT repository_id, id, 'k', 'v', false, 0 FROM manifest;
    INSERT INTO tag (repository_id, name, manifest_id, start_ms, expires_ms, immutable, reversion)
        SELECT repository_id, 'v' || id, id, id, 9223372036854775807, false, false FROM manifest WHERE id % 2 = 0;
    UPDATE tag SET start_ms = start_ms + 1;
    UPDATE tag SET start_ms = start_ms + 1 WHERE manifest_id % 4 = 0;
    INSERT INTO upload (repository_id, id, \"offset\", hash_state, created_ms, expires_ms)
        SELECT 1, substr(pg_temp.d(n), 18), 0, '', 0, n FROM number;
    INSERT INTO upload_part SELECT 1, substr(pg_temp.d(n), 18), 0, 1, 'main:part/' || n FROM number;
    INSERT INTO trash SELECT 'main:trash/' || n, n FROM number;
    DROP TABLE number;
";

/// Every statement but those that look at all rows on purpose, prepared.
async fn prepared(connection: &mut AsyncPgConnection) -> Vec<Named> {
    let mut named = statements::lookups(connection).await;
    named.extend(statements::pages(connection).await);
    named.extend(statements::walks(connection).await);
    named
}

#[tokio::test]
async fn every_read_goes_along_indexes() {
    let world = World::new().await;
    world.sql(VOLUME).await;
    let mut connection = world.connection_of_store().await;
    let named = prepared(&mut connection).await;
    let mut refused = check(&mut connection, "before it was analysed", &named).await;
    world.sql("ANALYZE").await;
    refused.extend(check(&mut connection, "when it was analysed", &named).await);
    // One digest has nearly all links, so that any may have.
    world.sql(CROWD).await;
    world.sql("DELETE FROM manifest_child WHERE repository_id <= 2; ANALYZE").await;
    refused.extend(check(&mut connection, "when kin crowd", &named).await);
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}
