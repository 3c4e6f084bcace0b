//! A modest number of sequences, and the proof that a difference would be found.

use async_trait::async_trait;
use manifest_core::facts::{RepositoryState, Visibility};
use manifest_core::oci_types::RepositoryName;
use manifest_core::ports::{Repositories, RepositoryRow};
use manifest_core::{Millis, Port, Ports};
use manifest_model::{Op, check, check_against, memory};
use std::sync::Arc;

#[test]
fn memory_and_sqlite_answer_alike() {
    check(60, 40, 0).unwrap();
}

#[test]
fn there_are_kinds_enough() {
    assert!(Op::kinds() >= 30, "{}", Op::kinds());
}

/// An adapter that says it set the state of a repository, and did not.
struct Forgetful(Arc<dyn Repositories>);

#[async_trait]
impl Repositories for Forgetful {
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
    let broken = || {
        let ports = memory();
        Ports { repositories: Arc::new(Forgetful(Arc::clone(&ports.repositories))), ..ports }
    };
    let found = check_against(broken, 100, 40, 0).unwrap_err().to_string();
    assert!(found.contains("Manage(ReadOnly)") || found.contains("Manage(Open)"), "{found}");
    assert!(!found.contains("  3: "), "not shrunk: {found}");
}
