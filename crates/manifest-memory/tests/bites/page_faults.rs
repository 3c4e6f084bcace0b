//! What the newer pages, repositories and records may do wrong: L4 to L7, R3, R4 and D1.

use crate::caught::caught;
use crate::faulty::Fault;
use async_trait::async_trait;
use manifest_core::facts::{RepositoryState, Visibility};
use manifest_core::ports::{
    Collection, HistoryAsk, HistoryRow, Listings, ManifestRow, ManifestState, ManifestsAsk, Page, Record, Records,
    Repositories, SweepAsk, SweepDone, SweepKind, Table, TagOrder, TagRow, TagsAsk,
};
use manifest_core::{Millis, Port};
use manifest_memory::MemoryStore;
use oci_types::{MediaType, Platform, RepositoryName};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Copy)]
enum Histories {
    OfEverything,
    OfAllTimes,
}

#[async_trait]
impl Fault for Histories {
    async fn history(&self, store: &MemoryStore, ask: &HistoryAsk) -> Port<Option<Page<HistoryRow>>> {
        let mut ask = ask.clone();
        match self {
            Self::OfEverything => ask.active_only = false,
            Self::OfAllTimes => ask.since = None,
        }
        store.history(&ask).await
    }
}

#[test]
fn l4_filters_that_are_ignored() {
    caught(["l4_only_open_intervals_of_alive_tags_are_listed_if_asked_for"], &Histories::OfEverything);
    caught(["l4_only_what_starts_or_ends_after_a_time_is_listed_if_asked_for"], &Histories::OfAllTimes);
}

#[derive(Clone, Copy)]
enum Tags {
    AlwaysByName,
    FilteredBehindTheLimit,
    OfAnyCase,
}

#[async_trait]
impl Fault for Tags {
    async fn tags(&self, store: &MemoryStore, ask: &TagsAsk) -> Port<Option<Page<TagRow>>> {
        let mut ask = ask.clone();
        if let Self::AlwaysByName = self {
            ask.order = TagOrder::Name;
            return store.tags(&ask).await;
        }
        let text = ask.contains.take().unwrap_or_default();
        if let Self::OfAnyCase = self {
            ask.limit = u32::MAX;
        }
        let page = store.tags(&ask).await?;
        Ok(page.map(|Page { mut items, more }| {
            items.retain(|row| match self {
                Self::OfAnyCase => row.name.as_str().to_lowercase().contains(&text.to_lowercase()),
                Self::AlwaysByName | Self::FilteredBehindTheLimit => row.name.as_str().contains(&text),
            });
            Page { items, more }
        }))
    }
}

#[test]
fn l5_tags_in_another_order_or_on_short_pages() {
    caught(["l5_the_newest_start_is_first_if_asked_for"], &Tags::AlwaysByName);
    caught(["l5_a_filter_shortens_no_page"], &Tags::FilteredBehindTheLimit);
    caught(["l5_a_filter_shortens_no_page"], &Tags::OfAnyCase);
}

#[derive(Clone, Copy)]
enum Platforms {
    NoneOfAnIndex,
    AttestationsToo,
}

#[async_trait]
impl Fault for Platforms {
    async fn tags(&self, store: &MemoryStore, ask: &TagsAsk) -> Port<Option<Page<TagRow>>> {
        let mut page = store.tags(ask).await?;
        for row in page.iter_mut().flat_map(|page| &mut page.items) {
            match self {
                Self::NoneOfAnIndex if row.media_type.as_str() == MediaType::OCI_INDEX => row.platforms.clear(),
                Self::NoneOfAnIndex => {}
                Self::AttestationsToo => row.platforms.push(Platform::new("unknown", "unknown")),
            }
        }
        Ok(page)
    }
}

#[test]
fn l7_platforms_that_are_missing_or_none() {
    let clauses = ["l7_an_index_shows_what_its_entries_run_on", "l7_only_the_first_entries_are_looked_at"];
    caught(clauses, &Platforms::NoneOfAnIndex);
    caught(clauses, &Platforms::AttestationsToo);
}

#[derive(Clone, Copy)]
enum Manifests {
    TaggedByWhatHasExpired,
    UntaggedThoughDeleted,
}

