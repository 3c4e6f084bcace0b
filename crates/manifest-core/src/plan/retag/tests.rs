use super::super::testing::{NOW, context, digest, existing, facts, immutable, repository, state, tag};
use super::*;
use crate::facts::{Acting, Existing, TagState};
use crate::plan::TagChange;
use crate::time::NEVER;
use oci_types::MediaType;

/// A retag of `v1` to a manifest that is there; tests spoil one thing.
struct Scene {
    guard: Guard,
    kind: RetagKind,
    overwrite: bool,
    policy: Policy,
    embedded: Option<&'static str>,
    facts: PushFacts,
}

impl Scene {
    fn new() -> Self {
        let existing = Some(existing(MediaType::OCI_MANIFEST, Acting::default()));
        Self {
            guard: Guard::Any,
            kind: RetagKind::Move,
            overwrite: true,
            policy: Policy::default(),
            embedded: None,
            facts: PushFacts { existing, ..facts() },
        }
    }

    fn existing(&mut self) -> &mut Existing {
        self.facts.existing.as_mut().unwrap()
    }

    fn at(mut self, row: TagState) -> Self {
        self.facts.tags.insert(tag("v1"), row);
        self
    }

    fn plan(&self) -> Result<Plan, RetagRejection> {
        let (repository, tag, context) = (repository(), tag("v1"), context());
        let case = RetagCase {
            repository: &repository,
            tag: &tag,
            digest: digest("new"),
            guard: self.guard,
            kind: self.kind,
            context: &context,
            overwrite: self.overwrite,
            policy: &self.policy,
        };
        let ask = retag_ask(&case);
        assert_eq!((ask.digest, ask.tags.contains(&tag)), (Some(digest("new")), true));
        plan_retag(&case, self.embedded, &self.facts)
    }

    fn pointed(&self) -> (i64, bool, bool, Guard) {
        match &self.plan().unwrap().tags[..] {
            [TagChange::Point { expires, immutable, reversion, guard, .. }] => {
                (*expires, *immutable, *reversion, *guard)
            }
            other => panic!("one tag, not {other:?}"),
        }
    }
}

#[test]
fn a_move_points_the_tag_and_keeps_nothing_else() {
    let scene = Scene::new().at(state(digest("old")));
    assert_eq!(scene.pointed(), (NEVER, false, false, Guard::Any));
    let plan = scene.plan().unwrap();
    assert_eq!((plan.manifest, plan.pin, plan.create_repository), (None, None, None));
    assert_eq!(plan.displaced_until, Some(NOW + scene.policy.untagged_ttl));
}

#[test]
fn acting_labels_bound_moved_and_restored_tags() {
    for kind in [RetagKind::Move, RetagKind::Restore] {
        let mut scene = Scene { kind, ..Scene::new() };
        scene.existing().acting = Acting { expires_after: Some(5), immutable: false };
        assert_eq!(scene.pointed(), (NOW + 5, false, kind == RetagKind::Restore, Guard::Any));
        scene.existing().acting.immutable = true;
        assert_eq!(scene.pointed(), (NEVER, true, kind == RetagKind::Restore, Guard::Any));
    }
}

#[test]
fn a_pattern_makes_tags_immutable_and_so_without_end() {
    let mut scene = Scene::new();
    scene.existing().acting.expires_after = Some(5);
    scene.policy.immutable_tags = vec!["v*".parse().unwrap()];
    assert_eq!(scene.pointed(), (NEVER, true, false, Guard::Any));
    scene.policy.immutable_exceptions = vec!["?1".parse().unwrap()];
    assert_eq!(scene.pointed(), (NOW + 5, false, false, Guard::Any));
}

#[test]
fn only_a_restore_brings_a_deleted_manifest_back() {
    let mut scene = Scene::new();
    scene.existing().deleted = true;
    assert_eq!(scene.plan(), Err(RetagRejection::ManifestUnknown));
    scene.kind = RetagKind::Restore;
    assert_eq!(scene.plan().unwrap().manifest, Some(ManifestChange::Keep(digest("new"))));
    scene.facts.existing = None;
    assert_eq!(scene.plan(), Err(RetagRejection::ManifestUnknown));
}

#[test]
fn schema_1_stays_with_its_own_tag() {
    let mut scene = Scene::new();
    assert!(!retag_wants_document(&scene.facts));
    scene.existing().media_type = MediaType::from_static(MediaType::DOCKER_SCHEMA1_SIGNED);
    assert!(retag_wants_document(&scene.facts));
    scene.embedded = Some("v1");
    assert!(scene.plan().is_ok());
    scene.embedded = Some("v2");
    assert_eq!(scene.plan(), Err(RetagRejection::EmbeddedTag("v2".to_owned())));
}

#[test]
fn immutable_tags_stay_where_they_are() {
    assert_eq!(Scene::new().at(immutable(digest("old"))).plan(), Err(RetagRejection::Immutable));
    assert_eq!(Scene::new().at(immutable(digest("new"))).plan().unwrap().tags, [], "its own manifest changes nothing");
    let over = TagState { expires: NOW, ..immutable(digest("old")) };
    assert!(Scene::new().at(over).plan().is_ok(), "a tag that has expired holds nothing");
}

#[test]
fn guards_and_permissions() {
    let check = |row: Option<&str>, guard: Guard, overwrite: bool, expected: Result<Guard, RetagRejection>| {
        let scene = Scene { guard, overwrite, ..Scene::new() };
        let scene = match row {
            Some(target) => scene.at(state(digest(target))),
            None => scene,
        };
        let planned = scene.plan().map(|_| scene.pointed().3);
        assert_eq!(planned, expected, "{row:?} {guard:?} {overwrite}");
    };
    let (old, new) = (digest("old"), digest("new"));
    check(None, Guard::Absent, true, Ok(Guard::Absent));
    check(Some("old"), Guard::Absent, true, Err(RetagRejection::GuardFailed));
    check(Some("old"), Guard::Is(old), true, Ok(Guard::Is(old)));
    check(Some("old"), Guard::Is(new), true, Err(RetagRejection::GuardFailed));
    check(Some("old"), Guard::Any, false, Err(RetagRejection::OverwriteDenied));
    check(Some("new"), Guard::Any, false, Ok(Guard::AbsentOrIs(new)));
    check(None, Guard::Any, false, Ok(Guard::AbsentOrIs(new)));
    check(None, Guard::Absent, false, Ok(Guard::Absent));
    check(Some("new"), Guard::Is(new), false, Ok(Guard::Is(new)));
}

#[test]
fn repositories_that_are_absent_or_read_only() {
    let mut scene = Scene::new();
    scene.facts.repository = RepositoryState::Absent;
    assert_eq!(scene.plan(), Err(RetagRejection::RepositoryUnknown));
    scene.facts.repository = RepositoryState::ReadOnly;
    assert_eq!(scene.plan(), Err(RetagRejection::ReadOnly));
}
