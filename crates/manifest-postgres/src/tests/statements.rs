//! Every statement that reads, with values that fit.

use super::world::digest;
use crate::ops;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// A statement by its name and its text.
pub(super) type Named = (&'static str, &'static str);

/// Runs each statement, so that it is prepared, and answers their names and texts.
macro_rules! run {
    ($connection:ident: $($($path:ident)::+ { $($fields:tt)* }),* $(,)?) => {
        [$({
            let text = $($path)::+::SQL;
            let statement = $($path)::+ { $($fields)* };
            statement.execute($connection).await.unwrap_or_else(|error| panic!("{error}: {text}"));
            (concat!($("::", stringify!($path)),+), text)
        }),*]
    };
}

/// Those that follow a reference or look for one thing.
pub(super) async fn lookups(connection: &mut AsyncPgConnection) -> Vec<Named> {
    let subject = digest("subject");
    let subject = subject.as_bytes();
    let (repository, have, now, tag, id) = ("app", None, 20, "latest", &[0; 16][..]);
    let (blobs, tags, image) = (&[subject][..], &["latest"][..], "base");
    let found = run!(connection:
        ops::fetch::ManifestByTag { repository, tag, have, now },
        ops::fetch::ManifestByTagAt { repository, tag, have, at: 15 },
        ops::fetch::ManifestByDigest { repository, digest: subject, leave_out: false, liveness: 0, now },
        ops::push_facts::Facts {
            repository, visibility: true, now, digest: Some(subject), blobs, children: blobs, tags, tags_of: Some(subject), labels: true,
            images: &[std::borrow::Cow::Borrowed("base")],
        },
        ops::push_facts::ImageFacts {
            digest: Some(subject), blobs, now, tags, images: &[std::borrow::Cow::Borrowed("base")], repository,
        },
        ops::legacy_images::ServedImage { now, repository, id: image },
        ops::legacy_images::Ancestry { repository, id: image, now },
        ops::labels::Labels { repository, digest: subject, prefix: b"a" },
        ops::support::Kin { repository, digest: subject, time: 10 },
        ops::repositories::RepositoryByName { name: repository },
        ops::blobs::BlobByDigest { repository, digest: subject, usable_after: now },
        ops::uploads::load::UploadById { repository, id, now },
        ops::sweep::reclaim::FreedBy { repository, purged: blobs, now, empty_layer: subject },
    );
    found.into()
}

/// Those that list a page.
pub(super) async fn pages(connection: &mut AsyncPgConnection) -> Vec<Named> {
    let subject = digest("subject");
    let subject = subject.as_bytes();
    let (repository, now, limit, after, contains) = ("app", 20, 101, "a", "a");
    let (types, texts) = (&[&b"c/d"[..]][..], &["a".to_owned()][..]);
    let (start, since, name) = (i64::MAX, 5, "latest");
    let found = run!(connection:
        ops::referrers::Referrers { repository, now, subject, after: subject, types, limit, max_bytes: 1 << 20 },
        ops::tags::TagNames { repository, after, now, limit },
        ops::tags::TagsByName { repository, after, now, contains, limit },
        ops::tags::TagsByStart { repository, start, after, now, contains, limit },
        ops::history::History { repository, start, after, since, active_only: false, limit, now },
        ops::history::HistoryOfName { repository, start, after, since, active_only: false, name, limit, now },
        ops::manifests::UndeletedManifests { repository, now, after: subject, tagged: true, limit },
        ops::manifests::DeletedManifests { repository, now, after: subject, limit },
        ops::repositories::Repositories { after, limit },
        ops::repositories::RepositoriesInScope { starts: texts, stops: texts, public: true, after, limit },
        ops::legacy_images::ImageTags { repository, first: after, last: "~", after, now, limit },
        ops::collection::Trash { now, limit },
    );
    found.into()
}

/// Those of sweeps and of records.
pub(super) async fn walks(connection: &mut AsyncPgConnection) -> Vec<Named> {
    let subject = digest("subject");
    let digest = subject.as_bytes();
    let (repository, window, now, lease, limit, name, after) = (1, 10, 20, 10, 200, "a", digest);
    let found = run!(connection:
        ops::sweep::history::LookAtTags { window, repository, name, limit },
        ops::sweep::history::LookAtHistory { window, repository, name, start: 0, limit },
        ops::sweep::manifests::LookAtManifests { window, now, repository, after: 0, limit },
        ops::sweep::images::LookAtImages { repository, after: name, limit },
        ops::sweep::access::LookAtAccess { lease, repository, digest, limit },
        ops::sweep::blobs::LookAtBlobs { empty_layer: digest, after, limit },
        ops::sweep::repositories::LookAtRepositories { after: 0, limit },
        ops::records::repositories::RepositoryRecords { after: name, limit },
        ops::records::repositories::BlobRecords { after, limit },
        ops::records::repositories::AccessRecords { repository, after, limit },
        ops::records::images::ImageRecords { repository, after: name, limit },
        ops::records::tags::TagRecords { repository, after: name, limit },
        ops::records::tags::HistoryRecords { repository, after: name, start: 0, limit },
        ops::records::manifests::ManifestRecords { repository, after, limit },
        ops::records::manifests::ChildRecords { repository, after, position: 0, limit },
        ops::records::manifests::LinkRecords { repository, after, blob: digest, limit },
        ops::records::manifests::LabelRecords { repository, after, limit },
    );
    found.into()
}

/// Those that look at every row on purpose. (There is one key.)
pub(super) async fn counts(connection: &mut AsyncPgConnection) -> Vec<Named> {
    let subject = digest("subject");
    let found = run!(connection:
        ops::totals::Counts {},
        ops::signing_keys::CurrentKey {},
        ops::signing_keys::EarlierKeys {},
        ops::sweep::reclaim::Reclaimable { window: 10, now: 20, lease: 10, empty_layer: subject.as_bytes() },
        ops::records::EveryRepository {},
    );
    found.into()
}
