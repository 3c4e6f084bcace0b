use super::amend::amend;
use super::change::{Label, LabelId, LabelSource, LabelsChange, Plan, TagChange};
use super::empty::{empty_ask, empty_plan};
use crate::access::Context;
use crate::facts::{Acting, Existing, PushAsk, PushFacts, RepositoryState, TagState};
use crate::labels::{self, EXPIRES_AFTER, IMMUTABLE, LabelError};
use crate::policy::Policy;
use crate::time::{Millis, NEVER, after};
use oci_types::{Digest, RepositoryName, TagName};
use std::collections::{BTreeMap, BTreeSet};

/// The labels of one manifest, which are to be changed.
#[derive(Clone, Copy, Debug)]
pub struct LabelCase<'a> {
    /// Where.
    pub repository: &'a RepositoryName,
    /// Whose labels.
    pub digest: Digest,
    /// Who and when.
    pub context: &'a Context,
    /// What the operator chose.
    pub policy: &'a Policy,
}

/// Why labels are not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelRejection {
    /// There is no such repository.
    RepositoryUnknown,
    /// The repository takes no writes.
    ReadOnly,
    /// The manifest is not there undeleted.
    ManifestUnknown,
    /// The manifest has no such label.
    LabelUnknown,
    /// The label cannot be stored.
    Label(LabelError),
    /// The manifest has as many labels as it may.
    TooMany,
    /// The label did not come from the API, and stays.
    NotRemovable(LabelSource),
}

/// What a change of labels needs to know.
#[must_use]
pub fn label_ask(case: &LabelCase<'_>) -> PushAsk {
    let (digest, tags_of) = (Some(case.digest), Some(case.digest));
    PushAsk { digest, tags_of, labels: true, ..empty_ask(case.repository, case.context) }
}

/// What the removal of an acting label from an index needs to know besides: what its children agree on.
#[must_use]
pub fn label_ask_with_children(case: &LabelCase<'_>, children: BTreeSet<Digest>) -> PushAsk {
    PushAsk { children, ..label_ask(case) }
}

/// Decides about a new label. One that acts does so at once: on all alive tags of the manifest, and on those that are
/// pointed at it later.
///
/// - `quay.expires-after`: each tag ends so long after *its start*, without Quay's bounds for ends that are set by
///   hand (quay-semantics, section 6.3); a tag that would have ended before now ends now, so that its history lasts
///   from now. Immutable tags stay as they are. A value that asks for nothing is stored and does nothing (semantics
///   6).
/// - `quay.immutable`: each tag becomes immutable, and so never expires.
///
/// ```
/// # use manifest_core::facts::{Acting, Existing, PushFacts, RepositoryState};
/// # use manifest_core::plan::{Label, LabelCase, LabelRejection, LabelSource, plan_add_label};
/// # use manifest_core::oci_types::{Algorithm, Digest, MediaType};
/// # use manifest_core::{Context, Policy};
/// # let repository = "team/app".parse().unwrap();
/// # let (context, policy, digest) = (Context::anonymous(0), Policy::default(), Digest::of(Algorithm::Sha256, b""));
/// let case = LabelCase { repository: &repository, digest, context: &context, policy: &policy };
/// let label = Label { key: "quay.immutable".into(), value: "true".into(), json: false, source: LabelSource::Api };
/// let mut facts = PushFacts::nothing_in(RepositoryState::Open);
/// assert_eq!(plan_add_label(&case, &label, &facts), Err(LabelRejection::ManifestUnknown));
///
/// let media_type = MediaType::from_static(MediaType::OCI_MANIFEST);
/// facts.existing = Some(Existing { media_type, acting: Acting::default(), deleted: false, visible: true });
/// let change = plan_add_label(&case, &label, &facts).unwrap().labels.unwrap();
/// assert!(change.acting.immutable);
/// ```
///
/// # Errors
///
/// [`LabelRejection`]; never `LabelUnknown` or `NotRemovable`.
pub fn plan_add_label(case: &LabelCase<'_>, label: &Label, facts: &PushFacts) -> Result<Plan, LabelRejection> {
    let existing = writable(facts)?;
    labels::check_new(label).map_err(LabelRejection::Label)?;
    if facts.labels.len() >= labels::MAX_COUNT {
        return Err(LabelRejection::TooMany);
    }
    let now = case.context.now;
    let acting = labels::overlay(existing.acting, [(label.key.as_str(), label.value.as_str())]);
    let tags = facts.tags_of.iter().filter_map(|(name, state)| act(label, name, state, now)).collect();
    let labels = LabelsChange { manifest: case.digest, add: vec![label.clone()], remove: None, acting };
    Ok(Plan { tags, labels: Some(labels), ..empty_plan(case.repository, case.policy, case.context) })
}

/// What a new label does to an alive tag of its manifest.
fn act(label: &Label, name: &TagName, state: &TagState, now: Millis) -> Option<TagChange> {
    if state.immutable {
        return None;
    }
    match label.key.as_str() {
        EXPIRES_AFTER => {
            let span = labels::expires_after(&label.value)?;
            Some(amend(name, state, after(state.start, span).max(now), false))
        }
        IMMUTABLE if labels::immutable(&label.value) => Some(amend(name, state, NEVER, true)),
        _ => None,
    }
}

/// Decides about the removal of a label. What the manifest does to tags that are pointed at it later is computed anew
/// from the labels that are left; tags that are there stay as they are. `common` are the labels on which an index's
/// children agree, empty for all else.
///
/// # Errors
///
/// [`LabelRejection`]; never `Label` or `TooMany`.
pub fn plan_remove_label(
    case: &LabelCase<'_>,
    id: LabelId,
    common: &BTreeMap<String, String>,
    facts: &PushFacts,
) -> Result<Plan, LabelRejection> {
    writable(facts)?;
    let row = facts.labels.iter().find(|row| row.id == id).ok_or(LabelRejection::LabelUnknown)?;
    if row.label.source != LabelSource::Api {
        return Err(LabelRejection::NotRemovable(row.label.source));
    }
    let left = facts.labels.iter().filter(|row| row.id != id);
    let left = left.map(|row| (row.label.key.as_str(), row.label.value.as_str()));
    let base = labels::overlay(Acting::default(), common.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let acting = labels::overlay(base, left);
    let labels = LabelsChange { manifest: case.digest, add: Vec::new(), remove: Some(id), acting };
    Ok(Plan { labels: Some(labels), ..empty_plan(case.repository, case.policy, case.context) })
}

fn writable(facts: &PushFacts) -> Result<&Existing, LabelRejection> {
    match facts.repository {
        RepositoryState::Absent => return Err(LabelRejection::RepositoryUnknown),
        RepositoryState::ReadOnly => return Err(LabelRejection::ReadOnly),
        RepositoryState::Open => {}
    }
    facts.existing.as_ref().filter(|existing| !existing.deleted).ok_or(LabelRejection::ManifestUnknown)
}

#[cfg(test)]
mod tests;
