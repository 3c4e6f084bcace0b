use super::{Interval, Manifest, Seen, is_push, judge};
use manifest_core::plan::{Applied, Guard, ManifestChange, Pin, Plan, TagChange};
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
    Manifest { created: 20, actor: Some("ann".into()), is_deleted: false, pinned: 0 }
}

/// The interval of `v1` from there to there.
fn interval(start: i64, end: i64, target: &str) -> Interval {
    let actor = Some("ann".into());
    Interval { name: "v1".parse().unwrap(), start, end, target: digest(target), reversion: false, actor }
}

fn seen(manifests: &[(&str, Manifest)], intervals: &[Interval]) -> Seen {
    let manifests = manifests.iter().map(|(name, row)| (digest(name), row.clone())).collect();
    Seen { manifests, intervals: intervals.to_vec() }
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
    check(&keep, &[("a", Manifest { is_deleted: true, ..row() })], None);
    let pin = Plan { pin: Some(Pin { digest: digest("a"), until: 50 }), ..plan() };
    check(&pin, &[("a", row())], None);
    check(&pin, &[("a", Manifest { pinned: 50, ..row() })], Some(done(false, None)));
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
fn what_is_a_push() {
    let push = || Plan { manifest: Some(ManifestChange::Keep(digest("a"))), tags: vec![point("a")], ..plan() };
    let end = TagChange::End { name: "v2".parse().unwrap(), guard: Guard::Any };
    assert!(is_push(&push()) && is_push(&Plan { tags: Vec::new(), ..push() }));
    assert!(!is_push(&Plan { manifest: None, ..push() }));
    assert!(!is_push(&Plan { tags: vec![point("a"), end], ..push() }));
    assert!(!is_push(&Plan { delete: Some(digest("b")), ..push() }));
    assert!(!is_push(&Plan { purge: BTreeSet::from([digest("b")]), ..push() }));
}
