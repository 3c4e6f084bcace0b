//! M1: whole or not at all.

use crate::world::{Fixture, Repo, Snapshot, Write, a_manifest, digest, digests, drop_after, moved, tag};
use manifest_core::NEVER;
use manifest_core::facts::{Acting, PushAsk, RepositoryState, TagState, Visibility};
use manifest_core::plan::{Applied, Guard, LabelId};
use manifest_core::ports::{Fetched, Liveness, Removal};
use oci_types::{Algorithm, Digest};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) async fn m1_after_done_all_of_the_plan_is_there(store: Fixture) {
    let app = store.repo("app");
    app.upload_until("layer", 5).await;
    app.upload("base").await;
    app.at(10).create(a_manifest("child")).done().await;
    app.at(15).create(a_manifest("old").blob("base")).point("latest", "old").done().await;
    let index = a_manifest("index").blob("layer").child("child").about("subject").labelled("k", "v");
    let write = app.at(20).by("ann").create(index).point("latest", "index").point("v1", "index").until(90);
    let done = write.pin("index", 500).displaced_until(300).done().await;

    assert!(done.created);
    assert_eq!(done.displaced, moved([("latest", "old")]));
    the_manifest_is_there(&app).await;
    for (name, expires) in [("latest", NEVER), ("v1", 90)] {
        let state = app.tag(name).await;
        let state = state.as_ref().map(|state| (state.target, state.start, state.expires, state.immutable));
        assert_eq!(state, Some((digest("index"), 20, expires, false)), "{name}");
    }
    assert_eq!(app.remove_blob("layer", 20).await, Removal::StillLinked, "its blobs are linked");
    assert!(app.has_blob("layer", 20).await, "a link grants access without a lease");
    assert!(app.sees("child", 20).await, "its children are kept by it");
    app.assert_same(&app.referrers("subject", 20).await, ["index"]);
    assert!(app.sees("old", 299).await && !app.sees("old", 300).await, "the manifest that was left is pinned");
}

async fn the_manifest_is_there(app: &Repo) {
    let Fetched::Found(found) = app.fetch(app.fetching("index", Liveness::Visible, 20)).await else {
        panic!("the manifest is not there");
    };
    assert_eq!(found.bytes.as_deref(), Some(&b"index"[..]));
    assert_eq!(found.size, 5);
    let children = digests(["index"]);
    let facts = app.facts(PushAsk { children, ..app.ask(20) }).await;
    assert_eq!(facts.children[&digest("index")].labels["k"], "v");
}

pub(crate) async fn m1_after_a_refusal_nothing_of_the_plan_is_there(store: Fixture) {
    let app = store.repo("app");
    app.upload("layer").await;
    app.at(10).create(a_manifest("old").images(["base"])).point("latest", "old").done().await;
    app.at(11).create(a_manifest("held")).point("held", "held").immutable().done().await;
    app.at(12).create(a_manifest("child")).done().await;
    app.at(13).create(a_manifest("list").child("child")).point("list", "list").done().await;
    let look = || {
        let content = &["old", "held", "child", "list", "new", "layer"];
        Snapshot::of(&app, content, &["latest", "held", "list", "a", "z"], &[20, 100, 150])
    };
    let before = look().await;
    // Everything that a plan can do, before and after the one thing that is refused.
    let plan = || {
        let write = app.at(20).create(a_manifest("new").blob("layer")).pin("old", 120).displaced_until(160);
        let write = write.label("old", "k", "v").now_acting("old", Acting { expires_after: Some(7), immutable: true });
        write.point("latest", "new").point("a", "new").point("z", "new")
    };
    let Some(held) = app.tag("held").await else { panic!("it was pointed") };
    for (write, expected) in refused(&store.repo("elsewhere"), plan, &held) {
        let refusal = write.apply().await;
        assert_eq!(refusal, expected);
        assert_eq!(look().await, before, "{refusal:?} left something behind");
    }
    app.set_state(RepositoryState::ReadOnly).await;
    let before = look().await;
    assert_eq!(plan().apply().await, Applied::ReadOnly);
    assert_eq!(look().await, before, "a read-only repository was written to");
}

