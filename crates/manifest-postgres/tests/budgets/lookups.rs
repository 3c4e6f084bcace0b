use crate::counted::{Counted, app, digest};
use manifest_core::empty_layer;
use manifest_core::facts::{PushAsk, RepositoryState};
use manifest_core::ports::{
    Blobs, Collection, FetchAsk, Fetched, Listings, Liveness, Manifests, Repositories, SupportAsk, SweepAsk, SweepKind,
    UploadId, Uploads,
};
use oci_types::Reference;

#[tokio::test(flavor = "multi_thread")]
async fn following_a_reference_is_one_round_trip() {
    let counted = Counted::furnished().await;
    let ask = |reference: &str, at| FetchAsk {
        repository: app(),
        reference: reference.parse::<Reference>().unwrap(),
        now: 20,
        liveness: Liveness::Visible,
        have: None,
        at,
    };
    for (name, at) in [("latest", None), ("latest", Some(10)), ("latest", Some(15)), ("small", None)] {
        let found = counted.once("by tag", async |store| store.fetch(&ask(name, at)).await.unwrap()).await;
        assert!(matches!(found, Fetched::Found(_)), "{name} at {at:?}");
    }
    for name in ["small", "large"] {
        let ask = ask(&digest(name).to_string(), None);
        let found = counted.once("by digest", async |store| store.fetch(&ask).await.unwrap()).await;
        assert!(matches!(found, Fetched::Found(_)), "{name}");
    }
    let blob = empty_layer::digest();
    let found = counted.once("blob", async |store| Blobs::find(store, &app(), &blob, 20).await.unwrap()).await;
    assert!(found.is_some());
    let found = counted.once("repository", async |store| Repositories::find(store, &app()).await.unwrap()).await;
    assert!(found.is_some());
    let id = UploadId::from_bits(1);
    assert_eq!(counted.once("upload", async |store| store.load(&app(), &id, 20).await.unwrap()).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_are_one_round_trip_however_much_is_asked() {
    let counted = Counted::furnished().await;
    for size in [0, 1, 500] {
        let some = |what| (0..size).map(move |number| digest(&format!("{what} {number}")));
        let ask = PushAsk {
            repository: app(),
            now: 20,
            digest: Some(digest("large")),
            blobs: some("layer").chain([empty_layer::digest()]).collect(),
            children: some("child").chain([digest("small"), digest("large")]).collect(),
            tags: (0..size.min(100)).map(|number| format!("tag-{number}").parse().unwrap()).collect(),
            tags_of: Some(digest("large")),
            labels: true,
            visibility: true,
            legacy_images: (0..size).map(|number| format!("large {number}")).collect(),
        };
        let facts = counted.once("facts", async |store| store.push_facts(&ask).await.unwrap()).await;
        assert_eq!(facts.repository, RepositoryState::Open);
        assert_eq!((facts.blobs.len(), facts.children.len(), facts.tags_of.len()), (1, 2, 2), "{facts:?}");
        assert_eq!(facts.legacy_images.len(), size);
        assert_eq!((facts.labels.len(), facts.children[&digest("large")].labels.len()), (500, 500));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_operators_ask_is_one_round_trip() {
    let counted = Counted::furnished().await;
    let large = digest("large");
    let labels = counted.once("labels", async |store| store.labels(&app(), &large, "KEY").await.unwrap()).await;
    assert_eq!(labels.map(|labels| labels.len()), Some(500));
    let why = SupportAsk { repository: app(), digest: large, now: 20, window: 10 };
    assert!(counted.once("support", async |store| store.support(&why).await.unwrap()).await.is_some());
    let freed = counted.once("freed by", async |store| store.freed_by(&app(), &[large], 20).await.unwrap()).await;
    assert_eq!(freed.manifests, 1);
    counted.once("reclaimable", async |store| store.reclaimable(20, 10, 10).await.unwrap()).await;
    let totals = counted.once("totals", async |store| store.totals().await.unwrap()).await;
    assert_eq!((totals.manifests, totals.tags), (2, 3));
    counted.once("trash", async |store| store.trash(100, 20).await.unwrap()).await;
    let kinds = [
        SweepKind::History,
        SweepKind::Manifests,
        SweepKind::LegacyImages,
        SweepKind::Access,
        SweepKind::Blobs,
        SweepKind::Repositories,
    ];
    for kind in kinds {
        let ask = SweepAsk { kind, after: None, limit: 200, now: 5, window: 0, grace: 0 };
        counted.once("doomed", async |store| store.doomed(&ask).await.unwrap()).await;
        let done = counted.once("a step that removes nothing", async |store| store.sweep(&ask).await.unwrap()).await;
        assert_eq!(done.removed, 0, "{kind:?}");
    }
}
