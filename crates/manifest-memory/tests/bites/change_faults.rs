//! What amendments, labels, purges, time travel and support may do wrong: M18 to M22.

use crate::caught::caught;
use crate::faulty::Fault;
use async_trait::async_trait;
use manifest_core::facts::{Acting, PushAsk};
use manifest_core::plan::{Applied, Guard, LabelRow, Plan, TagChange};
use manifest_core::ports::{FetchAsk, Fetched, Manifests, Support, SupportAsk};
use manifest_core::{NEVER, Port};
use manifest_memory::MemoryStore;
use oci_types::{Digest, RepositoryName, TagName};
use std::collections::BTreeSet;

/// The rows of the tags that a plan changes.
async fn rows(store: &MemoryStore, plan: &Plan, name: &TagName) -> Port<Option<manifest_core::facts::TagState>> {
    let ask = PushAsk {
        repository: plan.repository.clone(),
        now: plan.now,
        digest: None,
        blobs: BTreeSet::new(),
        children: BTreeSet::new(),
        tags: BTreeSet::from([name.clone()]),
        tags_of: None,
        labels: false,
        visibility: false,
        legacy_images: BTreeSet::new(),
    };
    Ok(store.push_facts(&ask).await?.tags.remove(name))
}

/// Amends by name alone.
#[derive(Clone)]
struct AmendsWhateverIsThere;

#[async_trait]
impl Fault for AmendsWhateverIsThere {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        let mut plan = plan.clone();
        let mut tags = plan.tags.clone();
        for tag in &mut tags {
            if let TagChange::Amend { name, start, was_immutable, .. } = tag
                && let Some(row) = rows(store, &plan, name).await?
            {
                (*start, *was_immutable) = (row.start, row.immutable);
            }
        }
        plan.tags = tags;
        store.apply(&plan).await
    }
}

#[test]
fn m18_an_interval_that_nobody_saw() {
    caught(
        ["m18_only_the_interval_that_was_seen_is_amended", "m18_of_many_that_amend_one_interval_one_does"],
        &AmendsWhateverIsThere,
    );
}

/// Amends by a move to the same place.
#[derive(Clone)]
struct AmendsByMoving;

#[async_trait]
impl Fault for AmendsByMoving {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        let mut plan = plan.clone();
        let mut tags = plan.tags.clone();
        for tag in &mut tags {
            if let TagChange::Amend { name, expires, immutable, .. } = tag
                && let Some(row) = rows(store, &plan, name).await?
            {
                let (name, expires, immutable) = (name.clone(), *expires, *immutable);
                let (to, reversion, guard) = (row.target, false, Guard::Any);
                *tag = TagChange::Point { name, to, expires, immutable, reversion, guard };
            }
        }
        plan.tags = tags;
        store.apply(&plan).await
    }
}

#[test]
fn m18_an_amendment_that_is_a_move() {
    caught(["m18_an_amended_tag_stays_in_its_interval"], &AmendsByMoving);
}

/// Changes to labels alone that come to something else.
#[derive(Clone, Copy, PartialEq)]
enum Labels {
    ForgetWhatTheyMakeOfTags,
    StayThoughRemoved,
    NeedNotBeThereToGo,
    AreWrittenFirst,
}

#[async_trait]
impl Fault for Labels {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        let mut plan = plan.clone();
        let Some(change) = &mut plan.labels else { return store.apply(&plan).await };
        match self {
            Self::ForgetWhatTheyMakeOfTags => change.acting = Acting::default(),
            Self::StayThoughRemoved => change.remove = None,
            Self::NeedNotBeThereToGo => {
                if store.apply(&plan).await? != Applied::LabelGone {
                    return Ok(Applied::Done { created: false, displaced: std::collections::BTreeMap::new() });
                }
                if let Some(change) = &mut plan.labels {
                    change.remove = None;
                }
            }
            Self::AreWrittenFirst => {
                let mut first = Plan { tags: Vec::new(), ..plan.clone() };
                if let Some(change) = &mut first.labels {
                    change.remove = None;
                }
                store.apply(&first).await?;
                if let Some(change) = &mut plan.labels {
                    change.add.clear();
                }
            }
        }
        store.apply(&plan).await
    }
}

#[test]
fn m19_labels_that_go_wrong() {
    let clauses = ["m19_labels_are_added_and_removed_with_what_they_make_of_tags"];
    caught(clauses, &Labels::ForgetWhatTheyMakeOfTags);
    caught(clauses, &Labels::StayThoughRemoved);
    caught(["m19_what_is_gone_is_said", "m19_of_many_that_remove_a_label_one_does"], &Labels::NeedNotBeThereToGo);
    caught(["m19_what_is_gone_is_said"], &Labels::AreWrittenFirst);
}

#[derive(Clone)]
struct TakesAPrefixAsItIs;

#[async_trait]
impl Fault for TakesAPrefixAsItIs {
    async fn labels(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        digest: &Digest,
        prefix: &str,
    ) -> Port<Option<Vec<LabelRow>>> {
        let rows = store.labels(repository, digest, "").await?;
        Ok(rows.map(|rows| rows.into_iter().filter(|row| row.label.key.starts_with(prefix)).collect()))
    }
}

#[test]
fn m19_a_prefix_of_one_case() {
    caught(["m19_labels_are_found_by_the_start_of_their_keys"], &TakesAPrefixAsItIs);
}

