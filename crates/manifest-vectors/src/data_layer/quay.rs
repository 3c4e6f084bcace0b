//! Quay's own rules, asked of our rows: where they say what Quay said, it is the rule that differs and nothing else.

use super::ledger::{Ended, Ledger};
use super::rows::Rows;
use manifest_core::Millis;
use manifest_core::oci_types::{Digest, RepositoryName, TagName};
use std::collections::BTreeSet;

/// Whether an alive tag points at a manifest or at one that lists it.
pub(super) fn is_held(rows: &Rows, repo: &RepositoryName, digest: &Digest, now: Millis) -> bool {
    let alive = rows.alive(repo, now);
    alive.iter().any(|(_, target, _)| target == digest || rows.children(repo, target).contains(digest))
}

/// The same for hidden tags.
pub(super) fn is_hidden(rows: &Rows, ledger: &Ledger, repo: &RepositoryName, digest: &Digest, now: Millis) -> bool {
    let mut manifests = rows.manifests(repo).into_iter();
    rows.manifest(repo, digest).is_some()
        && manifests.any(|parent| {
            let reaches = parent == *digest || rows.children(repo, &parent).contains(digest);
            reaches && ledger.is_hidden(repo, &parent, now)
        })
}

/// Which of the manifests that we collected Quay keeps: what was never tagged is no candidate; a hidden tag, a parent and a
/// referrer that stay keep it.
pub(super) fn kept(
    rows: &Rows,
    ledger: &Ledger,
    repo: &RepositoryName,
    lost: &BTreeSet<Digest>,
    ended: &Ended,
) -> BTreeSet<Digest> {
    let all = rows.manifests(repo);
    let mut kept = lost.clone();
    loop {
        let is_gone = |digest: &Digest| lost.contains(digest) && !kept.contains(digest);
        let goes = |digest: &&Digest| {
            let parents: Vec<&Digest> = all.iter().filter(|one| rows.children(repo, one).contains(*digest)).collect();
            let referrers = all.iter().filter(|one| rows.subject(repo, one).as_ref() == Some(*digest));
            let is_candidate = rows.was_tagged(repo, digest)
                || ended.manifests.contains(*digest)
                || parents.iter().any(|parent| is_gone(parent));
            is_candidate
                && !ledger.has_row(repo, digest)
                && parents.iter().all(|parent| is_gone(parent))
                && referrers.into_iter().all(is_gone)
        };
        let Some(next) = kept.iter().find(goes).copied() else {
            return kept;
        };
        kept.remove(&next);
    }
}

/// Whether a tag holds signatures, attestations or bills of materials for the manifest in its name.
pub(super) fn is_cosign(name: &TagName) -> bool {
    let Some((hex, kind)) = name.as_str().strip_prefix("sha256-").and_then(|rest| rest.split_once('.')) else {
        return false;
    };
    let is_hex = hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    is_hex && matches!(kind, "sig" | "att" | "sbom")
}
