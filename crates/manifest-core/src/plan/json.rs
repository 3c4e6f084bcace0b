//! Plans and facts as JSON, for people and programs that want to see a write before it happens.

use super::change::{Guard, Label, LabelSource, LabelsChange, ManifestChange, NewManifest, Plan, TagChange};
use crate::document::Need;
use crate::facts::{Acting, Blob, Child, Existing, PushFacts, RepositoryState, TagState, Visibility};
use crate::legacy::{KnownImage, LegacyImage};
use crate::stored::platform_to_text;
use crate::time::{Millis, NEVER};
use oci_types::{Algorithm, Digest, Platform};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A plan as JSON: times in milliseconds since 1970, `null` for what has no end, sets in byte order. The manifest's bytes are
/// named by size and sha256, which for signed schema 1 is not its digest. Different plans have different JSON.
#[must_use]
pub fn plan_to_json(plan: &Plan) -> Value {
    json!({
        "repository": plan.repository.as_str(),
        "createRepository": plan.create_repository.map(visibility),
        "now": plan.now,
        "actor": plan.actor.as_ref().map(ToString::to_string),
        "manifest": plan.manifest.as_ref().map(manifest_change),
        "tags": plan.tags.iter().map(tag_change).collect::<Vec<_>>(),
        "pin": plan.pin.map(|pin| json!({ "digest": text(&pin.digest), "until": time(pin.until) })),
        // Not `time`: nothing is pinned, and pinned for ever, are two plans.
        "displacedUntil": plan.displaced_until,
        "delete": plan.delete.as_ref().map(text),
        "labels": plan.labels.as_ref().map(labels_change),
        "purge": plan.purge.iter().map(text).collect::<Vec<_>>(),
    })
}

/// Facts as JSON, in the same forms.
#[must_use]
pub fn facts_to_json(facts: &PushFacts) -> Value {
    json!({
        "repository": match facts.repository {
            RepositoryState::Absent => "absent",
            RepositoryState::Open => "open",
            RepositoryState::ReadOnly => "read-only",
        },
        "existing": facts.existing.as_ref().map(existing),
        "blobs": by_digest(&facts.blobs, blob),
        "children": by_digest(&facts.children, child),
        "tagsOf": facts.tags_of.iter().map(|(name, state)| (name.to_string(), tag_state(state))).collect::<Map<_, _>>(),
        "labels": facts.labels.iter().map(|row| json!({ "id": row.id.0, "label": label(&row.label) })).collect::<Vec<_>>(),
        "tags": facts.tags.iter().map(|(name, state)| (name.to_string(), tag_state(state))).collect::<Map<_, _>>(),
        "legacyImages": facts.legacy_images.iter().map(|(id, known)| (id.clone(), known_image(known))).collect::<Map<_, _>>(),
    })
}

fn text(digest: &Digest) -> Value {
    Value::String(digest.to_string())
}

fn time(at: Millis) -> Value {
    if at == NEVER { Value::Null } else { at.into() }
}

fn visibility(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Private => "private",
    }
}

fn need(need: Need) -> &'static str {
    match need {
        Need::Required => "required",
        Need::MayBeAbsent => "may be absent",
    }
}

fn acting_to_json(acting: Acting) -> Value {
    json!({ "expiresAfter": acting.expires_after, "immutable": acting.immutable })
}

