//! The collector with nothing but mocks: the order of a round, what it does about busy locks and errors, and that it never spins.

use super::{Collector, CollectorOptions, Preview, Stage};
use crate::access::MockAuthorizer;
use crate::error::{PortError, PortErrorKind};
use crate::facts::Location;
use crate::policy::Policy;
use crate::ports::{
    Doomed, MockBlobStore, MockBlobs, MockCollection, MockLegacyImages, MockListings, MockManifests, MockRecords,
    MockRepositories, MockUploads, Page, Ports, SweepCursor, SweepDone, SweepKind, Swept, UploadId,
};
use crate::ports::{Reclaim, Stored};
use crate::service::Registry;
use mockall::predicate::eq;
use std::sync::Arc;

const NOW: i64 = 1_000_000_000;

fn registry(collection: MockCollection, bytes: MockBlobStore) -> Registry {
    let ports = Ports {
        manifests: Arc::new(MockManifests::new()),
        listings: Arc::new(MockListings::new()),
        repositories: Arc::new(MockRepositories::new()),
        blobs: Arc::new(MockBlobs::new()),
        uploads: Arc::new(MockUploads::new()),
        collection: Arc::new(collection),
        legacy_images: Arc::new(MockLegacyImages::new()),
        records: Arc::new(MockRecords::new()),
        bytes: Arc::new(bytes),
        access: Arc::new(MockAuthorizer::new()),
    };
    Registry::new(ports, Policy::default())
}

fn location(key: &str) -> Location {
    Location { store: "main".parse().unwrap(), key: key.to_owned() }
}

fn cursor(text: &str) -> SweepCursor {
    SweepCursor(text.to_owned())
}

fn unavailable() -> PortError {
    PortError::new(PortErrorKind::Unavailable, "a test")
}

/// Bytes of which nothing is listed, and deletes that succeed.
fn no_bytes() -> MockBlobStore {
    let mut bytes = MockBlobStore::new();
    bytes.expect_list().returning(|_, _| Ok(Page { items: Vec::new(), more: false }));
    bytes.expect_delete().returning(|_| Ok(()));
    bytes
}

/// Whatever was not said before it: nothing to do.
fn nothing_else(collection: &mut MockCollection) {
    collection.expect_sweep().returning(|_| Ok(SweepDone::default()));
    collection.expect_sweep_uploads().returning(|_, _| Ok(Swept::default()));
    collection.expect_trash().returning(|_, _| Ok(Vec::new()));
}

/// The steps of a round as `stage removed`, with a mark for what was busy.
async fn round(collector: &mut Collector) -> Vec<String> {
    let mut steps = Vec::new();
    loop {
        let step = collector.step(NOW).await.unwrap();
        let mark = match (step.busy, step.given_up) {
            (true, true) => " given up",
            (true, false) => " busy",
            (false, _) => "",
        };
        steps.push(format!("{} {}{mark}", step.stage.name(), step.removed));
        if step.done_round {
            return steps;
        }
    }
}

#[test]
fn stages_are_listed_in_the_order_of_a_round() {
    for pair in Stage::ALL.windows(2) {
        assert_eq!(pair[0].next(), Some(pair[1]));
    }
    assert_eq!(Stage::Unnamed.next(), None);
}

#[tokio::test]
async fn a_round_goes_through_all_stages_by_cursor() {
    let mut collection = MockCollection::new();
    collection
        .expect_sweep()
        .withf(|ask| ask.kind == SweepKind::Manifests && ask.after.is_none())
        .times(1)
        .returning(|_| Ok(SweepDone { removed: 3, next: Some(cursor("200")), busy: false }));
    collection
        .expect_sweep()
        .withf(|ask| {
            let policy = Policy::default();
            (ask.window, ask.grace, ask.limit, ask.now) == (policy.history_window, policy.collection_grace, 200, NOW)
                && ask.kind == SweepKind::Manifests
                && ask.after == Some(cursor("200"))
        })
        .times(1)
        .returning(|_| Ok(SweepDone { removed: 1, next: None, busy: false }));
    collection.expect_sweep_uploads().times(1).returning(|_, _| Ok(Swept { removed: 200, more: true }));
    collection.expect_trash().times(1).returning(|_, _| Ok(vec![location("a"), location("b")]));
    collection
        .expect_trash_emptied()
        .times(1)
        .withf(|gone| gone == [location("a"), location("b")])
        .returning(|_| Ok(()));
    nothing_else(&mut collection);
    let mut collector = Collector::new(&registry(collection, no_bytes()));
    assert!(collector.between_rounds());
    let expected = [
        "history 0",
        "manifests 3",
        "manifests 1",
        "legacy-images 0",
        "access 0",
        "blobs 0",
        "repositories 0",
        "uploads 200",
        "uploads 0",
        "trash 2",
        "unnamed 0",
    ];
    assert_eq!(round(&mut collector).await, expected);
    assert!(collector.between_rounds());
}

#[tokio::test]
async fn a_round_may_be_of_some_stages() {
    let mut collection = MockCollection::new();
    nothing_else(&mut collection);
    let registry = registry(collection, no_bytes());
    let mut collector = Collector::with_options(&registry, CollectorOptions::sweep(registry.policy()));
    assert_eq!(round(&mut collector).await, ["uploads 0", "trash 0"]);
    assert!(collector.between_rounds());
    assert_eq!(round(&mut collector).await, ["uploads 0", "trash 0"]);
}

