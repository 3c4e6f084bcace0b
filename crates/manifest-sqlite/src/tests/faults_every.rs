//! The same for every write of every port. What a write touches is not listed but found out: a run on a store of its own notes it.

use super::faults_wide::{FAULTS, furnish};
use super::world::{World, digest, plan};
use crate::SqliteStore;
use diesel::RunQueryDsl as _;
use diesel::dsl::sql;
use diesel::sql_types::Text;
use manifest_core::Port;
use manifest_core::facts::{Location, RepositoryState, Visibility};
use manifest_core::plan::{Guard, Plan, TagChange};
use manifest_core::ports::{
    Blobs, CancelUpload, Collection, FinishUpload, Manifests, MountAsk, MountSource, NewUpload, Part, PublishPart,
    Repositories, Stored, SweepAsk, SweepCursor, SweepKind, UploadId, Uploads,
};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;

/// The methods of ports that write, each with what it is asked on a store that [`furnished`] made.
const WRITES: &[(&str, Write)] = &[
    ("apply", |store| Box::pin(async { store.apply(&plan("new", "new", &["latest"])).await.map(drop) })),
    ("begin", |store| Box::pin(async { store.begin(&upload("new", 9)).await.map(drop) })),
    ("publish", |store| Box::pin(async { store.publish(&publish(5, "second")).await.map(drop) })),
    ("finish", |store| Box::pin(async { store.finish(&finish()).await.map(drop) })),
    ("cancel", |store| Box::pin(async { store.cancel(&cancel()).await.map(drop) })),
    ("discard", |store| Box::pin(async { store.discard(&[part("lost")], 20).await })),
    ("mount", |store| Box::pin(async { store.mount(&mount()).await.map(drop) })),
    ("remove", |store| Box::pin(async { store.remove(&name("app"), &digest("loose"), 20).await.map(drop) })),
    ("create", |store| Box::pin(async { store.create(&name("new"), Visibility::Public, 20).await.map(drop) })),
    ("delete", |store| Box::pin(async { store.delete(&name("app"), 20).await.map(drop) })),
    ("set_state", |store| Box::pin(async { store.set_state(&name("app"), RepositoryState::ReadOnly).await.map(drop) })),
    ("sweep_uploads", |store| Box::pin(async { store.sweep_uploads(200, 100_000).await.map(drop) })),
    ("sweep", |store| Box::pin(sweep(store, SweepKind::History, None))),
    ("sweep", |store| Box::pin(sweep(store, SweepKind::History, Some("history:")))),
    ("sweep", |store| Box::pin(sweep(store, SweepKind::Manifests, None))),
    ("sweep", |store| Box::pin(sweep(store, SweepKind::LegacyImages, None))),
    ("sweep", |store| Box::pin(sweep(store, SweepKind::Access, None))),
    ("sweep", |store| Box::pin(sweep(store, SweepKind::Blobs, None))),
    ("sweep", |store| Box::pin(sweep(store, SweepKind::Repositories, None))),
    ("trash_emptied", |store| Box::pin(async { store.trash_emptied(&[location("waste")]).await })),
    ("postpone_trash", |store| Box::pin(async { store.postpone_trash(&[location("waste")], 90_000).await })),
    ("discard_unnamed", |store| Box::pin(async { store.discard_unnamed(&[stored("unnamed")], 20).await.map(drop) })),
];

/// The methods that only look.
const READS: &[&str] = &[
    "load",
    "find",
    "doomed",
    "freed_by",
    "reclaimable",
    "trash",
    "tag_names",
    "tags",
    "history",
    "manifests",
    "repositories",
    "totals",
    "fetch",
    "push_facts",
    "referrers",
    "labels",
    "support",
    "page",
    "image",
    "ancestry",
    "image_tags",
];

type Write = for<'a> fn(&'a SqliteStore) -> Pin<Box<dyn Future<Output = Port<()>> + 'a>>;

#[tokio::test]
async fn no_write_that_fails_leaves_anything_behind_and_the_next_try_does_all() {
    for (number, (method, write)) in WRITES.iter().enumerate() {
        let reference = furnished().await;
        let touched = touched_by(&reference, *write).await;
        assert!(!touched.is_empty(), "{method} ({number}) wrote nothing");
        let world = furnished().await;
        let before = rows(&world);
        for statement in &touched {
            for how in FAULTS {
                world.sql(&format!("CREATE TRIGGER fault AFTER {statement} BEGIN SELECT RAISE({how}, 'a fault'); END"));
                let error = write(&world.store).await.expect_err(statement);
                assert!(!error.outcome_unknown(), "{method} ({number}), {how} at {statement}: {error:?}");
                world.sql("DROP TRIGGER fault");
                assert_eq!(rows(&world), before, "{method} ({number}), {how} at {statement}");
            }
        }
        write(&world.store).await.unwrap();
        assert_eq!(rows(&world), rows(&reference), "{method} ({number})");
    }
}

