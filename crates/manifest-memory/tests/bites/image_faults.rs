//! What legacy images may be answered wrong: I1 to I7.

use crate::caught::caught;
use crate::faulty::Fault;
use async_trait::async_trait;
use manifest_core::plan::{Applied, ManifestChange, Plan};
use manifest_core::ports::{
    ImageTag, ImageTagsAsk, LegacyImages, Manifests, Page, Record, Records, StoredImage, SweepAsk, SweepDone,
    SweepKind, Table,
};
use manifest_core::{Millis, Port};
use manifest_memory::MemoryStore;
use oci_types::RepositoryName;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Stores none of a manifest's images but the last.
#[derive(Clone)]
struct ForgetsBases;

#[async_trait]
impl Fault for ForgetsBases {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        let mut plan = plan.clone();
        if let Some(ManifestChange::Create(new)) = &mut plan.manifest {
            let images = &mut Arc::make_mut(new).legacy_images;
            images.drain(..images.len().saturating_sub(1));
        }
        store.apply(&plan).await
    }
}

#[test]
fn i1_images_that_are_not_stored() {
    caught(
        [
            "i1_images_are_stored_with_their_manifest_and_shared",
            "i1_many_pushes_of_one_base_leave_one_row_of_it",
            "i4_the_ancestry_begins_with_the_image_and_ends_with_its_base",
        ],
        &ForgetsBases,
    );
}

/// Stores no image a second time, though it may have gone meanwhile.
#[derive(Clone, Default)]
struct NeverForgets(Arc<Mutex<BTreeSet<String>>>);

#[async_trait]
impl Fault for NeverForgets {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        let mut plan = plan.clone();
        if let Some(ManifestChange::Create(new)) = &mut plan.manifest {
            let mut stored = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::make_mut(new).legacy_images.retain(|image| stored.insert(image.id.clone()));
        }
        store.apply(&plan).await
    }
}

#[test]
fn i1_images_that_are_thought_to_be_there() {
    caught(["i1_images_that_went_are_stored_again"], &NeverForgets::default());
}

/// Lists each image once for each time that it was pushed.
#[derive(Clone)]
struct ListsTwice;

#[async_trait]
impl Fault for ListsTwice {
    async fn page_of_records(
        &self,
        store: &MemoryStore,
        table: Table,
        after: Option<String>,
        limit: u32,
    ) -> Port<Page<Record>> {
        let mut page = store.page(table, after, limit).await?;
        if table == Table::LegacyImage {
            let again = page.items.first().cloned();
            page.items.splice(0..0, again);
        }
        Ok(page)
    }
}

#[test]
fn i1_rows_that_are_there_twice() {
    caught(["i1_many_pushes_of_one_base_leave_one_row_of_it"], &ListsTwice);
}

/// A fault of `image` alone: what it makes of the answer.
macro_rules! images {
    ($fault:ident: $answer:ident => $body:expr) => {
        #[derive(Clone)]
        struct $fault;

        #[async_trait]
        impl Fault for $fault {
            async fn image(
                &self,
                store: &MemoryStore,
                repository: &RepositoryName,
                id: &str,
                now: Millis,
            ) -> Port<Option<StoredImage>> {
                let mut $answer = store.image(repository, id, now).await?;
                if let Some($answer) = &mut $answer {
                    $body;
                }
                Ok($answer)
            }
        }
    };
}

images!(CutsAtNul: found => {
    let metadata = found.image.metadata.split('\0').next().unwrap_or_default().to_owned();
    found.image.metadata = metadata;
});

#[test]
fn i2_texts_that_end_at_nul() {
    caught(["i2_an_image_is_the_row_that_was_stored"], &CutsAtNul);
}

/// Serves what was served once.
#[derive(Clone)]
struct NeverLate;

#[async_trait]
impl Fault for NeverLate {
    async fn image(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        id: &str,
        now: Millis,
    ) -> Port<Option<StoredImage>> {
        store.image(repository, id, now.min(20)).await
    }
}

#[test]
fn i2_images_that_nothing_serves_any_more() {
    caught(
        [
            "i2_an_image_is_served_by_a_visible_manifest_that_has_it_or_one_above",
            "i3_the_layer_is_there_while_access_to_it_is",
        ],
        &NeverLate,
    );
}

