//! Each rule of a push, on plain values.

use super::{Permissions, PlannedPush, PushCase, PushTarget, config_wanted, plan_push, push_ask};
use crate::access::{Caller, Context};
use crate::document::{Document, Limits};
use crate::empty_layer;
use crate::facts::{Acting, Blob, Child, Existing, Location, PushFacts, RepositoryState, TagState, Visibility};
use crate::plan::{Guard, ManifestChange, Need, NewManifest, Plan, Rejection, TagChange};
use crate::policy::{Policy, References};
use crate::time::NEVER;
use bytes::Bytes;
use oci_types::{Algorithm, Digest, MediaType, Platform, RepositoryName, TagName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

mod references;
mod schema1;

const NOW: i64 = 1_000_000;

fn digest(content: &str) -> Digest {
    Digest::of(Algorithm::Sha256, content.as_bytes())
}

fn tag(name: &str) -> TagName {
    name.parse().unwrap()
}

fn stored(size: u64) -> Blob {
    Blob { size, location: Location { store: "test".parse().unwrap(), key: "k".to_owned() } }
}

/// An OCI image over a config and one layer, both named by their content.
fn image(config: &str, layer: &str) -> String {
    let descriptor = |media_type: &str, content: &str| {
        format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":{}}}"#, digest(content), content.len())
    };
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]}}"#,
        MediaType::OCI_MANIFEST,
        descriptor(MediaType::OCI_CONFIG, config),
        descriptor(MediaType::OCI_LAYER_GZIP, layer),
    )
}

/// An OCI index over manifests given by their bytes.
fn index(children: &[&str], media_type: &str) -> String {
    let entries: Vec<String> = children
        .iter()
        .map(|child| format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":{}}}"#, digest(child), child.len()))
        .collect();
    format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}}"#, MediaType::OCI_INDEX, entries.join(","))
}

/// A push to a world in which everything is as it should be; tests spoil one thing.
struct Scene {
    document: Document,
    target: PushTarget,
    permissions: Permissions,
    policy: Policy,
    facts: PushFacts,
    config: Option<Vec<u8>>,
    repository: RepositoryName,
    context: Context,
}

impl Scene {
    fn of(manifest: &str, target: PushTarget) -> Self {
        let document = Document::parse(None, Bytes::from(manifest.to_owned()), &Limits::default()).unwrap();
        Self {
            document,
            target,
            permissions: Permissions { overwrite: true, create: Some(Visibility::Private) },
            policy: Policy::default(),
            facts: PushFacts::nothing_in(RepositoryState::Open),
            config: None,
            repository: "team/app".parse().unwrap(),
            context: Context { caller: Caller::Anonymous, now: NOW },
        }
    }

    fn image(config: &str, target: PushTarget) -> Self {
        let mut scene = Self::of(&image(config, "layer"), target);
        scene.facts.blobs.insert(digest(config), stored(config.len() as u64));
        scene.facts.blobs.insert(digest("layer"), stored(5));
        scene.config = Some(config.as_bytes().to_vec());
        scene
    }

    fn has_child(&mut self, child: &str, labels: &[(&str, &str)]) {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let media_type = MediaType::OCI_MANIFEST.parse().unwrap();
        let child_facts = Child { media_type, size: child.len() as u64, platform: None, labels, legacy_image: None };
        self.facts.children.insert(digest(child), child_facts);
    }

    fn has_tag(&mut self, name: &str, target: Digest, immutable: bool) {
        let state = TagState { target, start: 5, expires: NEVER, immutable, actor: None };
        self.facts.tags.insert(tag(name), state);
    }

    fn case(&self) -> PushCase<'_> {
        PushCase {
            repository: &self.repository,
            document: &self.document,
            digest: self.document.digest(Algorithm::Sha256),
            target: &self.target,
            context: &self.context,
            permissions: self.permissions,
            reversion: false,
            policy: &self.policy,
        }
    }

    fn plan(&self) -> Result<Plan, Rejection> {
        self.planned().map(|planned| planned.plan)
    }

    fn planned(&self) -> Result<PlannedPush, Rejection> {
        let case = self.case();
        let ask = push_ask(&case);
        assert!(self.document.blobs().keys().all(|blob| ask.blobs.contains(blob)), "the ask covers all blobs");
        let config = if config_wanted(&case, &self.facts)?.is_some() { self.config.as_deref() } else { None };
        plan_push(&case, config, &self.facts)
    }

    fn created(&self) -> Arc<NewManifest> {
        match self.plan().unwrap().manifest {
            Some(ManifestChange::Create(new)) => new,
            other => panic!("a new manifest, not {other:?}"),
        }
    }
}

