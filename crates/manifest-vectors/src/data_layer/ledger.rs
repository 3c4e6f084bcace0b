//! Rows that Quay has and we do not, kept by Quay's rules and answers: one for each upload, and the hidden tags that keep a manifest
//! for a while. The file's `state` must list exactly these, so what follows from them is explained by them.

use super::rows::{Rows, json_end};
use super::session::START;
use manifest_core::oci_types::{Digest, RepositoryName};
use manifest_core::{Millis, NEVER};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// An upload, until its row goes.
#[derive(Debug)]
struct Link {
    repo: RepositoryName,
    blob: String,
    end: Millis,
}

/// A hidden tag, until its row goes.
#[derive(Debug)]
struct Hidden {
    repo: RepositoryName,
    manifest: Digest,
    start: Millis,
    end: Millis,
    is_pin: bool,
}

/// Those rows.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    links: Vec<Link>,
    hidden: Vec<Hidden>,
}

/// What a collection took from a [`Ledger`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ended {
    /// Uploads, or hidden tags that are pins here.
    pub(super) known: bool,
    /// Hidden tags that are nothing here.
    pub(super) unknown: bool,
    /// The manifests that had hidden tags which went.
    pub(super) manifests: BTreeSet<Digest>,
}

impl Ledger {
    pub(super) fn upload(&mut self, repo: &RepositoryName, blob: String, end: Millis) {
        self.links.push(Link { repo: repo.clone(), blob, end });
    }

    /// A hidden tag, unless something that ends no earlier is there. `is_pin`: we keep the manifest as well, by a pin.
    pub(super) fn hide(
        &mut self,
        (repo, manifest): (&RepositoryName, &Digest),
        (start, end): (Millis, Millis),
        is_pin: bool,
        rows: &Rows,
    ) -> bool {
        let is_tagged = rows.alive(repo, start).iter().any(|(_, target, until)| target == manifest && *until >= end);
        if is_tagged || self.of(repo, manifest).any(|hidden| hidden.end >= end) {
            return false;
        }
        self.hidden.push(Hidden { repo: repo.clone(), manifest: *manifest, start, end, is_pin });
        true
    }

    /// Whether a hidden tag of a manifest is alive.
    pub(super) fn is_hidden(&self, repo: &RepositoryName, manifest: &Digest, now: Millis) -> bool {
        self.of(repo, manifest).any(|hidden| hidden.end > now)
    }

    /// Whether a hidden tag of a manifest is there, alive or not.
    pub(super) fn has_row(&self, repo: &RepositoryName, manifest: &Digest) -> bool {
        self.of(repo, manifest).next().is_some()
    }

    /// Takes what a collection takes.
    pub(super) fn collect(&mut self, repo: &RepositoryName, window: i64, now: Millis) -> Ended {
        let mut ended = Ended::default();
        self.links.retain(|link| {
            let goes = link.repo == *repo && link.end <= now;
            ended.known |= goes;
            !goes
        });
        self.hidden.retain(|hidden| {
            let goes = hidden.repo == *repo && hidden.end <= now.saturating_sub(window);
            ended.known |= goes && hidden.is_pin;
            ended.unknown |= goes && !hidden.is_pin;
            ended.manifests.extend(goes.then_some(hidden.manifest));
            !goes
        });
        ended
    }

    /// Takes a repository.
    pub(super) fn purge(&mut self, repo: &RepositoryName) {
        self.links.retain(|link| link.repo != *repo);
        self.hidden.retain(|hidden| hidden.repo != *repo);
    }

    /// The uploads of a repository, as `state` lists them.
    pub(super) fn uploaded(&self, repo: &RepositoryName) -> Value {
        let mut blobs: Vec<&str> =
            self.links.iter().filter(|link| link.repo == *repo).map(|link| link.blob.as_str()).collect();
        blobs.sort_unstable();
        json!(blobs)
    }

    /// The hidden tags of a repository, as `state` lists them.
    pub(super) fn hidden(&self, repo: &RepositoryName) -> Vec<Value> {
        let of = self.hidden.iter().filter(|hidden| hidden.repo == *repo);
        of.map(|hidden| {
            json!({
                "name": "$temp", "manifest": hidden.manifest.to_string(), "start": hidden.start - START,
                "end": json_end(hidden.end), "hidden": true, "reversion": false, "immutable": false,
            })
        })
        .collect()
    }

    fn of(&self, repo: &RepositoryName, manifest: &Digest) -> impl Iterator<Item = &Hidden> {
        self.hidden.iter().filter(move |hidden| hidden.repo == *repo && hidden.manifest == *manifest)
    }
}

/// When a hidden tag of so many seconds ends.
pub(super) fn end_of(now: Millis, seconds: Option<i64>) -> Millis {
    seconds.map_or(NEVER, |seconds| now.saturating_add(seconds.saturating_mul(1_000)))
}

#[cfg(test)]
mod tests {
    use super::{Ended, Ledger, end_of};
    use crate::data_layer::rows::Rows;
    use manifest_core::oci_types::{Algorithm, Digest};

    #[test]
    fn hidden_tags_wait_out_the_window_and_uploads_do_not() {
        let (repo, manifest) = ("ns/r".parse().unwrap(), Digest::of(Algorithm::Sha256, b"manifest"));
        let (rows, window) = (Rows::default(), 1_000_000);
        let mut ledger = Ledger::default();
        ledger.upload(&repo, "sha256:00".to_owned(), end_of(0, Some(300)));
        assert!(ledger.hide((&repo, &manifest), (0, end_of(0, Some(300))), true, &rows));
        // A tag that ends no earlier makes another one needless.
        assert!(!ledger.hide((&repo, &manifest), (0, end_of(0, Some(299))), true, &rows));
        assert!(ledger.is_hidden(&repo, &manifest, 299_999) && !ledger.is_hidden(&repo, &manifest, 300_000));

        assert_eq!(ledger.collect(&repo, window, 299_999), Ended::default());
        let uploads = Ended { known: true, ..Ended::default() };
        assert_eq!(ledger.collect(&repo, window, 300_000), uploads);
        assert_eq!(ledger.collect(&repo, window, 300_000), Ended::default());
        assert!(ledger.has_row(&repo, &manifest));
        assert_eq!(ledger.collect(&repo, window, 1_300_000).manifests, [manifest].into());
        assert!(!ledger.has_row(&repo, &manifest));
    }
}
