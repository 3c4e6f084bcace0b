use super::super::empty::empty_plan;
use super::super::testing::{NOW, context, digest, repository, tag};
use super::{ParsePlanIdError, PlanId, canonical_json};
use crate::facts::{Acting, Visibility};
use crate::legacy::LegacyImage;
use crate::plan::{
    Guard, Label, LabelId, LabelSource, LabelsChange, ManifestChange, Need, NewManifest, Pin, Plan, TagChange,
};
use crate::policy::Policy;
use crate::time::NEVER;
use bytes::Bytes;
use oci_types::{MediaType, Platform};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[test]
fn canonical_forms() {
    let check = |value: &serde_json::Value, expected: &str| assert_eq!(canonical_json(value), expected);
    check(&json!({}), "{}");
    check(&json!([]), "[]");
    check(&json!([{ "b": {}, "a": [true, -1] }, "\"\u{1}"]), r#"[{"a":[true,-1],"b":{}},"\"\u0001"]"#);
    check(&json!({ "é": 1, "z": 2, "Z": 3 }), r#"{"Z":3,"z":2,"é":1}"#);
}

#[test]
fn ids_are_sha256_as_text() {
    let id = PlanId::of_json(&json!({}));
    assert_eq!(id.to_string(), "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    assert_eq!(id.to_string().parse(), Ok(id));
    let sha512 = format!("sha512:{}", "0".repeat(128));
    assert!(matches!(sha512.parse::<PlanId>(), Err(ParsePlanIdError::Algorithm(_))));
    assert!(matches!("latest".parse::<PlanId>(), Err(ParsePlanIdError::Digest(_))));
}

fn plan() -> Plan {
    empty_plan(&repository(), &Policy::default(), &context())
}

fn manifest() -> NewManifest {
    NewManifest {
        digest: digest("m"),
        media_type: MediaType::from_static(MediaType::OCI_MANIFEST),
        bytes: Bytes::from_static(b"m"),
        subject: None,
        artifact_type: None,
        annotations: BTreeMap::new(),
        platform: None,
        image_created: None,
        layers_size: None,
        acting: Acting::default(),
        labels: Vec::new(),
        blobs: BTreeMap::new(),
        children: Vec::new(),
        empty_layer: false,
        legacy_images: Vec::new(),
        legacy_image: None,
    }
}

fn creating(change: impl FnOnce(&mut NewManifest)) -> Plan {
    let mut new = manifest();
    change(&mut new);
    Plan { manifest: Some(ManifestChange::Create(Arc::new(new))), ..plan() }
}

/// Points the tag; `change` spoils one thing.
fn pointing(change: impl FnOnce(&mut i64, &mut bool, &mut bool, &mut Guard)) -> Plan {
    let (mut expires, mut immutable, mut reversion, mut guard) = (NEVER, false, false, Guard::Any);
    change(&mut expires, &mut immutable, &mut reversion, &mut guard);
    let point = TagChange::Point { name: tag("v1"), to: digest("m"), expires, immutable, reversion, guard };
    Plan { tags: vec![point], ..plan() }
}

/// Amends the tag; `change` spoils one thing.
fn amending(change: impl FnOnce(&mut i64, &mut bool, &mut i64, &mut bool)) -> Plan {
    let (mut start, mut was_immutable, mut expires, mut immutable) = (1, false, NEVER, false);
    change(&mut start, &mut was_immutable, &mut expires, &mut immutable);
    Plan { tags: vec![TagChange::Amend { name: tag("v1"), start, was_immutable, expires, immutable }], ..plan() }
}

fn labelling(add: Vec<Label>, remove: Option<LabelId>, acting: Acting) -> Plan {
    Plan { labels: Some(LabelsChange { manifest: digest("m"), add, remove, acting }), ..plan() }
}

fn label(json: bool, source: LabelSource) -> Label {
    Label { key: "k".to_owned(), value: "v".to_owned(), json, source }
}

fn image(metadata: &str, created: Option<i64>) -> LegacyImage {
    LegacyImage {
        id: "id".to_owned(),
        parent: None,
        blob: digest("b"),
        created,
        command: None,
        comment: None,
        aggregate_size: None,
        metadata: metadata.to_owned(),
    }
}

/// One of each kind of difference.
fn different_plans() -> Vec<Plan> {
    let acts = Acting { expires_after: Some(1), immutable: false };
    let pin = |until| Plan { pin: Some(Pin { digest: digest("m"), until }), ..plan() };
    vec![
        plan(),
        Plan { repository: "team/other".parse().unwrap(), ..plan() },
        Plan { create_repository: Some(Visibility::Public), ..plan() },
        Plan { create_repository: Some(Visibility::Private), ..plan() },
        Plan { now: NOW + 1, ..plan() },
        Plan { actor: Some("ann".parse().unwrap()), ..plan() },
        Plan { displaced_until: None, ..plan() },
        Plan { displaced_until: Some(NEVER), ..plan() },
        Plan { delete: Some(digest("m")), ..plan() },
        Plan { purge: BTreeSet::from([digest("m")]), ..plan() },
        pin(5),
        pin(NEVER),
        Plan { manifest: Some(ManifestChange::Keep(digest("m"))), ..plan() },
        creating(|_| {}),
        creating(|new| new.bytes = Bytes::from_static(b"n")),
        creating(|new| new.subject = Some(digest("s"))),
        creating(|new| new.artifact_type = Some("a".to_owned())),
        creating(|new| new.annotations = BTreeMap::from([("a".to_owned(), "b".to_owned())])),
        creating(|new| new.platform = Some(Platform::new("linux", "amd64"))),
        creating(|new| new.image_created = Some(0)),
        creating(|new| new.layers_size = Some(0)),
        creating(|new| new.acting = acts),
        creating(|new| new.labels = vec![label(false, LabelSource::Manifest)]),
        creating(|new| new.blobs = BTreeMap::from([(digest("b"), Need::Required)])),
        creating(|new| new.blobs = BTreeMap::from([(digest("b"), Need::MayBeAbsent)])),
        creating(|new| new.empty_layer = true),
        creating(|new| new.legacy_image = Some("top".to_owned())),
        creating(|new| new.legacy_images = vec![image("", None)]),
        creating(|new| new.legacy_images = vec![image("{}", None)]),
        creating(|new| new.legacy_images = vec![image("", Some(0))]),
        pointing(|_, _, _, _| {}),
        pointing(|expires, _, _, _| *expires = 5),
        pointing(|_, immutable, _, _| *immutable = true),
        pointing(|_, _, reversion, _| *reversion = true),
        pointing(|_, _, _, guard| *guard = Guard::Absent),
        pointing(|_, _, _, guard| *guard = Guard::Is(digest("a"))),
        pointing(|_, _, _, guard| *guard = Guard::AbsentOrIs(digest("a"))),
        amending(|_, _, _, _| {}),
        amending(|start, _, _, _| *start = 2),
        amending(|_, was_immutable, _, _| *was_immutable = true),
        amending(|_, _, expires, _| *expires = 5),
        amending(|_, _, _, immutable| *immutable = true),
        Plan { tags: vec![TagChange::End { name: tag("v1"), guard: Guard::Any }], ..plan() },
        labelling(Vec::new(), None, Acting::default()),
        labelling(Vec::new(), Some(LabelId(1)), Acting::default()),
        labelling(Vec::new(), None, acts),
        labelling(vec![label(false, LabelSource::Api)], None, Acting::default()),
        labelling(vec![label(true, LabelSource::Api)], None, Acting::default()),
        labelling(vec![label(false, LabelSource::Internal)], None, Acting::default()),
    ]
}

#[test]
fn different_plans_have_different_ids() {
    let mut seen: BTreeMap<PlanId, Plan> = BTreeMap::new();
    for plan in different_plans() {
        assert_eq!(PlanId::of(&plan), PlanId::of(&plan.clone()));
        if let Some(other) = seen.insert(PlanId::of(&plan), plan.clone()) {
            panic!("one id for {plan:?} and {other:?}");
        }
    }
}
