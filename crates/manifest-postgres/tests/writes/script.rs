//! One of each write, in an order in which each of them has something to do.

use crate::world::{create, digest, end, finish, label, location, manifest, part, plan, points, repository, upload};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use manifest_core::empty_layer;
use manifest_core::error::Port;
use manifest_core::facts::{Acting, RepositoryState, Visibility};
use manifest_core::plan::{ChildLink, LabelSource, LabelsChange, Need, Pin, Plan, TagChange};
use manifest_core::ports::{
    Blobs, CancelUpload, Collection, Manifests, MountAsk, MountSource, PublishPart, Repositories, Stored, SweepAsk,
    SweepKind, UploadId, Uploads,
};
use manifest_core::time::NEVER;
use manifest_postgres::PostgresStore;
use std::collections::BTreeSet;

/// A write, and its answer in words.
pub(crate) type Step = (&'static str, for<'a> fn(&'a PostgresStore) -> BoxFuture<'a, Port<String>>);

macro_rules! step {
    ($name:literal, $store:ident => $answer:expr) => {
        ($name, |$store| async move { $answer.await.map(|answer| format!("{answer:?}")) }.boxed())
    };
}

/// All of them.
pub(crate) const STEPS: &[Step] = &[
    step!("create a repository", store => store.create(&repository("other"), Visibility::Public, 1)),
    step!("close a repository", store => store.set_state(&repository("other"), RepositoryState::ReadOnly)),
    step!("open a repository", store => store.set_state(&repository("other"), RepositoryState::Open)),
    step!("begin", store => store.begin(&upload("app", 1))),
    step!("publish", store => store.publish(&publish(1, 0, "first"))),
    step!("publish again", store => store.publish(&publish(1, 5, "second"))),
    step!("publish at a wrong offset", store => store.publish(&publish(1, 5, "third"))),
    step!("begin another", store => store.begin(&upload("app", 2))),
    step!("publish to another", store => store.publish(&publish(2, 0, "fourth"))),
    step!("cancel", store => store.cancel(&cancel())),
    step!("finish", store => store.finish(&manifest_core::ports::FinishUpload { from: 10, size: 15, ..finish("app", 1, "layer") })),
    step!("begin a third", store => store.begin(&upload("gone", 3))),
    step!("finish what is there", store => store.finish(&finish("gone", 3, "layer"))),
    step!("mount", store => store.mount(&mount())),
    step!("discard", store => store.discard(&[part("fifth")], 1)),
    step!("push an image", store => store.apply(&image())),
    step!("push into a new repository", store => store.apply(&Plan { repository: repository("gone"), ..image() })),
    step!("push an index", store => store.apply(&index())),
    step!("push it again", store => store.apply(&Plan { now: 31, ..index() })),
    step!("amend a tag", store => store.apply(&amend())),
    step!("pin", store => store.apply(&Plan { pin: Some(Pin { digest: digest("image"), until: 600 }), ..plan(33) })),
    step!("change labels", store => relabel(store)),
    step!("delete an index", store => store.apply(&Plan { delete: Some(digest("index")), ..plan(35) })),
    step!("revive it", store => store.apply(&Plan { now: 36, tags: Vec::new(), ..index() })),
    step!("purge it", store => store.apply(&Plan { purge: BTreeSet::from([digest("index")]), ..plan(37) })),
    step!("end tags", store => store.apply(&Plan { tags: vec![end("other")], ..plan(38) })),
    step!("remove access", store => store.remove(&repository("other"), &digest("layer"), 2)),
    step!("delete a repository", store => store.delete(&repository("gone"), 40)),
    step!("sweep history", store => history(store)),
    step!("sweep manifests", store => store.sweep(&ask(SweepKind::Manifests))),
    step!("sweep access", store => store.sweep(&ask(SweepKind::Access))),
    step!("sweep repositories", store => store.sweep(&ask(SweepKind::Repositories))),
    step!("sweep blobs", store => store.sweep(&ask(SweepKind::Blobs))),
    step!("sweep uploads", store => store.sweep_uploads(10, 2_000)),
    step!("postpone trash", store => store.postpone_trash(&[location("fifth")], 3_000)),
    step!("empty trash", store => store.trash_emptied(&[location("third"), location("fifth")])),
    step!("discard what is unnamed", store => discard_unnamed(store)),
];

/// Returns when somebody waits for a lock that others have.
pub(crate) async fn until_somebody_waits(session: &tokio_postgres::Client) {
    until_so_many_wait(session, 1).await;
}

/// Returns when so many do.
pub(crate) async fn until_so_many_wait(session: &tokio_postgres::Client, count: usize) {
    let waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while session.query(waiting, &[]).await.unwrap().len() < count {}
}

fn publish(id: u128, from: u64, key: &str) -> PublishPart {
    PublishPart {
        repository: repository("app"),
        id: UploadId::from_bits(id),
        from,
        part: part(key),
        hash_state: vec![1].into(),
        now: 1,
        expires: 1_000,
    }
}

fn cancel() -> CancelUpload {
    let id = UploadId::from_bits(2);
    CancelUpload { repository: repository("app"), id, from: Some(5), unpublished: vec![part("sixth")], now: 1 }
}

fn mount() -> MountAsk {
    MountAsk {
        to: repository("other"),
        from: MountSource::Repository(repository("app")),
        digest: digest("layer"),
        lease_until: 5,
        create_repository: Some(Visibility::Private),
        now: 2,
    }
}

fn image() -> Plan {
    let mut image = manifest("image");
    image.blobs.insert(digest("layer"), Need::Required);
    image.labels = vec![label("own", LabelSource::Manifest)];
    Plan { manifest: Some(create(image)), tags: points(&["latest", "other"], "image"), ..plan(10) }
}

fn index() -> Plan {
    let mut index = manifest("index");
    index.blobs.insert(empty_layer::digest(), Need::Required);
    index.empty_layer = true;
    index.children = vec![ChildLink { digest: digest("image"), need: Need::Required, platform: None }];
    let tags = points(&["fresh", "latest"], "index");
    Plan { manifest: Some(create(index)), tags, displaced_until: Some(500), ..plan(30) }
}

fn amend() -> Plan {
    let name = "other".parse().unwrap();
    let amend = TagChange::Amend { name, start: 10, was_immutable: false, expires: NEVER - 1, immutable: false };
    Plan { tags: vec![amend], ..plan(32) }
}

async fn relabel(store: &PostgresStore) -> Port<manifest_core::plan::Applied> {
    let labels = store.labels(&repository("app"), &digest("image"), "").await?.unwrap_or_default();
    let change = LabelsChange {
        manifest: digest("image"),
        add: vec![label("added", LabelSource::Api)],
        remove: labels.first().map(|row| row.id),
        acting: Acting { expires_after: Some(1_000), immutable: false },
    };
    store.apply(&Plan { labels: Some(change), ..plan(34) }).await
}

fn ask(kind: SweepKind) -> SweepAsk {
    SweepAsk { kind, after: None, limit: 200, now: 10_000, window: 0, grace: 0 }
}

/// The second step of the sweep, for no tag has expired.
async fn history(store: &PostgresStore) -> Port<manifest_core::ports::SweepDone> {
    let first = store.sweep(&ask(SweepKind::History)).await?;
    store.sweep(&SweepAsk { after: first.next, ..ask(SweepKind::History) }).await
}

async fn discard_unnamed(store: &PostgresStore) -> Port<u64> {
    let stored =
        |key: &str, id| Stored { location: location(key), upload: UploadId::from_bits(id), size: 1, modified: 0 };
    store.discard_unnamed(&[stored("unnamed", 9), stored("layer-of-1", 1)], 10_000).await
}
