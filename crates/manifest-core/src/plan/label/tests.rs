use super::super::testing::{NOW, START, context, digest, existing, facts, immutable, repository, state, tag};
use super::*;
use crate::labels::LabelKeyError;
use crate::plan::LabelRow;
use oci_types::MediaType;

fn label(key: &str, value: &str) -> Label {
    Label { key: key.to_owned(), value: value.to_owned(), json: false, source: LabelSource::Api }
}

fn own(key: &str, value: &str) -> Label {
    Label { source: LabelSource::Manifest, ..label(key, value) }
}

/// A manifest with those labels, ids from 1 on, and two tags: `free` and the immutable `held`.
fn scene(acting: Acting, labels: &[Label]) -> PushFacts {
    let rows = (1..).zip(labels).map(|(id, label)| LabelRow { id: LabelId(id), label: label.clone() });
    PushFacts {
        existing: Some(existing(MediaType::OCI_MANIFEST, acting)),
        labels: rows.collect(),
        tags_of: [("free", state(digest("m"))), ("held", immutable(digest("m")))]
            .map(|(name, state)| (tag(name), state))
            .into(),
        ..facts()
    }
}

fn with_case<T>(use_it: impl FnOnce(&LabelCase<'_>) -> T) -> T {
    let (repository, context, policy) = (repository(), context(), Policy::default());
    use_it(&LabelCase { repository: &repository, digest: digest("m"), context: &context, policy: &policy })
}

fn add(label: &Label, facts: &PushFacts) -> Result<Plan, LabelRejection> {
    with_case(|case| plan_add_label(case, label, facts))
}

fn remove(id: u64, common: &[(&str, &str)], facts: &PushFacts) -> Result<Plan, LabelRejection> {
    let common = common.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    with_case(|case| plan_remove_label(case, LabelId(id), &common, facts))
}

#[test]
fn the_ask_covers_labels_and_tags() {
    let ask = with_case(label_ask);
    assert_eq!((ask.digest, ask.tags_of, ask.labels), (Some(digest("m")), Some(digest("m")), true));
    let children = BTreeSet::from([digest("child")]);
    assert_eq!(with_case(|case| label_ask_with_children(case, children.clone())).children, children);
}

#[test]
fn an_ordinary_label_changes_no_tag() {
    let acting = Acting { expires_after: Some(5), immutable: false };
    let plan = add(&label("team", "core"), &scene(acting, &[])).unwrap();
    assert_eq!(plan.tags, []);
    let added = LabelsChange { manifest: digest("m"), add: vec![label("team", "core")], remove: None, acting };
    assert_eq!(plan.labels, Some(added));
}

#[test]
fn an_expiry_counts_from_the_start_of_each_tag_and_never_ends_one_before_now() {
    let check = |value: &str, expires: Option<i64>, expires_after: Option<i64>| {
        let plan = add(&label(EXPIRES_AFTER, value), &scene(Acting::default(), &[])).unwrap();
        let change = expires.map(|expires| TagChange::Amend {
            name: tag("free"),
            start: START,
            was_immutable: false,
            expires,
            immutable: false,
        });
        assert_eq!(plan.tags, change.into_iter().collect::<Vec<_>>(), "{value}");
        assert_eq!(plan.labels.unwrap().acting, Acting { expires_after, immutable: false }, "{value}");
    };
    check("2h", Some(START + 7_200_000), Some(7_200_000));
    check("6s", Some(START + 6_000), Some(6_000));
    check("5s", Some(NOW), Some(5_000));
    check("1s", Some(NOW), Some(1_000));
    check("bogus", None, None);
    check("0s", None, None);
}

#[test]
fn immutability_takes_the_end_away() {
    let mut facts = scene(Acting { expires_after: Some(5), immutable: false }, &[]);
    facts.tags_of.get_mut(&tag("free")).unwrap().expires = NOW + 5;
    let plan = add(&label(IMMUTABLE, "true"), &facts).unwrap();
    let change =
        TagChange::Amend { name: tag("free"), start: START, was_immutable: false, expires: NEVER, immutable: true };
    assert_eq!(plan.tags, [change]);
    assert_eq!(plan.labels.unwrap().acting, Acting { expires_after: Some(5), immutable: true });
    assert_eq!(add(&label(IMMUTABLE, "no"), &facts).unwrap().tags, []);
}

#[test]
fn labels_beyond_the_limits_are_refused() {
    let full: Vec<Label> = (0..labels::MAX_COUNT).map(|_| own("a", "")).collect();
    assert_eq!(add(&label("b", ""), &scene(Acting::default(), &full)), Err(LabelRejection::TooMany));
    assert!(add(&label("b", ""), &scene(Acting::default(), &full[1..])).is_ok());
    let empty = add(&label("", ""), &scene(Acting::default(), &[]));
    assert_eq!(empty, Err(LabelRejection::Label(LabelError::Key(LabelKeyError::Empty))));
}

#[test]
fn only_labels_of_the_api_are_removed() {
    let internal = Label { source: LabelSource::Internal, ..label("c", "") };
    let facts = scene(Acting::default(), &[own("a", ""), label("b", ""), internal]);
    assert_eq!(remove(1, &[], &facts), Err(LabelRejection::NotRemovable(LabelSource::Manifest)));
    assert_eq!(remove(3, &[], &facts), Err(LabelRejection::NotRemovable(LabelSource::Internal)));
    assert_eq!(remove(4, &[], &facts), Err(LabelRejection::LabelUnknown));
    let plan = remove(2, &[], &facts).unwrap();
    assert_eq!((plan.labels.unwrap().remove, plan.tags), (Some(LabelId(2)), Vec::new()));
}

#[test]
fn what_is_left_acts() {
    let check = |labels: &[Label], id: u64, common: &[(&str, &str)], expires_after: Option<i64>, immutable: bool| {
        let stale = Acting { expires_after: Some(77), immutable: true };
        let plan = remove(id, common, &scene(stale, labels)).unwrap();
        assert_eq!(plan.labels.unwrap().acting, Acting { expires_after, immutable }, "{labels:?} {id} {common:?}");
        assert_eq!(plan.tags, [], "tags that are there stay as they are");
    };
    let (hour, day) = (own(EXPIRES_AFTER, "1h"), label(EXPIRES_AFTER, "1d"));
    check(std::slice::from_ref(&day), 1, &[], None, false);
    check(&[hour, day.clone()], 2, &[], Some(3_600_000), false);
    check(&[own(IMMUTABLE, "true"), day.clone()], 2, &[], None, true);
    check(std::slice::from_ref(&day), 1, &[(EXPIRES_AFTER, "1h"), ("x", "y")], Some(3_600_000), false);
    check(&[label(IMMUTABLE, "true"), day], 1, &[(EXPIRES_AFTER, "1h")], Some(86_400_000), false);
}

#[test]
fn only_undeleted_manifests_of_open_repositories() {
    let new = label("a", "");
    assert_eq!(add(&new, &facts()), Err(LabelRejection::ManifestUnknown));
    let mut deleted = scene(Acting::default(), std::slice::from_ref(&new));
    deleted.existing.as_mut().unwrap().deleted = true;
    assert_eq!(add(&new, &deleted), Err(LabelRejection::ManifestUnknown));
    assert_eq!(remove(1, &[], &deleted), Err(LabelRejection::ManifestUnknown));
    let absent = PushFacts::nothing_in(RepositoryState::Absent);
    assert_eq!(add(&new, &absent), Err(LabelRejection::RepositoryUnknown));
    let closed = PushFacts { repository: RepositoryState::ReadOnly, ..scene(Acting::default(), &[]) };
    assert_eq!(add(&new, &closed), Err(LabelRejection::ReadOnly));
}
