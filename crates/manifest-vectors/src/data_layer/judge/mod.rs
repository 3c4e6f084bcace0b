//! One operation after another: as Quay, by a rule, or not as it must be.

mod note;
mod push;

use super::answer::Answer;
use super::drift::Drift;
use super::ledger::{Ended, Ledger};
use super::op::{self, Op};
use super::quay;
use super::rows::Rows;
use super::session::START;
use super::state;
use crate::compare::{first_difference, shown};
use crate::deviations::Rule;
use manifest_core::Millis;
use manifest_core::document::Document;
use manifest_core::oci_types::{Digest, RepositoryName, TagName};
use push::Pushed;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// An operation that was run, with the rows before it and after it.
pub(in crate::data_layer) struct Step<'a> {
    pub(in crate::data_layer) op: &'a Op,
    pub(in crate::data_layer) expected: &'a Value,
    pub(in crate::data_layer) answer: &'a Answer,
    pub(in crate::data_layer) before: &'a Rows,
    pub(in crate::data_layer) after: &'a Rows,
    pub(in crate::data_layer) now: Millis,
}

/// How an operation was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data_layer) enum Judged {
    /// As Quay answers it.
    AsQuay,
    /// Otherwise, by this rule.
    ByRule(Rule),
    /// Otherwise, because of what this rule changed before: whatever the memory store answers is right.
    After(Rule),
}

/// What is known of a case under way.
pub(in crate::data_layer) struct Judge {
    window: i64,
    ledger: Ledger,
    drift: Drift,
    /// What was pushed, by digest.
    documents: BTreeMap<Digest, Document>,
    /// Blobs whose bytes were dropped.
    dropped: BTreeSet<Digest>,
    /// Whether the children of an index may be absent.
    sparse: bool,
}

impl Judge {
    pub(in crate::data_layer) fn new(window: i64, sparse: bool) -> Self {
        Self {
            window,
            sparse,
            dropped: BTreeSet::new(),
            ledger: Ledger::default(),
            drift: Drift::default(),
            documents: BTreeMap::new(),
        }
    }

    /// Judges the next operation. The error is the first difference that no rule explains.
    pub(in crate::data_layer) fn step(&mut self, step: &Step<'_>) -> Result<Judged, String> {
        let ended = if let Op::Gc { repo } = step.op { self.collected(repo, step) } else { Ended::default() };
        let judged = self.explain(step, &ended)?;
        self.note(step)?;
        Ok(judged)
    }

    fn explain(&mut self, step: &Step<'_>, ended: &Ended) -> Result<Judged, String> {
        let found = step.answer.as_quay(step.op);
        if let Op::State = step.op {
            return state::explain(step, &found, &self.ledger, &self.drift, &self.documents);
        }
        if let Op::Gc { repo } = step.op {
            return self.explain_collection(repo, step, &found, ended);
        }
        if !classes_agree(step.expected) {
            return Err(format!("error and class are at odds: {}", shown(step.expected)));
        }
        let mut expected = step.expected.clone();
        if let Some(members) = expected.as_object_mut() {
            // Which exception it is says nothing beyond the error.
            members.remove("class");
        }
        let Some(difference) = first_difference("", &expected, &found) else {
            return Ok(Judged::AsQuay);
        };
        self.explain_answer(step, &expected, &found).ok_or_else(|| match step.answer {
            Answer::Done(_) => difference,
            Answer::Refused(_, why) => format!("{difference} ({why})"),
        })
    }

    /// Why an answer differs.
    fn explain_answer(&mut self, step: &Step<'_>, expected: &Value, found: &Value) -> Option<Judged> {
        match step.op {
            Op::GetOrCreate(op) => self.explain_push(step, &Pushed::create(op), found),
            Op::Push(op) => self.explain_push(step, &Pushed::push(op), found),
            Op::RetargetExisting(op) => self.explain_tag(step, (&op.repo, &op.tag, &op.digest), found, "/ok"),
            Op::DeleteTag { repo, tag } => self.explain_delete(step, repo, tag),
            Op::GetTag { repo, tag }
            | Op::HasExpiredTag { repo, tag }
            | Op::ChangeExpiration { repo, tag, .. }
            | Op::SetImmutable { repo, tag, .. } => self.drift.of_tag(repo, tag).map(Judged::After),
            Op::ListAlive { repo } | Op::DeleteTagsForManifest { repo, .. } => self.explain_list(repo, expected, found),
            Op::ListPage(op) => self.drift.tags_in(&op.repo).map(Judged::After),
            Op::History(op) => match &op.tag {
                Some(tag) => self.drift.of_tag(&op.repo, tag).map(Judged::After),
                None => self.drift.tags_in(&op.repo).map(Judged::After),
            },
            Op::Lookup(op) => self.explain_lookup(step, op, expected),
            Op::Referrers { repo, digest, .. } => self.explain_referrers(step, (repo, digest), expected, found),
            Op::TempTag(op) => self.drift.of_manifest(&op.repo, &op.digest).map(Judged::After),
            Op::CreateLabel(op) => self.drift.of_manifest(&op.repo, &op.digest).map(Judged::After),
            Op::ListLabels { repo, digest, .. } | Op::DeleteLabel { repo, digest, .. } => {
                self.drift.of_manifest(repo, digest).map(Judged::After)
            }
            Op::BlobInRepo(op) => op
                .digests
                .iter()
                .find_map(|digest| self.drift.of_blob(&op.repo, &digest.to_string()))
                .map(Judged::After),
            Op::RetrieverBlob { repo, digest } => self.drift.of_blob(repo, &digest.to_string()).map(Judged::After),
            Op::MountBlob(op) => self.drift.of_bytes(&op.digest.to_string()).map(Judged::After),
            Op::CreateRepo { .. }
            | Op::Advance { .. }
            | Op::PutBlob(_)
            | Op::DropObject { .. }
            | Op::EnsureSharedEmptyLayer
            | Op::Gc { .. }
            | Op::Purge { .. }
            | Op::State => None,
        }
    }

