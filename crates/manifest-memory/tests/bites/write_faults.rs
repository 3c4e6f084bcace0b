//! What writes may do wrong: M1 to M3, M5 to M8, M14 and M17.

use crate::caught::{caught, caught_in};
use crate::faulty::Fault;
use async_trait::async_trait;
use manifest_contract::rows::{Fixture, Rows};
use manifest_core::facts::PushAsk;
use manifest_core::plan::{Applied, Guard, ManifestChange, Need, NewManifest, Plan, TagChange};
use manifest_core::ports::{Manifests, NewUpload, UploadId, Uploads};
use manifest_core::{Millis, Port};
use manifest_memory::MemoryStore;
use oci_types::{Algorithm, Digest, Hasher};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Barrier;

/// A fault of `apply` alone that applies another plan than it is given.
macro_rules! applies {
    ($fault:ident: $plan:ident => $body:expr) => {
        #[derive(Clone)]
        struct $fault;

        #[async_trait]
        impl Fault for $fault {
            async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
                let mut $plan = plan.clone();
                $body;
                store.apply(&$plan).await
            }
        }
    };
}

fn each_point(plan: &mut Plan, change: impl Fn(&mut Guard, &mut bool, &mut bool)) {
    for tag in &mut plan.tags {
        if let TagChange::Point { guard, immutable, reversion, .. } = tag {
            change(guard, immutable, reversion);
        }
    }
}

fn new_manifest(plan: &mut Plan, change: impl Fn(&mut NewManifest)) {
    if let Some(ManifestChange::Create(new)) = &mut plan.manifest {
        change(Arc::make_mut(new));
    }
}

#[derive(Clone)]
struct AppliesInTwoSteps;

#[async_trait]
impl Fault for AppliesInTwoSteps {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        let mut first =
            Plan { tags: Vec::new(), pin: None, labels: None, delete: None, purge: BTreeSet::new(), ..plan.clone() };
        if !matches!(plan.manifest, Some(ManifestChange::Create(_))) {
            first.manifest = None;
        }
        let first = store.apply(&first).await?;
        if matches!(first, Applied::Done { .. }) { store.apply(plan).await } else { Ok(first) }
    }
}

#[test]
fn m1_a_write_in_two_steps() {
    caught(["m1_after_a_refusal_nothing_of_the_plan_is_there"], &AppliesInTwoSteps);
}

#[derive(Clone)]
struct CreatesTheRepositoryFirst;

#[async_trait]
impl Fault for CreatesTheRepositoryFirst {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        let hash = Digest::of(Algorithm::Sha256, plan.repository.as_str().as_bytes());
        let bits = hash.hash().iter().take(16).fold(0, |bits, byte| bits << 8 | u128::from(*byte));
        let upload = NewUpload {
            repository: plan.repository.clone(),
            id: UploadId::from_bits(bits),
            hash_state: Hasher::new(Algorithm::Sha256).to_state().into(),
            create_repository: plan.create_repository,
            now: plan.now,
            expires: plan.now,
            actor: None,
        };
        // The second writer finds the upload there; the repository is all that was wanted.
        let _ = store.begin(&upload).await;
        store.apply(plan).await
    }
}

#[test]
fn m1_a_repository_that_is_created_whatever_comes() {
    caught(
        ["m1_after_a_refusal_nothing_of_the_plan_is_there", "r1_a_refused_write_brings_no_repository_into_being"],
        &CreatesTheRepositoryFirst,
    );
}

#[test]
fn m1_a_store_that_forgets() {
    let forgetful = Fixture::new(Rows::of(Arc::new(MemoryStore::new())))
        .reopening(|| std::future::ready(Rows::of(Arc::new(MemoryStore::new()))));
    caught_in("m1_what_was_done_is_there_after_the_store_is_opened_again", forgetful);
}

applies!(IgnoresGuards: plan => each_point(&mut plan, |guard, _, _| *guard = Guard::Any));

#[test]
fn m2_guards_that_are_ignored() {
    caught(["m2_guards_hold_or_refuse", "m2_of_many_that_want_a_tag_to_be_absent_one_gets_it"], &IgnoresGuards);
}

/// Looks at the tags, and then writes what it decided by.
#[derive(Clone)]
struct ChecksBeforeItWrites(Arc<Barrier>);

#[async_trait]
impl Fault for ChecksBeforeItWrites {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        let ask = PushAsk {
            repository: plan.repository.clone(),
            now: plan.now,
            digest: None,
            blobs: BTreeSet::new(),
            children: BTreeSet::new(),
            tags: plan.tags.iter().map(|tag| tag.name().clone()).collect(),
            tags_of: None,
            labels: false,
            visibility: false,
        };
        let facts = store.push_facts(&ask).await?;
        // Another writer does the same meanwhile.
        self.0.wait().await;
        let mut plan = plan.clone();
        for tag in &plan.tags {
            let current = facts.tags.get(tag.name()).filter(|state| state.alive(plan.now));
            let TagChange::Point { guard, .. } = tag else { continue };
            if !guard.holds(current.map(|state| &state.target)) {
                return Ok(Applied::GuardFailed(tag.name().clone()));
            }
        }
        each_point(&mut plan, |guard, _, _| *guard = Guard::Any);
        store.apply(&plan).await
    }
}

#[test]
fn m2_a_check_before_the_write() {
    let fault = ChecksBeforeItWrites(Arc::new(Barrier::new(2)));
    caught(["m2_of_many_that_want_a_tag_to_be_absent_one_gets_it"], &fault);
}

applies!(ForgetsImmutability: plan => each_point(&mut plan, |_, immutable, _| *immutable = false));