fn refused(elsewhere: &Repo, plan: impl Fn() -> Write, held: &TagState) -> Vec<(Write, Applied)> {
    let blobless = a_manifest("new").blob("layer").blob("absent");
    let childless = a_manifest("new").child("child").child("absent");
    vec![
        (plan().create(blobless), Applied::MissingBlobs(digests(["absent"]))),
        (plan().create(childless), Applied::MissingChildren(digests(["absent"]))),
        (plan().create(a_manifest("new").images(["own", "base"])), Applied::ImagesTaken(["base".to_owned()].into())),
        (plan().point("zz", "new").if_it(Guard::Is(digest("old"))), Applied::GuardFailed(tag("zz"))),
        (plan().point("held", "new"), Applied::Immutable(tag("held"))),
        (plan().end("zz"), Applied::TagGone(tag("zz"))),
        (plan().point("zz", "absent"), Applied::ManifestGone),
        (plan().delete("absent"), Applied::ManifestGone),
        (plan().delete("held"), Applied::Immutable(tag("held"))),
        (plan().delete("child"), Applied::ListedBy(digests(["list"]))),
        (plan().amend("held", &TagState { start: 1, ..held.clone() }), Applied::GuardFailed(tag("held"))),
        (plan().unlabel("old", LabelId(u64::from(u32::MAX))), Applied::LabelGone),
        (plan().purge("held"), Applied::Immutable(tag("held"))),
        (plan().purge("old").purge("child"), Applied::ListedBy(digests(["list"]))),
        (elsewhere.at(20).in_an_old_repository().create(a_manifest("new")), Applied::RepositoryGone),
        (elsewhere.at(20).create(a_manifest("new").blob("absent")), Applied::MissingBlobs(digests(["absent"]))),
    ]
}

pub(crate) async fn m1_what_was_done_is_there_after_the_store_is_opened_again(store: Fixture) {
    let app = store.repo("app");
    let blob = app.upload("layer").await;
    let write = app.at(10).by("ann").in_a_new_repository(Visibility::Public);
    write.create(a_manifest("image").blob("layer")).point("v1", "image").done().await;
    let before = Snapshot::of(&app, &["image", "layer"], &["v1"], &[10]).await;
    drop(app);
    // A store that ends with its handles has nothing to show here.
    if let Some(store) = store.reopened().await {
        let app = store.repo("app");
        assert_eq!(Snapshot::of(&app, &["image", "layer"], &["v1"], &[10]).await, before);
        assert_eq!(app.blob("layer", 10).await, Some(blob));
    }
}

pub(crate) async fn m1_a_dropped_write_happens_whole_or_not_at_all(store: Fixture) {
    let app = store.repo("app");
    for polls in 0..16 {
        let name = format!("image-{polls}");
        let write = app.at(10).create(a_manifest(&name)).point(&name, &name).pin(&name, 100);
        drop_after(polls, write.apply()).await;
        let ask = PushAsk { digest: Some(digest(&name)), tags: BTreeSet::from([tag(&name)]), ..app.ask(10) };
        for _ in 0..16 {
            let facts = app.facts(ask.clone()).await;
            assert_eq!(facts.existing.is_some(), facts.tags.contains_key(&tag(&name)), "{facts:?}");
            tokio::task::yield_now().await;
        }
    }
    // Nothing is left locked.
    app.at(20).create(a_manifest("last")).point("last", "last").done().await;
}

pub(crate) async fn m1_a_tag_that_moves_is_never_gone(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("0")).point("latest", "0").done().await;
    let enough = Arc::new(AtomicBool::new(false));
    let (writer, stop) = (app.clone(), Arc::clone(&enough));
    let writing = tokio::spawn(async move {
        for round in 1..5_000 {
            let name = round.to_string();
            writer.at(10).create(a_manifest(&name)).point("latest", &name).done().await;
            if stop.load(Ordering::SeqCst) {
                break;
            }
        }
    });
    let mut targets = BTreeSet::new();
    while targets.len() < 50 && !writing.is_finished() {
        let Fetched::Found(found) = app.fetch(app.fetching_tag("latest", 10)).await else {
            panic!("a reader found no tag in the middle of a move");
        };
        let bytes = found.bytes.unwrap_or_default();
        assert_eq!(Digest::of(Algorithm::Sha256, &bytes), found.digest);
        assert_eq!(found.tag.map(|state| state.target), Some(found.digest));
        targets.insert(found.digest);
        tokio::task::yield_now().await;
    }
    enough.store(true, Ordering::SeqCst);
    if let Err(error) = writing.await {
        std::panic::resume_unwind(error.into_panic());
    }
    assert!(targets.len() > 1, "nothing was written between the reads");
}
