//! How many statements each call runs, counted at the driver, and that each is prepared once (architecture, "Budgets").

#![expect(clippy::unwrap_used, reason = "a test that lacks what it needs ends there")]

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use manifest_core::access::{NameRange, ReadScope};
use manifest_core::empty_layer;
use manifest_core::facts::{Acting, Location, PushAsk, Visibility};
use manifest_core::plan::{
    Applied, ChildLink, Guard, Label, LabelSource, ManifestChange, Need, NewManifest, Pin, Plan, TagChange,
};
use manifest_core::ports::{
    Begun, Blobs, FetchAsk, Fetched, FinishUpload, Finished, HistoryCursor, Listings, Liveness, Manifests, MountAsk,
    MountSource, Mounted, NewUpload, PageAsk, Part, PublishPart, Published, ReferrersAsk, Repositories, UploadId,
    Uploads,
};
use manifest_core::time::NEVER;
use manifest_sqlite::{SqliteOptions, SqliteStore};
use oci_types::{Algorithm, Digest, Hasher, MediaType, Reference, RepositoryName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;

/// What the driver did, over all connections of the process.
static LOG: Mutex<Vec<Event>> = Mutex::new(Vec::new());
/// Tests of this file share the log, so one runs at a time.
static TURN: Mutex<()> = Mutex::new(());

#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Ran(String),
    Kept(String),
}

struct Recorder;

impl Instrumentation for Recorder {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        let entry = if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            Event::Ran(text.split(" -- binds").next().unwrap_or_default().to_owned())
        } else if let InstrumentationEvent::CacheQuery { sql, .. } = event {
            Event::Kept(sql.to_owned())
        } else {
            return;
        };
        LOG.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }
}

struct Counted {
    store: SqliteStore,
    /// Every statement that diesel keeps prepared, whatever the connection.
    kept: BTreeSet<String>,
    _directory: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Counted {
    fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        set_default_instrumentation(|| Some(Box::new(Recorder))).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("registry.sqlite"), SqliteOptions::default()).unwrap();
        let mut counted = Self { store, kept: BTreeSet::new(), _directory: directory, _turn: turn };
        counted.drain();
        counted
    }

    /// The statements that ran since the last call, but for those that set up a connection.
    fn drain(&mut self) -> Vec<String> {
        let events = std::mem::take(&mut *LOG.lock().unwrap_or_else(PoisonError::into_inner));
        let mut ran = Vec::new();
        for event in events {
            match event {
                Event::Kept(sql) => {
                    self.kept.insert(sql);
                }
                Event::Ran(sql) if sql.starts_with("PRAGMA") => {}
                Event::Ran(sql) => ran.push(sql),
            }
        }
        ran
    }

    /// How many statements ran, all of which must be kept prepared.
    fn statements(&mut self) -> usize {
        let ran = self.drain();
        for sql in &ran {
            assert!(self.kept.contains(sql), "prepared anew each time: {sql}");
        }
        ran.len()
    }
}

fn digest(name: &str) -> Digest {
    Digest::of(Algorithm::Sha256, name.as_bytes())
}

fn repository(name: &str) -> RepositoryName {
    name.parse().unwrap()
}

/// A manifest of so many layers, labels and children, none of which needs to exist but the first child.
fn manifest(name: &str, layers: usize, labels: usize, children: usize) -> NewManifest {
    let mut blobs: BTreeMap<Digest, Need> =
        (0..layers).map(|number| (digest(&format!("layer {number}")), Need::MayBeAbsent)).collect();
    blobs.insert(empty_layer::digest(), Need::Required);
    let label = |number| Label {
        key: format!("key {number}"),
        value: "value".into(),
        json: false,
        source: LabelSource::Manifest,
    };
    let child =
        |number| ChildLink { digest: digest(&format!("child {number}")), need: Need::MayBeAbsent, platform: None };
    NewManifest {
        digest: digest(name),
        media_type: MediaType::from_static(MediaType::OCI_INDEX),
        bytes: name.to_owned().into(),
        subject: Some(digest("subject")),
        artifact_type: None,
        annotations: BTreeMap::new(),
        platform: None,
        image_created: None,
        layers_size: None,
        acting: Acting::default(),
        labels: (0..labels).map(label).collect(),
        blobs,
        children: (0..children).map(child).collect(),
        empty_layer: true,
    }
}

fn point(name: &str, to: &str) -> TagChange {
    TagChange::Point {
        name: name.parse().unwrap(),
        to: digest(to),
        expires: NEVER,
        immutable: false,
        reversion: false,
        guard: Guard::Any,
    }
}