#[async_trait]
impl Fault for Manifests {
    async fn manifests(&self, store: &MemoryStore, ask: &ManifestsAsk) -> Port<Option<Page<ManifestRow>>> {
        let mut ask = ask.clone();
        match self {
            Self::TaggedByWhatHasExpired => ask.now = Millis::MIN,
            Self::UntaggedThoughDeleted => {
                if ask.state == ManifestState::Deleted {
                    ask.state = ManifestState::Untagged;
                }
            }
        }
        store.manifests(&ask).await
    }
}

#[test]
fn l6_manifests_in_another_state() {
    caught(["l6_manifests_are_listed_by_what_holds_them"], &Manifests::TaggedByWhatHasExpired);
    caught(["l6_manifests_are_listed_by_what_holds_them"], &Manifests::UntaggedThoughDeleted);
}

/// Tells every caller that they made the repository.
#[derive(Clone)]
struct MadeByEverybody;

#[async_trait]
impl Fault for MadeByEverybody {
    async fn create_repository(
        &self,
        store: &MemoryStore,
        name: &RepositoryName,
        visibility: Visibility,
        now: Millis,
    ) -> Port<bool> {
        store.create(name, visibility, now).await?;
        Ok(true)
    }
}

#[test]
fn r3_a_repository_that_everybody_made() {
    caught(["r3_a_repository_is_made_once", "r3_what_exists_stays_as_it_is"], &MadeByEverybody);
}

#[derive(Clone, Copy)]
enum Deletes {
    OnlyClosing,
    LeavingItsRows,
}

#[async_trait]
impl Fault for Deletes {
    async fn delete_repository(&self, store: &MemoryStore, name: &RepositoryName, now: Millis) -> Port<bool> {
        match self {
            Self::OnlyClosing => store.set_state(name, RepositoryState::ReadOnly).await,
            Self::LeavingItsRows => store.delete(name, now).await,
        }
    }

    async fn sweep(&self, store: &MemoryStore, ask: &SweepAsk) -> Port<SweepDone> {
        match (self, ask.kind) {
            (Self::LeavingItsRows, SweepKind::Repositories) => Ok(SweepDone::default()),
            _ => store.sweep(ask).await,
        }
    }
}

#[test]
fn r4_a_repository_that_is_still_there() {
    let clauses = ["r4_a_deleted_repository_is_unknown_to_every_call", "r4_the_name_is_free_for_another_one"];
    caught(clauses, &Deletes::OnlyClosing);
    caught(["r4_its_rows_go_with_the_sweep"], &Deletes::LeavingItsRows);
}

/// Finds the new repository of a name and the old one in the same place.
#[derive(Clone, Default)]
struct KeepsNamesForEver(Arc<Mutex<BTreeSet<RepositoryName>>>);

#[async_trait]
impl Fault for KeepsNamesForEver {
    async fn create_repository(
        &self,
        store: &MemoryStore,
        name: &RepositoryName,
        visibility: Visibility,
        now: Millis,
    ) -> Port<bool> {
        let fresh = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
        if fresh { store.create(name, visibility, now).await } else { Ok(false) }
    }
}

#[test]
fn r4_a_name_that_is_never_free_again() {
    caught(["r4_the_name_is_free_for_another_one"], &KeepsNamesForEver::default());
}

#[derive(Clone, Copy)]
enum Writes {
    InTheOrderOfRows,
    WithoutWhatWasBefore,
    OneRowTooFew,
}

#[async_trait]
impl Fault for Writes {
    async fn page_of_records(
        &self,
        store: &MemoryStore,
        table: Table,
        after: Option<String>,
        limit: u32,
    ) -> Port<Page<Record>> {
        let mut page = store.page(table, after, limit).await?;
        match self {
            Self::InTheOrderOfRows => page.items.sort_by_key(|record| record.key.replace('@', "\0")),
            Self::WithoutWhatWasBefore => page.items.iter_mut().for_each(|record| {
                record.columns.remove("previous");
            }),
            Self::OneRowTooFew => {
                page.items.pop();
            }
        }
        Ok(page)
    }
}

#[test]
fn d1_records_that_are_not_the_rows() {
    caught(["d1_pages_of_records_follow_each_other_in_byte_order"], &Writes::InTheOrderOfRows);
    caught(["d1_records_of_tags_are_their_intervals"], &Writes::WithoutWhatWasBefore);
    caught(["d1_records_are_the_rows_in_the_forms_of_the_port"], &Writes::OneRowTooFew);
}
