use super::names::{digest, must};
use super::repo::Repo;
use manifest_core::Millis;
use manifest_core::facts::{Existing, PushAsk, PushFacts, TagState};
use manifest_core::plan::LabelRow;
use manifest_core::ports::{HistoryRow, Liveness, RepositoryRow, Totals};
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
    labels: BTreeMap<Digest, Vec<LabelRow>>,
    /// Which manifests are visible at which times: pins show in it.
    visible: BTreeMap<Digest, Vec<bool>>,
    blobs: BTreeSet<Digest>,
}

impl Snapshot {
    /// Of what a repository knows about some manifests and blobs, at some times.
    pub(crate) async fn of(repo: &Repo, content: &[&str], tags: &[&str], times: &[Millis]) -> Self {
        let facts = repo.facts(question(repo, content, tags)).await;
        let mut manifests = BTreeMap::new();
        let (mut visible, mut labels) = (BTreeMap::new(), BTreeMap::new());
        for name in content {
            let ask = PushAsk { digest: Some(digest(name)), labels: true, ..repo.ask(0) };
            let facts = repo.facts(ask).await;
            manifests.insert(digest(name), facts.existing);
            labels.insert(digest(name), facts.labels);
            let mut seen = Vec::new();
            for now in times {
                seen.push(repo.holds(name, Liveness::Visible, *now).await);
            }
            visible.insert(digest(name), seen);
        }
        let history = must(repo.rows.listings.history(&repo.all_history()).await);
        let PushFacts { tags, blobs, .. } = facts;
        Self {
            totals: must(repo.rows.listings.totals().await),
            repository: must(repo.rows.repositories.find(&repo.name).await),
            history: history.map(|page| page.items),
            tags,
            manifests,
            labels,
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
