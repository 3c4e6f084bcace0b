//! Many writers at once, over the same things.

use crate::numbers::Numbers;
use crate::world::{create, digest, end, finish, image, manifest, open, plan, points, repository, upload};
use manifest_core::error::Port;
use manifest_core::legacy::LegacyImage;
use manifest_core::plan::{Applied, ChildLink, Guard, Need, Pin, Plan, TagChange};
use manifest_core::ports::{Blobs, Collection, Manifests, MountAsk, MountSource, SweepAsk, SweepKind, Uploads};
use manifest_core::{ReadScope, empty_layer};
use manifest_postgres::PostgresStore;
use postgres_fixture::Database;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::task::JoinSet;

/// Images that other pushes have as well, each push in an order of its own, and the last of them to stand for the manifest.
fn random_images(numbers: &mut Numbers) -> (Vec<LegacyImage>, Option<String>) {
    let mut ids: Vec<(u64, String)> =
        numbers.some("legacy", 12).into_iter().map(|id| (numbers.below(1_000), id)).collect();
    ids.sort_unstable();
    // One chain would have another parent in each push, but the parent of an image is a part of what its id stands for.
    let images: Vec<LegacyImage> = ids.iter().map(|(_, id)| image(id, Some("legacy-base"))).collect();
    let top = images.last().map(|image| image.id.clone());
    (images.into_iter().chain([image("legacy-base", None)]).collect(), top)
}

/// A push, the deletion of something, or both, over few names.
fn random_plan(numbers: &mut Numbers, now: i64) -> Plan {
    let name = format!("image-{}", numbers.below(6));
    let mut new = manifest(&name);
    new.blobs = numbers.some("layer", 20).iter().map(|layer| (digest(layer), Need::MayBeAbsent)).collect();
    new.blobs.insert(empty_layer::digest(), Need::Required);
    new.empty_layer = true;
    (new.legacy_images, new.legacy_image) = random_images(numbers);
    let child = |name: String| ChildLink { digest: digest(&name), need: Need::MayBeAbsent, platform: None };
    new.children = numbers.some("image", 6).into_iter().map(child).collect();
    // Of few tags many pushes want the same; of many they want others, and meet in the manifests that tags leave behind.
    let of = if numbers.is_one_in(2) { 8 } else { 80 };
    let tags = numbers.some("tag", of);
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    let mut made =
        Plan { repository: numbers.repository().parse().unwrap(), displaced_until: Some(now + 50), ..plan(now) };
    // Deletions exclude all others, so that many of them would leave little to meet in.
    match numbers.below(24) {
        0 => made.delete = Some(digest(&name)),
        1 => made.purge = numbers.some("image", 6).iter().map(|name| digest(name)).collect(),
        2 => made.tags = vec![end(tags[0])],
        3 => made.pin = Some(Pin { digest: digest(&name), until: now + 10 }),
        _ => {
            made.tags = points(&tags, &name);
            made.manifest = Some(create(new));
        }
    }
    made
}

async fn upload_and_mount(store: &PostgresStore, numbers: &mut Numbers, id: u128) -> Port<()> {
    let (to, layer) = (numbers.repository(), format!("layer-{}", numbers.below(20)));
    store.begin(&upload(&to, id)).await?;
    store.finish(&finish(&to, id, &layer)).await?;
    let ask = MountAsk {
        to: repository(&numbers.repository()),
        from: MountSource::Scope(ReadScope::All),
        digest: digest(&format!("layer-{}", numbers.below(20))),
        lease_until: 5,
        create_repository: Some(manifest_core::facts::Visibility::Private),
        now: 2,
    };
    store.mount(&ask).await?;
    if numbers.is_one_in(4) {
        store.remove(&repository(&to), &digest(&layer), 3).await?;
    }
    Ok(())
}

async fn write(store: PostgresStore, writer: u64) -> Port<()> {
    let mut numbers = Numbers(writer);
    for turn in 0..40 {
        let now = 10 + i64::try_from(turn).unwrap_or_default();
        if numbers.is_one_in(3) {
            upload_and_mount(&store, &mut numbers, u128::from(writer * 1_000 + turn)).await?;
        } else {
            store.apply(&random_plan(&mut numbers, now)).await?;
        }
    }
    Ok(())
}