/// A new method of a port has to be put under the writes, or said to be none.
#[test]
fn every_method_of_every_port_is_a_write_or_a_read() {
    let ports = [
        include_str!("../../../manifest-core/src/ports/blobs.rs"),
        include_str!("../../../manifest-core/src/ports/collection.rs"),
        include_str!("../../../manifest-core/src/ports/legacy_images.rs"),
        include_str!("../../../manifest-core/src/ports/listings.rs"),
        include_str!("../../../manifest-core/src/ports/manifests.rs"),
        include_str!("../../../manifest-core/src/ports/records.rs"),
        include_str!("../../../manifest-core/src/ports/repositories.rs"),
        include_str!("../../../manifest-core/src/ports/uploads.rs"),
    ];
    let methods = ports.iter().flat_map(|port| port.lines()).filter_map(|line| line.strip_prefix("    async fn "));
    let methods: BTreeSet<&str> = methods.filter_map(|line| line.split('(').next()).collect();
    let listed: Vec<&str> = WRITES.iter().map(|(method, _)| *method).chain(READS.iter().copied()).collect();
    assert_eq!(methods, listed.iter().copied().collect());
    let both = WRITES.iter().find(|(method, _)| READS.contains(method));
    assert!(both.is_none(), "{}", both.unwrap().0);
}

/// The statements that a write makes, as the events of triggers.
async fn touched_by(world: &World, write: Write) -> Vec<String> {
    let events: Vec<String> = tables(world)
        .keys()
        .flat_map(|table| ["INSERT", "UPDATE", "DELETE"].map(|event| format!("{event} ON {table}")))
        .collect();
    world.sql("CREATE TABLE touched (event TEXT PRIMARY KEY)");
    let note = |(number, event): (usize, &String)| {
        format!(
            // What the statement says about conflicts would hold for an OR IGNORE here.
            "CREATE TRIGGER note_{number} AFTER {event} BEGIN INSERT INTO touched SELECT '{event}' \
             WHERE NOT EXISTS (SELECT 1 FROM touched WHERE event = '{event}'); END;"
        )
    };
    world.sql(&events.iter().enumerate().map(note).collect::<String>());
    write(&world.store).await.unwrap();
    let touched = text(world, "SELECT coalesce(group_concat(event, ';'), '') FROM touched");
    let drop = |number| format!("DROP TRIGGER note_{number};");
    world.sql(&(0..events.len()).map(drop).collect::<String>());
    world.sql("DROP TABLE touched");
    touched.split(';').filter(|event| !event.is_empty()).map(str::to_owned).collect()
}

/// The tables of the store, each with its columns.
fn tables(world: &World) -> BTreeMap<String, String> {
    let tables = text(
        world,
        "SELECT group_concat(t.name || ':' || (SELECT group_concat('quote(' || c.name || ')', '||'',''||') \
         FROM pragma_table_info(t.name) c), ';') \
         FROM sqlite_schema t WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'",
    );
    let split = |table: &str| table.split_once(':').map(|(name, columns)| (name.to_owned(), columns.to_owned()));
    tables.split(';').filter_map(split).collect()
}

/// Every row of every table, as text.
fn rows(world: &World) -> BTreeMap<String, String> {
    let rows_of = |(table, columns): (String, String)| {
        let query = format!(
            "SELECT coalesce(group_concat(line, char(10)), '') FROM (SELECT {columns} AS line FROM {table} ORDER BY 1)"
        );
        let rows = text(world, &query);
        (table, rows)
    };
    // When migrations ran is no state of the registry.
    tables(world).into_iter().filter(|(table, _)| table != "__diesel_schema_migrations").map(rows_of).collect()
}

fn text(world: &World, query: &str) -> String {
    diesel::select(sql::<Text>(&format!("({query})"))).get_result(&mut world.connection()).unwrap()
}

