use super::images::Images;
use crate::ops::writes::{WriteToken, small};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, SmallInt, Text};
use manifest_core::access::Actor;
use manifest_core::empty_layer;
use manifest_core::plan::{ChildLink, Guard, Label, ManifestChange, Need, NewManifest, Plan, TagChange};
use manifest_core::stored::{self, label_source_code, stored_size, visibility_code};
use manifest_core::time::Millis;
use oci_types::Digest;
use std::borrow::Cow;

/// A plan in the form in which it is bound: each set as one value for each of its columns.
#[derive(Debug)]
pub(super) struct Bound<'a> {
    plan: &'a Plan,
    manifest: Option<Digest>,
    new: Option<&'a NewManifest>,
    annotations: Option<String>,
    platform: Option<String>,
    blobs: Vec<&'a [u8]>,
    blobs_required: Vec<bool>,
    children: Vec<&'a [u8]>,
    children_required: Vec<bool>,
    children_platform: Vec<Option<String>>,
    labels: Labels<'a>,
    images: Images<'a>,
    empty_layer: Digest,
    tags: Tags<'a>,
    added: Labels<'a>,
    purge: Vec<&'a [u8]>,
}

/// Labels, a list for each of their columns.
#[derive(Debug, Default)]
struct Labels<'a> {
    keys: Vec<&'a [u8]>,
    values: Vec<&'a [u8]>,
    json: Vec<bool>,
    sources: Vec<i16>,
}

/// Changes of tags, a list for each of their members.
#[derive(Debug, Default)]
struct Tags<'a> {
    names: Vec<&'a str>,
    changes: Vec<i16>,
    targets: Vec<Option<&'a [u8]>>,
    expires: Vec<Option<Millis>>,
    immutable: Vec<bool>,
    reversion: Vec<bool>,
    guards: Vec<i16>,
    guard_digests: Vec<Option<&'a [u8]>>,
    seen_start: Vec<Option<Millis>>,
    seen_immutable: Vec<bool>,
}

impl<'a> Bound<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        let new = match &plan.manifest {
            Some(ManifestChange::Create(new)) => Some(&**new),
            Some(ManifestChange::Keep(_)) | None => None,
        };
        let shown = new.filter(|new| new.subject.is_some() && !new.annotations.is_empty());
        let blobs = || new.into_iter().flat_map(|new| &new.blobs);
        let children = || new.into_iter().flat_map(|new| &new.children);
        let platform = |child: &ChildLink| child.platform.as_ref().map(stored::platform_to_text);
        Self {
            plan,
            manifest: plan.manifest.as_ref().map(ManifestChange::digest),
            new,
            annotations: shown.map(|new| stored::annotations_to_text(&new.annotations)),
            platform: new.and_then(|new| new.platform.as_ref()).map(stored::platform_to_text),
            blobs: blobs().map(|(digest, _)| digest.as_bytes()).collect(),
            blobs_required: blobs().map(|(_, need)| *need == Need::Required).collect(),
            children: children().map(|child| child.digest.as_bytes()).collect(),
            children_required: children().map(|child| child.need == Need::Required).collect(),
            children_platform: children().map(platform).collect(),
            labels: Labels::new(new.map_or(&[], |new| &new.labels)),
            images: new.map(Images::new).unwrap_or_default(),
            empty_layer: empty_layer::digest(),
            tags: Tags::new(&plan.tags),
            added: Labels::new(plan.labels.as_ref().map_or(&[], |change| &change.add)),
            purge: plan.purge.iter().map(Digest::as_bytes).collect(),
        }
    }

    /// Under that number; whether the answer is to be left under it.
    pub(super) fn statement(&self, token: WriteToken, leaves_answer: bool) -> Apply<'_> {
        let Self { plan, tags, added, .. } = self;
        let change = plan.labels.as_ref();
        Apply {
            repository: plan.repository.as_str(),
            visibility: plan.create_repository.map(visibility_code).map(small),
            now: plan.now,
            actor: plan.actor.as_ref().map(Actor::as_str),
            manifest: self.manifest.as_ref().map(Digest::as_bytes),
            tags: &tags.names,
            tag_changes: &tags.changes,
            tag_targets: &tags.targets,
            tag_expires: &tags.expires,
            tag_immutable: &tags.immutable,
            tag_reversion: &tags.reversion,
            tag_guards: &tags.guards,
            tag_guard_digests: &tags.guard_digests,
            tag_seen_start: &tags.seen_start,
            tag_seen_immutable: &tags.seen_immutable,
            pin: plan.pin.as_ref().map(|pin| pin.digest.as_bytes()),
            pin_until: plan.pin.map(|pin| pin.until),
            displaced_until: plan.displaced_until,
            deletion: plan.delete.as_ref().map(Digest::as_bytes),
            labels_of: change.map(|change| change.manifest.as_bytes()),
            added_keys: &added.keys,
            added_values: &added.values,
            added_json: &added.json,
            added_sources: &added.sources,
            // An id that the column cannot hold was never given.
            removed_label: change.and_then(|change| change.remove).map(|id| stored_size(id.0)),
            acting_expires_after: change.and_then(|change| change.acting.expires_after),
            acting_immutable: change.is_some_and(|change| change.acting.immutable),
            purge: &self.purge,
            token: token.bound(),
            leaves_answer,
            ..self.of_new()
        }
    }

    /// What is said of a new manifest.
    fn of_new(&self) -> Apply<'_> {
        let Self { new, labels, images, .. } = self;
        Apply {
            is_new: new.is_some(),
            media_type: new.map(|new| new.media_type.as_str()),
            subject: new.and_then(|new| new.subject.as_ref()).map(Digest::as_bytes),
            artifact_type: new.and_then(|new| new.artifact_type.as_deref()).map(str::as_bytes),
            annotations: self.annotations.as_deref(),
            platform: self.platform.as_deref(),
            image_created: new.and_then(|new| new.image_created),
            layers_size: new.and_then(|new| new.layers_size).map(stored_size),
            expires_after: new.and_then(|new| new.acting.expires_after),
            immutable: new.is_some_and(|new| new.acting.immutable),
            bytes: new.map_or(&[], |new| &new.bytes),
            blobs: &self.blobs,
            blobs_required: &self.blobs_required,
            children: &self.children,
            children_required: &self.children_required,
            children_platform: &self.children_platform,
            label_keys: &labels.keys,
            label_values: &labels.values,
            label_json: &labels.json,
            label_sources: &labels.sources,
            legacy_image: images.top.as_deref(),
            legacy_ids: &images.ids,
            legacy_parents: &images.parents,
            legacy_created: &images.created,
            legacy_commands: &images.commands,
            legacy_comments: &images.comments,
            legacy_aggregate_sizes: &images.aggregate_sizes,
            legacy_blobs: &images.blobs,
            legacy_metadata: &images.metadata,
            empty_layer: self.empty_layer.as_bytes(),
            brings_empty_layer: new.is_some_and(|new| new.empty_layer),
            ..Apply::default()
        }
    }
}