fn to_tag(name: &str) -> PushTarget {
    PushTarget::Tag { name: tag(name), guard: Guard::Any }
}

fn config_with_labels(labels: &str) -> String {
    format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":[]}},"config":{{"Labels":{labels}}}}}"#
    )
}

#[test]
fn an_image_is_stored_with_what_its_config_says() {
    let scene = Scene::image(&config_with_labels(r#"{"team":"core"}"#), to_tag("v1"));
    let new = scene.created();
    assert_eq!(new.labels.iter().map(|label| (&*label.key, &*label.value)).collect::<Vec<_>>(), [("team", "core")]);
    assert_eq!(new.platform.as_ref().unwrap().to_string(), "linux/amd64");
    assert_eq!(new.layers_size, Some(5));
    assert_eq!(new.blobs.values().copied().collect::<Vec<_>>(), [Need::Required, Need::Required]);
    let plan = scene.plan().unwrap();
    assert!(matches!(&plan.tags[..], [TagChange::Point { expires: NEVER, immutable: false, guard: Guard::Any, .. }]));
    assert_eq!(plan.pin, None);
    assert_eq!(plan.displaced_until, Some(NOW + scene.policy.untagged_ttl));
}

#[test]
fn a_push_by_digest_pins_unless_it_names_tags() {
    let manifest = image("{}", "layer");
    let by_digest = |tags: &[&str]| {
        let tags = tags.iter().map(|name| tag(name)).collect();
        Scene::image("{}", PushTarget::Digest { digest: digest(&manifest), tags }).plan().unwrap()
    };
    let alone = by_digest(&[]);
    assert_eq!(alone.pin.unwrap().until, NOW + Policy::default().untagged_ttl);
    let tagged = by_digest(&["b", "a"]);
    assert_eq!(tagged.pin, None);
    let names: Vec<&TagName> = tagged.tags.iter().map(TagChange::name).collect();
    assert_eq!(names, [&tag("a"), &tag("b")]);
}

#[test]
fn what_is_missing_is_named_whole() {
    let mut scene = Scene::image("{}", to_tag("v1"));
    scene.facts.blobs.clear();
    let missing = BTreeSet::from([digest("{}"), digest("layer")]);
    assert_eq!(scene.plan(), Err(Rejection::Missing { blobs: missing, children: BTreeSet::new() }));
    scene.policy.references = References::SparseIndex;
    assert!(scene.plan().is_err(), "sparse is about children");
    scene.policy.references = References::Unchecked;
    assert!(scene.created().blobs.values().all(|need| *need == Need::MayBeAbsent));
}

#[test]
fn children_must_be_there_and_be_what_the_index_says() {
    let (one, two) = (image("{}", "1"), image("{}", "2"));
    let mut scene = Scene::of(&index(&[&one, &two, &one], MediaType::OCI_MANIFEST), to_tag("v1"));
    scene.has_child(&one, &[]);
    let children = BTreeSet::from([digest(&two)]);
    assert_eq!(scene.plan(), Err(Rejection::Missing { blobs: BTreeSet::new(), children }));

    scene.policy.references = References::SparseIndex;
    assert_eq!(scene.created().children.len(), 3);
    scene.policy.references = References::Required;

    scene.has_child(&two, &[]);
    assert!(scene.created().children.iter().all(|link| link.need == Need::Required));

    scene.facts.children.get_mut(&digest(&two)).unwrap().size += 1;
    assert!(matches!(scene.plan(), Err(Rejection::ChildSize { .. })));
    scene.has_child(&two, &[]);
    scene.facts.children.get_mut(&digest(&two)).unwrap().media_type = MediaType::DOCKER_SCHEMA2.parse().unwrap();
    assert!(matches!(scene.plan(), Err(Rejection::ChildMediaType { .. })));
}

#[test]
fn schema1_is_listed_for_its_own_processor_and_by_dockers_lists_alone() {
    let child = "schema 1, read long ago";
    let entry = |platform: &str| {
        let (digest, size, media_type) = (digest(child), child.len(), MediaType::DOCKER_SCHEMA1);
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}{platform}}}"#)
    };
    let check = |index_type: &str, platform: &str, says: Option<&str>, rejected: Option<&str>| {
        let entry = entry(platform);
        let list = format!(r#"{{"schemaVersion":2,"mediaType":"{index_type}","manifests":[{entry}]}}"#);
        let mut scene = Scene::of(&list, to_tag("old"));
        scene.has_child(child, &[]);
        let stored = scene.facts.children.get_mut(&digest(child)).unwrap();
        stored.media_type = MediaType::DOCKER_SCHEMA1_SIGNED.parse().unwrap();
        stored.platform = says.map(|architecture| Platform::new("linux", architecture));
        let found = scene.plan().map(|_| ()).map_err(|rejection| rejection.to_string());
        let digest = digest(child);
        let expected = rejected.map_or(Ok(()), |why| Err(why.replace("{}", &digest.to_string())));
        assert_eq!(found, expected, "{index_type} {platform} {says:?}");
    };
    let arm64 = r#","platform":{"architecture":"arm64","os":"linux"}"#;
    check(MediaType::DOCKER_LIST, arm64, Some("arm64"), None);
    check(MediaType::DOCKER_LIST, arm64, None, None);
    let differs = "manifest {} is for amd64, but the list says arm64";
    check(MediaType::DOCKER_LIST, arm64, Some("amd64"), Some(differs));
    let not_listed = "an OCI index cannot list the schema 1 manifest {}";
    check(MediaType::OCI_INDEX, arm64, Some("arm64"), Some(not_listed));
    check(MediaType::OCI_INDEX, "", None, Some(not_listed));
}

