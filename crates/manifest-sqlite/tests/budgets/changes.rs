use crate::counted::Counted;
use crate::pushes::put;
use crate::values::{digest, manifest, plan, repository};
use manifest_core::facts::{Acting, PushAsk};
use manifest_core::plan::{Applied, Guard, Label, LabelSource, LabelsChange, Plan, TagChange};
use manifest_core::ports::{Collection, Manifests, Repositories, SweepAsk, SweepKind};
use manifest_core::time::NEVER;
use std::collections::BTreeSet;

#[tokio::test]
async fn an_amendment_costs_the_same_for_one_tag_and_a_hundred() {
    let mut counted = Counted::new();
    put(&mut counted, "app", manifest("image", 1, 0, 0)).await;
    let names: Vec<String> = (0..100).map(|number| format!("tag-{number:03}")).collect();
    let points = names.iter().map(|name| crate::values::point(name, "image")).collect();
    counted.store.apply(&Plan { tags: points, ..plan("app") }).await.unwrap();
    counted.statements();
    let amend = |name: &String| TagChange::Amend {
        name: name.parse().unwrap(),
        start: 10,
        was_immutable: false,
        expires: 50,
        immutable: false,
    };
    for names in [&names[..1], &names[..]] {
        let plan = Plan { tags: names.iter().map(amend).collect(), ..plan("app") };
        assert!(matches!(counted.store.apply(&plan).await.unwrap(), Applied::Done { .. }));
        assert_eq!(counted.statements(), 5, "BEGIN, where, which tags, amending, COMMIT");
    }
}

#[tokio::test]
async fn labels_change_in_at_most_six_statements() {
    let mut counted = Counted::new();
    put(&mut counted, "app", manifest("image", 1, 400, 0)).await;
    let (store, app) = (counted.store.clone(), repository("app"));
    let ask = PushAsk {
        repository: app,
        now: 20,
        digest: Some(digest("image")),
        blobs: BTreeSet::new(),
        children: BTreeSet::new(),
        tags: BTreeSet::new(),
        tags_of: Some(digest("image")),
        labels: true,
        visibility: false,
        legacy_images: BTreeSet::new(),
    };
    let facts = store.push_facts(&ask).await.unwrap();
    assert_eq!((facts.labels.len(), facts.tags_of.len(), counted.statements()), (400, 1, 1));
    let label =
        |number| Label { key: format!("new {number}"), value: "value".into(), json: false, source: LabelSource::Api };
    for (count, removed) in [(1, 0), (400, 1)] {
        let labels = LabelsChange {
            manifest: digest("image"),
            add: (0..count).map(label).collect(),
            remove: Some(facts.labels[removed].id),
            acting: Acting { expires_after: Some(60_000), immutable: false },
        };
        let plan = Plan { labels: Some(labels), ..plan("app") };
        assert!(matches!(store.apply(&plan).await.unwrap(), Applied::Done { .. }));
        assert_eq!(counted.statements(), 6, "BEGIN, where, what they do, removing, adding, COMMIT");
    }
}

#[tokio::test]
async fn a_purge_costs_the_same_whatever_goes() {
    let mut counted = Counted::new();
    for (name, layers, labels, children) in [("small", 1, 0, 0), ("large", 1_000, 400, 500), ("other", 1, 1, 1)] {
        put(&mut counted, "app", manifest(name, layers, labels, children)).await;
    }
    for names in [&["small"][..], &["large", "other"]] {
        let plan = Plan { purge: names.iter().map(|name| digest(name)).collect(), ..plan("app") };
        assert!(matches!(counted.store.apply(&plan).await.unwrap(), Applied::Done { .. }));
        assert_eq!(
            counted.statements(),
            8,
            "BEGIN, where, what goes, what holds it, access, images, manifests, COMMIT"
        );
    }
}

#[tokio::test]
async fn a_step_of_a_sweep_is_one_statement_where_nothing_goes() {
    let mut counted = Counted::new();
    put(&mut counted, "app", manifest("image", 1, 1, 1)).await;
    put(&mut counted, "doomed", manifest("image", 100, 400, 500)).await;
    let store = counted.store.clone();
    let ask = |kind, now| SweepAsk { kind, after: None, limit: 200, now, window: 0, grace: 0 };
    for kind in [
        SweepKind::History,
        SweepKind::Manifests,
        SweepKind::LegacyImages,
        SweepKind::Access,
        SweepKind::Blobs,
        SweepKind::Repositories,
    ] {
        assert_eq!(store.sweep(&ask(kind, 5)).await.unwrap().removed, 0, "{kind:?}");
        assert_eq!(counted.statements(), 1, "{kind:?}");
        store.doomed(&ask(kind, 5)).await.unwrap();
        assert_eq!(counted.statements(), 1, "{kind:?}");
    }
    assert!(store.delete(&repository("doomed"), 20).await.unwrap());
    assert_eq!(counted.statements(), 3, "BEGIN, marking, COMMIT");
    let end = Plan {
        tags: vec![TagChange::End { name: "latest".parse().unwrap(), guard: Guard::Any }],
        now: 30,
        ..plan("app")
    };
    store.apply(&Plan { displaced_until: None, ..end }).await.unwrap();
    counted.statements();
    // What there is to look at, BEGIN, what goes, COMMIT. A tag that expired goes by way of the history.
    for (kind, statements) in
        [(SweepKind::Manifests, 4), (SweepKind::LegacyImages, 4), (SweepKind::Access, 4), (SweepKind::Repositories, 12)]
    {
        assert!(store.sweep(&ask(kind, NEVER - 1)).await.unwrap().removed > 0, "{kind:?}");
        assert_eq!(counted.statements(), statements, "{kind:?}");
    }
}
