use super::names::{digest, must};
use super::repo::Repo;
use manifest_core::Millis;
use manifest_core::facts::{Existing, PushAsk, PushFacts, TagState};
use manifest_core::ports::{HistoryRow, Liveness, PageAsk, RepositoryRow, Totals};
use oci_types::{Digest, TagName};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a refused write could have changed of a repository with known content.
#[derive(Debug, PartialEq)]
pub(crate) struct Snapshot {
    totals: Totals,
    repository: Option<RepositoryRow>,
    history: Option<Vec<HistoryRow>>,
    tags: BTreeMap<TagName, TagState>,
    manifests: BTreeMap<Digest, Option<Existing>>,
    /// Which manifests are visible at which times: pins show in it.
    visible: BTreeMap<Digest, Vec<bool>>,
    blobs: BTreeSet<Digest>,
}

impl Snapshot {
    /// Of what a repository knows about some manifests and blobs, at some times.
    pub(crate) async fn of(repo: &Repo, content: &[&str], tags: &[&str], times: &[Millis]) -> Self {
        let facts = repo.facts(question(repo, content, tags)).await;
        let mut manifests = BTreeMap::new();
        let mut visible = BTreeMap::new();
        for name in content {
            let ask = PushAsk { digest: Some(digest(name)), ..repo.ask(0) };
            manifests.insert(digest(name), repo.facts(ask).await.existing);
            let mut seen = Vec::new();
            for now in times {
                seen.push(repo.holds(name, Liveness::Visible, *now).await);
            }
            visible.insert(digest(name), seen);
        }
        let ask = PageAsk::first(1_000);
        let history = must(repo.rows.listings.history(&repo.name, None, &ask).await);
        let PushFacts { tags, blobs, .. } = facts;
        Self {
            totals: must(repo.rows.listings.totals().await),
            repository: must(repo.rows.repositories.find(&repo.name).await),
            history: history.map(|page| page.items),
            tags,
            manifests,
            visible,
            blobs: blobs.into_keys().collect(),
        }
    }
}

fn question(repo: &Repo, content: &[&str], tags: &[&str]) -> PushAsk {
    PushAsk {
        blobs: content.iter().map(|name| digest(name)).collect(),
        tags: tags.iter().map(|name| super::tag(name)).collect(),
        ..repo.ask(0)
    }
}