#[test]
fn an_index_may_list_blobs_under_a_type_that_is_no_manifests() {
    let mut scene = Scene::of(&index(&["layer"], MediaType::OCI_LAYER_GZIP), to_tag("cache"));
    assert!(matches!(scene.plan(), Err(Rejection::Missing { .. })));
    scene.facts.blobs.insert(digest("layer"), stored(5));
    let new = scene.created();
    assert_eq!((new.blobs.len(), new.children.len()), (1, 0));
}

#[test]
fn a_config_is_checked_before_anything_is_planned() {
    let mut scene = Scene::image("not json", to_tag("v1"));
    assert!(matches!(scene.plan(), Err(Rejection::Config { .. })));
    scene.facts.blobs.insert(digest("not json"), stored(9));
    assert!(matches!(scene.plan(), Err(Rejection::ConfigSize { expected: 8, found: 9, .. })));
    scene.facts.blobs.insert(digest("not json"), stored(8));
    scene.policy.max_config_bytes = 8;
    assert!(matches!(scene.plan(), Err(Rejection::Config { .. })), "a config of just the limit is read");
    scene.policy.max_config_bytes = 7;
    assert!(matches!(scene.plan(), Err(Rejection::ConfigTooLarge { size: 8, limit: 7, .. })));
    scene.facts.existing = Some(existing(Acting::default()));
    assert!(scene.plan().is_ok(), "a manifest that is stored has a config that was read");
}

fn existing(acting: Acting) -> Existing {
    let media_type = MediaType::OCI_MANIFEST.parse().unwrap();
    Existing { media_type, acting, deleted: false, visible: true }
}