fn platform(platform: Option<&Platform>) -> Value {
    // The stored form is JSON that this program wrote; were it not, it would still be shown as text.
    platform
        .map(platform_to_text)
        .map_or(Value::Null, |text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn by_digest<T>(map: &BTreeMap<Digest, T>, form: impl Fn(&T) -> Value) -> Value {
    Value::Object(map.iter().map(|(digest, value)| (digest.to_string(), form(value))).collect())
}

fn manifest_change(change: &ManifestChange) -> Value {
    match change {
        ManifestChange::Keep(digest) => json!({ "keep": text(digest) }),
        ManifestChange::Create(new) => json!({ "create": new_manifest(new) }),
    }
}

fn new_manifest(new: &NewManifest) -> Value {
    json!({
        "digest": text(&new.digest),
        "mediaType": new.media_type.as_str(),
        "size": new.bytes.len(),
        "sha256": Digest::of(Algorithm::Sha256, &new.bytes).hex(),
        "subject": new.subject.as_ref().map(text),
        "artifactType": new.artifact_type,
        "annotations": new.annotations,
        "platform": platform(new.platform.as_ref()),
        "imageCreated": new.image_created,
        "layersSize": new.layers_size,
        "acting": acting_to_json(new.acting),
        "labels": new.labels.iter().map(label).collect::<Vec<_>>(),
        "blobs": by_digest(&new.blobs, |wanted| need(*wanted).into()),
        "children": new.children.iter().map(|link| json!({
            "digest": text(&link.digest),
            "need": need(link.need),
            "platform": platform(link.platform.as_ref()),
        })).collect::<Vec<_>>(),
        "emptyLayer": new.empty_layer,
        "legacyImages": new.legacy_images.iter().map(legacy_image).collect::<Vec<_>>(),
        "legacyImage": new.legacy_image,
    })
}

fn legacy_image(image: &LegacyImage) -> Value {
    json!({
        "id": image.id,
        "parent": image.parent,
        "blob": text(&image.blob),
        "created": image.created,
        "command": image.command,
        "comment": image.comment,
        "aggregateSize": image.aggregate_size,
        // Of the last one the whole config is among them, so they are named as the manifest's bytes are.
        "metadataSize": image.metadata.len(),
        "metadataSha256": Digest::of(Algorithm::Sha256, image.metadata.as_bytes()).hex(),
    })
}

fn known_image(known: &KnownImage) -> Value {
    json!({ "blob": text(&known.blob), "parent": known.parent, "aggregateSize": known.aggregate_size })
}

fn labels_change(change: &LabelsChange) -> Value {
    json!({
        "manifest": text(&change.manifest),
        "add": change.add.iter().map(label).collect::<Vec<_>>(),
        "remove": change.remove.map(|id| id.0),
        "acting": acting_to_json(change.acting),
    })
}

fn label(label: &Label) -> Value {
    let source = match label.source {
        LabelSource::Manifest => "manifest",
        LabelSource::Api => "api",
        LabelSource::Internal => "internal",
    };
    json!({ "key": label.key, "value": label.value, "json": label.json, "source": source })
}

fn tag_change(change: &TagChange) -> Value {
    match change {
        TagChange::Point { name, to, expires, immutable, reversion, guard } => json!({ "point": {
            "name": name.as_str(),
            "to": text(to),
            "expires": time(*expires),
            "immutable": immutable,
            "reversion": reversion,
            "guard": guard_to_json(*guard),
        } }),
        TagChange::Amend { name, start, was_immutable, expires, immutable } => json!({ "amend": {
            "name": name.as_str(),
            "start": start,
            "wasImmutable": was_immutable,
            "expires": time(*expires),
            "immutable": immutable,
        } }),
        TagChange::End { name, guard } => json!({ "end": { "name": name.as_str(), "guard": guard_to_json(*guard) } }),
    }
}

fn guard_to_json(guard: Guard) -> Value {
    match guard {
        Guard::Any => Value::Null,
        Guard::Absent => json!("absent"),
        Guard::Is(digest) => json!({ "is": text(&digest) }),
        Guard::AbsentOrIs(digest) => json!({ "absentOrIs": text(&digest) }),
    }
}

fn existing(existing: &Existing) -> Value {
    json!({
        "mediaType": existing.media_type.as_str(),
        "acting": acting_to_json(existing.acting),
        "deleted": existing.deleted,
    })
}

fn blob(blob: &Blob) -> Value {
    json!({ "size": blob.size, "location": blob.location.to_string() })
}

fn child(child: &Child) -> Value {
    json!({
        "mediaType": child.media_type.as_str(),
        "size": child.size,
        "platform": platform(child.platform.as_ref()),
        "labels": child.labels,
        "legacyImage": child.legacy_image,
    })
}

fn tag_state(state: &TagState) -> Value {
    json!({
        "target": text(&state.target),
        "start": state.start,
        "expires": time(state.expires),
        "immutable": state.immutable,
        "actor": state.actor.as_ref().map(ToString::to_string),
    })
}

#[cfg(test)]
mod tests;
