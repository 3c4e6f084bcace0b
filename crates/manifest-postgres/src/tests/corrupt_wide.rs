//! The same for what operators and sweepers read.

use super::corrupt::{Call, check, facts, fetching, name};
use super::world::digest;
use manifest_core::ports::{
    Collection, FetchAsk, ImageTagsAsk, LegacyImages, Listings, ManifestState, Manifests, ManifestsAsk, Records,
    SupportAsk, SweepAsk, SweepCursor, SweepKind, Table,
};

/// What is spoilt, and who must notice.
const CASES: &[(&str, &str, Call)] = &[
    ("manifest.digest = '\\x00'", "manifest.digest", call!(|store| store.manifests(&tagged()))),
    ("manifest.subject = '\\x00'", "manifest.subject", call!(|store| store.manifests(&tagged()))),
    ("manifest.actor = ''", "manifest.actor", call!(|store| store.manifests(&tagged()))),
    ("manifest.digest = '\\x00'", "manifest.digest", call!(|store| store.fetch(&in_the_past()))),
    ("tag_history.actor = ''", "tag_history.actor", call!(|store| store.fetch(&in_the_past()))),
    ("label.key = '\\xff'", "label.key", call!(|store| store.push_facts(&only_of_image()))),
    ("label.key = '\\xff'", "label.key", call!(|store| store.labels(&name(), &digest("image"), ""))),
    ("label.value = '\\xc3'", "label.value", call!(|store| store.page(Table::Label, None, 10))),
    ("manifest.artifact_type = '\\xff'", "manifest.artifact_type", call!(|store| store.manifests(&tagged()))),
    (
        "manifest.artifact_type = '\\xff'",
        "manifest.artifact_type",
        call!(|store| store.page(Table::Manifest, None, 10)),
    ),
    ("label.source = 9", "label.source", call!(|store| store.labels(&name(), &digest("image"), ""))),
    ("label.id = -1", "label.id", call!(|store| store.labels(&name(), &digest("image"), ""))),
    ("label.source = -1", "label.source", call!(|store| store.page(Table::Label, None, 10))),
    ("tag.name = '-'", "tag.name", call!(|store| store.support(&why()))),
    ("manifest.subject = '\\x07'", "manifest.subject", call!(|store| store.support(&why()))),
    ("tag_history.name = '/'", "tag_history.name", call!(|store| store.doomed(&behind_the_tags()))),
    ("tag.name = '-'", "tag.name", call!(|store| store.doomed(&expired()))),
    (
        "manifest.digest = '\\x00', deleted_ms = 1",
        "manifest.digest",
        call!(|store| store.sweep(&sweeping(SweepKind::Manifests))),
    ),
    (
        "repository_blob.digest = '\\x05'",
        "repository_blob.digest",
        call!(|store| store.sweep(&sweeping(SweepKind::Access))),
    ),
    (
        "blob.digest = '\\x04', size = -1 WHERE size = 5",
        "blob.digest",
        call!(|store| store.doomed(&sweeping(SweepKind::Blobs))),
    ),
    (
        "repository.name = '-', state = 2",
        "repository.name",
        call!(|store| store.doomed(&sweeping(SweepKind::Repositories))),
    ),
    ("repository.state = 7", "repository.state", call!(|store| store.page(Table::Repository, None, 10))),
    ("manifest.layers_size = -1", "manifest.layers_size", call!(|store| store.page(Table::Manifest, None, 10))),
    ("manifest.platform = ''", "manifest.platform", call!(|store| store.page(Table::Manifest, None, 10))),
    (
        "manifest_child.digest = '\\x'",
        "manifest_child.digest",
        call!(|store| store.page(Table::ManifestChild, None, 10)),
    ),
    ("tag.previous = '\\xff'", "tag.previous", call!(|store| store.page(Table::Tag, None, 10))),
    ("legacy_image.blob = '\\x05'", "legacy_image.blob", call!(|store| store.push_facts(&facts()))),
    ("legacy_image.aggregate_size = -1", "legacy_image.aggregate_size", call!(|store| store.push_facts(&facts()))),
    (
        "legacy_image.aggregate_size = -1",
        "legacy_image.aggregate_size",
        call!(|store| store.image(&name(), "image", 20)),
    ),
    ("legacy_image.comment = chr(26)", "legacy_image.comment", call!(|store| store.image(&name(), "image", 20))),
    (
        "legacy_image.metadata = chr(26)",
        "legacy_image.metadata",
        call!(|store| store.page(Table::LegacyImage, None, 10)),
    ),
    ("manifest.legacy_image = chr(26) || 'A'", "manifest.legacy_image", call!(|store| store.image_tags(&images()))),
    ("blob.location = 'x'", "blob.location", call!(|store| store.page(Table::Blob, None, 10))),
    ("repository_blob.size = -1", "repository_blob.size", call!(|store| store.page(Table::RepositoryBlob, None, 10))),
];

#[tokio::test]
async fn what_operators_read_is_held_to_its_form_too() {
    check(CASES).await;
}

fn tagged() -> ManifestsAsk {
    ManifestsAsk { repository: name(), state: ManifestState::Tagged, after: None, limit: 10, now: 20 }
}

/// The tag was moved at 11, from 10 on.
fn in_the_past() -> FetchAsk {
    FetchAsk { at: Some(10), ..fetching("latest") }
}

fn only_of_image() -> manifest_core::facts::PushAsk {
    let all = facts();
    manifest_core::facts::PushAsk { tags: std::collections::BTreeSet::new(), ..all }
}

fn why() -> SupportAsk {
    SupportAsk { repository: name(), digest: digest("image"), now: 20, window: 20 }
}

fn sweeping(kind: SweepKind) -> SweepAsk {
    SweepAsk { kind, after: None, limit: 200, now: 10_000, window: 0, grace: 0 }
}

fn behind_the_tags() -> SweepAsk {
    SweepAsk { after: Some(SweepCursor("history:".to_owned())), ..sweeping(SweepKind::History) }
}

/// A window that begins when everything has ended.
fn expired() -> SweepAsk {
    SweepAsk { now: i64::MAX, ..sweeping(SweepKind::History) }
}

fn images() -> ImageTagsAsk {
    ImageTagsAsk { repository: name(), only: None, after: None, limit: 10, now: 20 }
}
