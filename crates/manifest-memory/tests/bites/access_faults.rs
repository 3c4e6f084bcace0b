//! What access to blobs may do wrong: B1 to B5.

use crate::caught::caught;
use crate::faulty::Fault;
use async_trait::async_trait;
use manifest_core::facts::Blob;
use manifest_core::ports::{
    Blobs, FinishUpload, Finished, Listings, MountAsk, MountSource, Mounted, PageAsk, Removal, Uploads,
};
use manifest_core::{Millis, NEVER, Port, ReadScope};
use manifest_memory::MemoryStore;
use oci_types::{Digest, RepositoryName};

#[derive(Clone)]
struct GrantsWhatExists;

#[async_trait]
impl Fault for GrantsWhatExists {
    async fn find_blob(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        digest: &Digest,
        usable_after: Millis,
    ) -> Port<Option<Blob>> {
        let others = store.repositories(&ReadScope::All, &PageAsk::first(100)).await?.items;
        for name in [repository.clone()].into_iter().chain(others) {
            if let Some(blob) = Blobs::find(store, &name, digest, usable_after).await? {
                return Ok(Some(blob));
            }
        }
        Ok(None)
    }
}

#[test]
fn b1_access_to_whatever_exists() {
    caught(["b1_a_link_alone_grants_nothing", "b4_other_repositories_keep_their_access"], &GrantsWhatExists);
}

#[derive(Clone)]
struct ForgetsLeases;

#[async_trait]
impl Fault for ForgetsLeases {
    async fn finish(&self, store: &MemoryStore, upload: &FinishUpload) -> Port<Finished> {
        store.finish(&FinishUpload { lease_until: NEVER, ..upload.clone() }).await
    }
}

#[test]
fn b1_leases_that_never_end() {
    caught(
        ["b1_access_lasts_as_long_as_its_lease", "u3_a_finished_upload_grants_access_until_its_lease_ends"],
        &ForgetsLeases,
    );
}

#[derive(Clone)]
struct MountsBeyondTheScope;

#[async_trait]
impl Fault for MountsBeyondTheScope {
    async fn mount(&self, store: &MemoryStore, ask: &MountAsk) -> Port<Mounted> {
        store.mount(&MountAsk { from: MountSource::Scope(ReadScope::All), ..ask.clone() }).await
    }
}

#[test]
fn b2_and_b3_a_mount_from_anywhere() {
    let clauses =
        ["b2_any_repository_of_the_scope_is_a_source", "b3_what_is_out_of_the_scope_looks_like_what_does_not_exist"];
    caught(clauses, &MountsBeyondTheScope);
}

#[derive(Clone)]
struct CutsLeases;

#[async_trait]
impl Fault for CutsLeases {
    async fn mount(&self, store: &MemoryStore, ask: &MountAsk) -> Port<Mounted> {
        store.mount(&MountAsk { lease_until: ask.now, ..ask.clone() }).await
    }
}

#[test]
fn b2_a_mount_without_a_lease() {
    caught(["b2_a_mount_gives_access_to_what_its_source_has", "b2_many_mounts_at_once_all_succeed"], &CutsLeases);
}

#[derive(Clone)]
struct SaysItIsRemoved;

#[async_trait]
impl Fault for SaysItIsRemoved {
    async fn remove(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        digest: &Digest,
        now: Millis,
    ) -> Port<Removal> {
        Ok(match store.remove(repository, digest, now).await? {
            Removal::StillLinked => Removal::Removed,
            answer @ (Removal::Removed | Removal::Absent | Removal::ReadOnly) => answer,
        })
    }
}

#[test]
fn b4_a_linked_blob_that_is_said_to_be_removed() {
    let clauses = ["b4_a_blob_that_a_manifest_links_stays", "m2_a_blob_is_linked_or_removed_but_never_both"];
    caught(clauses, &SaysItIsRemoved);
}

#[derive(Clone)]
struct KeepsTheEmptyLayerElsewhere;

#[async_trait]
impl Fault for KeepsTheEmptyLayerElsewhere {
    async fn find_blob(
        &self,
        store: &MemoryStore,
        repository: &RepositoryName,
        digest: &Digest,
        usable_after: Millis,
    ) -> Port<Option<Blob>> {
        let mut blob = Blobs::find(store, repository, digest, usable_after).await?;
        if let Some(blob) = &mut blob {
            blob.location.key.push_str("-copy");
        }
        Ok(blob)
    }
}

#[test]
fn b5_the_empty_layer_in_a_store() {
    caught(["b5_the_empty_layer_is_said_to_be_in_the_program"], &KeepsTheEmptyLayerElsewhere);
}