fn plan(repository_name: &str) -> Plan {
    Plan {
        repository: repository(repository_name),
        create_repository: Some(Visibility::Private),
        now: 10,
        actor: None,
        manifest: None,
        tags: Vec::new(),
        pin: None,
        displaced_until: Some(1_000),
        delete: None,
    }
}

/// The statements of a whole PUT of a manifest by tag: the facts, and a plan that does all that it can.
async fn put(counted: &mut Counted, repository_name: &str, manifest: NewManifest) -> usize {
    let ask = PushAsk {
        repository: repository(repository_name),
        now: 10,
        digest: Some(manifest.digest),
        blobs: manifest.blobs.keys().copied().collect(),
        children: manifest.children.iter().map(|child| child.digest).collect(),
        tags: BTreeSet::from(["latest".parse().unwrap()]),
        visibility: false,
    };
    counted.store.push_facts(&ask).await.unwrap();
    assert_eq!(counted.statements(), 1, "facts");
    let (digest, name) = (manifest.digest, String::from_utf8(manifest.bytes.to_vec()).unwrap());
    let plan = Plan {
        manifest: Some(ManifestChange::Create(Arc::new(manifest))),
        tags: vec![point("latest", &name)],
        pin: Some(Pin { digest, until: 500 }),
        ..plan(repository_name)
    };
    assert!(matches!(counted.store.apply(&plan).await.unwrap(), Applied::Done { created: true, .. }));
    1 + counted.statements()
}

#[tokio::test]
async fn a_push_costs_the_same_whatever_the_manifest_holds() {
    let mut counted = Counted::new();
    // Creates the repository, which the others find.
    assert_eq!(put(&mut counted, "app", manifest("first", 1, 0, 1)).await, 14);
    let small = put(&mut counted, "app", manifest("small", 1, 0, 1)).await;
    assert_eq!(small, 13);
    for (name, layers, labels, children) in [
        ("layers", 1_000, 0, 1),
        ("labels", 1, 400, 1),
        ("children", 1, 0, 500),
        ("all", 1_000, 400, 500),
        ("none", 0, 0, 0),
    ] {
        assert_eq!(put(&mut counted, "app", manifest(name, layers, labels, children)).await, small, "{name}");
    }
    // Pushed again, moved to 100 tags, and deleted.
    let again = Plan {
        manifest: Some(ManifestChange::Keep(digest("small"))),
        tags: (0..100).map(|number| point(&format!("tag-{number:03}"), "small")).collect(),
        ..plan("app")
    };
    assert!(matches!(counted.store.apply(&again).await.unwrap(), Applied::Done { created: false, .. }));
    assert_eq!(counted.statements(), 6);
    let delete = Plan { delete: Some(digest("small")), ..plan("app") };
    assert!(matches!(counted.store.apply(&delete).await.unwrap(), Applied::Done { .. }));
    assert_eq!(counted.statements(), 9);
}

fn upload_id(number: u128) -> UploadId {
    UploadId::from_bits(number)
}

fn location(key: &str) -> Location {
    Location { store: "main".parse().unwrap(), key: key.to_owned() }
}

#[tokio::test]
async fn uploads_and_mounts_cost_at_most_four_statements() {
    let mut counted = Counted::new();
    let (store, app) = (counted.store.clone(), repository("app"));
    let state = Hasher::new(Algorithm::Sha256).to_state();
    for (id, expected) in [(1, 4), (2, 4)] {
        let upload = NewUpload {
            repository: app.clone(),
            id: upload_id(id),
            hash_state: state.clone().into(),
            create_repository: Some(Visibility::Private),
            now: 1,
            expires: 100,
            actor: None,
        };
        assert_eq!(store.begin(&upload).await.unwrap(), Begun::Done);
        assert_eq!(counted.statements(), expected, "POST {id}");
    }
    let part = PublishPart {
        repository: app.clone(),
        id: upload_id(1),
        from: 0,
        part: Part { location: location("part"), size: 5 },
        hash_state: state.into(),
        now: 2,
        expires: 200,
    };
    assert_eq!(store.publish(&part).await.unwrap(), Published::Done);
    assert_eq!(counted.statements(), 4, "PATCH");
    assert!(store.load(&app, &upload_id(1), 3).await.unwrap().is_some());
    assert_eq!(counted.statements(), 1, "load");
    let finish = FinishUpload {
        repository: app.clone(),
        id: upload_id(1),
        from: 5,
        last_part: Some(Part { location: location("last"), size: 5 }),
        sealed: location("sealed"),
        digest: digest("layer"),
        size: 10,
        lease_until: 1_000,
        now: 3,
    };
    assert!(matches!(store.finish(&finish).await.unwrap(), Finished::Done(_)));
    assert_eq!(counted.statements(), 4, "PUT");
    for (to, from) in [
        ("new", MountSource::Repository(app.clone())),
        ("new", MountSource::Scope(ReadScope::All)),
        ("newer", MountSource::Scope(ReadScope::ranges(false, [NameRange::repository(&app)]))),
    ] {
        let ask = MountAsk {
            to: repository(to),
            from,
            digest: digest("layer"),
            lease_until: 1_000,
            create_repository: Some(Visibility::Private),
            now: 4,
        };
        assert!(matches!(store.mount(&ask).await.unwrap(), Mounted::Done(_)));
        assert_eq!(counted.statements(), 4, "mount into {to}");
    }
}