images!(LosesLayers: found => found.layer = None);

#[test]
fn i3_layers_that_are_lost() {
    caught(["i3_the_layer_is_there_while_access_to_it_is"], &LosesLayers);
}

/// The base first, as an image is built.
#[derive(Clone)]
struct UpsideDown;

#[async_trait]
impl Fault for UpsideDown {
    async fn ancestry(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        id: &str,
        now: Millis,
    ) -> Port<Vec<String>> {
        let mut ids = store.ancestry(repository, id, now).await?;
        ids.reverse();
        Ok(ids)
    }
}

#[test]
fn i4_an_ancestry_upside_down() {
    caught(["i4_the_ancestry_begins_with_the_image_and_ends_with_its_base"], &UpsideDown);
}

/// A fault of `image_tags` alone that follows another question than it is asked.
macro_rules! lists {
    ($fault:ident: $ask:ident => $body:expr) => {
        #[derive(Clone)]
        struct $fault;

        #[async_trait]
        impl Fault for $fault {
            async fn image_tags(&self, store: &MemoryStore, ask: &ImageTagsAsk) -> Port<Option<Page<ImageTag>>> {
                let mut $ask = ask.clone();
                $body;
                store.image_tags(&$ask).await
            }
        }
    };
}

lists!(ListsExpired: ask => ask.now = Millis::MIN);
lists!(ListsOthers: ask => ask.only = None);

#[test]
fn i5_tags_that_should_not_be_listed() {
    caught(["i5_tags_with_images_are_listed_in_order"], &ListsExpired);
    caught(["i5_tags_with_images_are_listed_in_order"], &ListsOthers);
}

/// Leaves a row alone whose id it is asked to store, whatever it stands for.
#[derive(Clone)]
struct SharesAnything;

#[async_trait]
impl Fault for SharesAnything {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        let mut plan = plan.clone();
        loop {
            match (store.apply(&plan).await?, &mut plan.manifest) {
                (Applied::ImagesTaken(taken), Some(ManifestChange::Create(new))) => {
                    Arc::make_mut(new).legacy_images.retain(|image| !taken.contains(&image.id));
                }
                (answer, _) => return Ok(answer),
            }
        }
    }
}

#[test]
fn i7_rows_that_stand_for_something_else() {
    caught(
        [
            "i7_an_id_that_stands_for_something_else_is_refused_and_named",
            "i7_of_many_that_call_different_images_alike_one_does",
        ],
        &SharesAnything,
    );
}

/// Names only the first of the ids that are taken.
#[derive(Clone)]
struct NamesOne;

#[async_trait]
impl Fault for NamesOne {
    async fn apply(&self, store: &MemoryStore, plan: &Plan) -> Port<Applied> {
        let mut answer = store.apply(plan).await?;
        if let Applied::ImagesTaken(taken) = &mut answer {
            *taken = taken.pop_first().into_iter().collect();
        }
        Ok(answer)
    }
}

#[test]
fn i7_ids_that_are_not_named() {
    caught(["i7_an_id_that_stands_for_something_else_is_refused_and_named"], &NamesOne);
}

/// Looks at every image above one, however many there are.
#[derive(Clone)]
struct NeverTires;

#[async_trait]
impl Fault for NeverTires {
    async fn image(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        id: &str,
        now: Millis,
    ) -> Port<Option<StoredImage>> {
        // None of the manifests of so many images is kept.
        let rows = store.page(Table::LegacyImage, None, 2_000).await?.items.len();
        if rows > 1_000 { Ok(None) } else { store.image(repository, id, now).await }
    }
}

#[test]
fn i2_walks_without_an_end() {
    caught(["i2_below_a_thousand_images_the_answer_is_served"], &NeverTires);
}

/// Never finds an image to remove.
#[derive(Clone)]
struct KeepsImages;

#[async_trait]
impl Fault for KeepsImages {
    async fn sweep(&self, store: &MemoryStore, ask: &SweepAsk) -> Port<SweepDone> {
        use manifest_core::ports::Collection;
        if ask.kind == SweepKind::LegacyImages { Ok(SweepDone::default()) } else { store.sweep(ask).await }
    }
}

#[test]
fn i6_images_that_never_go() {
    caught(["i6_images_go_after_the_last_manifest_that_reaches_them"], &KeepsImages);
}