/// Purges that do too little or too much.
#[derive(Clone, Copy, PartialEq)]
enum Purges {
    OnlyMarkDeleted,
    TakeWhatListsIt,
    TakeWhatIsImmutable,
    ComeFirst,
    HeldByWhatGoes,
}

#[async_trait]
impl Fault for Purges {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        let mut plan = plan.clone();
        if plan.purge.is_empty() {
            return store.apply(&plan).await;
        }
        if *self == Self::OnlyMarkDeleted {
            plan.delete = plan.purge.pop_first();
            return store.apply(&plan).await;
        }
        let only = Plan { manifest: None, tags: Vec::new(), pin: None, delete: None, labels: None, ..plan.clone() };
        if *self == Self::ComeFirst {
            let answer = store.apply(&only).await?;
            if !matches!(answer, Applied::Done { .. }) {
                return Ok(answer);
            }
            plan.purge.clear();
        }
        if *self == Self::HeldByWhatGoes {
            for digest in plan.purge.clone() {
                let ask = SupportAsk { repository: plan.repository.clone(), digest, now: plan.now, window: 0 };
                let support = store.support(&ask).await?;
                if support.is_some_and(|support| support.nodes.iter().any(|node| node.pinned_until > plan.now)) {
                    return Ok(Applied::ListedBy([digest].into()));
                }
            }
        }
        match (self, store.apply(&plan).await?) {
            (Self::TakeWhatListsIt, Applied::ListedBy(parents)) => plan.purge.extend(parents),
            (Self::TakeWhatIsImmutable, Applied::Immutable(name)) => {
                let Some(row) = rows(store, &plan, &name).await? else { return Ok(Applied::Immutable(name)) };
                let (start, was_immutable, expires) = (row.start, true, NEVER);
                plan.tags.push(TagChange::Amend { name, start, was_immutable, expires, immutable: false });
                let amend = Plan { purge: BTreeSet::new(), ..plan.clone() };
                store.apply(&amend).await?;
                plan.tags.clear();
            }
            (_, answer) => return Ok(answer),
        }
        store.apply(&plan).await
    }
}

#[test]
fn m20_purges_that_go_wrong() {
    caught(["m20_a_purge_leaves_nothing", "m20_deleted_manifests_are_purged"], &Purges::OnlyMarkDeleted);
    caught(["m20_what_a_visible_manifest_lists_stays"], &Purges::TakeWhatListsIt);
    caught(["m20_an_alive_immutable_tag_stops_a_purge"], &Purges::TakeWhatIsImmutable);
    let clauses =
        ["m20_a_tag_that_the_plan_ends_shows_no_list", "m20_what_the_plan_makes_visible_or_immutable_stops_its_purge"];
    caught(clauses, &Purges::ComeFirst);
    caught(["m20_what_goes_shows_nothing_any_more"], &Purges::HeldByWhatGoes);
}

/// What was at a time, and is sought elsewhere.
#[derive(Clone, Copy, PartialEq)]
enum Travels {
    Nowhere,
    ToTheEndOfAnInterval,
    ToWhatIsOverNow,
}

#[async_trait]
impl Fault for Travels {
    async fn fetch(&self, store: &MemoryStore, ask: &FetchAsk) -> Port<Fetched> {
        let mut ask = ask.clone();
        match self {
            Self::Nowhere => ask.at = None,
            Self::ToTheEndOfAnInterval => ask.at = ask.at.map(|time| time.saturating_sub(1)),
            Self::ToWhatIsOverNow => {}
        }
        let fetched = store.fetch(&ask).await?;
        let over = *self == Self::ToWhatIsOverNow && ask.at.is_some() && fetched == Fetched::Unknown;
        Ok(if over { Fetched::TagExpired } else { fetched })
    }
}

#[test]
fn m21_times_that_are_missed() {
    let clauses = ["m21_the_interval_that_held_the_time_is_followed"];
    for travels in [Travels::Nowhere, Travels::ToTheEndOfAnInterval, Travels::ToWhatIsOverNow] {
        caught(clauses, &travels);
    }
    caught(["m21_the_interval_is_told"], &Travels::Nowhere);
}

/// Support that is not told.
#[derive(Clone, Copy, PartialEq)]
enum Tells {
    OnlyOfNow,
    OnlyOfItself,
    OfTheDeepestFirst,
}

#[async_trait]
impl Fault for Tells {
    async fn support(&self, store: &MemoryStore, ask: &SupportAsk) -> Port<Option<Support>> {
        let window = if *self == Self::OnlyOfNow { 0 } else { ask.window };
        let mut support = store.support(&SupportAsk { window, ..ask.clone() }).await?;
        if let Some(support) = &mut support {
            match self {
                Self::OnlyOfNow => {}
                Self::OnlyOfItself => support.nodes.truncate(1),
                Self::OfTheDeepestFirst => support.nodes.reverse(),
            }
        }
        Ok(support)
    }
}

#[test]
fn m22_support_that_is_not_told() {
    let clauses =
        ["m22_tags_pins_and_deletions_are_named", "m22_ancestors_count_until_their_deletion_is_older_than_the_window"];
    caught(clauses, &Tells::OnlyOfNow);
    caught(["m22_ancestors_are_reached_through_their_links"], &Tells::OnlyOfItself);
    caught(["m22_ancestors_are_reached_through_their_links"], &Tells::OfTheDeepestFirst);
}
