//! What a connection plans while tables are empty it keeps when they are full, so it must be right for both: hot operations go along the keys that
//! they are given, and touch few rows.

use super::prepared_writes;
use super::world::{World, digest, manifest, plan};
use crate::{PostgresOptions, PostgresStore};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use manifest_core::facts::PushAsk;
use manifest_core::plan::{Applied, ChildLink, ManifestChange, Need, Plan};
use manifest_core::ports::{FetchAsk, Fetched, Liveness, Manifests};
use oci_types::{Digest, Reference};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// As many rows of each kind in the repository `app`, under keys of their own. They are not analysed.
const ROWS: i64 = 3_000;

const FILL: &str = "
    CREATE TEMP TABLE number AS SELECT r.id AS here, n, '\\x01'::bytea || sha256(n::text::bytea) AS d
        FROM repository r, generate_series(1, 3000) n WHERE r.name = 'app';
    INSERT INTO manifest (repository_id, digest, media_type, immutable, created_ms, bytes) SELECT here, d, 'a/b', false, 0, 'x' FROM number;
    INSERT INTO manifest_child SELECT m.repository_id, m.id, 0, number.d, true, NULL FROM number JOIN manifest m ON m.digest = number.d;
    INSERT INTO manifest_blob SELECT m.repository_id, m.id, number.d, true FROM number JOIN manifest m ON m.digest = number.d;
    INSERT INTO label (repository_id, manifest_id, key, value, json, source) SELECT repository_id, id, 'k', 'v', false, 0 FROM manifest;
    INSERT INTO legacy_image (repository_id, v1_id, blob, metadata) SELECT here, n::text, d, '{}' FROM number;
    INSERT INTO tag (repository_id, name, manifest_id, start_ms, expires_ms, immutable, reversion)
        SELECT m.repository_id, 't' || m.id, m.id, 1, 9223372036854775807, false, false FROM manifest m;
    UPDATE tag SET start_ms = start_ms + 1 WHERE name LIKE 't%';
    INSERT INTO blob SELECT d, 1, 'main:' || n FROM number;
    INSERT INTO repository_blob SELECT here, d, 1, 'main:' || n, 0 FROM number;
    INSERT INTO upload (repository_id, id, \"offset\", hash_state, created_ms, expires_ms) SELECT here, substr(d, 18), 0, '', 0, 9 FROM number;
    INSERT INTO upload_part SELECT here, substr(d, 18), 0, 1, 'main:part/' || n FROM number;
    INSERT INTO trash SELECT 'main:trash/' || n, n FROM number;
    SELECT pg_stat_force_next_flush();
";

#[derive(QueryableByName)]
struct Read {
    /// An index, or a table that was read by itself.
    #[diesel(sql_type = Text)]
    of: String,
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

/// How many rows or entries of each table and index were read in the database so far, also by the only connection of that store.
async fn read(store: &PostgresStore) -> BTreeMap<String, i64> {
    let mut link = store.connection().await.unwrap();
    // What a connection counted is seen when it is idle again.
    diesel::sql_query("SELECT pg_stat_force_next_flush()").execute(&mut link.connection).await.unwrap();
    let counted = "SELECT indexrelname::text AS of, idx_tup_read AS rows FROM pg_stat_user_indexes \
        UNION ALL SELECT relname::text, seq_tup_read FROM pg_stat_user_tables";
    let counted: Vec<Read> = diesel::sql_query(counted).load(&mut link.connection).await.unwrap();
    counted.into_iter().map(|Read { of, rows }| (of, rows)).collect()
}

async fn fetch(store: &PostgresStore, reference: Reference) {
    let repository = "app".parse().unwrap();
    let ask = FetchAsk { repository, reference, now: 20, liveness: Liveness::Visible, have: None, at: None };
    assert!(matches!(store.fetch(&ask).await.unwrap(), Fetched::Found(_)));
}

async fn facts(store: &PostgresStore, manifest: Digest, children: BTreeSet<Digest>) {
    let ask = PushAsk {
        repository: "app".parse().unwrap(),
        now: 20,
        digest: Some(manifest),
        blobs: BTreeSet::from([digest("layer-0")]),
        children,
        tags: BTreeSet::from(["latest".parse().unwrap()]),
        tags_of: None,
        labels: false,
        visibility: false,
        legacy_images: BTreeSet::from(["base".to_owned()]),
    };
    let known = store.push_facts(&ask).await.unwrap();
    assert!(known.existing.is_some() && known.blobs.len() == 1 && known.tags.len() == 1);
    assert!(known.children.len() == ask.children.len() && known.legacy_images.len() == 1);
}

/// Uploads, a mount, pushes of a new manifest, of one that is there, and of one that moves a tag, and reads.
async fn round(store: &PostgresStore, number: u8) {
    prepared_writes::round(store, number).await;
    let name = format!("image-{number}");
    let mut new = manifest(&name);
    new.blobs.insert(digest(&format!("layer-{number}")), Need::Required);
    let child = format!("child-{number}");
    store.apply(&Plan { pin: None, ..plan("app", &child, &[]) }).await.unwrap();
    let child = ChildLink { digest: digest(&child), need: Need::Required, platform: None };
    new.children.push(child);
    let push = Plan { manifest: Some(ManifestChange::Create(Arc::new(new))), ..plan("app", &name, &["latest"]) };
    for (manifest, is_new) in [(push.manifest.clone(), true), (Some(ManifestChange::Keep(digest(&name))), false)] {
        let done = store.apply(&Plan { manifest, displaced_until: Some(1_000), ..push.clone() }).await.unwrap();
        assert!(matches!(done, Applied::Done { created, .. } if created == is_new));
    }
    facts(store, digest(&name), BTreeSet::new()).await;
    facts(store, digest(&name), BTreeSet::from([digest(&format!("child-{number}"))])).await;
    fetch(store, Reference::Tag("latest".parse().unwrap())).await;
    // Each is kept: by the tag, by its pin, and by its parent.
    for kept in [&name, &format!("two-{number}"), &format!("child-{number}")] {
        fetch(store, Reference::Digest(digest(kept))).await;
    }
}

#[tokio::test]
async fn plans_of_empty_tables_are_right_for_full_ones() {
    let (world, store) = connected().await;
    round(&store, 0).await;
    fill_and_hold(&world, &store, 1).await;
}

/// A table of one page costs least to read whole, and the planner knows of the page.
#[tokio::test]
async fn plans_of_small_tables_that_were_analysed_are_right_for_full_ones() {
    let (world, store) = connected().await;
    round(&store, 0).await;
    // Makes the connection plan anew.
    world.sql("ANALYZE").await;
    round(&store, 1).await;
    fill_and_hold(&world, &store, 2).await;
}

async fn connected() -> (World, PostgresStore) {
    let world = World::new().await;
    let mut options = PostgresOptions::new(world.database.url().parse().unwrap());
    options.pool_size = 1;
    let store = PostgresStore::connect(options).await.unwrap();
    (world, store)
}

/// Fills the tables behind the connection's back, and holds it to few rows.
async fn fill_and_hold(world: &World, store: &PostgresStore, number: u8) {
    world.sql(FILL).await;
    let before = read(store).await;
    round(store, number).await;
    let touched = read(store).await.into_iter().map(|(of, rows)| (rows - before.get(&of).unwrap_or(&0), of));
    let wholes: Vec<(i64, String)> = touched.filter(|(rows, _)| *rows > ROWS / 10).collect();
    assert!(wholes.is_empty(), "as good as all of some table was read: {wholes:?}");
}