#[test]
fn acting_labels_bound_the_tag_also_of_a_manifest_that_exists() {
    let expires = |scene: &Scene| match &scene.plan().unwrap().tags[..] {
        [TagChange::Point { expires, immutable, .. }] => (*expires, *immutable),
        other => panic!("one tag, not {other:?}"),
    };
    let mut scene = Scene::image(&config_with_labels(r#"{"quay.expires-after":"1h"}"#), to_tag("v1"));
    assert_eq!(expires(&scene), (NOW + 3_600_000, false));
    scene.facts.existing = Some(existing(Acting { expires_after: Some(5), immutable: false }));
    assert_eq!(expires(&scene), (NOW + 5, false));
    let frozen = Scene::image(&config_with_labels(r#"{"quay.immutable":"true"}"#), to_tag("v1"));
    assert_eq!(expires(&frozen), (NEVER, true));
}

#[test]
fn an_index_acts_by_what_its_children_agree_on() {
    let (one, two) = (image("{}", "1"), image("{}", "2"));
    let mut scene = Scene::of(&index(&[&one, &two], MediaType::OCI_MANIFEST), to_tag("v1"));
    scene.has_child(&one, &[("quay.expires-after", "1h"), ("quay.immutable", "true")]);
    scene.has_child(&two, &[("quay.expires-after", "1h")]);
    let new = scene.created();
    assert_eq!(new.acting, Acting { expires_after: Some(3_600_000), immutable: false });
    assert_eq!(new.labels, []);
}

#[test]
fn a_push_tells_the_labels_by_which_a_new_manifest_acts_and_how_many_were_not_stored() {
    let long = "k".repeat(256);
    let config = config_with_labels(&format!(r#"{{"team":"core","{long}":"x"}}"#));
    let mut scene = Scene::image(&config, to_tag("v1"));
    let planned = scene.planned().unwrap();
    assert_eq!(planned.labels_to_apply.keys().collect::<Vec<_>>(), [long.as_str(), "team"]);
    assert_eq!(planned.labels_dropped, 1);
    scene.facts.existing = Some(existing(Acting::default()));
    let again = scene.planned().unwrap();
    assert_eq!((again.labels_to_apply.len(), again.labels_dropped), (0, 0));

    let one = image("{}", "1");
    let mut scene = Scene::of(&index(&[&one], MediaType::OCI_MANIFEST), to_tag("v1"));
    scene.has_child(&one, &[("x", "1")]);
    let agreed = scene.planned().unwrap().labels_to_apply;
    assert_eq!(agreed, BTreeMap::from([("x".to_owned(), "1".to_owned())]));
}

#[test]
fn a_pattern_makes_pushed_tags_immutable() {
    let pushed = |exceptions: &[&str], name: &str| {
        let mut scene = Scene::image(&config_with_labels(r#"{"quay.expires-after":"1h"}"#), to_tag(name));
        scene.policy.immutable_tags = vec!["v*".parse().unwrap()];
        scene.policy.immutable_exceptions = exceptions.iter().map(|text| text.parse().unwrap()).collect();
        match &scene.plan().unwrap().tags[..] {
            [TagChange::Point { expires, immutable, .. }] => (*expires, *immutable),
            other => panic!("one tag, not {other:?}"),
        }
    };
    assert_eq!(pushed(&[], "v1"), (NEVER, true));
    assert_eq!(pushed(&["*-rc"], "v1-rc"), (NOW + 3_600_000, false));
    assert_eq!(pushed(&[], "latest"), (NOW + 3_600_000, false));
}

#[test]
fn immutable_tags_stay_where_they_are() {
    let mut scene = Scene::image("{}", to_tag("v1"));
    scene.has_tag("v1", digest("another"), true);
    assert_eq!(scene.plan(), Err(Rejection::Immutable(tag("v1"))));
    scene.has_tag("v1", scene.document.digest(Algorithm::Sha256), true);
    assert_eq!(scene.plan().unwrap().tags, [], "its own manifest again changes nothing");
    scene.facts.tags.get_mut(&tag("v1")).unwrap().target = digest("another");
    scene.facts.tags.get_mut(&tag("v1")).unwrap().expires = NOW;
    assert!(scene.plan().is_ok(), "a tag that has expired holds nothing");
}

#[test]
fn guards_and_permissions() {
    let own = image("{}", "layer");
    let check = |current: Option<Digest>, guard: Guard, overwrite: bool, expected: Result<Guard, Rejection>| {
        let mut scene = Scene::image("{}", PushTarget::Tag { name: tag("v1"), guard });
        scene.permissions.overwrite = overwrite;
        if let Some(current) = current {
            scene.has_tag("v1", current, false);
        }
        let planned = scene.plan().map(|plan| match &plan.tags[..] {
            [TagChange::Point { guard, .. }] => *guard,
            other => panic!("one tag, not {other:?}"),
        });
        assert_eq!(planned, expected, "{current:?} {guard:?} {overwrite}");
    };
    let other = digest("another");
    let failed = || Err(Rejection::GuardFailed(tag("v1")));
    check(None, Guard::Absent, true, Ok(Guard::Absent));
    check(Some(other), Guard::Absent, true, failed());
    check(Some(other), Guard::Is(other), true, Ok(Guard::Is(other)));
    check(Some(other), Guard::Is(digest(&own)), true, failed());
    check(None, Guard::Is(other), true, failed());
    check(Some(other), Guard::Any, true, Ok(Guard::Any));
    check(Some(other), Guard::Any, false, Err(Rejection::OverwriteDenied(tag("v1"))));
    check(Some(digest(&own)), Guard::Any, false, Ok(Guard::AbsentOrIs(digest(&own))));
    check(None, Guard::Any, false, Ok(Guard::AbsentOrIs(digest(&own))));
}

#[test]
fn repositories_that_are_absent_or_read_only() {
    let mut scene = Scene::image("{}", to_tag("v1"));
    scene.facts.repository = RepositoryState::Absent;
    assert_eq!(scene.plan().unwrap().create_repository, Some(Visibility::Private));
    scene.permissions.create = None;
    assert_eq!(scene.plan(), Err(Rejection::RepositoryUnknown));
    scene.facts.repository = RepositoryState::ReadOnly;
    assert_eq!(scene.plan(), Err(Rejection::ReadOnly));
}

#[test]
fn the_empty_layer_needs_no_upload_and_is_linked_where_history_implies_it() {
    let config = r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},
        "history":[{"created_by":"x"},{"empty_layer":true}]}"#;
    let new = Scene::image(config, to_tag("v1")).created();
    assert!(new.empty_layer);
    assert_eq!(new.blobs.get(&empty_layer::digest()), Some(&Need::Required));
    assert!(!Scene::image("{}", to_tag("v1")).created().empty_layer);
}
