//! What keeps a manifest is said twice: in the fragments of lookups and in the functions of writes. They say the same.

use crate::numbers::Numbers;
use crate::world::{create, digest, manifest, open, plan, points, repository};
use manifest_core::facts::PushAsk;
use manifest_core::plan::{ChildLink, Need, Pin, Plan};
use manifest_core::ports::{Collection, FetchAsk, Fetched, Liveness, Manifests, SweepAsk, SweepKind};
use manifest_postgres::PostgresStore;
use oci_types::Reference;
use postgres_fixture::Database;
use std::collections::BTreeSet;

/// How many manifests there are.
const COUNT: u64 = 40;

fn name(number: u64) -> String {
    format!("image-{number}")
}

/// Indexes and referrers over one another, some with tags, pins and deletions, and tags that ended.
async fn furnish(store: &PostgresStore, numbers: &mut Numbers) {
    for number in 0..COUNT {
        let mut new = manifest(&name(number));
        let child = |number| ChildLink { digest: digest(&name(number)), need: Need::MayBeAbsent, platform: None };
        new.children = (0..numbers.below(3)).map(|_| child(numbers.below(COUNT))).collect();
        new.subject = numbers.is_one_in(3).then(|| digest(&name(numbers.below(COUNT))));
        let pin =
            numbers.is_one_in(10).then(|| Pin { digest: new.digest, until: 10 + 10 * i64::try_from(number).unwrap() });
        let tags = if numbers.is_one_in(4) {
            points(&[&format!("tag-{}", numbers.below(8))], &name(number))
        } else {
            Vec::new()
        };
        let now = 10 + i64::try_from(number).unwrap();
        store.apply(&Plan { manifest: Some(create(new)), tags, pin, ..plan(now) }).await.unwrap();
        if numbers.is_one_in(6) {
            let delete = Some(digest(&name(numbers.below(number + 1))));
            store.apply(&Plan { delete, ..plan(now) }).await.unwrap();
        }
    }
}

/// Those that the functions keep at a time.
fn kept(database: &Database, function: &str) -> BTreeSet<String> {
    let kept = format!("SELECT convert_from(m.bytes, 'UTF8') FROM manifest m WHERE {function}");
    database.psql(&kept).unwrap().lines().map(str::to_owned).collect()
}

/// Those that a lookup finds, which is what the facts say as well.
async fn visible(store: &PostgresStore, now: i64) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in (0..COUNT).map(name) {
        let is_visible = by_facts(store, &name, now).await;
        let reference = Reference::Digest(digest(&name));
        let (repository, have, liveness, at) = (repository("app"), None, Liveness::Visible, None);
        let ask = FetchAsk { repository, reference, have, liveness, now, at };
        let is_found = matches!(store.fetch(&ask).await.unwrap(), Fetched::Found(_));
        assert_eq!(is_found, is_visible, "{name}");
        if is_found {
            found.insert(name);
        }
    }
    found
}

/// Whether the facts of a write have it visible: its statement has the fragment, where a lookup calls a function.
async fn by_facts(store: &PostgresStore, name: &str, now: i64) -> bool {
    let ask = PushAsk {
        repository: repository("app"),
        now,
        digest: Some(digest(name)),
        blobs: BTreeSet::new(),
        children: BTreeSet::new(),
        tags: BTreeSet::new(),
        tags_of: None,
        labels: false,
        visibility: true,
        legacy_images: BTreeSet::new(),
    };
    store.push_facts(&ask).await.unwrap().existing.is_some_and(|existing| existing.visible)
}

#[tokio::test(flavor = "multi_thread")]
async fn lookups_and_writes_keep_the_same_manifests() {
    let mut differ = 0;
    for seed in 1..=12 {
        let database = Database::fresh().await;
        let store = open(database.url(), 1).await;
        furnish(&store, &mut Numbers(seed)).await;
        let now = 60;
        let is_visible = format!("m.deleted_ms IS NULL AND manifest_kept_1(m.repository_id, m.id, {now}, {now})");
        let expected = visible(&store, now).await;
        assert_eq!(kept(&database, &is_visible), expected, "seed {seed}");
        differ += u32::from(!expected.is_empty() && (expected.len() as u64) < COUNT);

        let window = 25;
        let ask = SweepAsk { kind: SweepKind::Manifests, after: None, limit: 200, now, window, grace: 0 };
        let (doomed, _) = store.doomed(&ask).await.unwrap();
        let since = now - window;
        let is_retained = format!("manifest_retained_1(m.repository_id, m.id, m.deleted_ms, {since}, {now})");
        assert_eq!(kept(&database, &is_retained).len() + doomed.len(), usize::try_from(COUNT).unwrap(), "seed {seed}");
        let removed = store.sweep(&ask).await.unwrap().removed;
        assert_eq!(removed, doomed.len() as u64, "seed {seed}");
    }
    assert!(differ > 6, "all or nothing is kept, which shows nothing");
}
