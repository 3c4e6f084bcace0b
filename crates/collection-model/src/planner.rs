//! The core's own decisions, asked with facts from the model's rows: what a push or a deletion plans is decided by `manifest_core::plan`.

use crate::liveness::Definitions;
use crate::rows::{NEVER, Tag, Time};
use crate::world::{Condition, Op, Target, World};
use bytes::Bytes;
use manifest_core::document::{Document, Limits};
use manifest_core::facts::{Acting, Blob, Child, Existing, Location, PushFacts, RepositoryState, StoreName, TagState};
use manifest_core::oci_types::{Algorithm, Digest, MediaType, RepositoryName, TagName};
use manifest_core::plan::{
    Guard, ManifestChange, Need, Permissions, Plan, PushCase, PushTarget, TagChange, plan_delete_manifest,
    plan_delete_tag, plan_push,
};
use manifest_core::policy::Policy;
use manifest_core::{Caller, Context, Millis};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

/// A tick in milliseconds: one second, so that `quay.expires-after` can name it.
const TICK: Millis = 1_000;

/// What the facts statement answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Facts {
    /// The time of the request.
    pub(crate) now: Time,
    /// Whether the manifest has a row.
    pub(crate) there: bool,
    /// Whether that is deleted.
    pub(crate) deleted: bool,
    /// Whether it is visible.
    pub(crate) visible: bool,
    /// The blobs that are granted, as a set.
    pub(crate) blobs: u8,
    /// The manifests that are undeleted, as a set.
    pub(crate) manifests: u8,
    /// The tag's row.
    pub(crate) tag: Option<Tag>,
}

/// A plan of the core, as small as the model needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Planned {
    /// What happens to the request's manifest.
    pub(crate) manifest: Change,
    /// What happens to the tag.
    pub(crate) tag: TagStep,
    /// Until when the manifest is pinned.
    pub(crate) pin: Option<Time>,
    /// Until when a manifest is pinned that the tag leaves.
    pub(crate) displaced_until: Option<Time>,
}

/// See [`Planned::manifest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Change {
    None,
    Create,
    Keep,
    Delete,
}

/// See [`Planned::tag`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TagStep {
    None,
    Point { expires: Time, guard: Condition },
    End { guard: Condition },
}

/// Asks the core and remembers its answers: a plan depends on nothing but the request and the facts.
#[derive(Debug)]
pub(crate) struct Planner {
    repository: RepositoryName,
    tag: TagName,
    store: StoreName,
    policy: Policy,
    manifests: Vec<Known>,
    answers: RefCell<HashMap<(Op, Facts), Option<Planned>>>,
}

/// A manifest of the world as a document.
#[derive(Debug)]
struct Known {
    document: Document,
    digest: Digest,
    acting: Acting,
}