#[tokio::test]
async fn a_read_is_one_statement() {
    let mut counted = Counted::new();
    let (store, app) = (counted.store.clone(), repository("app"));
    put(&mut counted, "app", manifest("image", 1, 0, 0)).await;
    let ask = |reference: &str| FetchAsk {
        repository: app.clone(),
        reference: reference.parse::<Reference>().unwrap(),
        now: 20,
        liveness: Liveness::Visible,
        have: None,
    };
    let about = ReferrersAsk {
        repository: app.clone(),
        subject: digest("subject"),
        artifact_types: vec!["a/b".into()],
        after: None,
        limit: 100,
        max_bytes: 1 << 20,
        now: 20,
    };
    let scope = ReadScope::ranges(true, [NameRange::repository(&app)]);
    let cursor = HistoryCursor { start: 10, name: "latest".parse().unwrap() };
    // The second round finds every statement prepared, which `statements` holds each run against.
    for round in 0..2 {
        assert!(matches!(store.fetch(&ask("latest")).await.unwrap(), Fetched::Found(_)));
        assert_eq!(counted.statements(), 1, "by tag");
        assert!(matches!(store.fetch(&ask(&digest("image").to_string())).await.unwrap(), Fetched::Found(_)));
        assert_eq!(counted.statements(), 1, "by digest");
        store.referrers(&about).await.unwrap();
        assert_eq!(counted.statements(), 1, "referrers");
        store.tag_names(&app, &PageAsk::first(100), 20).await.unwrap();
        assert_eq!(counted.statements(), 1, "tag names");
        store.tags(&app, &PageAsk { after: Some("a".parse().unwrap()), limit: 1_000 }, 20).await.unwrap();
        assert_eq!(counted.statements(), 1, "tags");
        store.history(&app, None, &PageAsk { after: Some(cursor.clone()), limit: 10 }).await.unwrap();
        assert_eq!(counted.statements(), 1, "history");
        store.history(&app, Some("latest".parse().unwrap()), &PageAsk::first(10)).await.unwrap();
        assert_eq!(counted.statements(), 1, "history of one name");
        for scope in [&ReadScope::All, &scope] {
            store.repositories(scope, &PageAsk::first(100)).await.unwrap();
            assert_eq!(counted.statements(), 1, "catalogue");
        }
        Blobs::find(&store, &app, &empty_layer::digest(), 20).await.unwrap();
        assert_eq!(counted.statements(), 1, "blob");
        Repositories::find(&store, &app).await.unwrap();
        assert_eq!(counted.statements(), 1, "repository");
        store.totals().await.unwrap();
        assert_eq!(counted.statements(), 1, "totals in round {round}");
    }
}

#[tokio::test]
async fn what_is_prepared_stays_prepared() {
    let mut counted = Counted::new();
    put(&mut counted, "app", manifest("image", 1, 0, 0)).await;
    let prepared = |events: &[Event]| events.iter().filter(|event| matches!(event, Event::Kept(_))).count();
    let work = async |store: &SqliteStore| {
        for number in 0..20 {
            let ask = FetchAsk {
                repository: repository("app"),
                reference: "latest".parse().unwrap(),
                now: 20 + number,
                liveness: Liveness::Visible,
                have: Some(digest(&number.to_string())),
            };
            store.fetch(&ask).await.unwrap();
            let plan = Plan { tags: vec![point("latest", "image")], ..plan("app") };
            store.apply(&plan).await.unwrap();
        }
        std::mem::take(&mut *LOG.lock().unwrap_or_else(PoisonError::into_inner))
    };
    work(&counted.store).await;
    let events = work(&counted.store).await;
    assert_eq!(prepared(&events), 0, "{events:#?}");
    assert_eq!(events.len(), 20 * (1 + 5), "a fetch; BEGIN, where, which tags, pointing, COMMIT");
}
