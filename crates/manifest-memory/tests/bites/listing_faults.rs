//! What pages and repositories may do wrong: M4, M5, M13, L1 to L4, R1 and R2.

use crate::caught::caught;
use crate::faulty::Fault;
use async_trait::async_trait;
use manifest_core::facts::{RepositoryState, Visibility};
use manifest_core::plan::{Applied, Plan};
use manifest_core::ports::{
    HistoryAsk, HistoryRow, Listings, Manifests, Page, PageAsk, Repositories, RepositoryRow, TagRow, TagsAsk,
};
use manifest_core::{Millis, Port, ReadScope};
use manifest_memory::MemoryStore;
use oci_types::{RepositoryName, TagName};
use std::sync::{Arc, Mutex, PoisonError};

/// A fault of `history` alone that shows another one.
macro_rules! remembers {
    ($fault:ident: $rows:ident => $body:expr) => {
        #[derive(Clone)]
        struct $fault;

        #[async_trait]
        impl Fault for $fault {
            async fn history(&self, store: &MemoryStore, ask: &HistoryAsk) -> Port<Option<Page<HistoryRow>>> {
                let page = store.history(ask).await?;
                Ok(page.map(|Page { items, more }| {
                    let mut $rows = items;
                    $body;
                    Page { items: $rows, more }
                }))
            }
        }
    };
}

remembers!(LosesAnInterval: rows => if rows.len() > 2 { rows.remove(1); });

#[test]
fn m4_a_history_with_a_gap() {
    caught(
        ["m4_many_moves_leave_one_alive_tag_and_a_gapless_history", "m5_the_history_keeps_who_what_and_why"],
        &LosesAnInterval,
    );
}

// Closes an interval when its move was asked for, not where the next one starts.
remembers!(ClosesByTheClock: rows => for row in &mut rows {
    if !row.current {
        row.end -= 1;
    }
});

#[test]
fn m4_intervals_that_do_not_meet() {
    caught(["m4_a_move_closes_the_old_interval_where_the_new_one_starts"], &ClosesByTheClock);
}

remembers!(DropsEmptyIntervals: rows => rows.retain(|row| row.start != row.end));

#[test]
fn m5_an_interval_of_no_length_that_is_dropped() {
    caught(["m5_intervals_of_no_length_are_kept"], &DropsEmptyIntervals);
}

remembers!(NamesWhoEndedIt: rows => for row in &mut rows { row.actor = None });

#[test]
fn m5_an_actor_who_is_forgotten() {
    caught(
        ["m5_the_history_keeps_who_what_and_why", "m5_tags_that_a_deletion_ends_are_in_the_history"],
        &NamesWhoEndedIt,
    );
}

remembers!(OldestFirst: rows => rows.reverse());

#[test]
fn l4_a_history_that_starts_at_its_end() {
    caught(["l4_a_history_is_newest_first_then_by_name"], &OldestFirst);
}

/// Each writer of the first moment makes a row of its own.
#[derive(Clone, Default)]
struct CreatesARowForEachWriter(Arc<Mutex<Vec<RepositoryName>>>);

#[async_trait]
impl Fault for CreatesARowForEachWriter {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        if plan.create_repository.is_some() {
            let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            rows.push(plan.repository.clone());
        }
        store.apply(plan).await
    }

    async fn repositories(
        &self,
        _: &MemoryStore,
        _: &ReadScope,
        _: &PageAsk<RepositoryName>,
    ) -> Port<Page<RepositoryName>> {
        let items = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Page { items, more: false })
    }
}

#[test]
fn m13_a_repository_that_is_created_twice() {
    caught(["m13_a_repository_is_created_once"], &CreatesARowForEachWriter::default());
}

/// A fault of `tag_names` alone.
#[derive(Clone, Copy)]
enum Names {
    ExpiredOnesToo,
    WithMoreWheneverFull,
    InTheOrderOfADictionary,
    FilteredBehindTheLimit,
}