impl Planner {
    #[expect(
        clippy::expect_used,
        reason = "names and documents are texts of this file; every test of the crate reads them"
    )]
    pub(crate) fn new(world: &World) -> Self {
        let spans = world.spans;
        let policy = Policy {
            untagged_ttl: Millis::from(spans.untagged) * TICK,
            lease: Millis::from(spans.lease) * TICK,
            upload_ttl: Millis::from(spans.upload) * TICK,
            ..Policy::default()
        };
        let mut manifests: Vec<Known> = Vec::new();
        for m in 0..2 {
            let text = manifest_text(&world.definitions, &manifests, m, world.expiring & (1 << m) != 0);
            let document = Document::parse(None, Bytes::from(text), &Limits::default()).expect("a manifest");
            let digest = document.digest(Algorithm::Sha256);
            let expires_after = (world.expiring & (1 << m) != 0).then_some(TICK);
            manifests.push(Known { document, digest, acting: Acting { expires_after, immutable: false } });
        }
        Self {
            repository: "model".parse().expect("a name"),
            tag: "latest".parse().expect("a tag"),
            store: "model".parse().expect("a store"),
            policy,
            manifests,
            answers: RefCell::default(),
        }
    }

    /// What the core plans for a request, or nothing if it refuses.
    pub(crate) fn plan(&self, op: Op, facts: Facts) -> Option<Planned> {
        if let Some(answer) = self.answers.borrow().get(&(op, facts)) {
            return *answer;
        }
        let answer = self.ask(op, facts);
        self.answers.borrow_mut().insert((op, facts), answer);
        answer
    }

    fn ask(&self, op: Op, facts: Facts) -> Option<Planned> {
        let context = Context { caller: Caller::Anonymous, now: millis(facts.now) };
        let known = self.facts(op, facts);
        match op {
            Op::Push { manifest, to, .. } => {
                let pushed = &self.manifests[usize::from(manifest)];
                let target = match to {
                    Target::Tag(condition) => PushTarget::Tag { name: self.tag.clone(), guard: self.guard(condition) },
                    Target::Digest => PushTarget::Digest { digest: pushed.digest, tags: [].into() },
                };
                let case = PushCase {
                    repository: &self.repository,
                    document: &pushed.document,
                    digest: pushed.digest,
                    target: &target,
                    context: &context,
                    permissions: Permissions { overwrite: true, create: None },
                    reversion: false,
                    policy: &self.policy,
                };
                plan_push(&case, None, &known).ok().map(|pushed| self.small(&pushed.plan))
            }
            Op::DeleteTag { guard, .. } => {
                let guard = self.guard(guard);
                let plan = plan_delete_tag(&self.repository, &self.tag, guard, &known, &self.policy, &context);
                plan.ok().map(|plan| self.small(&plan))
            }
            Op::DeleteManifest { manifest, .. } => {
                let digest = self.manifests[usize::from(manifest)].digest;
                let plan = plan_delete_manifest(&self.repository, &digest, &known, &self.policy, &context);
                plan.ok().map(|plan| self.small(&plan))
            }
            Op::Upload { .. } | Op::Mount { .. } | Op::DeleteBlob { .. } => None,
        }
    }

    fn facts(&self, op: Op, facts: Facts) -> PushFacts {
        let existing = |manifest: u8| {
            let known = &self.manifests[usize::from(manifest)];
            facts.there.then(|| Existing {
                media_type: known.document.media_type().clone(),
                acting: known.acting,
                deleted: facts.deleted,
                visible: facts.visible,
            })
        };
        let blob = |b: u8| {
            let content = blob_text(b);
            let location = Location { store: self.store.clone(), key: content.clone() };
            (Digest::of(Algorithm::Sha256, content.as_bytes()), Blob { size: content.len() as u64, location })
        };
        let child = |m: u8| {
            let known = &self.manifests[usize::from(m)];
            let (media_type, size) = (known.document.media_type().clone(), known.document.bytes().len() as u64);
            (known.digest, Child { media_type, size, platform: None, labels: BTreeMap::new(), legacy_image: None })
        };
        let tag = |tag: Tag| {
            let target = self.manifests[usize::from(tag.to)].digest;
            let (start, expires) = (millis(tag.start), millis(tag.expires));
            (self.tag.clone(), TagState { target, start, expires, immutable: false, actor: None })
        };
        PushFacts {
            repository: RepositoryState::Open,
            existing: match op {
                Op::Push { manifest, .. } | Op::DeleteManifest { manifest, .. } => existing(manifest),
                Op::Upload { .. } | Op::Mount { .. } | Op::DeleteTag { .. } | Op::DeleteBlob { .. } => None,
            },
            blobs: crate::rows::members(facts.blobs).map(blob).collect(),
            children: crate::rows::members(facts.manifests).map(child).collect(),
            tags: facts.tag.map(tag).into_iter().collect(),
            tags_of: BTreeMap::new(),
            labels: Vec::new(),
            legacy_images: BTreeMap::new(),
        }
    }

    fn small(&self, plan: &Plan) -> Planned {
        Planned {
            manifest: match (&plan.manifest, &plan.delete) {
                (Some(ManifestChange::Create(new)), _) => {
                    debug_assert!(
                        new.blobs.values().all(|need| *need == Need::Required),
                        "the model's links are required"
                    );
                    Change::Create
                }
                (Some(ManifestChange::Keep(_)), _) => Change::Keep,
                (None, Some(_)) => Change::Delete,
                (None, None) => Change::None,
            },
            tag: match plan.tags.first() {
                Some(TagChange::Point { expires, guard, .. }) => {
                    TagStep::Point { expires: ticks(*expires), guard: self.condition(*guard) }
                }
                Some(TagChange::End { guard, .. }) => TagStep::End { guard: self.condition(*guard) },
                Some(TagChange::Amend { .. }) | None => TagStep::None,
            },
            pin: plan.pin.map(|pin| ticks(pin.until)),
            displaced_until: plan.displaced_until.map(ticks),
        }
    }

    fn guard(&self, condition: Condition) -> Guard {
        let digest = |m: u8| self.manifests[usize::from(m)].digest;
        match condition {
            Condition::Any => Guard::Any,
            Condition::Absent => Guard::Absent,
            Condition::Is(m) => Guard::Is(digest(m)),
            Condition::AbsentOrIs(m) => Guard::AbsentOrIs(digest(m)),
        }
    }

    fn condition(&self, guard: Guard) -> Condition {
        let index = |digest: Digest| u8::from(self.manifests[0].digest != digest);
        match guard {
            Guard::Any => Condition::Any,
            Guard::Absent => Condition::Absent,
            Guard::Is(digest) => Condition::Is(index(digest)),
            Guard::AbsentOrIs(digest) => Condition::AbsentOrIs(index(digest)),
        }
    }
}

