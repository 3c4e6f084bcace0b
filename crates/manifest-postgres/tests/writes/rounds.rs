//! Every write is one round trip, whatever it writes.

use crate::script::STEPS;
use crate::wire::Wire;
use crate::world::{TABLES, create, digest, label, manifest, open, plan, points};
use manifest_core::plan::{Applied, ChildLink, LabelSource, Need, NewManifest, Plan};
use manifest_core::ports::Manifests;
use manifest_postgres::PostgresStore;
use postgres_fixture::Database;

/// How often a step of the script reads besides.
fn reads(name: &str) -> u64 {
    match name {
        "sweep uploads" => 0,
        // Two steps, the first of which finds nothing that has to go.
        "sweep history" => 2,
        "change labels" => 1,
        name => u64::from(name.starts_with("sweep")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_write_is_one_round_trip() {
    let database = Database::fresh().await;
    let wire = Wire::before(database.url()).await;
    let store = open(wire.url(), 1).await;
    // The first time, statements are prepared.
    for (name, run) in STEPS {
        run(&store).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
    let empty = format!(
        "CREATE TEMPORARY TABLE kept AS SELECT * FROM blob WHERE location LIKE 'builtin:%'; \
         TRUNCATE {} RESTART IDENTITY; INSERT INTO blob SELECT * FROM kept",
        TABLES.join(", ")
    );
    database.psql(&empty).unwrap();
    for (name, run) in STEPS {
        let before = wire.rounds();
        run(&store).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(wire.rounds() - before, 1 + reads(name), "{name}");
    }
}

/// An index of so many children, with as many layers and labels.
fn index_of(count: u32) -> NewManifest {
    let mut index = manifest(&format!("index of {count}"));
    for number in 0..count {
        let (layer, child) = (digest(&format!("layer {number}")), digest(&format!("child {number}")));
        index.blobs.insert(layer, Need::MayBeAbsent);
        index.children.push(ChildLink { digest: child, need: Need::MayBeAbsent, platform: None });
        index.labels.push(label(&format!("label-{number}"), LabelSource::Manifest));
    }
    index
}

async fn push(store: &PostgresStore, count: u32) {
    let tags = points(&["latest"], &format!("index of {count}"));
    let push = Plan { manifest: Some(create(index_of(count))), tags, displaced_until: Some(100), ..plan(10) };
    let applied = store.apply(&push).await.unwrap();
    assert!(matches!(applied, Applied::Done { created: true, .. }), "{applied:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_push_is_one_round_trip_too() {
    let database = Database::fresh().await;
    let wire = Wire::before(database.url()).await;
    let store = open(wire.url(), 1).await;
    push(&store, 0).await;
    for count in [1, 1_000] {
        let before = wire.rounds();
        push(&store, count).await;
        assert_eq!(wire.rounds() - before, 1, "{count}");
    }
    let stored = "SELECT (SELECT count(*) FROM manifest_blob), (SELECT count(*) FROM manifest_child), (SELECT count(*) FROM label)";
    assert_eq!(database.psql(stored).unwrap().trim(), "1001|1001|1001");
}
