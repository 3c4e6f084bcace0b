//! M15 and M16: what facts say, and that it can be believed.

use crate::world::{Fixture, Repo, a_manifest, actor, digest, digests, tag, tags};
use manifest_core::PortErrorKind;
use manifest_core::facts::{Acting, Child, PushAsk, PushFacts, RepositoryState, TagState};
use manifest_core::plan::LabelSource;
use manifest_core::ports::Liveness;
use oci_types::{MediaType, Platform};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) async fn m15_what_does_not_parse_is_corrupt_and_named(mut store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("image")).point("v1", "image").done().await;
    // A store whose values are typed has nothing that could fail to parse.
    if let Some(spoil) = store.spoil.take() {
        let (table, column) = spoil(app.name.clone(), digest("image")).await;
        let Err(error) = app.rows.manifests.fetch(&app.fetching("image", Liveness::Visible, 20)).await else {
            panic!("{table}.{column} was believed");
        };
        assert_eq!(error.kind(), PortErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains(&format!("{table}.{column}")), "{error}");
    }
}

/// Everything that there is to ask about.
fn everything(app: &Repo, now: i64) -> PushAsk {
    PushAsk {
        digest: Some(digest("image")),
        blobs: digests(["linked", "leased", "over", "absent"]),
        children: digests(["image", "dead", "absent"]),
        tags: tags(["alive", "expired", "ended", "never"]),
        visibility: true,
        ..app.ask(now)
    }
}

async fn furnished(store: &Fixture) -> Repo {
    let app = store.repo("app");
    for (blob, lease_until) in [("linked", 5), ("leased", 50), ("over", 20)] {
        app.upload_until(blob, lease_until).await;
    }
    let image = a_manifest("image").of_media_type(MediaType::OCI_INDEX).blob("linked").acting(Some(60), true);
    let image = image.image(Platform::new("linux", "arm64"), 3, 77).labelled("k", "first").labelled("k", "last");
    let image = image.labelled_by(LabelSource::Api, "added", "later").labelled_by(LabelSource::Internal, "k", "i");
    app.at(10).by("ann").create(image).point("alive", "image").done().await;
    app.at(11).create(a_manifest("dead")).point("expired", "image").until(15).point("ended", "image").done().await;
    app.at(12).delete("dead").end("ended").done().await;
    app
}

pub(crate) async fn m16_facts_say_what_is_there(store: Fixture) {
    let app = furnished(&store).await;
    let facts = app.facts(everything(&app, 20)).await;
    assert_eq!(facts.repository, RepositoryState::Open);
    let Some(existing) = facts.existing else { panic!("the manifest exists") };
    assert_eq!(existing.media_type.as_str(), MediaType::OCI_INDEX);
    let acting = Acting { expires_after: Some(60), immutable: true };
    assert_eq!((existing.acting, existing.deleted, existing.visible), (acting, false, true));
    let blobs: Vec<_> = facts.blobs.keys().copied().collect();
    assert_eq!(blobs, digests(["linked", "leased"]).into_iter().collect::<Vec<_>>());
    assert_eq!(facts.blobs[&digest("linked")].size, 6);
    assert_eq!(facts.blobs.get(&digest("leased")), app.blob("leased", 20).await.as_ref());
    let child = Child {
        media_type: existing.media_type,
        size: 5,
        platform: Some(Platform::new("linux", "arm64")),
        labels: BTreeMap::from([("k".to_owned(), "last".to_owned())]),
        legacy_image: None,
    };
    assert_eq!(facts.children, BTreeMap::from([(digest("image"), child)]));
    let state = |start, expires, by| TagState { target: digest("image"), start, expires, immutable: false, actor: by };
    let alive = (tag("alive"), state(10, manifest_core::NEVER, Some(actor("ann"))));
    let expected = BTreeMap::from([alive, (tag("expired"), state(11, 15, None))]);
    assert_eq!(facts.tags, expected, "a tag that was ended has no row");
}

pub(crate) async fn m16_the_tags_of_a_manifest_are_those_that_are_alive(store: Fixture) {
    let app = furnished(&store).await;
    app.at(13).create(a_manifest("other")).point("other", "other").point("moved", "image").done().await;
    app.at(14).point("moved", "other").point("later", "image").until(40).done().await;
    let of = async |name: &str, now| app.facts(PushAsk { tags_of: Some(digest(name)), ..app.ask(now) }).await.tags_of;
    let alive = of("image", 20).await;
    assert_eq!(
        alive.keys().cloned().collect::<BTreeSet<_>>(),
        tags(["alive", "later"]),
        "expired and moved ones are not"
    );
    assert_eq!(alive.get(&tag("later")).cloned(), app.tag("later").await);
    assert_eq!(of("image", 40).await.into_keys().collect::<BTreeSet<_>>(), tags(["alive"]));
    assert_eq!(of("other", 20).await.into_keys().collect::<BTreeSet<_>>(), tags(["moved", "other"]));
    assert!(of("never", 20).await.is_empty());
    assert!(app.facts(app.ask(20)).await.tags_of.is_empty(), "nobody asked for them");
    let elsewhere = store.repo("elsewhere");
    elsewhere.at(10).create(a_manifest("image")).done().await;
    let ask = PushAsk { tags_of: Some(digest("image")), ..elsewhere.ask(20) };
    assert!(elsewhere.facts(ask).await.tags_of.is_empty());
}

pub(crate) async fn m16_nothing_is_known_of_a_repository_that_does_not_exist(store: Fixture) {
    let app = furnished(&store).await;
    let nowhere = store.repo("nowhere");
    let nothing = PushFacts::nothing_in(RepositoryState::Absent);
    assert_eq!(nowhere.facts(everything(&nowhere, 20)).await, nothing);
    app.set_state(RepositoryState::ReadOnly).await;
    assert_eq!(app.facts(app.ask(20)).await, PushFacts { repository: RepositoryState::ReadOnly, ..nothing });
}

pub(crate) async fn m16_facts_are_about_one_state(store: Fixture) {
    let app = store.repo("app");
    app.at(10).create(a_manifest("0")).point("a", "0").point("z", "0").done().await;
    let enough = Arc::new(AtomicBool::new(false));
    let (writer, stop) = (app.clone(), Arc::clone(&enough));
    let writing = tokio::spawn(async move {
        for round in 1..5_000 {
            let name = round.to_string();
            // All of these change together, or none does.
            let write = writer.at(10 + round).create(a_manifest(&name));
            write.point("a", &name).point("z", &name).done().await;
            if stop.load(Ordering::SeqCst) {
                break;
            }
        }
    });
    let ask = PushAsk { tags: tags(["a", "z"]), ..app.ask(10) };
    let mut states = BTreeSet::new();
    while states.len() < 50 && !writing.is_finished() {
        let facts = app.facts(ask.clone()).await;
        let (a, z) = (facts.tags[&tag("a")].target, facts.tags[&tag("z")].target);
        assert_eq!(a, z, "two states in one answer");
        states.insert(a);
        tokio::task::yield_now().await;
    }
    enough.store(true, Ordering::SeqCst);
    if let Err(error) = writing.await {
        std::panic::resume_unwind(error.into_panic());
    }
    assert!(states.len() > 1, "nothing was written between the reads");
}