impl<'a> Labels<'a> {
    fn new(labels: &'a [Label]) -> Self {
        Self {
            keys: labels.iter().map(|label| label.key.as_bytes()).collect(),
            values: labels.iter().map(|label| label.value.as_bytes()).collect(),
            json: labels.iter().map(|label| label.json).collect(),
            sources: labels.iter().map(|label| small(label_source_code(label.source))).collect(),
        }
    }
}

impl<'a> Tags<'a> {
    fn new(changes: &'a [TagChange]) -> Self {
        let mut tags = Self::default();
        for change in changes {
            tags.add(change);
        }
        tags
    }

    fn add(&mut self, change: &'a TagChange) {
        // What a change has not is not looked at.
        let (kind, target, expires, immutable, reversion, seen) = match change {
            TagChange::Point { to, expires, immutable, reversion, .. } => {
                (0, Some(to.as_bytes()), Some(*expires), *immutable, *reversion, None)
            }
            TagChange::Amend { start, was_immutable, expires, immutable, .. } => {
                (1, None, Some(*expires), *immutable, false, Some((*start, *was_immutable)))
            }
            TagChange::End { .. } => (2, None, None, false, false, None),
        };
        self.names.push(change.name().as_str());
        self.changes.push(kind);
        self.targets.push(target);
        self.expires.push(expires);
        self.immutable.push(immutable);
        self.reversion.push(reversion);
        self.seen_start.push(seen.map(|(start, _)| start));
        self.seen_immutable.push(seen.is_some_and(|(_, immutable)| immutable));
        let (guard, digest) = match change {
            TagChange::Point { guard, .. } | TagChange::End { guard, .. } => guarded(guard),
            TagChange::Amend { .. } => (0, None),
        };
        self.guards.push(guard);
        self.guard_digests.push(digest);
    }
}

fn guarded(guard: &Guard) -> (i16, Option<&[u8]>) {
    match guard {
        Guard::Any => (0, None),
        Guard::Absent => (1, None),
        Guard::Is(digest) => (2, Some(digest.as_bytes())),
        Guard::AbsentOrIs(digest) => (3, Some(digest.as_bytes())),
    }
}

