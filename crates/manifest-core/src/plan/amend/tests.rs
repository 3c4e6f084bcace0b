use super::super::testing::{NOW, START, context, digest, facts, immutable, repository, state, tag};
use super::*;
use crate::time::{DAY, HOUR};

fn planned(row: Option<TagState>, amendment: Amendment) -> Result<(Plan, Amended), AmendRejection> {
    let mut facts = facts();
    if let Some(row) = row {
        facts.tags.insert(tag("v1"), row);
    }
    plan_amend(&repository(), &tag("v1"), amendment, &facts, &Policy::default(), &context())
}

fn tag_row() -> TagState {
    state(digest("m"))
}

#[test]
fn an_end_is_kept_within_bounds_from_the_start() {
    let check = |wish: Option<i64>, expected: i64| {
        let (plan, amended) = planned(Some(tag_row()), Amendment::Expiry(wish)).unwrap();
        let expected_answer =
            Amended { previous_expires: NEVER, expires: expected, was_immutable: false, immutable: false };
        assert_eq!(amended, expected_answer, "{wish:?}");
        let change = TagChange::Amend {
            name: tag("v1"),
            start: START,
            was_immutable: false,
            expires: expected,
            immutable: false,
        };
        assert_eq!(plan.tags, [change], "{wish:?}");
    };
    check(None, NEVER);
    check(Some(NOW + 1), START + HOUR);
    check(Some(NOW + 3 * HOUR), NOW + 3 * HOUR);
    check(Some(i64::MAX), START + 104 * 7 * DAY);
}

#[test]
fn the_tag_is_what_matters() {
    assert_eq!(amend_ask(&repository(), &tag("v1"), &context()).tags, BTreeSet::from([tag("v1")]));
}

#[test]
fn the_answer_tells_the_end_that_was() {
    let row = TagState { expires: NOW + HOUR, ..tag_row() };
    let (_, amended) = planned(Some(row), Amendment::Expiry(None)).unwrap();
    assert_eq!((amended.previous_expires, amended.expires), (NOW + HOUR, NEVER));
}

#[test]
fn no_tag_ends_at_once_by_its_expiry() {
    let past = |row: TagState, wish: i64| planned(Some(row), Amendment::Expiry(Some(wish))).map(drop);
    assert_eq!(past(tag_row(), NOW), Err(AmendRejection::Past(START + HOUR)));
    assert_eq!(past(tag_row(), 5), Err(AmendRejection::Past(START + HOUR)));
    // Older than the longest life that can be given: its end would be before now, whatever is wished for.
    let start = NOW - 105 * 7 * DAY;
    let old = TagState { start, ..tag_row() };
    assert_eq!(past(old, NOW + DAY), Err(AmendRejection::Past(start + 104 * 7 * DAY)));
}

#[test]
fn an_immutable_tag_has_no_end() {
    let row = immutable(digest("m"));
    for wish in [None, Some(NOW + DAY)] {
        assert_eq!(planned(Some(row.clone()), Amendment::Expiry(wish)), Err(AmendRejection::Immutable));
    }
    let mortal = TagState { expires: NOW + HOUR, ..tag_row() };
    let check = |row: &TagState, wanted: bool, expires: i64| {
        let (plan, amended) = planned(Some(row.clone()), Amendment::Immutable(wanted)).unwrap();
        assert_eq!((amended.expires, amended.immutable), (expires, wanted));
        assert_eq!((amended.previous_expires, amended.was_immutable), (row.expires, row.immutable));
        let seen = |change: &TagChange| matches!(change, TagChange::Amend { was_immutable, immutable, .. } if (*was_immutable, *immutable) == (row.immutable, wanted));
        assert!(plan.tags.iter().all(seen));
    };
    check(&mortal, true, NEVER);
    check(&mortal, false, NOW + HOUR);
    check(&row, false, NEVER);
    check(&row, true, NEVER);
}

#[test]
fn only_alive_tags_of_open_repositories() {
    let over = TagState { expires: NOW, ..tag_row() };
    for row in [None, Some(over)] {
        assert_eq!(planned(row, Amendment::Immutable(true)), Err(AmendRejection::TagUnknown));
    }
    let check = |state: RepositoryState, expected: AmendRejection| {
        let facts = PushFacts::nothing_in(state);
        let policy = Policy::default();
        let refused = plan_amend(&repository(), &tag("v1"), Amendment::Immutable(true), &facts, &policy, &context());
        assert_eq!(refused, Err(expected));
    };
    check(RepositoryState::Absent, AmendRejection::RepositoryUnknown);
    check(RepositoryState::ReadOnly, AmendRejection::ReadOnly);
}
