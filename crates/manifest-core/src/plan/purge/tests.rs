use super::super::testing::{NOW, context, digest, existing, facts, immutable, repository, state, tag};
use super::*;
use crate::facts::Acting;
use oci_types::MediaType;

fn with_case<T>(use_it: impl FnOnce(&PurgeCase<'_>) -> T) -> T {
    let (repository, context, policy) = (repository(), context(), Policy::default());
    use_it(&PurgeCase { repository: &repository, context: &context, policy: &policy })
}

/// The facts about a manifest at which those tags point.
fn held(content: &str, tags: &[&str]) -> (Digest, PushFacts) {
    let tags_of = tags.iter().map(|name| (tag(name), state(digest(content)))).collect();
    let existing = Some(existing(MediaType::OCI_MANIFEST, Acting::default()));
    (digest(content), PushFacts { existing, tags_of, ..facts() })
}

fn end(name: &str, content: &str) -> TagChange {
    TagChange::End { name: tag(name), guard: Guard::Is(digest(content)) }
}

#[test]
fn manifests_go_with_their_tags_and_nothing_is_pinned() {
    let mut facts = BTreeMap::from([held("a", &["x", "z"]), held("b", &["y"]), held("c", &[])]);
    facts.get_mut(&digest("c")).unwrap().existing.as_mut().unwrap().deleted = true;
    let plan = with_case(|case| plan_purge_manifests(case, &facts)).unwrap();
    assert_eq!(plan.tags, [end("x", "a"), end("y", "b"), end("z", "a")]);
    assert_eq!(plan.purge, BTreeSet::from([digest("a"), digest("b"), digest("c")]));
    assert_eq!((plan.displaced_until, plan.now), (None, NOW));
}

#[test]
fn a_purge_asks_about_the_manifest_and_the_tags_that_point_at_it() {
    let ask = with_case(|case| purge_manifest_ask(case, &digest("a")));
    assert_eq!((ask.digest, ask.tags_of), (Some(digest("a")), Some(digest("a"))));
}

#[test]
fn what_is_not_there_or_held_is_named() {
    let mut facts = BTreeMap::from([held("a", &["x"])]);
    facts.get_mut(&digest("a")).unwrap().tags_of.insert(tag("y"), immutable(digest("a")));
    let refused = |facts: &BTreeMap<Digest, PushFacts>| with_case(|case| plan_purge_manifests(case, facts)).map(drop);
    assert_eq!(refused(&facts), Err(PurgeRejection::Immutable(tag("y"))));
    facts.get_mut(&digest("a")).unwrap().existing = None;
    assert_eq!(refused(&facts), Err(PurgeRejection::ManifestUnknown(digest("a"))));
    facts.get_mut(&digest("a")).unwrap().repository = RepositoryState::ReadOnly;
    assert_eq!(refused(&facts), Err(PurgeRejection::ReadOnly));
    facts.get_mut(&digest("a")).unwrap().repository = RepositoryState::Absent;
    assert_eq!(refused(&facts), Err(PurgeRejection::RepositoryUnknown));
}

#[test]
fn tags_take_along_what_only_they_hold() {
    let names = BTreeSet::from([tag("x"), tag("y"), tag("z")]);
    let mut about_tags = facts();
    for (name, content) in [("x", "a"), ("y", "a"), ("z", "b")] {
        about_tags.tags.insert(tag(name), state(digest(content)));
    }
    let ask = with_case(|case| purge_tags_ask(case, &names));
    assert_eq!(ask.tags, names);
    let targets = with_case(|case| purge_targets(case, &names, &about_tags)).unwrap();
    let about = BTreeMap::from([held("a", &["x", "y"]), held("b", &["another", "z"])]);
    let plan = with_case(|case| plan_purge_tags(case, &targets, &about)).unwrap();
    assert_eq!(plan.tags, [end("x", "a"), end("y", "a"), end("z", "b")]);
    assert_eq!(plan.purge, BTreeSet::from([digest("a")]));
}

#[test]
fn tags_that_are_over_or_held() {
    let names = BTreeSet::from([tag("x")]);
    let refused = |row: Option<TagState>| {
        let facts = PushFacts { tags: row.map(|row| (tag("x"), row)).into_iter().collect(), ..facts() };
        with_case(|case| purge_targets(case, &names, &facts)).map(drop)
    };
    assert_eq!(refused(None), Err(PurgeRejection::TagUnknown(tag("x"))));
    let over = TagState { expires: NOW, ..state(digest("a")) };
    assert_eq!(refused(Some(over)), Err(PurgeRejection::TagUnknown(tag("x"))));
    assert_eq!(refused(Some(immutable(digest("a")))), Err(PurgeRejection::Immutable(tag("x"))));
}

#[test]
fn the_json_of_a_whole_repository_tells_it_from_another_of_its_name() {
    let purge = RepositoryPurge { repository: repository(), created: 1, manifests: 2, tags: 3, now: NOW };
    let json = PurgePlan::Repository(purge.clone()).to_json();
    let expected = json!({ "purgeRepository": "team/app", "created": 1, "manifests": 2, "tags": 3, "now": NOW });
    assert_eq!(json, expected);
    assert_ne!(json, PurgePlan::Repository(RepositoryPurge { created: 2, ..purge }).to_json());
}