statement! {
    /// The members of `plan_1`, in its order, and what else `apply_3` takes.
    #[derive(Default)]
    struct Apply<'a> {
        repository: &'a str => Text,
        visibility: Option<i16> => Nullable<SmallInt>,
        now: Millis => BigInt,
        actor: Option<&'a str> => Nullable<Text>,
        manifest: Option<&'a [u8]> => Nullable<Binary>,
        is_new: bool => Bool,
        media_type: Option<&'a str> => Nullable<Text>,
        subject: Option<&'a [u8]> => Nullable<Binary>,
        artifact_type: Option<&'a [u8]> => Nullable<Binary>,
        annotations: Option<&'a str> => Nullable<Text>,
        platform: Option<&'a str> => Nullable<Text>,
        image_created: Option<Millis> => Nullable<BigInt>,
        layers_size: Option<i64> => Nullable<BigInt>,
        expires_after: Option<i64> => Nullable<BigInt>,
        immutable: bool => Bool,
        bytes: &'a [u8] => Binary,
        blobs: &'a [&'a [u8]] => Array<Binary>,
        blobs_required: &'a [bool] => Array<Bool>,
        children: &'a [&'a [u8]] => Array<Binary>,
        children_required: &'a [bool] => Array<Bool>,
        children_platform: &'a [Option<String>] => Array<Nullable<Text>>,
        label_keys: &'a [&'a [u8]] => Array<Binary>,
        label_values: &'a [&'a [u8]] => Array<Binary>,
        label_json: &'a [bool] => Array<Bool>,
        label_sources: &'a [i16] => Array<SmallInt>,
        legacy_image: Option<&'a str> => Nullable<Text>,
        legacy_ids: &'a [Cow<'a, str>] => Array<Text>,
        legacy_parents: &'a [Option<Cow<'a, str>>] => Array<Nullable<Text>>,
        legacy_created: &'a [Option<Millis>] => Array<Nullable<BigInt>>,
        legacy_commands: &'a [Option<Cow<'a, str>>] => Array<Nullable<Text>>,
        legacy_comments: &'a [Option<Cow<'a, str>>] => Array<Nullable<Text>>,
        legacy_aggregate_sizes: &'a [Option<i64>] => Array<Nullable<BigInt>>,
        legacy_blobs: &'a [&'a [u8]] => Array<Binary>,
        legacy_metadata: &'a [Cow<'a, str>] => Array<Text>,
        empty_layer: &'a [u8] => Binary,
        brings_empty_layer: bool => Bool,
        tags: &'a [&'a str] => Array<Text>,
        tag_changes: &'a [i16] => Array<SmallInt>,
        tag_targets: &'a [Option<&'a [u8]>] => Array<Nullable<Binary>>,
        tag_expires: &'a [Option<Millis>] => Array<Nullable<BigInt>>,
        tag_immutable: &'a [bool] => Array<Bool>,
        tag_reversion: &'a [bool] => Array<Bool>,
        tag_guards: &'a [i16] => Array<SmallInt>,
        tag_guard_digests: &'a [Option<&'a [u8]>] => Array<Nullable<Binary>>,
        tag_seen_start: &'a [Option<Millis>] => Array<Nullable<BigInt>>,
        tag_seen_immutable: &'a [bool] => Array<Bool>,
        pin: Option<&'a [u8]> => Nullable<Binary>,
        pin_until: Option<Millis> => Nullable<BigInt>,
        displaced_until: Option<Millis> => Nullable<BigInt>,
        deletion: Option<&'a [u8]> => Nullable<Binary>,
        labels_of: Option<&'a [u8]> => Nullable<Binary>,
        added_keys: &'a [&'a [u8]] => Array<Binary>,
        added_values: &'a [&'a [u8]] => Array<Binary>,
        added_json: &'a [bool] => Array<Bool>,
        added_sources: &'a [i16] => Array<SmallInt>,
        removed_label: Option<i64> => Nullable<BigInt>,
        acting_expires_after: Option<i64> => Nullable<BigInt>,
        acting_immutable: bool => Bool,
        purge: &'a [&'a [u8]] => Array<Binary>,
        token: i64 => BigInt,
        leaves_answer: bool => Bool,
    }
    -> (SmallInt, Bool, Array<Text>, Array<Binary>);
    "SELECT a.outcome, a.created, coalesce(a.names, '{}'), coalesce(a.digests, '{}') FROM apply_3(ROW( \
     $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
     $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, \
     $43, $44, $45, $46, $47, $48, $49, $50, $51, $52, $53, $54, $55, $56, $57, $58, $59)::plan_1, $60, $61) a"
}
