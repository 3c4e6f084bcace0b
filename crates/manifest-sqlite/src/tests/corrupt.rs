//! Values that do not parse are `Corrupt`, and named by table and column, whoever reads them.

use super::world::{World, digest, history, manifest, plan, tags};
use crate::SqliteStore;
use manifest_core::facts::{Location, PushAsk, Visibility};
use manifest_core::plan::{ChildLink, Label, LabelSource, ManifestChange, Need, Plan};
use manifest_core::ports::{
    Blobs, Collection, FetchAsk, FinishUpload, Listings, Liveness, Manifests, NewUpload, PageAsk, Part, PublishPart,
    ReferrersAsk, Repositories, UploadId, Uploads,
};
use manifest_core::{Port, PortErrorKind, ReadScope};
use oci_types::{Digest, Reference};
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

pub(super) type Call = for<'a> fn(&'a SqliteStore) -> Pin<Box<dyn Future<Output = Port<()>> + 'a>>;

/// A call whose answer does not matter.
macro_rules! call {
    (|$store:ident| $call:expr) => {
        |$store| Box::pin(async move { $call.await.map(drop) })
    };
}

/// What is spoilt, and who must notice.
const CASES: &[(&str, &str, Call)] = &[
    ("manifest.digest = x'00'", "manifest.digest", call!(|store| store.fetch(&fetching("latest")))),
    ("manifest.digest = x'00'", "manifest.digest", call!(|store| store.tags(&tags(10)))),
    ("manifest.digest = x'00'", "manifest.digest", call!(|store| store.history(&history(10)))),
    ("manifest.media_type = 'no type'", "manifest.media_type", call!(|store| store.fetch(&fetching("latest")))),
    (
        "manifest.media_type = 'no type'",
        "manifest.media_type",
        call!(|store| store.fetch(&fetching(&digest("image").to_string()))),
    ),
    ("manifest.media_type = ''", "manifest.media_type", call!(|store| store.push_facts(&facts()))),
    ("manifest.media_type = ''", "manifest.media_type", call!(|store| store.referrers(&about()))),
    ("manifest.annotations = '[]'", "manifest.annotations", call!(|store| store.referrers(&about()))),
    ("manifest.platform = '{}'", "manifest.platform", call!(|store| store.tags(&tags(10)))),
    ("manifest_child.platform = '[]'", "manifest_child.platform", call!(|store| store.tags(&tags(10)))),
    ("manifest.platform = 'linux'", "manifest.platform", call!(|store| store.push_facts(&facts()))),
    ("manifest.layers_size = -1", "manifest.layers_size", call!(|store| store.tags(&tags(10)))),
    ("manifest.immutable = 2", "manifest.immutable", call!(|store| store.push_facts(&facts()))),
    ("manifest_blob.digest = x'01'", "manifest_blob.digest", call!(|store| store.apply(&keeping()))),
    ("manifest_child.digest = x''", "manifest_child.digest", call!(|store| store.apply(&keeping()))),
    ("tag.name = '-'", "tag.name", call!(|store| store.tag_names(&name(), &PageAsk::first(10), 20))),
    ("tag.name = ''", "tag.name", call!(|store| store.history(&history(10)))),
    ("tag.immutable = 2", "tag.immutable", call!(|store| store.fetch(&fetching("latest")))),
    ("tag.immutable = -1", "tag.immutable", call!(|store| store.push_facts(&facts()))),
    ("tag.immutable = 7", "tag.immutable", call!(|store| store.apply(&plan("app", "image", &["latest"])))),
    ("tag.actor = char(10)", "tag.actor", call!(|store| store.fetch(&fetching("latest")))),
    ("tag.reversion = 2", "tag.reversion", call!(|store| store.history(&history(10)))),
    ("tag.previous = x'ff'", "tag.previous", call!(|store| store.history(&history(10)))),
    ("tag.manifest_id = 999", "tag.manifest_id", call!(|store| store.tags(&tags(10)))),
    ("tag.manifest_id = 999", "tag.manifest_id", call!(|store| store.push_facts(&facts()))),
    ("tag_history.name = '/'", "tag_history.name", call!(|store| store.history(&history(10)))),
    ("tag_history.actor = ''", "tag_history.actor", call!(|store| store.history(&history(10)))),
    ("tag_history.reversion = 9", "tag_history.reversion", call!(|store| store.history(&history(10)))),
    ("tag_history.manifest_id = 999", "tag_history.manifest_id", call!(|store| store.history(&history(10)))),
    ("repository.state = 7", "repository.state", call!(|store| Repositories::find(store, &name()))),
    ("repository.state = 7", "repository.state", call!(|store| store.push_facts(&facts()))),
    ("repository.state = 7", "repository.state", call!(|store| store.apply(&plan("app", "image", &[])))),
    ("repository.visibility = 7", "repository.visibility", call!(|store| Repositories::find(store, &name()))),
    (
        "repository.name = 'Not A Name'",
        "repository.name",
        call!(|store| store.repositories(&ReadScope::All, &PageAsk::first(9))),
    ),
    (
        "repository_blob.size = -1",
        "repository_blob.size",
        call!(|store| Blobs::find(store, &name(), &digest("layer"), 20)),
    ),
    (
        "repository_blob.location = 'x'",
        "repository_blob.location",
        call!(|store| Blobs::find(store, &name(), &digest("layer"), 20)),
    ),
    ("repository_blob.location = 'A B:x'", "repository_blob.location", call!(|store| store.push_facts(&facts()))),
    ("blob.location = 'x'", "blob.location", call!(|store| store.finish(&finishing(2, "layer")))),
    ("upload.offset = -1", "upload.offset", call!(|store| store.load(&name(), &UploadId::from_bits(2), 2))),
    (
        "upload.finished_digest = x'09'",
        "upload.finished_digest",
        call!(|store| store.load(&name(), &UploadId::from_bits(1), 2)),
    ),
    (
        "upload.finished_size = NULL",
        "upload.finished_size",
        call!(|store| store.load(&name(), &UploadId::from_bits(1), 2)),
    ),
    (
        "upload.finished_location = ':'",
        "upload.finished_location",
        call!(|store| store.load(&name(), &UploadId::from_bits(1), 2)),
    ),
    (
        "upload_part.location = 'x'",
        "upload_part.location",
        call!(|store| store.load(&name(), &UploadId::from_bits(2), 2)),
    ),
    ("upload_part.size = -1", "upload_part.size", call!(|store| store.load(&name(), &UploadId::from_bits(2), 2))),
    ("trash.location = 'x'", "trash.location", call!(|store| store.trash(10, 20))),
];

