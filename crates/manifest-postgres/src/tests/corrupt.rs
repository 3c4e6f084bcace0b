//! Values that do not parse are `Corrupt`, and named by table and column, whoever reads them.

use super::world::{World, digest, history, manifest, plan, tags};
use crate::PostgresStore;
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

pub(super) type Call = for<'a> fn(&'a PostgresStore) -> Pin<Box<dyn Future<Output = Port<()>> + Send + 'a>>;

/// A call whose answer does not matter.
macro_rules! call {
    (|$store:ident| $call:expr) => {
        |$store| Box::pin(async move { $call.await.map(drop) })
    };
}

/// What is spoilt, and who must notice.
const CASES: &[(&str, &str, Call)] = &[
    ("manifest.digest = '\\x00'", "manifest.digest", call!(|store| store.fetch(&fetching("latest")))),
    ("manifest.digest = '\\x00'", "manifest.digest", call!(|store| store.tags(&tags(10)))),
    ("manifest.digest = '\\x00'", "manifest.digest", call!(|store| store.history(&history(10)))),
    ("manifest.media_type = 'no type'", "manifest.media_type", call!(|store| store.fetch(&fetching("latest")))),
    (
        "manifest.media_type = 'no type'",
        "manifest.media_type",
        call!(|store| store.fetch(&fetching(&digest("image").to_string()))),
    ),
    ("manifest.media_type = ''", "manifest.media_type", call!(|store| store.push_facts(&facts()))),
    ("manifest.media_type = ''", "manifest.media_type", call!(|store| store.referrers(&about()))),
    ("manifest.annotations = '[]'", "manifest.annotations", call!(|store| store.referrers(&about()))),
    ("manifest.artifact_type = '\\xff'", "manifest.artifact_type", call!(|store| store.referrers(&about()))),
    ("label.key = '\\xff'", "label.key", call!(|store| store.push_facts(&facts()))),
    ("label.value = '\\xc3'", "label.value", call!(|store| store.push_facts(&facts()))),
    ("manifest.platform = '{}'", "manifest.platform", call!(|store| store.tags(&tags(10)))),
    ("manifest.platform = 'linux'", "manifest.platform", call!(|store| store.push_facts(&facts()))),
    ("manifest.layers_size = -1", "manifest.layers_size", call!(|store| store.tags(&tags(10)))),
    ("manifest_blob.digest = '\\x01'", "manifest_blob.digest", call!(|store| store.apply(&keeping()))),
    ("manifest_child.digest = '\\x'", "manifest_child.digest", call!(|store| store.apply(&keeping()))),
    ("tag.name = '-'", "tag.name", call!(|store| store.tag_names(&name(), &PageAsk::first(10), 20))),
    ("tag.name = ''", "tag.name", call!(|store| store.history(&history(10)))),
    ("tag.actor = chr(10)", "tag.actor", call!(|store| store.fetch(&fetching("latest")))),
    ("tag.previous = '\\xff'", "tag.previous", call!(|store| store.history(&history(10)))),
    ("tag.manifest_id = 999", "tag.manifest_id", call!(|store| store.tags(&tags(10)))),
    ("tag.manifest_id = 999", "tag.manifest_id", call!(|store| store.push_facts(&facts()))),
    ("tag_history.name = '/'", "tag_history.name", call!(|store| store.history(&history(10)))),
    ("tag_history.actor = ''", "tag_history.actor", call!(|store| store.history(&history(10)))),
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
        "upload.finished_digest = '\\x09'",
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

/// What a tag pointed at is part of the answer, so it is looked at before anything is written.
#[tokio::test]
async fn a_plan_that_displaces_no_digest_writes_nothing() {
    let forms = [
        "''",
        "'\\x01'",
        "'\\x00' || sha256('')",
        "'\\x03' || sha512('')",
        "'\\x01' || sha512('')",
        "'\\x02' || sha256('')",
    ];
    for form in forms {
        let world = World::new().await;
        world.push("app", "image", &["latest"]).await;
        world.sql(&format!("UPDATE manifest SET digest = {form}")).await;
        let error = world.store.apply(&plan("app", "other", &["latest"])).await.expect_err(form);
        assert_eq!(error.kind(), PortErrorKind::Corrupt, "{form}: {error:?}");
        assert!(error.to_string().ends_with("manifest.digest"), "{form}: {error}");
        let rows = "SELECT (SELECT count(*) FROM manifest), (SELECT count(*) FROM tag_history), start_ms FROM tag";
        assert_eq!(world.database.psql(rows).unwrap(), "1|0|10", "{form}");
    }
}

/// The name of a tag that goes with its manifest is seen only when it has gone.
#[tokio::test]
async fn who_deletes_what_has_no_name_is_told_that_it_may_be_gone() {
    let world = World::new().await;
    world.push("app", "image", &["latest"]).await;
    world.sql("UPDATE tag SET name = '-'").await;
    let delete = Plan { manifest: None, pin: None, delete: Some(digest("image")), ..plan("app", "image", &[]) };
    let error = world.store.apply(&delete).await.unwrap_err();
    assert!(error.kind() == PortErrorKind::Corrupt && error.to_string().ends_with("tag.name"), "{error:?}");
    assert!(error.outcome_unknown(), "{error:?}");
    assert_eq!(world.database.psql("SELECT count(*) FROM manifest WHERE deleted_ms IS NULL").unwrap(), "0");
}

/// Spoils a value of a fresh store for each case, and has it read.
pub(super) async fn check(cases: &[(&str, &str, Call)]) {
    for (spoilt, column, call) in cases {
        let world = furnished().await;
        let (table, set) = spoilt.split_once('.').unwrap();
        // Past the foreign keys and the triggers, as a disk or another program would.
        let set = set.replace("offset", "\"offset\"");
        world
            .sql(&format!(
                "SET session_replication_role = replica; ALTER TABLE label ALTER COLUMN id SET GENERATED BY DEFAULT; \
                 UPDATE {table} SET {set}"
            ))
            .await;
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
    let world = World::new().await;
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
