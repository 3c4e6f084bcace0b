use super::{Interval, Manifest, Seen, judge};
use manifest_core::facts::Acting;
use manifest_core::plan::{
    Applied, Guard, Label, LabelId, LabelRow, LabelSource, LabelsChange, ManifestChange, Pin, Plan, TagChange,
};
use manifest_core::time::NEVER;
use oci_types::{Algorithm, Digest};
use std::collections::{BTreeMap, BTreeSet};

fn digest(name: &str) -> Digest {
    Digest::of(Algorithm::Sha256, name.as_bytes())
}

fn plan() -> Plan {
    Plan {
        repository: "app".parse().unwrap(),
        create_repository: None,
        now: 20,
        actor: Some("ann".parse().unwrap()),
        manifest: None,
        tags: Vec::new(),
        pin: None,
        displaced_until: None,
        delete: None,
        labels: None,
        purge: BTreeSet::new(),
    }
}

fn point(to: &str) -> TagChange {
    TagChange::Point {
        name: "v1".parse().unwrap(),
        to: digest(to),
        expires: NEVER,
        immutable: false,
        reversion: false,
        guard: Guard::Any,
    }
}

fn row() -> Manifest {
    Manifest { created: 20, actor: Some("ann".into()), deleted: None, pinned: 0 }
}

/// The interval of `v1` from there to there.
fn interval(start: i64, end: i64, target: &str) -> Interval {
    let newest = end == NEVER;
    let actor = Some("ann".into());
    Interval {
        name: "v1".parse().unwrap(),
        start,
        end,
        target: digest(target),
        reversion: false,
        actor,
        newest,
        immutable: false,
    }
}

fn seen(manifests: &[(&str, Manifest)], intervals: &[Interval]) -> Seen {
    let manifests = manifests.iter().map(|(name, row)| (digest(name), row.clone())).collect();
    Seen { manifests, intervals: intervals.to_vec(), labels: Vec::new() }
}

fn done(created: bool, displaced: Option<&str>) -> Applied {
    let displaced = displaced.map(|name| ("v1".parse().unwrap(), digest(name)));
    Applied::Done { created, displaced: displaced.into_iter().collect::<BTreeMap<_, _>>() }
}

#[test]
fn manifests() {
    let keep = Plan { manifest: Some(ManifestChange::Keep(digest("a"))), ..plan() };
    let check = |plan: &Plan, manifests: &[(&str, Manifest)], expected: Option<Applied>| {
        assert_eq!(judge(plan, &seen(manifests, &[])), expected);
    };
    check(&keep, &[], None);
    check(&keep, &[("a", row())], Some(done(false, None)));
    check(&keep, &[("a", Manifest { deleted: Some(20), ..row() })], None);
    let pin = Plan { pin: Some(Pin { digest: digest("a"), until: 50 }), ..plan() };
    check(&pin, &[("a", row())], None);
    check(&pin, &[("a", Manifest { pinned: 50, ..row() })], Some(done(false, None)));
    let delete = Plan { delete: Some(digest("a")), ..plan() };
    check(&delete, &[("a", row())], None);
    check(&delete, &[("a", Manifest { deleted: Some(10), ..row() })], None);
    check(&delete, &[("a", Manifest { deleted: Some(20), ..row() })], Some(done(false, None)));
    let purge = Plan { purge: BTreeSet::from([digest("a")]), ..plan() };
    check(&purge, &[("a", row())], None);
    check(&purge, &[], Some(done(false, None)));
}

#[test]
fn points() {
    let plan = Plan { tags: vec![point("new")], ..plan() };
    let check = |intervals: &[Interval], expected| assert_eq!(judge(&plan, &seen(&[], intervals)), expected);
    check(&[], None);
    check(&[interval(10, NEVER, "old")], None);
    // It pointed there before, and was not pointed there again.
    check(&[interval(10, NEVER, "new")], None);
    check(&[interval(20, NEVER, "new")], Some(done(false, None)));
    check(&[interval(10, 20, "old"), interval(20, NEVER, "new")], Some(done(false, Some("old"))));
    check(&[interval(10, 20, "new"), interval(20, NEVER, "new")], Some(done(false, None)));
    // The clock fell back.
    check(&[interval(25, 26, "old"), interval(26, NEVER, "new")], Some(done(false, Some("old"))));
    // It had expired by then, and left nothing behind.
    check(&[interval(10, 15, "old"), interval(20, NEVER, "new")], Some(done(false, None)));
    // Somebody moved it on since.
    check(
        &[interval(10, 20, "old"), interval(20, 30, "new"), interval(30, NEVER, "next")],
        Some(done(false, Some("old"))),
    );
    check(&[Interval { actor: None, ..interval(20, NEVER, "new") }], None);
    check(&[Interval { reversion: true, ..interval(20, NEVER, "new") }], None);
    check(&[Interval { name: "v2".parse().unwrap(), ..interval(20, NEVER, "new") }], None);
}

#[test]
fn ends_and_amendments() {
    let end = Plan { tags: vec![TagChange::End { name: "v1".parse().unwrap(), guard: Guard::Any }], ..plan() };
    let check = |plan: &Plan, intervals: &[Interval], expected| {
        assert_eq!(judge(plan, &seen(&[], intervals)), expected);
    };
    check(&end, &[], None);
    check(&end, &[interval(10, NEVER, "old")], None);
    check(&end, &[interval(10, 20, "old")], Some(done(false, Some("old"))));
    check(&end, &[interval(25, 25, "old")], Some(done(false, Some("old"))));
    check(&end, &[interval(10, 21, "old")], None);
    let amend = |immutable| {
        let name = "v1".parse().unwrap();
        let amend = TagChange::Amend { name, start: 10, was_immutable: false, expires: NEVER, immutable };
        Plan { tags: vec![amend], ..plan() }
    };
    check(&amend(false), &[interval(10, NEVER, "old")], Some(done(false, None)));
    check(&amend(true), &[interval(10, NEVER, "old")], None);
    check(&amend(true), &[Interval { immutable: true, ..interval(10, NEVER, "old") }], Some(done(false, None)));
    check(&amend(false), &[interval(11, NEVER, "old")], None);
    check(&amend(false), &[], None);
}

#[test]
fn what_a_deletion_ended_is_displaced() {
    let plan = Plan { delete: Some(digest("a")), ..plan() };
    let deleted = [("a", Manifest { deleted: Some(20), ..row() })];
    assert_eq!(judge(&plan, &seen(&deleted, &[interval(10, 20, "a")])), Some(done(false, Some("a"))));
    assert_eq!(judge(&plan, &seen(&deleted, &[interval(10, 25, "a")])), Some(done(false, None)));
}

#[test]
fn labels() {
    let label = Label { key: "k".into(), value: "v".into(), json: false, source: LabelSource::Api };
    let change = LabelsChange {
        manifest: digest("a"),
        add: vec![label.clone()],
        remove: Some(LabelId(1)),
        acting: Acting::default(),
    };
    let plan = Plan { labels: Some(change), ..plan() };
    let check = |rows: &[(u64, &str)], expected| {
        let stored = |(id, key): &(u64, &str)| LabelRow {
            id: LabelId(*id),
            label: Label { key: (*key).to_owned(), ..label.clone() },
        };
        let labels = rows.iter().map(stored).collect();
        assert_eq!(judge(&plan, &Seen { labels, ..seen(&[("a", row())], &[]) }), expected);
    };
    check(&[(1, "old")], None);
    check(&[], None);
    check(&[(1, "old"), (2, "k")], None);
    check(&[(2, "k")], Some(done(false, None)));
}
