//! What is kept while a case goes on: the rows that Quay has and we do not, and where the two worlds part.

use super::push::{Pushed, accepted};
use super::{Judge, Step};
use crate::data_layer::answer::Answer;
use crate::data_layer::ledger::{Ended, end_of};
use crate::data_layer::op::Op;
use crate::data_layer::quay;
use crate::deviations::Rule;
use manifest_core::document::Document;
use manifest_core::oci_types::{Algorithm, Digest, RepositoryName};
use serde_json::{Value, json};

/// How long Quay keeps a child for its index, in seconds.
const CHILD_SECONDS: i64 = 300;

impl Judge {
    /// What a collection takes from the ledger; what it took here and not there, or there and not here, drifts.
    pub(super) fn collected(&mut self, repo: &RepositoryName, step: &Step<'_>) -> Ended {
        let ended = self.ledger.collect(repo, self.window, step.now);
        let around = quay::Around { repo, before: step.before, after: step.after };
        let gone = quay::collected(&around, &self.ledger, &ended);
        let kept = step.after.manifests(repo);
        for digest in step.before.manifests(repo) {
            let rule = match (gone.contains(&digest), kept.contains(&digest)) {
                (true, true) => Rule::Reachable,
                (false, false) if self.ledger.has_row(repo, &digest) => Rule::HiddenTags,
                (false, false) => Rule::Uncollected,
                (true, false) | (false, true) => continue,
            };
            self.drift.manifest(repo, &digest, step.before.blobs(repo, &digest), rule);
        }
        ended
    }

    /// Keeps the ledger.
    pub(super) fn note(&mut self, step: &Step<'_>) -> Result<(), String> {
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
            Op::CreateRepo { .. }
            | Op::Advance { .. }
            | Op::MountBlob(_)
            | Op::RetargetExisting(_)
            | Op::Lookup(_)
            | Op::GetTag { .. }
            | Op::HasExpiredTag { .. }
            | Op::ListAlive { .. }
            | Op::ListPage(_)
            | Op::History(_)
            | Op::DeleteTag { .. }
            | Op::DeleteTagsForManifest { .. }
            | Op::ChangeExpiration { .. }
            | Op::SetImmutable { .. }
            | Op::CreateLabel(_)
            | Op::ListLabels { .. }
            | Op::DeleteLabel { .. }
            | Op::Referrers { .. }
            | Op::BlobInRepo(_)
            | Op::RetrieverBlob { .. }
            | Op::EnsureSharedEmptyLayer
            | Op::Gc { .. }
            | Op::State => {}
        }
        Ok(())
    }

    fn note_push(&mut self, step: &Step<'_>, pushed: &Pushed<'_>) {
        let Some(document) = &pushed.document else { return };
        self.documents.insert(document.digest(Algorithm::Sha256), document.clone());
        let (repo, rows, now) = (pushed.repo, step.before, step.now);
        let digest = document.digest(Algorithm::Sha256);
        if !accepted(step.expected) {
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