#[test]
fn m2_immutable_tags_that_move() {
    caught(["m2_immutable_tags_stay", "m2_of_many_that_make_a_tag_immutable_one_gets_it"], &ForgetsImmutability);
}

applies!(LinksWhatIsAbsent: plan => new_manifest(&mut plan, |new| {
    new.blobs.values_mut().for_each(|need| *need = Need::MayBeAbsent);
}));

#[test]
fn m2_blobs_that_need_not_be_there() {
    caught(
        ["m2_missing_blobs_are_all_named", "m2_the_stored_links_of_a_manifest_that_exists_are_checked"],
        &LinksWhatIsAbsent,
    );
}

#[derive(Clone)]
struct NamesOneMissingBlob;

#[async_trait]
impl Fault for NamesOneMissingBlob {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        let mut answer = store.apply(plan).await?;
        if let Applied::MissingBlobs(missing) = &mut answer {
            missing.pop_last();
        }
        Ok(answer)
    }
}

#[test]
fn m2_a_missing_blob_that_is_not_named() {
    caught(["m2_missing_blobs_are_all_named"], &NamesOneMissingBlob);
}

#[derive(Clone)]
struct CreatesTwice;

#[async_trait]
impl Fault for CreatesTwice {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        Ok(match (store.apply(plan).await?, &plan.manifest) {
            (Applied::Done { displaced, .. }, Some(ManifestChange::Create(_))) => {
                Applied::Done { created: true, displaced }
            }
            (answer, _) => answer,
        })
    }
}

#[test]
fn m3_a_manifest_that_is_created_twice() {
    caught(["m3_of_many_that_create_a_manifest_one_does", "m3_what_exists_is_not_created_again"], &CreatesTwice);
}

/// The loser of a race for the manifest does nothing at all.
#[derive(Clone)]
struct LeavesTheRestToTheFirst;

#[async_trait]
impl Fault for LeavesTheRestToTheFirst {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        let bare = Plan { tags: Vec::new(), pin: None, ..plan.clone() };
        match (store.apply(&bare).await?, &plan.manifest) {
            (Applied::Done { created: false, displaced }, Some(ManifestChange::Create(_))) => {
                Ok(Applied::Done { created: false, displaced })
            }
            (Applied::Done { created: true, .. }, _) => {
                let answer = store.apply(plan).await?;
                Ok(if let Applied::Done { displaced, .. } = answer {
                    Applied::Done { created: true, displaced }
                } else {
                    answer
                })
            }
            _ => store.apply(plan).await,
        }
    }
}

#[test]
fn m3_a_loser_that_points_no_tag() {
    let clauses = ["m3_of_many_that_create_a_manifest_one_does", "m3_those_who_are_not_first_pin_all_the_same"];
    caught(clauses, &LeavesTheRestToTheFirst);
}

applies!(PinsNothing: plan => plan.displaced_until = None);

#[test]
fn m6_pins_that_are_forgotten() {
    caught(["m6_a_move_pins_what_it_leaves_behind", "m6_an_end_pins_what_it_leaves_behind"], &PinsNothing);
}

applies!(PinsForEver: plan => if let Some(pin) = &mut plan.pin { pin.until = Millis::MAX });

#[test]
fn m6_pins_that_never_end() {
    caught(["m6_the_greatest_pin_wins", "m9_a_pin_keeps_until_it_is_over"], &PinsForEver);
}

applies!(ForgetsReversions: plan => each_point(&mut plan, |_, _, reversion| *reversion = false));

#[test]
fn m5_reversions_that_are_forgotten() {
    caught(["m5_the_history_keeps_who_what_and_why"], &ForgetsReversions);
}

// Deletes by forgetting the children, so that no parent is asked.
applies!(ForgetsItsChildren: plan => new_manifest(&mut plan, |new| new.children.clear()));

#[test]
fn m7_parents_that_are_not_asked() {
    caught(["m7_visible_parents_stop_a_deletion_and_are_all_named"], &ForgetsItsChildren);
}

/// Deletes before the rest of the plan is done.
#[derive(Clone)]
struct DeletesFirst;

#[async_trait]
impl Fault for DeletesFirst {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        if plan.delete.is_some() {
            let only = Plan { manifest: None, tags: Vec::new(), pin: None, labels: None, ..plan.clone() };
            let answer = store.apply(&only).await?;
            if !matches!(answer, Applied::Done { .. }) {
                return Ok(answer);
            }
        }
        store.apply(&Plan { delete: None, ..plan.clone() }).await
    }
}

#[test]
fn m7_a_deletion_that_does_not_wait_for_the_tags() {
    caught(["m7_a_deletion_is_judged_by_what_the_plan_makes_of_tags_and_pins"], &DeletesFirst);
}

applies!(RevivesNothing: plan => if let Some(ManifestChange::Keep(_)) = plan.manifest { plan.manifest = None });

#[test]
fn m8_what_is_kept_but_not_revived() {
    caught(["m8_creating_or_keeping_revives"], &RevivesNothing);
}

applies!(LinksAnyChild: plan => new_manifest(&mut plan, |new| {
    new.children.iter_mut().for_each(|child| child.need = Need::MayBeAbsent);
}));

#[test]
fn m14_a_deleted_child_that_is_linked() {
    caught(["m14_a_deleted_child_is_missing_to_new_links", "m2_missing_children_are_all_named"], &LinksAnyChild);
}

applies!(BringsNoEmptyLayer: plan => new_manifest(&mut plan, |new| {
    if new.empty_layer {
        new.empty_layer = false;
        new.blobs.values_mut().for_each(|need| *need = Need::MayBeAbsent);
    }
}));

#[test]
fn m17_the_empty_layer_that_nobody_brought() {
    caught(["m17_a_manifest_brings_access_to_the_empty_layer"], &BringsNoEmptyLayer);
}
