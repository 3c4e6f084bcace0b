//! Rows that several writes may insert are inserted in the order of their keys, so that no two wait for each other in a circle: while somebody has
//! the smaller key, a write that brings both waits before it has the greater one.

use crate::retries::session;
use crate::script::until_somebody_waits;
use crate::world::{create, finish, image, manifest, open, plan, upload};
use manifest_core::error::Port;
use manifest_core::plan::{Applied, Plan};
use manifest_core::ports::{Collection, Manifests, SweepAsk, SweepKind, Uploads};
use manifest_postgres::PostgresStore;
use postgres_fixture::Database;

/// Runs the write while another session holds the smaller key, and holds the greater one itself meanwhile.
async fn check<T: Send + 'static>(
    database: &Database,
    write: impl Future<Output = Port<T>> + Send + 'static,
    insert: impl Fn(&str) -> String,
    [smaller, greater]: [&str; 2],
) -> T {
    let (first, second) = (session(database).await, session(database).await);
    first.batch_execute(&format!("BEGIN; {}", insert(smaller))).await.unwrap();
    let writing = tokio::spawn(write);
    until_somebody_waits(&second).await;
    // Had the write the greater key, this would wait for it, in vain.
    second.batch_execute(&format!("SET lock_timeout = '2s'; BEGIN; {}; ROLLBACK", insert(greater))).await.unwrap();
    first.batch_execute("ROLLBACK").await.unwrap();
    writing.await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn legacy_images_are_stored_in_order() {
    let database = Database::fresh().await;
    let store = open(database.url(), 1).await;
    store.apply(&Plan { manifest: Some(create(manifest("first"))), ..plan(10) }).await.unwrap();
    let mut new = manifest("second");
    new.legacy_images = vec![image("b", None), image("a", None)];
    let push = Plan { manifest: Some(create(new)), ..plan(11) };
    let insert = |id: &str| {
        format!(
            "INSERT INTO legacy_image (repository_id, v1_id, blob, metadata) SELECT id, '{id}', '\\x01', '' FROM repository"
        )
    };
    let applied = check(&database, async move { store.apply(&push).await }, insert, ["a", "b"]).await;
    assert!(matches!(applied, Applied::Done { created: true, .. }), "{applied:?}");
}

async fn sweep(store: PostgresStore) -> Port<u64> {
    let ask = SweepAsk { kind: SweepKind::Blobs, after: None, limit: 200, now: 5_000, window: 0, grace: 0 };
    Ok(store.sweep(&ask).await?.removed)
}

#[tokio::test(flavor = "multi_thread")]
async fn locations_of_blobs_that_go_are_trash_in_order() {
    let database = Database::fresh().await;
    let store = open(database.url(), 1).await;
    // Neither in the order of the digests nor in that of their rows is the smaller location the first.
    let mut layers = ["one", "two"];
    layers.sort_by_key(|layer| crate::world::digest(layer));
    for (layer, number) in layers.into_iter().zip([2, 1]) {
        store.begin(&upload("app", number)).await.unwrap();
        store.finish(&finish("app", number, layer)).await.unwrap();
    }
    let moved = "DELETE FROM repository_blob; UPDATE blob SET location = 'main:' || CASE WHEN digest = \
        (SELECT digest FROM blob WHERE location LIKE 'main:%' ORDER BY 1 LIMIT 1) THEN 'b' ELSE 'a' END WHERE location LIKE 'main:%'; DELETE FROM trash";
    database.psql(moved).unwrap();
    let insert = |location: &str| format!("INSERT INTO trash (location, not_before_ms) VALUES ('{location}', 0)");
    assert_eq!(check(&database, sweep(store), insert, ["main:a", "main:b"]).await, 2);
    assert_eq!(database.psql("SELECT count(*) FROM trash").unwrap().trim(), "2");
}