    fn explain_delete(&mut self, step: &Step<'_>, repo: &RepositoryName, tag: &TagName) -> Option<Judged> {
        if let Some(rule) = self.drift.of_tag(repo, tag).filter(|_| step.expected["error"] != json!("unhandled")) {
            return Some(Judged::After(rule));
        }
        let is_crash = step.expected["error"] == json!("unhandled");
        let is_done = matches!(step.answer, Answer::Done(_));
        (is_crash && is_done && was_moved_now(step, repo, tag)).then(|| {
            self.drift.tag(repo, tag, Rule::SameMillisecond);
            Judged::ByRule(Rule::SameMillisecond)
        })
    }

    /// Names of tags, of which some are in one of the lists only.
    fn explain_list(&mut self, repo: &RepositoryName, expected: &Value, found: &Value) -> Option<Judged> {
        let names = |value: &Value| -> Option<BTreeSet<TagName>> {
            value.get("ok")?.as_array()?.iter().map(|name| name.as_str()?.parse().ok()).collect()
        };
        let (expected, found) = (names(expected)?, names(found)?);
        let mut judged = None;
        for name in expected.symmetric_difference(&found) {
            let known = self.drift.of_tag(repo, name).map(Judged::After);
            let is_ended_by_quay = !expected.contains(name) && quay::is_cosign(name);
            judged = Some(known.or(is_ended_by_quay.then_some(Judged::ByRule(Rule::Cosign)))?);
            self.drift.tag(repo, name, Rule::Cosign);
        }
        judged
    }

    /// Quay's own rule on our rows must say what Quay said; then it is the rule that differs.
    fn explain_lookup(&self, step: &Step<'_>, op: &op::LookUp, expected: &Value) -> Option<Judged> {
        let (repo, digest) = (&op.repo, &op.digest);
        let said = expected.get("ok")?;
        let is_found = *said == json!(digest.to_string());
        if !is_found && !said.is_null() {
            return None;
        }
        let rows = step.before;
        let by_tags =
            op.allow_dead && rows.manifest(repo, digest).is_some() || quay::is_held(rows, repo, digest, step.now);
        let by_hidden = op.allow_hidden && quay::is_hidden(rows, &self.ledger, repo, digest, step.now);
        if !is_found && !by_tags && !by_hidden {
            return Some(Judged::ByRule(Rule::Reachable));
        }
        if is_found && !by_tags && by_hidden {
            return Some(Judged::ByRule(Rule::HiddenTags));
        }
        self.drift.of_manifest(repo, digest).or_else(|| self.drift.tags_in(repo)).map(Judged::After)
    }

    fn explain_referrers(
        &self,
        step: &Step<'_>,
        (repo, subject): (&RepositoryName, &Digest),
        expected: &Value,
        found: &Value,
    ) -> Option<Judged> {
        let digests = |value: &Value| -> Option<BTreeSet<Digest>> {
            value.get("ok")?.as_array()?.iter().map(|digest| digest.as_str()?.parse().ok()).collect()
        };
        let (expected, found) = (digests(expected)?, digests(found)?);
        let mut judged = None;
        for digest in expected.symmetric_difference(&found) {
            let known = self.drift.of_manifest(repo, digest).map(Judged::After);
            // Quay lists what is there, held or not.
            let is_unkept = expected.contains(digest) && step.before.subject(repo, digest).as_ref() == Some(subject);
            judged = Some(known.or(is_unkept.then_some(Judged::ByRule(Rule::Reachable)))?);
        }
        judged
    }

    fn explain_collection(
        &self,
        repo: &RepositoryName,
        step: &Step<'_>,
        found: &Value,
        ended: &Ended,
    ) -> Result<Judged, String> {
        let expected = step.expected.get("ok").and_then(Value::as_bool);
        let found = found.get("ok").and_then(Value::as_bool).map(|removed| removed || ended.known);
        if expected == found {
            return Ok(Judged::AsQuay);
        }
        if expected == Some(true) && ended.unknown {
            return Ok(Judged::ByRule(Rule::HiddenTags));
        }
        self.drift
            .in_repository(repo)
            .map(Judged::After)
            .ok_or_else(|| format!("ok: expected {expected:?}, found {found:?}"))
    }
}

/// An error of Quay's has its class beside it, which says the same unless it escaped.
fn classes_agree(expected: &Value) -> bool {
    match (expected.get("error"), expected.get("class")) {
        (None, None) => true,
        (Some(error), Some(class)) => error == class || *error == json!("unhandled") && class.is_string(),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Whether the tag got its newest interval in this very millisecond, before this operation.
fn was_moved_now(step: &Step<'_>, repo: &RepositoryName, tag: &TagName) -> bool {
    step.before.starts(repo, tag).first().is_some_and(|start| *start >= step.now - START)
}
