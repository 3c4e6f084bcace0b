//! What facts and reads may do wrong: M9 to M12, M15 and M16.

use crate::caught::{caught, caught_in};
use crate::faulty::Fault;
use async_trait::async_trait;
use manifest_contract::rows::{Fixture, Rows};
use manifest_core::facts::{PushAsk, PushFacts};
use manifest_core::plan::{Applied, ManifestChange, NewManifest, Plan};
use manifest_core::ports::{FetchAsk, Fetched, Liveness, Manifests, Page, Referrer, ReferrersAsk};
use manifest_core::{Millis, Port};
use manifest_memory::MemoryStore;
use oci_types::{Digest, RepositoryName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// A fault of `fetch` alone that follows another question than it is asked.
macro_rules! fetches {
    ($fault:ident: $ask:ident => $body:expr) => {
        #[derive(Clone)]
        struct $fault;

        #[async_trait]
        impl Fault for $fault {
            async fn fetch(&self, store: &MemoryStore, ask: &FetchAsk) -> Port<Fetched> {
                let mut $ask = ask.clone();
                $body;
                store.fetch(&$ask).await
            }
        }
    };
}

fetches!(ServesWhatNothingKeeps: ask => if ask.liveness == Liveness::Visible { ask.liveness = Liveness::Undeleted });

#[test]
fn m9_what_nothing_keeps_and_is_served() {
    caught(
        ["m9_a_pin_keeps_until_it_is_over", "m9_deleted_ancestors_keep_nothing", "m9_a_cycle_ends"],
        &ServesWhatNothingKeeps,
    );
}

fetches!(NeverLate: ask => ask.now = Millis::MIN);

#[test]
fn m10_tags_that_never_expire() {
    caught(["m10_a_tag_leads_to_its_manifest_until_it_expires"], &NeverLate);
}

fetches!(SendsBytesAnyway: ask => ask.have = None);

#[test]
fn m11_bytes_that_are_sent_twice() {
    caught(["m11_bytes_are_left_out_for_those_who_have_them"], &SendsBytesAnyway);
}

/// Remembers every manifest about something, and lists it though it was deleted.
#[derive(Clone, Default)]
struct ListsTheDead(Arc<Mutex<Vec<(RepositoryName, NewManifest)>>>);

#[async_trait]
impl Fault for ListsTheDead {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        if let Some(ManifestChange::Create(new)) = &plan.manifest {
            let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            seen.push((plan.repository.clone(), NewManifest::clone(new)));
        }
        store.apply(plan).await
    }

    async fn referrers(&self, store: &MemoryStore, ask: &ReferrersAsk) -> Port<Page<Referrer>> {
        let Page { items, more } = store.referrers(ask).await?;
        let mut items: BTreeMap<Digest, Referrer> = items.into_iter().map(|item| (item.digest, item)).collect();
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (repository, new) in seen {
            let fetch = FetchAsk {
                repository: repository.clone(),
                reference: new.digest.into(),
                now: ask.now,
                liveness: Liveness::Undeleted,
                have: None,
                at: None,
            };
            let dead = store.fetch(&fetch).await? == Fetched::Unknown;
            if repository == ask.repository && new.subject == Some(ask.subject) && dead {
                items.entry(new.digest).or_insert(Referrer {
                    digest: new.digest,
                    media_type: new.media_type.clone(),
                    size: new.bytes.len() as u64,
                    artifact_type: new.artifact_type.clone(),
                    annotations: new.annotations.clone(),
                });
            }
        }
        let items = items.into_values().collect();
        Ok(Page { items, more })
    }
}

#[test]
fn m12_referrers_that_were_deleted() {
    caught(
        ["m12_only_visible_manifests_are_listed", "m7_a_deletion_ends_tags_and_pin_and_hides_at_once"],
        &ListsTheDead::default(),
    );
}

#[derive(Clone)]
struct FiltersNothing;

#[async_trait]
impl Fault for FiltersNothing {
    async fn referrers(&self, store: &MemoryStore, ask: &ReferrersAsk) -> Port<Page<Referrer>> {
        store.referrers(&ReferrersAsk { artifact_types: Vec::new(), ..ask.clone() }).await
    }
}

#[test]
fn m12_referrers_of_any_type() {
    caught(["m12_any_of_the_types_passes_the_filter"], &FiltersNothing);
}

#[test]
fn m15_a_value_that_does_not_parse_and_is_believed() {
    let column = ("manifest".to_owned(), "media_type".to_owned());
    let gullible = Fixture::new(Rows::of(Arc::new(MemoryStore::new()))).spoiling(|_, _| std::future::ready(column));
    caught_in("m15_what_does_not_parse_is_corrupt_and_named", gullible);
}

/// Reads tag by tag, and is interrupted in between until somebody has written.
#[derive(Clone)]
struct ReadsTagByTag;

#[async_trait]
impl Fault for ReadsTagByTag {
    async fn push_facts(&self, store: &MemoryStore, ask: &PushAsk) -> Port<PushFacts> {
        let mut facts = store.push_facts(&PushAsk { tags: BTreeSet::new(), ..ask.clone() }).await?;
        for name in &ask.tags {
            let one = PushAsk { tags: BTreeSet::from([name.clone()]), ..ask.clone() };
            let read = store.push_facts(&one).await?.tags;
            for _ in 0..1_000 {
                if store.push_facts(&one).await?.tags != read {
                    break;
                }
                // The writer may be waiting for this very core.
                std::thread::yield_now();
                tokio::task::yield_now().await;
            }
            facts.tags.extend(read);
        }
        Ok(facts)
    }
}

#[test]
fn m16_facts_about_two_states() {
    caught(["m16_facts_are_about_one_state"], &ReadsTagByTag);
}