#[async_trait]
impl Fault for Names {
    async fn tag_names(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        page: &PageAsk<TagName>,
        now: Millis,
    ) -> Port<Option<Page<TagName>>> {
        let alive = store.tag_names(repository, page, now).await?;
        // Before the first expiry every tag is alive.
        let rows = store.tag_names(repository, page, Millis::MIN).await?;
        let (Some(mut alive), Some(mut rows)) = (alive, rows) else {
            return Ok(None);
        };
        Ok(Some(match self {
            Self::ExpiredOnesToo => rows,
            Self::WithMoreWheneverFull => {
                alive.more = alive.items.len() as u64 == u64::from(page.limit);
                alive
            }
            Self::InTheOrderOfADictionary => {
                alive.items.sort_by_key(|name| name.as_str().to_lowercase());
                alive
            }
            Self::FilteredBehindTheLimit => {
                rows.items.retain(|name| alive.items.contains(name));
                rows
            }
        }))
    }
}

#[test]
fn l2_tags_that_have_expired() {
    caught(["l2_only_alive_tags_are_listed"], &Names::ExpiredOnesToo);
}

#[test]
fn l1_a_full_page_that_promises_more() {
    caught(["l1_pages_of_tags_follow_each_other_in_byte_order"], &Names::WithMoreWheneverFull);
}

#[test]
fn l1_names_in_the_order_of_a_dictionary() {
    caught(["l1_pages_of_tags_follow_each_other_in_byte_order"], &Names::InTheOrderOfADictionary);
}

#[test]
fn l1_short_pages_before_the_end() {
    caught(["l1_expired_tags_take_no_room_on_a_page"], &Names::FilteredBehindTheLimit);
}

#[derive(Clone)]
struct KnowsEveryRepository;

#[async_trait]
impl Fault for KnowsEveryRepository {
    async fn tags(&self, store: &MemoryStore, ask: &TagsAsk) -> Port<Option<Page<TagRow>>> {
        let page = store.tags(ask).await?;
        Ok(page.or(Some(Page { items: Vec::new(), more: false })))
    }

    async fn find_repository(&self, store: &MemoryStore, name: &RepositoryName) -> Port<Option<RepositoryRow>> {
        let row = store.find(name).await?;
        Ok(row.or_else(|| {
            Some(RepositoryRow {
                name: name.clone(),
                state: RepositoryState::Open,
                visibility: Visibility::Private,
                created: 0,
            })
        }))
    }
}

#[test]
fn l2_and_r1_a_repository_that_does_not_exist_and_is_there() {
    caught(["l2_an_unknown_repository_has_no_list", "r1_a_repository_is_found_once_it_exists"], &KnowsEveryRepository);
}

#[derive(Clone)]
struct LooksBeyondTheScope;

#[async_trait]
impl Fault for LooksBeyondTheScope {
    async fn repositories(
        &self,
        store: &MemoryStore,
        _: &ReadScope,
        page: &PageAsk<RepositoryName>,
    ) -> Port<Page<RepositoryName>> {
        store.repositories(&ReadScope::All, page).await
    }
}

#[test]
fn l3_a_catalogue_of_everything() {
    caught(["l3_a_scope_holds_its_ranges_and_public_repositories"], &LooksBeyondTheScope);
}

#[derive(Clone)]
struct StaysOpen;

#[async_trait]
impl Fault for StaysOpen {
    async fn set_state(&self, store: &MemoryStore, name: &RepositoryName, state: RepositoryState) -> Port<bool> {
        match state {
            RepositoryState::ReadOnly => Ok(store.find(name).await?.is_some()),
            RepositoryState::Open | RepositoryState::Absent => store.set_state(name, state).await,
        }
    }
}

#[test]
fn r2_a_repository_that_does_not_close() {
    caught(["r2_a_read_only_repository_takes_no_writes"], &StaysOpen);
}
