use super::fixture::Rows;
use super::names::{digest, digests, must, tag};
use super::upload::AnUpload;
use super::write::Write;
use manifest_core::facts::{Blob, PushAsk, PushFacts, RepositoryState, TagState};
use manifest_core::plan::LabelRow;
use manifest_core::ports::{
    FetchAsk, Fetched, HistoryAsk, HistoryRow, Liveness, PageAsk, ReferrersAsk, Removal, TagOrder, TagsAsk,
};
use manifest_core::{Millis, NEVER};
use oci_types::{Digest, RepositoryName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A repository of a store, whether it exists or not.
#[derive(Clone)]
pub(crate) struct Repo {
    pub(crate) rows: Rows,
    pub(crate) name: RepositoryName,
}

impl Repo {
    /// A write at that time.
    pub(crate) fn at(&self, now: Millis) -> Write {
        Write::new(Arc::clone(&self.rows.manifests), self.name.clone(), now)
    }

    /// Uploads a blob, to which access lasts for ever.
    pub(crate) async fn upload(&self, name: &str) -> Blob {
        self.upload_until(name, NEVER).await
    }

    /// Uploads a blob at time 1, to which access lasts until then if nothing links it.
    pub(crate) async fn upload_until(&self, name: &str, lease_until: Millis) -> Blob {
        let upload = AnUpload::new(self, &format!("{} for {}", name, self.name)).begun().await;
        upload.makes(name, lease_until).await
    }

    pub(crate) async fn blob(&self, name: &str, usable_after: Millis) -> Option<Blob> {
        must(self.rows.blobs.find(&self.name, &digest(name), usable_after).await)
    }

    pub(crate) async fn has_blob(&self, name: &str, now: Millis) -> bool {
        self.blob(name, now).await.is_some()
    }

    pub(crate) async fn remove_blob(&self, name: &str, now: Millis) -> Removal {
        must(self.rows.blobs.remove(&self.name, &digest(name), now).await)
    }

    pub(crate) fn fetching_tag(&self, name: &str, now: Millis) -> FetchAsk {
        FetchAsk {
            repository: self.name.clone(),
            reference: tag(name).into(),
            now,
            liveness: Liveness::Visible,
            have: None,
            at: None,
        }
    }

    pub(crate) fn fetching(&self, name: &str, liveness: Liveness, now: Millis) -> FetchAsk {
        FetchAsk { reference: digest(name).into(), liveness, ..self.fetching_tag("unused", now) }
    }

    pub(crate) async fn fetch(&self, ask: FetchAsk) -> Fetched {
        must(self.rows.manifests.fetch(&ask).await)
    }

    /// What a tag leads to: a digest, or why not.
    pub(crate) async fn follow(&self, name: &str, now: Millis) -> Result<Digest, Fetched> {
        led_to(self.fetch(self.fetching_tag(name, now)).await)
    }

    /// Whether a manifest is found by digest among those that count.
    pub(crate) async fn holds(&self, name: &str, liveness: Liveness, now: Millis) -> bool {
        led_to(self.fetch(self.fetching(name, liveness, now)).await).is_ok()
    }

    /// Whether a manifest is visible.
    pub(crate) async fn sees(&self, name: &str, now: Millis) -> bool {
        self.holds(name, Liveness::Visible, now).await
    }

    /// A question about nothing.
    pub(crate) fn ask(&self, now: Millis) -> PushAsk {
        PushAsk {
            repository: self.name.clone(),
            now,
            digest: None,
            blobs: BTreeSet::new(),
            children: BTreeSet::new(),
            tags: BTreeSet::new(),
            tags_of: None,
            labels: false,
            visibility: false,
            legacy_images: BTreeSet::new(),
        }
    }

    pub(crate) async fn facts(&self, ask: PushAsk) -> PushFacts {
        must(self.rows.manifests.push_facts(&ask).await)
    }

    /// The row of a tag, alive or expired.
    pub(crate) async fn tag(&self, name: &str) -> Option<TagState> {
        let tags = BTreeSet::from([tag(name)]);
        let mut facts = self.facts(PushAsk { tags, ..self.ask(0) }).await;
        facts.tags.remove(&tag(name))
    }

    /// The intervals of a tag, the newest first.
    pub(crate) async fn history(&self, name: &str) -> Vec<HistoryRow> {
        let ask = HistoryAsk { name: Some(tag(name)), ..self.all_history() };
        must(self.rows.listings.history(&ask).await).map_or_else(Vec::new, |page| page.items)
    }

    /// A question about every interval, at time 20.
    pub(crate) fn all_history(&self) -> HistoryAsk {
        HistoryAsk {
            repository: self.name.clone(),
            name: None,
            active_only: false,
            since: None,
            after: None,
            limit: 1_000,
            now: 20,
        }
    }

    /// A question about every alive tag, by name, at time 20.
    pub(crate) fn all_tags(&self) -> TagsAsk {
        TagsAsk {
            repository: self.name.clone(),
            contains: None,
            order: TagOrder::Name,
            after: None,
            limit: 1_000,
            now: 20,
        }
    }

    /// The labels of a manifest as key and value, if it is there undeleted.
    pub(crate) async fn labels(&self, name: &str, prefix: &str) -> Option<Vec<(String, String)>> {
        let rows = self.label_rows(name, prefix).await?;
        Some(rows.into_iter().map(|row| (row.label.key, row.label.value)).collect())
    }

    pub(crate) async fn label_rows(&self, name: &str, prefix: &str) -> Option<Vec<LabelRow>> {
        must(self.rows.manifests.labels(&self.name, &digest(name), prefix).await)
    }

    /// The names of alive tags.
    pub(crate) async fn tags(&self, now: Millis) -> Option<Vec<String>> {
        let ask = PageAsk::first(1_000);
        let page = must(self.rows.listings.tag_names(&self.name, &ask, now).await)?;
        Some(page.items.iter().map(ToString::to_string).collect())
    }

    pub(crate) fn about(&self, subject: &str, now: Millis) -> ReferrersAsk {
        ReferrersAsk {
            repository: self.name.clone(),
            subject: digest(subject),
            artifact_types: Vec::new(),
            after: None,
            limit: 1_000,
            max_bytes: 1 << 20,
            now,
        }
    }

    /// The digests of the manifests about a subject, as a set; that they are in order is a clause of its own.
    pub(crate) async fn referrers(&self, subject: &str, now: Millis) -> BTreeSet<Digest> {
        let page = must(self.rows.manifests.referrers(&self.about(subject, now)).await);
        page.items.into_iter().map(|referrer| referrer.digest).collect()
    }

    pub(crate) async fn set_state(&self, state: RepositoryState) -> bool {
        must(self.rows.repositories.set_state(&self.name, state).await)
    }

    /// Panics unless exactly these of some manifests are visible.
    #[track_caller]
    pub(crate) fn assert_same<const N: usize>(&self, found: &BTreeSet<Digest>, expected: [&str; N]) {
        assert_eq!(*found, digests(expected), "in {}", self.name);
    }
}

fn led_to(fetched: Fetched) -> Result<Digest, Fetched> {
    match fetched {
        Fetched::Found(found) => Ok(found.digest),
        other @ (Fetched::RepositoryUnknown | Fetched::Unknown | Fetched::TagExpired) => Err(other),
    }
}

/// Panics if intervals of one name, the newest first, overlap or invert.
#[track_caller]
pub(crate) fn sound(history: &[HistoryRow]) {
    for interval in history {
        assert!(interval.start <= interval.end, "an interval inverts: {interval:?}");
    }
    for pair in history.windows(2) {
        let (newer, older) = (&pair[0], &pair[1]);
        assert!(older.start < newer.start, "two starts are not in order: {older:?}, {newer:?}");
        assert!(older.end <= newer.start, "two intervals overlap: {older:?}, {newer:?}");
    }
}

/// Panics if there is time between two intervals of one name, the newest first.
#[track_caller]
pub(crate) fn gapless(history: &[HistoryRow]) {
    sound(history);
    for pair in history.windows(2) {
        assert_eq!(pair[1].end, pair[0].start, "there is a gap: {:?}, {:?}", pair[1], pair[0]);
        assert_eq!(pair[0].previous, Some(pair[1].target), "a move does not know what it left: {:?}", pair[0]);
    }
}
