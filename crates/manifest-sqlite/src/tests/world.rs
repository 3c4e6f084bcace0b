//! A store in a directory of its own, and what tests put into it.

use crate::connection::{File, Mode};
use crate::{SqliteOptions, SqliteStore};
use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl, SqliteConnection};
use manifest_core::facts::{Acting, Visibility};
use manifest_core::legacy::LegacyImage;
use manifest_core::plan::{Applied, Guard, ManifestChange, NewManifest, Pin, Plan, TagChange};
use manifest_core::ports::{HistoryAsk, Manifests, TagOrder, TagsAsk};
use manifest_core::time::NEVER;
use oci_types::{Algorithm, Digest, MediaType};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A store and its directory, which goes with it.
pub(super) struct World {
    pub(super) store: SqliteStore,
    pub(super) directory: TempDir,
}

impl World {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("registry.sqlite"), SqliteOptions::default()).unwrap();
        Self { store, directory }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join("registry.sqlite")
    }

    /// A connection that goes past the store, as another program would.
    pub(super) fn connection(&self) -> SqliteConnection {
        let mut connection = File::new(&self.path()).unwrap().connect(Mode::Write).unwrap();
        let wait = format!("PRAGMA busy_timeout = {}", Duration::from_secs(5).as_millis());
        connection.batch_execute(&wait).unwrap();
        connection
    }

    /// The number that a question past the store answers as `count`.
    pub(super) fn count(&self, sql: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            count: i64,
        }
        let Count { count } = diesel::sql_query(sql).get_result(&mut self.connection()).unwrap();
        count
    }

    /// How many bytes the write-ahead log has.
    pub(super) fn log_size(&self) -> u64 {
        self.directory.path().join("registry.sqlite-wal").metadata().map_or(0, |log| log.len())
    }

    /// Runs SQL past the store.
    pub(super) fn sql(&self, sql: &str) {
        self.connection().batch_execute(sql).unwrap();
    }
}

impl World {
    /// Stores a manifest that names nothing and points tags at it.
    pub(super) async fn push(&self, repository: &str, name: &str, tags: &[&str]) -> Applied {
        self.store.apply(&plan(repository, name, tags)).await.unwrap()
    }
}

pub(super) fn digest(name: &str) -> Digest {
    Digest::of(Algorithm::Sha256, name.as_bytes())
}

/// A manifest whose bytes are its name.
pub(super) fn manifest(name: &str) -> NewManifest {
    NewManifest {
        digest: digest(name),
        media_type: MediaType::from_static(MediaType::OCI_MANIFEST),
        bytes: name.to_owned().into(),
        subject: None,
        artifact_type: None,
        annotations: BTreeMap::new(),
        platform: None,
        image_created: None,
        layers_size: None,
        acting: Acting::default(),
        labels: Vec::new(),
        blobs: BTreeMap::new(),
        children: Vec::new(),
        empty_layer: false,
        legacy_images: vec![image("base", None), image(name, Some("base"))],
        legacy_image: Some(name.to_owned()),
    }
}

/// A legacy image that has its name for a layer.
fn image(id: &str, parent: Option<&str>) -> LegacyImage {
    LegacyImage {
        id: id.to_owned(),
        parent: parent.map(str::to_owned),
        blob: digest(id),
        created: Some(5),
        command: Some("[]".to_owned()),
        comment: None,
        aggregate_size: Some(7),
        metadata: "{}".to_owned(),
    }
}

/// A plan that stores a manifest that names nothing and points tags at it.
pub(super) fn plan(repository: &str, name: &str, tags: &[&str]) -> Plan {
    let point = |tag: &&str| TagChange::Point {
        name: tag.parse().unwrap(),
        to: digest(name),
        expires: NEVER,
        immutable: false,
        reversion: false,
        guard: Guard::Any,
    };
    Plan {
        repository: repository.parse().unwrap(),
        create_repository: Some(Visibility::Private),
        now: 10,
        actor: None,
        manifest: Some(ManifestChange::Create(Arc::new(manifest(name)))),
        tags: tags.iter().map(point).collect(),
        pin: Some(Pin { digest: digest(name), until: 1_000 }),
        displaced_until: None,
        delete: None,
        labels: None,
        purge: BTreeSet::new(),
    }
}

/// The first tags of the repository `app`, by name.
pub(super) fn tags(limit: u32) -> TagsAsk {
    TagsAsk { repository: "app".parse().unwrap(), contains: None, order: TagOrder::Name, after: None, limit, now: 20 }
}

/// The newest intervals of tags of the repository `app`.
pub(super) fn history(limit: u32) -> HistoryAsk {
    HistoryAsk {
        repository: "app".parse().unwrap(),
        name: None,
        active_only: false,
        since: None,
        after: None,
        limit,
        now: 20,
    }
}