/// A store in which every write finds something to do.
async fn furnished() -> World {
    let world = World::new();
    furnish(&world, "app", 1).await;
    furnish(&world, "gone", 2).await;
    assert!(world.store.delete(&name("gone"), 20).await.unwrap());
    world.push("app", "short", &["short", "ended"]).await;
    let end = |tag: &str| TagChange::End { name: tag.parse().unwrap(), guard: Guard::Any };
    let ends = Plan { manifest: None, pin: None, tags: vec![end("ended")], ..plan("app", "short", &[]) };
    world.store.apply(&ends).await.unwrap();
    let brief = TagChange::Point {
        name: "brief".parse().unwrap(),
        to: digest("image"),
        expires: 5_000,
        immutable: false,
        reversion: false,
        guard: Guard::Any,
    };
    let expires = Plan { manifest: None, pin: None, tags: vec![brief], ..plan("app", "image", &[]) };
    world.store.apply(&expires).await.unwrap();
    let deleted = Plan { manifest: None, pin: None, delete: Some(digest("short")), ..plan("app", "short", &[]) };
    world.store.apply(&deleted).await.unwrap();
    // A blob that no manifest links, and that a sweep of access takes.
    world.store.begin(&upload("app", 3)).await.unwrap();
    let loose = FinishUpload {
        id: UploadId::from_bits(3),
        from: 0,
        sealed: location("loose"),
        digest: digest("loose"),
        ..finish()
    };
    world.store.finish(&loose).await.unwrap();
    // A blob that nobody has access to any more, and that a sweep of blobs takes.
    world.store.begin(&upload("app", 4)).await.unwrap();
    let left = FinishUpload { id: UploadId::from_bits(4), sealed: location("left"), digest: digest("left"), ..loose };
    world.store.finish(&left).await.unwrap();
    world.store.remove(&name("app"), &digest("left"), 20).await.unwrap();
    // What a manifest left that was collected.
    world.sql("INSERT INTO legacy_image (repository_id, v1_id, blob, metadata) VALUES (1, 'left', x'00', '')");
    // An upload under way.
    world.store.begin(&upload("app", 5)).await.unwrap();
    world.store.publish(&publish(0, "first")).await.unwrap();
    world.store.discard(&[part("waste")], 1).await.unwrap();
    world
}

async fn sweep(store: &SqliteStore, kind: SweepKind, after: Option<&str>) -> Port<()> {
    // A kind that is new here has to be put under the writes.
    match kind {
        SweepKind::History
        | SweepKind::Manifests
        | SweepKind::LegacyImages
        | SweepKind::Access
        | SweepKind::Blobs
        | SweepKind::Repositories => {}
    }
    let after = after.map(|cursor| SweepCursor(cursor.to_owned()));
    let ask = SweepAsk { kind, after, limit: 200, now: 100_000, window: 0, grace: 0 };
    store.sweep(&ask).await.map(drop)
}

fn name(name: &str) -> oci_types::RepositoryName {
    name.parse().unwrap()
}

fn location(key: &str) -> Location {
    Location { store: "main".parse().unwrap(), key: key.to_owned() }
}

fn part(key: &str) -> Part {
    Part { location: location(key), size: 5 }
}

fn stored(key: &str) -> Stored {
    Stored { location: location(key), upload: UploadId::from_bits(77), size: 5, modified: 1 }
}

fn upload(repository: &str, id: u128) -> NewUpload {
    NewUpload {
        repository: name(repository),
        id: UploadId::from_bits(id),
        hash_state: vec![0].into(),
        create_repository: Some(Visibility::Private),
        now: 1,
        expires: 50_000,
        actor: None,
    }
}

fn publish(from: u64, key: &str) -> PublishPart {
    PublishPart {
        repository: name("app"),
        id: UploadId::from_bits(5),
        from,
        part: part(key),
        hash_state: vec![1].into(),
        now: 20,
        expires: 50_000,
    }
}

fn finish() -> FinishUpload {
    FinishUpload {
        repository: name("app"),
        id: UploadId::from_bits(5),
        from: 5,
        sealed: location("sealed"),
        digest: digest("whole"),
        size: 10,
        lease_until: 5_000,
        now: 20,
    }
}

fn cancel() -> CancelUpload {
    CancelUpload {
        repository: name("app"),
        id: UploadId::from_bits(5),
        from: None,
        unpublished: vec![part("unpublished")],
        now: 20,
    }
}

fn mount() -> MountAsk {
    MountAsk {
        to: name("new"),
        from: MountSource::Repository(name("app")),
        digest: digest("layer of app"),
        lease_until: 5_000,
        create_repository: Some(Visibility::Private),
        now: 20,
    }
}
