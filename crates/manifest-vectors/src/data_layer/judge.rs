//! One operation after another: as Quay, by a rule, or not as it must be.

use super::answer::{Answer, Refusal};
use super::drift::Drift;
use super::ledger::{Ended, Ledger, end_of};
use super::op::{self, Op};
use super::quay;
use super::rows::Rows;
use super::session::START;
use super::state;
use crate::compare::{first_difference, shown};
use crate::deviations::{Rule, is_python_duration};
use manifest_core::Millis;
use manifest_core::document::{Document, Limits};
use manifest_core::empty_layer;
use manifest_core::oci_types::{Algorithm, Digest, MediaType, RepositoryName, TagName};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// An operation that was run, with the rows before it and after it.
pub(super) struct Step<'a> {
    pub(super) op: &'a Op,
    pub(super) expected: &'a Value,
    pub(super) answer: &'a Answer,
    pub(super) before: &'a Rows,
    pub(super) after: &'a Rows,
    pub(super) now: Millis,
}

/// How an operation was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// As Quay answers it.
    AsQuay,
    /// Otherwise, by this rule.
    ByRule(Rule),
    /// Otherwise, because of what this rule changed before: whatever the memory store answers is right.
    After(Rule),
}

/// What is known of a case under way.
pub(super) struct Judge {
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

/// How long Quay keeps a child for its index, in seconds.
const CHILD_SECONDS: i64 = 300;

impl Judge {
    pub(super) fn new(window: i64, sparse: bool) -> Self {
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
    pub(super) fn step(&mut self, step: &Step<'_>) -> Result<Judged, String> {
        let ended = match step.op {
            Op::Gc { repo } => self.collected(repo, step),
            _ => Ended::default(),
        };
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
        let known = match step.op {
            Op::GetOrCreate(op) => self.explain_push(step, &Pushed::create(op), &found),
            Op::Push(op) => self.explain_push(step, &Pushed::push(op), &found),
            Op::RetargetExisting(op) => self.explain_tag(step, (&op.repo, &op.tag, &op.digest), &found, "/ok"),
            Op::DeleteTag { repo, tag } => self.explain_delete(step, repo, tag),
            Op::GetTag { repo, tag }
            | Op::HasExpiredTag { repo, tag }
            | Op::ChangeExpiration { repo, tag, .. }
            | Op::SetImmutable { repo, tag, .. } => self.drift.of_tag(repo, tag).map(Judged::After),
            Op::ListAlive { repo } => self.explain_list(repo, &expected, &found),
            Op::DeleteTagsForManifest { repo, .. } => self.explain_list(repo, &expected, &found),
            Op::ListPage(op) => self.drift.tags_in(&op.repo).map(Judged::After),
            Op::History(op) => match &op.tag {
                Some(tag) => self.drift.of_tag(&op.repo, tag).map(Judged::After),
                None => self.drift.tags_in(&op.repo).map(Judged::After),
            },
            Op::Lookup(op) => self.explain_lookup(step, op, &expected),
            Op::Referrers { repo, digest, .. } => self.explain_referrers(step, (repo, digest), &expected, &found),
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
        };
        known.ok_or_else(|| match step.answer {
            Answer::Done(_) => difference,
            Answer::Refused(_, why) => format!("{difference} ({why})"),
        })
    }

    /// A manifest that is pushed: who accepts it, and what of it differs.
    fn explain_push(&mut self, step: &Step<'_>, pushed: &Pushed<'_>, found: &Value) -> Option<Judged> {
        let repo = pushed.repo;
        let document = pushed.document.as_ref()?;
        let digest = document.digest(Algorithm::Sha256);
        let children: BTreeSet<Digest> = document.children().iter().map(|child| child.digest).collect();
        let blobs: Vec<String> = document.blobs().keys().map(Digest::to_string).collect();
        let below = self.drift.of_any(repo, &children);
        let below = below.or_else(|| blobs.iter().find_map(|blob| self.drift.of_blob(repo, blob)));
        let known = self.drift.of_manifest(repo, &digest);
        match (pushed.accepted(step.expected), step.answer) {
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
    fn explain_tag(
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

    /// What a collection takes from the ledger, and what of ours it took that stays with Quay.
    fn collected(&mut self, repo: &RepositoryName, step: &Step<'_>) -> Ended {
        let ended = self.ledger.collect(repo, self.window, step.now);
        let before = step.before.manifests(repo);
        let lost: BTreeSet<Digest> = before.difference(&step.after.manifests(repo)).copied().collect();
        for digest in quay::kept(step.before, &self.ledger, repo, &lost, &ended) {
            let rule = if self.ledger.has_row(repo, &digest) { Rule::HiddenTags } else { Rule::Uncollected };
            self.drift.manifest(repo, &digest, step.before.blobs(repo, &digest), rule);
        }
        ended
    }

    /// Keeps the ledger.
    fn note(&mut self, step: &Step<'_>) -> Result<(), String> {
        let (rows, now) = (step.before, step.now);
        let said = step.expected.get("ok");
        match step.op {
            Op::PutBlob(op) => {
                let digest = Digest::of(Algorithm::Sha256, &op.content).to_string();
                self.ledger.upload(&op.repo, digest, end_of(now, Some(op.link_s)));
            }
            Op::MountBlob(op) if said == Some(&json!(true)) => {
                self.ledger.upload(&op.repo, op.digest.to_string(), end_of(now, Some(op.link_s)));
            }
            Op::GetOrCreate(op) => self.note_push(step, &Pushed::create(op)),
            Op::Push(op) => self.note_push(step, &Pushed::push(op)),
            Op::Lookup(op) if op.require_available && said.is_some_and(Value::is_string) => {
                let end = end_of(now, Some(op.temp_tag_expiration_sec));
                self.ledger.hide((&op.repo, &op.digest), (now, end), true, rows);
            }
            Op::TempTag(op) => {
                let end = end_of(now, (!op.skip_expiration).then_some(op.sec));
                let is_made = self.ledger.hide((&op.repo, &op.digest), (now, end), true, rows);
                if is_made != said.is_some_and(Value::is_object) {
                    return Err(format!("Quay's rule would {}make a hidden tag", if is_made { "" } else { "not " }));
                }
            }
            Op::Purge { repo } => self.ledger.purge(repo),
            Op::DropObject { digest } => drop(self.dropped.insert(**digest)),
            _ => {}
        }
        Ok(())
    }

    fn note_push(&mut self, step: &Step<'_>, pushed: &Pushed<'_>) {
        let Some(document) = &pushed.document else { return };
        self.documents.insert(document.digest(Algorithm::Sha256), document.clone());
        let (repo, rows, now) = (pushed.repo, step.before, step.now);
        let digest = document.digest(Algorithm::Sha256);
        if !pushed.accepted(step.expected) {
            // Quay has the manifest although it does not get the tag.
            let is_there = step.expected.pointer("/ok/digest").is_some();
            if is_there && rows.manifest(repo, &digest).is_none() {
                let blobs = document.blobs().keys().map(Digest::to_string);
                self.drift.manifest(repo, &digest, blobs, Rule::OneWrite);
            }
            self.hide_children(step, repo, document);
            return;
        }
        let existed = match pushed.tag {
            None => step.expected.pointer("/ok/newly_created") == Some(&json!(false)),
            Some(_) => rows.manifest(repo, &digest).is_some() || self.drift.of_manifest(repo, &digest).is_some(),
        };
        let is_pinned = matches!(step.answer, Answer::Done(_)) && pushed.tag.is_none();
        let own_end = end_of(now, Some(pushed.seconds));
        if existed {
            self.ledger.hide((repo, &digest), (now, own_end), is_pinned && !pushed.for_tagging, rows);
            return;
        }
        self.hide_children(step, repo, document);
        if !pushed.for_tagging {
            let end = if document.subject().is_some() { end_of(now, None) } else { own_end };
            self.ledger.hide((repo, &digest), (now, end), is_pinned && document.subject().is_none(), rows);
        }
    }
}

impl Judge {
    /// Quay gives each child a hidden tag, in the order of the list, until it comes to one that it cannot read. Where children may be
    /// absent, it passes over those.
    fn hide_children(&mut self, step: &Step<'_>, repo: &RepositoryName, index: &Document) {
        for child in index.children() {
            let config = self.documents.get(&child.digest).and_then(Document::config);
            if config.is_some_and(|config| self.dropped.contains(&config.digest)) {
                return;
            }
            if step.before.manifest(repo, &child.digest).is_some() {
                let times = (step.now, end_of(step.now, Some(CHILD_SECONDS)));
                self.ledger.hide((repo, &child.digest), times, false, step.before);
            } else if !self.sparse {
                return;
            }
        }
    }
}

/// A manifest that is pushed, by digest or to a tag.
struct Pushed<'a> {
    repo: &'a RepositoryName,
    document: Option<Document>,
    tag: Option<&'a TagName>,
    seconds: i64,
    for_tagging: bool,
}

impl<'a> Pushed<'a> {
    fn create(op: &'a op::GetOrCreate) -> Self {
        let document = read(&op.media_type, &op.manifest);
        let (seconds, for_tagging) = (op.temp_tag_expiration_sec, op.for_tagging);
        Self { repo: &op.repo, document, tag: None, seconds, for_tagging }
    }

    fn push(op: &'a op::Push) -> Self {
        let document = read(&op.media_type, &op.manifest);
        Self { repo: &op.repo, document, tag: Some(&op.tag), seconds: 300, for_tagging: true }
    }

    /// Whether Quay took it.
    fn accepted(&self, expected: &Value) -> bool {
        expected.pointer("/ok/digest").is_some_and(Value::is_string)
    }
}

fn read(media_type: &str, manifest: &[u8]) -> Option<Document> {
    let media_type = MediaType::from_content_type(media_type).ok()?;
    Document::parse(Some(&media_type), manifest.to_vec().into(), &Limits::default()).ok()
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
