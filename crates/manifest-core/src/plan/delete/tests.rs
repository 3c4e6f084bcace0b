use super::super::testing::{NOW, context, digest, existing, facts, immutable, repository, state, tag};
use super::*;
use crate::facts::Acting;
use oci_types::MediaType;

/// An open repository with a manifest at which `v1` points.
fn known() -> PushFacts {
    let mut facts = facts();
    facts.existing = Some(existing(MediaType::OCI_MANIFEST, Acting::default()));
    facts.tags.insert(tag("v1"), state(digest("m")));
    facts.tags_of.insert(tag("v1"), state(digest("m")));
    facts
}

fn spoilt(spoil: impl FnOnce(&mut PushFacts)) -> PushFacts {
    let mut facts = known();
    spoil(&mut facts);
    facts
}

#[test]
fn what_is_asked() {
    let (repository, cx, m) = (repository(), context(), digest("m"));
    let asked = |ask: PushAsk| {
        assert_eq!((ask.now, &ask.repository), (NOW, &repository));
        (ask.digest, ask.tags_of, ask.tags, ask.visibility)
    };
    let v1 = BTreeSet::from([tag("v1")]);
    assert_eq!(asked(delete_tag_ask(&repository, &tag("v1"), &cx)), (None, None, v1, false));
    assert_eq!(asked(delete_manifest_ask(&repository, &m, &cx)), (Some(m), None, BTreeSet::new(), true));
    assert_eq!(asked(delete_tags_of_ask(&repository, &m, &cx)), (Some(m), Some(m), BTreeSet::new(), false));
}

#[test]
fn a_tag() {
    let plan = |guard, facts: &PushFacts| {
        let plan = plan_delete_tag(&repository(), &tag("v1"), guard, facts, &Policy::default(), &context());
        plan.map(|plan| plan.tags)
    };
    let end = |guard| Ok(vec![TagChange::End { name: tag("v1"), guard }]);
    let is = Guard::Is(digest("m"));
    assert_eq!(plan(Guard::Any, &known()), end(Guard::Any));
    assert_eq!(plan(is, &known()), end(is));
    let check = |guard, facts: PushFacts, rejection| assert_eq!(plan(guard, &facts), Err(rejection));
    check(Guard::Is(digest("other")), known(), DeleteRejection::GuardFailed(tag("v1")));
    check(Guard::Any, spoilt(|facts| facts.repository = RepositoryState::Absent), DeleteRejection::RepositoryUnknown);
    check(Guard::Any, spoilt(|facts| facts.repository = RepositoryState::ReadOnly), DeleteRejection::ReadOnly);
    check(Guard::Any, spoilt(|facts| facts.tags.clear()), DeleteRejection::TagUnknown);
    let ended = |facts: &mut PushFacts| facts.tags.values_mut().for_each(|state| state.expires = NOW);
    check(Guard::Any, spoilt(ended), DeleteRejection::TagUnknown);
    let protect = |facts: &mut PushFacts| drop(facts.tags.insert(tag("v1"), immutable(digest("m"))));
    check(Guard::Any, spoilt(protect), DeleteRejection::Immutable(tag("v1")));
}

#[test]
fn a_manifest() {
    let plan = |facts: &PushFacts| {
        let plan = plan_delete_manifest(&repository(), &digest("m"), facts, &Policy::default(), &context());
        plan.map(|plan| (plan.delete, plan.tags))
    };
    assert_eq!(plan(&known()), Ok((Some(digest("m")), Vec::new())));
    let check = |facts: PushFacts, rejection| assert_eq!(plan(&facts), Err(rejection));
    check(spoilt(|facts| facts.repository = RepositoryState::ReadOnly), DeleteRejection::ReadOnly);
    check(spoilt(|facts| facts.existing = None), DeleteRejection::ManifestUnknown);
    let of_existing =
        |spoil: fn(&mut crate::facts::Existing)| spoilt(|facts| facts.existing.iter_mut().for_each(spoil));
    check(of_existing(|existing| existing.deleted = true), DeleteRejection::ManifestUnknown);
    check(of_existing(|existing| existing.visible = false), DeleteRejection::ManifestUnknown);
}

#[test]
fn the_tags_of_a_manifest() {
    let plan = |facts: &PushFacts| {
        let plan = plan_delete_tags_of(&repository(), &digest("m"), facts, &Policy::default(), &context());
        plan.map(|plan| (plan.delete, plan.tags))
    };
    let end = TagChange::End { name: tag("v1"), guard: Guard::Is(digest("m")) };
    assert_eq!(plan(&known()), Ok((None, vec![end])));
    assert_eq!(plan(&spoilt(|facts| facts.tags_of.clear())), Ok((None, Vec::new())));
    let check = |facts: PushFacts, rejection| assert_eq!(plan(&facts), Err(rejection));
    check(spoilt(|facts| facts.existing = None), DeleteRejection::ManifestUnknown);
    let delete = |facts: &mut PushFacts| facts.existing.iter_mut().for_each(|existing| existing.deleted = true);
    check(spoilt(delete), DeleteRejection::ManifestUnknown);
    let protect = |facts: &mut PushFacts| drop(facts.tags_of.insert(tag("v0"), immutable(digest("m"))));
    check(spoilt(protect), DeleteRejection::Immutable(tag("v0")));
}
