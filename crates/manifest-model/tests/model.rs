//! A modest number of sequences, and the proof that a difference would be found.

use async_trait::async_trait;
use manifest_core::facts::{RepositoryState, Visibility};
use manifest_core::oci_types::RepositoryName;
use manifest_core::ports::{Repositories, RepositoryRow};
use manifest_core::{Millis, Port, Ports};
use manifest_memory::{MemoryBlobs, MemoryStore};
use manifest_model::{Adapter, Memory, Op, Postgres, Sqlite, Store, check};
use postgres_fixture::Database;
use std::error::Error;
use std::sync::Arc;

#[test]
fn memory_and_sqlite_answer_alike() {
    let ran = check(&[&Memory, &Sqlite], 60, 40, 0).unwrap();
    assert_eq!(ran.sequences, 60);
    assert!(ran.operations >= 60 * 30, "{}", ran.operations);
    assert_eq!(ran.kinds.len(), Op::kinds(), "{:?}", ran.kinds);
    assert!(Op::kinds() >= 30, "{}", Op::kinds());
}

#[test]
fn memory_and_postgres_answer_alike() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let database = runtime.block_on(Database::fresh());
    let ran = check(&[&Memory, &Postgres::emptying(database.url())], 40, 40, 0).unwrap();
    assert_eq!(ran.sequences, 40);
    assert_eq!(ran.kinds.len(), Op::kinds(), "{:?}", ran.kinds);
}

/// An adapter that says it set the state of a repository, and did not.
struct Forgetful;

#[async_trait(?Send)]
impl Adapter for Forgetful {
    fn name(&self) -> &'static str {
        "forgetful"
    }

    async fn fresh(&self) -> Result<Store, Box<dyn Error>> {
        let ports = MemoryStore::new().ports(MemoryBlobs::new(1 << 20), manifest_core::AllowAll);
        let repositories = Arc::new(ForgetsStates(Arc::clone(&ports.repositories)));
        Ok(Store::new(Ports { repositories, ..ports }))
    }
}

struct ForgetsStates(Arc<dyn Repositories>);

#[async_trait]
impl Repositories for ForgetsStates {
    async fn create(&self, name: &RepositoryName, visibility: Visibility, now: Millis) -> Port<bool> {
        self.0.create(name, visibility, now).await
    }

    async fn find(&self, name: &RepositoryName) -> Port<Option<RepositoryRow>> {
        self.0.find(name).await
    }

    async fn set_state(&self, _: &RepositoryName, _: RepositoryState) -> Port<bool> {
        Ok(true)
    }

    async fn delete(&self, name: &RepositoryName, now: Millis) -> Port<bool> {
        self.0.delete(name, now).await
    }
}

#[test]
fn a_broken_answer_is_found_and_shrunk() {
    let found = check(&[&Memory, &Forgetful], 100, 40, 0).unwrap_err().to_string();
    assert!(found.contains("Manage(ReadOnly)") || found.contains("Manage(Open)"), "{found}");
    assert!(found.contains("\n  forgetful: "), "{found}");
    assert!(!found.contains("  3: "), "not shrunk: {found}");
}

#[test]
fn the_one_of_three_that_differs_is_named() {
    let found = check(&[&Memory, &Memory, &Forgetful], 100, 40, 0).unwrap_err().to_string();
    assert!(found.contains("\n  memory: ") && found.contains("\n  forgetful: "), "{found}");
}

#[test]
fn one_adapter_alone_is_no_comparison() {
    assert!(check(&[&Memory], 1, 1, 0).is_err());
}

#[test]
fn the_same_seed_is_the_same_run() {
    let run = |seed| check(&[&Memory, &Memory], 20, 20, seed).unwrap();
    assert_eq!(run(3), run(3));
    assert_ne!(run(3).operations, run(4).operations);
}