#[tokio::test]
async fn a_busy_repository_is_tried_five_times_and_then_left() {
    let mut collection = MockCollection::new();
    collection
        .expect_sweep()
        .withf(|ask| ask.kind == SweepKind::Manifests && ask.after.is_none())
        .times(5)
        .returning(|_| Ok(SweepDone { removed: 0, next: Some(cursor("9")), busy: true }));
    collection
        .expect_sweep()
        .withf(|ask| ask.kind == SweepKind::Manifests && ask.after == Some(cursor("9")))
        .times(1)
        .returning(|_| Ok(SweepDone { removed: 2, next: None, busy: false }));
    nothing_else(&mut collection);
    let steps = round(&mut Collector::new(&registry(collection, no_bytes()))).await;
    let busy = "manifests 0 busy";
    assert_eq!(steps[1..7], [busy, busy, busy, busy, "manifests 0 given up", "manifests 2"]);
}

#[tokio::test]
async fn a_stage_that_fails_does_not_keep_the_others_from_work() {
    let mut collection = MockCollection::new();
    collection.expect_sweep().withf(|ask| ask.kind == SweepKind::History).times(5).returning(|_| Err(unavailable()));
    nothing_else(&mut collection);
    let mut collector = Collector::new(&registry(collection, no_bytes()));
    for _ in 0..5 {
        collector.step(NOW).await.unwrap_err();
        assert!(!collector.between_rounds());
    }
    assert_eq!(collector.step(NOW).await.unwrap().stage, Stage::Manifests);
}

#[tokio::test]
async fn bytes_that_cannot_be_deleted_stay_in_the_trash_alone() {
    let mut collection = MockCollection::new();
    collection.expect_trash().returning(|_, _| Ok(vec![location("a"), location("stuck"), location("b")]));
    collection
        .expect_trash_emptied()
        .times(5)
        .withf(|gone| gone == [location("a"), location("b")])
        .returning(|_| Ok(()));
    collection
        .expect_postpone_trash()
        .times(5)
        .withf(|stuck, not_before| stuck == [location("stuck")] && *not_before > NOW)
        .returning(|_, _| Ok(()));
    nothing_else(&mut collection);
    let mut bytes = MockBlobStore::new();
    bytes.expect_delete().with(eq(location("stuck"))).returning(|_| Err(unavailable()));
    bytes.expect_delete().returning(|_| Ok(()));
    let mut collector = Collector::new(&registry(collection, bytes));
    while collector.step(NOW).await.unwrap().stage != Stage::Uploads {}
    for _ in 0..5 {
        collector.step(NOW).await.unwrap_err();
    }
}

#[tokio::test]
async fn only_old_bytes_can_be_unnamed() {
    let stored =
        |key: &str, modified| Stored { location: location(key), upload: UploadId::from_bits(1), size: 1, modified };
    let youngest = NOW - Policy::default().upload_ttl;
    let mut bytes = MockBlobStore::new();
    let first = vec![stored("a", youngest - 1), stored("b", youngest)];
    bytes.expect_list().with(eq(None), eq(2)).returning(move |_, _| Ok(Page { items: first.clone(), more: true }));
    bytes
        .expect_list()
        .with(eq(Some(location("b"))), eq(2))
        .returning(|_, _| Ok(Page { items: Vec::new(), more: false }));
    let mut collection = MockCollection::new();
    collection
        .expect_discard_unnamed()
        .times(1)
        .withf(|seen, now| seen.len() == 1 && seen[0].location == location("a") && *now == NOW)
        .returning(|_, _| Ok(1));
    nothing_else(&mut collection);
    let options = CollectorOptions { batch: 2, ..CollectorOptions::from(&Policy::default()) };
    let mut collector = Collector::with_options(&registry(collection, bytes), options);
    assert_eq!(round(&mut collector).await[8..], ["unnamed 1", "unnamed 0"]);
}

#[tokio::test]
async fn a_preview_reads_in_the_same_steps() {
    let doomed = |what: &str| Doomed { repository: None, what: what.to_owned(), since: Some(7), bytes: 0 };
    let (first, second) = (vec![doomed("a")], vec![doomed("b")]);
    let mut collection = MockCollection::new();
    collection
        .expect_doomed()
        .withf(|ask| ask.kind == SweepKind::Manifests && ask.after.is_none())
        .returning(move |_| Ok((first.clone(), Some(cursor("1")))));
    collection
        .expect_doomed()
        .withf(|ask| ask.kind == SweepKind::Manifests && ask.after == Some(cursor("1")))
        .returning(move |_| Ok((second.clone(), None)));
    collection.expect_doomed().returning(|_| Ok((Vec::new(), None)));
    let reclaim = Reclaim { manifests: 2, blobs: 1, bytes: 10 };
    collection.expect_reclaimable().returning(move |_, _, _| Ok(reclaim));
    let mut preview = Preview::new(&registry(collection, MockBlobStore::new()));
    let mut steps = Vec::new();
    while let Some(step) = preview.step(NOW).await.unwrap() {
        let what: String = step.doomed.into_iter().map(|doomed| doomed.what).collect();
        steps.push(format!("{} {what}", step.stage.name()));
    }
    assert_eq!(
        steps,
        ["history ", "manifests a", "manifests b", "legacy-images ", "access ", "blobs ", "repositories "]
    );
    assert_eq!(preview.reclaim(NOW).await.unwrap(), reclaim);
    assert_eq!(preview.step(NOW).await.unwrap(), None);
}