fn millis(time: Time) -> Millis {
    if time == NEVER { manifest_core::NEVER } else { Millis::from(time) * TICK }
}

fn ticks(time: Millis) -> Time {
    if time == manifest_core::NEVER { NEVER } else { Time::try_from(time / TICK).unwrap_or(NEVER) }
}

fn blob_text(b: u8) -> String {
    format!("blob {b}")
}

/// The manifest as JSON: an image whose config is its first blob, or an index of the manifest before it.
fn manifest_text(definitions: &Definitions, before: &[Known], m: u8, expires: bool) -> String {
    let definition = definitions[usize::from(m)];
    let descriptor = |media_type: &str, digest: Digest, size: usize| {
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}}}"#)
    };
    let blob = |media_type: &str, b: u8| {
        let content = blob_text(b);
        descriptor(media_type, Digest::of(Algorithm::Sha256, content.as_bytes()), content.len())
    };
    let known = |m: u8| {
        let known = &before[usize::from(m)];
        descriptor(MediaType::OCI_MANIFEST, known.digest, known.document.bytes().len())
    };
    let label = if expires { r#""quay.expires-after":"1s","# } else { "" };
    let subject = definition.subject.map(|m| format!(r#""subject":{},"#, known(m))).unwrap_or_default();
    let about = format!(r#""schemaVersion":2,{subject}"annotations":{{{label}"model":"{m}"}}"#);
    if let Some(child) = definition.child {
        return format!(r#"{{{about},"mediaType":"{}","manifests":[{}]}}"#, MediaType::OCI_INDEX, known(child));
    }
    let mut blobs = crate::rows::members(definition.blobs);
    let config = blob("application/vnd.model.config", blobs.next().unwrap_or(0));
    let layers: Vec<String> = blobs.map(|b| blob(MediaType::OCI_LAYER, b)).collect();
    let media_type = MediaType::OCI_MANIFEST;
    format!(r#"{{{about},"mediaType":"{media_type}","config":{config},"layers":[{}]}}"#, layers.join(","))
}