#[tokio::test]
async fn what_does_not_parse_is_named() {
    check(CASES).await;
}

/// Spoils a value of a fresh store for each case, and has it read.
pub(super) async fn check(cases: &[(&str, &str, Call)]) {
    for (spoilt, column, call) in cases {
        let world = furnished().await;
        let (table, set) = spoilt.split_once('.').unwrap();
        // Past the foreign keys and the triggers, as a disk or another program would.
        world.sql(&format!(
            "PRAGMA foreign_keys = OFF; DROP TRIGGER tag_moved_without_start; DROP TRIGGER upload_finished; UPDATE {table} SET {}",
            set.replace("offset", "\"offset\"")
        ));
        let error = call(&world.store).await.expect_err(spoilt);
        assert_eq!(error.kind(), PortErrorKind::Corrupt, "{spoilt}: {error:?}");
        assert!(error.to_string().ends_with(column), "{spoilt}: {error}");
        assert!(std::error::Error::source(&error).is_some(), "{spoilt} has no cause");
    }
}

pub(super) fn name() -> oci_types::RepositoryName {
    "app".parse().unwrap()
}

fn location(key: &str) -> Location {
    Location { store: "main".parse().unwrap(), key: key.to_owned() }
}

pub(super) fn fetching(reference: &str) -> FetchAsk {
    FetchAsk {
        repository: name(),
        reference: reference.parse::<Reference>().unwrap(),
        now: 20,
        liveness: Liveness::Visible,
        have: None,
        at: None,
    }
}

pub(super) fn facts() -> PushAsk {
    PushAsk {
        repository: name(),
        now: 20,
        digest: Some(digest("image")),
        blobs: BTreeSet::from([digest("layer")]),
        children: BTreeSet::from([digest("image")]),
        tags: BTreeSet::from(["latest".parse().unwrap()]),
        tags_of: Some(digest("image")),
        labels: true,
        visibility: true,
        legacy_images: BTreeSet::from(["image".to_owned()]),
    }
}

fn about() -> ReferrersAsk {
    ReferrersAsk {
        repository: name(),
        subject: digest("image"),
        artifact_types: Vec::new(),
        after: None,
        limit: 10,
        max_bytes: 1000,
        now: 20,
    }
}

fn keeping() -> Plan {
    Plan { manifest: Some(ManifestChange::Keep(digest("image"))), pin: None, ..plan("app", "image", &[]) }
}

fn finishing(upload: u128, content: &str) -> FinishUpload {
    FinishUpload {
        repository: name(),
        id: UploadId::from_bits(upload),
        from: if upload == 1 { 0 } else { 3 },
        sealed: location(&format!("sealed/{upload}")),
        digest: digest(content),
        size: 5,
        lease_until: 1_000,
        now: 1,
    }
}

/// A store with a row in every table.
async fn furnished() -> World {
    let world = World::new();
    let store = &world.store;
    for id in [1, 2] {
        let upload = NewUpload {
            repository: name(),
            id: UploadId::from_bits(id),
            hash_state: vec![0].into(),
            create_repository: Some(Visibility::Private),
            now: 1,
            expires: 1_000,
            actor: None,
        };
        store.begin(&upload).await.unwrap();
    }
    store.finish(&finishing(1, "layer")).await.unwrap();
    let part = PublishPart {
        repository: name(),
        id: UploadId::from_bits(2),
        from: 0,
        part: Part { location: location("part"), size: 3 },
        hash_state: vec![0].into(),
        now: 1,
        expires: 1_000,
    };
    store.publish(&part).await.unwrap();
    // Refused, so its part is trash.
    let late = PublishPart { part: Part { location: location("late"), size: 3 }, ..part };
    store.publish(&late).await.unwrap();
    let mut image = manifest("image");
    // A cycle, so that one manifest is its own parent, child and referrer.
    image.subject = Some(image.digest);
    image.blobs.insert(digest("layer"), Need::Required);
    image.labels = vec![Label { key: "k".into(), value: "v".into(), json: false, source: LabelSource::Manifest }];
    let child = |digest: Digest| ChildLink { digest, need: Need::Required, platform: None };
    image.children = vec![child(image.digest)];
    let mut create = plan("app", "image", &["latest"]);
    create.manifest = Some(ManifestChange::Create(Arc::new(image)));
    for _ in 0..2 {
        store.apply(&create).await.unwrap();
    }
    world
}