/// Collects all that can be, again and again until the writers are done, as another node would.
async fn collect(store: PostgresStore, is_over: Arc<AtomicBool>) -> Port<u64> {
    let mut removed = 0;
    while !is_over.load(Ordering::SeqCst) {
        let kinds =
            [SweepKind::History, SweepKind::Manifests, SweepKind::LegacyImages, SweepKind::Access, SweepKind::Blobs];
        for kind in kinds {
            let mut after = None;
            loop {
                let ask = SweepAsk { kind, after, limit: 50, now: 1_000, window: 0, grace: 0 };
                let done = store.sweep(&ask).await?;
                removed += done.removed;
                after = done.next;
                if after.is_none() {
                    break;
                }
            }
        }
        store.sweep_uploads(50, 1_000).await?;
        let trash = store.trash(50, 1_000).await?;
        store.trash_emptied(&trash).await?;
    }
    Ok(removed)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_writers_ever_wait_for_each_other() {
    let database = Database::fresh().await;
    let stores = [open(database.url(), 20).await, open(database.url(), 20).await];
    let mut writers = JoinSet::new();
    for (writer, store) in (0..32).zip(stores.iter().cycle()) {
        writers.spawn(write(store.clone(), writer));
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let mut collectors = JoinSet::new();
    for store in &stores {
        collectors.spawn(collect(store.clone(), Arc::clone(&is_over)));
    }
    while let Some(written) = writers.join_next().await {
        written.unwrap().unwrap();
    }
    is_over.store(true, Ordering::SeqCst);
    let mut removed = 0;
    while let Some(collected) = collectors.join_next().await {
        removed += collected.unwrap().unwrap();
    }
    assert!(removed > 0, "nothing was collected, so nothing was in the way");
    drop(stores);
    // What a session counted is there when it is gone.
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    while database.psql(others).unwrap().trim() != "0" {
        tokio::task::yield_now().await;
    }
    let deadlocks = "SELECT deadlocks, xact_commit > 800 FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(database.psql(deadlocks).unwrap().trim(), "0|t");
    assert_whole(&database);
}

/// What must be true of rows, whoever wrote them.
fn assert_whole(database: &Database) {
    let none = |what: &str, from: &str| {
        assert_eq!(database.psql(&format!("SELECT count(*) FROM {from}")).unwrap().trim(), "0", "{what}");
    };
    let has_manifest =
        "EXISTS (SELECT 1 FROM manifest m WHERE m.repository_id = x.repository_id AND m.id = x.manifest_id";
    none("a tag without a manifest", &format!("tag x WHERE NOT {has_manifest} AND m.deleted_ms IS NULL)"));
    none("history without a manifest", &format!("tag_history x WHERE NOT {has_manifest})"));
    none("a link without a manifest", &format!("manifest_blob x WHERE NOT {has_manifest})"));
    none(
        "a manifest without its legacy image",
        "manifest m WHERE m.legacy_image IS NOT NULL AND NOT EXISTS (SELECT 1 FROM legacy_image i \
         WHERE i.repository_id = m.repository_id AND i.v1_id = m.legacy_image)",
    );
    none(
        "a legacy image without its parent",
        "legacy_image i WHERE i.parent IS NOT NULL AND NOT EXISTS (SELECT 1 FROM legacy_image p \
         WHERE p.repository_id = i.repository_id AND p.v1_id = i.parent)",
    );
    none("a location that is a blob and trash", "trash t JOIN blob b ON b.location = t.location");
    none(
        "a required blob without access",
        "manifest_blob l JOIN manifest m ON m.repository_id = l.repository_id AND m.id = l.manifest_id \
         WHERE l.required AND m.deleted_ms IS NULL AND NOT EXISTS (SELECT 1 FROM repository_blob b \
         WHERE b.repository_id = l.repository_id AND b.digest = l.digest)",
    );
    none(
        "intervals that overlap",
        "(SELECT repository_id, name, start_ms, end_ms FROM tag_history UNION ALL \
         SELECT repository_id, name, start_ms, expires_ms FROM tag) a JOIN tag_history b USING (repository_id, name) \
         WHERE a.start_ms > b.start_ms AND a.start_ms < b.end_ms",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_push_one_manifest_one_creates_it() {
    let database = Database::fresh().await;
    let stores = [open(database.url(), 16).await, open(database.url(), 16).await];
    let mut pushes = JoinSet::new();
    for number in 0..64_usize {
        let store = stores[number % 2].clone();
        let mut tags = points(&[&format!("tag-{number}")], "image");
        tags.extend(points(&["zz-latest"], "image"));
        let push = Plan { manifest: Some(create(manifest("image"))), tags, ..plan(10) };
        pushes.spawn(async move { store.apply(&push).await });
    }
    let mut created = 0;
    while let Some(applied) = pushes.join_next().await {
        let Applied::Done { created: is_new, displaced } = applied.unwrap().unwrap() else { panic!("refused") };
        assert!(displaced.is_empty());
        created += u32::from(is_new);
    }
    assert_eq!(created, 1);
    let rows = "SELECT (SELECT count(*) FROM repository), (SELECT count(*) FROM manifest), (SELECT count(*) FROM tag), \
        (SELECT count(*) FROM tag_history)";
    assert_eq!(database.psql(rows).unwrap().trim(), "1|1|65|63");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_move_a_tag_each_moves_it_once() {
    let database = Database::fresh().await;
    let stores = [open(database.url(), 16).await, open(database.url(), 16).await];
    for name in ["a", "b"] {
        stores[0].apply(&Plan { manifest: Some(create(manifest(name))), ..plan(10) }).await.unwrap();
    }
    stores[0].apply(&Plan { tags: points(&["latest"], "a"), ..plan(11) }).await.unwrap();
    let mut movers = JoinSet::new();
    for number in 0..64_usize {
        let store = stores[number % 2].clone();
        let (from, to) = if number < 32 { ("a", "b") } else { ("b", "a") };
        let name = "latest".parse().unwrap();
        let guard = Guard::Is(digest(from));
        let (expires, immutable, reversion) = (manifest_core::time::NEVER, false, false);
        let point = TagChange::Point { name, to: digest(to), expires, immutable, reversion, guard };
        movers.spawn(async move { store.apply(&Plan { tags: vec![point], ..plan(12) }).await });
    }
    let mut moved = 0;
    while let Some(applied) = movers.join_next().await {
        let applied = applied.unwrap().unwrap();
        if let Applied::Done { displaced, .. } = applied {
            assert_eq!(displaced.len(), 1);
            moved += 1;
        } else {
            assert_eq!(applied, Applied::GuardFailed("latest".parse().unwrap()));
        }
    }
    assert!(moved >= 1);
    assert_eq!(database.psql("SELECT count(*) FROM tag_history").unwrap().trim(), moved.to_string());
    let gaps = "SELECT count(*) FROM tag_history h WHERE NOT EXISTS (SELECT 1 FROM tag_history n WHERE n.start_ms = h.end_ms) \
        AND NOT EXISTS (SELECT 1 FROM tag t WHERE t.start_ms = h.end_ms)";
    assert_eq!(database.psql(gaps).unwrap().trim(), "0");
}
