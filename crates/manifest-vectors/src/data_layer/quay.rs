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

/// The rows around a collection of a repository.
pub(super) struct Around<'a> {
    pub(super) repo: &'a RepositoryName,
    pub(super) before: &'a Rows,
    pub(super) after: &'a Rows,
}

/// Which manifests Quay collects. It looks at what lost its last interval or hidden tag, and at the children of what goes; any
/// tag, hidden or not, keeps a manifest, and so do a parent and a referrer that stay.
pub(super) fn collected(around: &Around<'_>, ledger: &Ledger, ended: &Ended) -> BTreeSet<Digest> {
    let Around { repo, before, after } = *around;
    let all = before.manifests(repo);
    let mut gone: BTreeSet<Digest> = BTreeSet::new();
    loop {
        let goes = |digest: &&Digest| {
            let mut parents = all.iter().filter(|one| before.children(repo, one).contains(*digest));
            let mut referrers = all.iter().filter(|one| before.subject(repo, one).as_ref() == Some(*digest));
            let is_looked_at = before.was_tagged(repo, digest)
                || ended.manifests.contains(*digest)
                || parents.clone().any(|parent| gone.contains(parent));
            is_looked_at
                && !after.was_tagged(repo, digest)
                && !ledger.has_row(repo, digest)
                && parents.all(|parent| gone.contains(parent))
                && referrers.all(|referrer| gone.contains(referrer))
        };
        let Some(next) = all.iter().filter(|digest| !gone.contains(*digest)).find(goes).copied() else {
            return gone;
        };
        gone.insert(next);
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

#[cfg(test)]
mod tests {
    use super::is_cosign;

    #[test]
    fn cosign_names() {
        let check = |name: &str, is: bool| assert_eq!(is_cosign(&name.parse().unwrap()), is, "{name}");
        let hex = "0123456789abcdef".repeat(4);
        check(&format!("sha256-{hex}.sig"), true);
        check(&format!("sha256-{hex}.att"), true);
        check(&format!("sha256-{hex}.sbom"), true);
        check(&format!("sha256-{hex}"), false);
        check(&format!("sha256-{hex}.sig.sig"), false);
        check(&format!("sha256-{}.sig", hex.to_uppercase()), false);
        check(&format!("sha256-{}.sig", &hex[1..]), false);
    }
}
