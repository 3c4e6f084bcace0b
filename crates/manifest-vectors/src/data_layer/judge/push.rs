//! Manifests that are pushed, by digest or to a tag: who takes them, and what of them differs.

use super::{Judge, Judged, Step, was_moved_now};
use crate::data_layer::answer::{Answer, Refusal};
use crate::data_layer::op;
use crate::data_layer::session::START;
use crate::deviations::{Rule, is_python_duration};
use manifest_core::document::{Document, Limits};
use manifest_core::empty_layer;
use manifest_core::oci_types::{Algorithm, Digest, MediaType, RepositoryName, TagName};
use serde_json::Value;
use std::collections::BTreeSet;

/// A manifest that is pushed, by digest or to a tag.
pub(super) struct Pushed<'a> {
    pub(super) repo: &'a RepositoryName,
    pub(super) document: Option<Document>,
    pub(super) tag: Option<&'a TagName>,
    pub(super) seconds: i64,
    pub(super) for_tagging: bool,
}

impl<'a> Pushed<'a> {
    pub(super) fn create(op: &'a op::GetOrCreate) -> Self {
        let document = read(&op.media_type, &op.manifest);
        let (seconds, for_tagging) = (op.temp_tag_expiration_sec, op.for_tagging);
        Self { repo: &op.repo, document, tag: None, seconds, for_tagging }
    }

    pub(super) fn push(op: &'a op::Push) -> Self {
        let document = read(&op.media_type, &op.manifest);
        Self { repo: &op.repo, document, tag: Some(&op.tag), seconds: 300, for_tagging: true }
    }
}

/// Whether Quay took the manifest.
pub(super) fn accepted(expected: &Value) -> bool {
    expected.pointer("/ok/digest").is_some_and(Value::is_string)
}

fn read(media_type: &str, manifest: &[u8]) -> Option<Document> {
    let media_type = MediaType::from_content_type(media_type).ok()?;
    Document::parse(Some(&media_type), manifest.to_vec().into(), &Limits::default()).ok()
}

impl Judge {
    /// A manifest that is pushed: who accepts it, and what of it differs.
    pub(super) fn explain_push(&mut self, step: &Step<'_>, pushed: &Pushed<'_>, found: &Value) -> Option<Judged> {
        let repo = pushed.repo;
        let document = pushed.document.as_ref()?;
        let digest = document.digest(Algorithm::Sha256);
        let children: BTreeSet<Digest> = document.children().iter().map(|child| child.digest).collect();
        let blobs: Vec<String> = document.blobs().keys().map(Digest::to_string).collect();
        let below = self.drift.of_any(repo, &children);
        let below = below.or_else(|| blobs.iter().find_map(|blob| self.drift.of_blob(repo, blob)));
        let known = self.drift.of_manifest(repo, &digest);
        match (accepted(step.expected), step.answer) {
            (true, Answer::Done(_)) => match pushed.tag {
                Some(tag) => self.explain_tag(step, (repo, tag, &digest), found, "/ok/tag"),
                None => known.map(Judged::After),
            },
            (true, Answer::Refused(..)) => {
                let has_plain_urls = document.layers().iter().any(|layer| !layer.is_remote() && !layer.urls.is_empty());
                let judged = match (known, below) {
                    (Some(rule @ (Rule::LabelsAreStrings | Rule::OneWrite)), _) => Judged::ByRule(rule),
                    (Some(rule), _) | (None, Some(rule)) => Judged::After(rule),
                    (None, None) if has_plain_urls => Judged::ByRule(Rule::RemoteByType),
                    (None, None) => return None,
                };
                self.drifted(pushed, &digest, blobs, judged);
                Some(judged)
            }
            (false, _) if !is_refusal(step.expected) => None,
            (false, Answer::Done(_)) => {
                let names_empty = document.blobs().contains_key(&empty_layer::digest());
                let is_crash = step.expected["error"].as_str().is_some_and(is_crash);
                let same_moment = pushed.tag.is_some_and(|tag| was_moved_now(step, repo, tag));
                let judged = match below {
                    Some(rule) => Judged::After(rule),
                    None if names_empty => Judged::ByRule(Rule::EmptyLayer),
                    None if is_crash && !children.is_empty() => Judged::ByRule(Rule::ChildConfigs),
                    None if is_crash && same_moment => Judged::ByRule(Rule::SameMillisecond),
                    None => return None,
                };
                self.drifted(pushed, &digest, blobs, judged);
                Some(judged)
            }
            // Both refuse it: Quay by a crash, after which the manifest may be there.
            (false, Answer::Refused(refusal, _)) => {
                step.expected.get("error").and_then(Value::as_str).filter(|class| is_crash(class))?;
                let judged = match (refusal, below) {
                    (Refusal::Labels, _) => Judged::ByRule(Rule::LabelsAreStrings),
                    (Refusal::Manifest, Some(rule)) => Judged::After(rule),
                    (Refusal::Manifest, None) => Judged::ByRule(Rule::OneWrite),
                    _ => return None,
                };
                self.drifted(pushed, &digest, blobs, judged);
                Some(judged)
            }
        }
    }

    fn drifted(&mut self, pushed: &Pushed<'_>, digest: &Digest, blobs: Vec<String>, judged: Judged) {
        let (Judged::ByRule(rule) | Judged::After(rule)) = judged else { return };
        self.drift.manifest(pushed.repo, digest, blobs, rule);
        if let Some(tag) = pushed.tag {
            self.drift.tag(pushed.repo, tag, rule);
        }
    }

    /// A tag that both have, at that place of the answer: its start and its end may differ.
    pub(super) fn explain_tag(
        &mut self,
        step: &Step<'_>,
        (repo, tag, digest): (&RepositoryName, &TagName, &Digest),
        found: &Value,
        place: &str,
    ) -> Option<Judged> {
        if let Some(rule) = self.drift.of_tag(repo, tag) {
            return Some(Judged::After(rule));
        }
        if let Some(rule) = self.drift.of_manifest(repo, digest) {
            return Some(Judged::After(rule));
        }
        let (whole, expected) = (found, step.expected.pointer(place)?);
        let found = found.pointer(place)?;
        let same_but = |member: &str| {
            let mut same = whole.clone();
            if let Some(tag) = same.pointer_mut(place) {
                tag[member] = expected[member].clone();
            }
            same == *step.expected
        };
        let rule = if same_but("start") && was_moved_now(step, repo, tag) && found["start"].as_i64()? > step.now - START
        {
            Rule::SameMillisecond
        } else if same_but("end") && found["end"].is_null() {
            let seconds = (expected["end"].as_i64()? - expected["start"].as_i64()?) / 1_000;
            let own = step.after.labels(repo, digest, "quay.expires-after");
            own.iter().any(|label| is_python_duration(label, seconds)).then_some(Rule::Durations)?
        } else {
            return None;
        };
        self.drift.tag(repo, tag, rule);
        Some(Judged::ByRule(rule))
    }
}

/// Whether an error of Quay's escaped, rather than being the answer to a manifest that is not as it must be.
fn is_crash(class: &str) -> bool {
    class == "unhandled" || class.starts_with("Malformed")
}

/// Whether Quay took the manifest for none that it could store.
fn is_refusal(expected: &Value) -> bool {
    match expected.get("error").and_then(Value::as_str) {
        Some(class) => class == "CreateManifestException" || is_crash(class),
        None => expected.get("ok") == Some(&Value::Null),
    }
}
