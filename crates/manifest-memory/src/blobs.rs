use crate::state::{Admission, State};
use crate::store::MemoryStore;
use async_trait::async_trait;
use manifest_core::facts::{Blob, RepositoryState};
use manifest_core::ports::{Blobs, MountAsk, MountSource, Mounted, Removal};
use manifest_core::{Millis, Port};
use oci_types::{Digest, RepositoryName};

#[async_trait]
impl Blobs for MemoryStore {
    async fn find(&self, repository: &RepositoryName, digest: &Digest, usable_after: Millis) -> Port<Option<Blob>> {
        let state = self.read()?;
        let repository = state.repository(repository);
        Ok(repository.and_then(|repository| repository.grants(digest, usable_after).cloned()))
    }

    async fn mount(&self, ask: &MountAsk) -> Port<Mounted> {
        let mut state = self.write()?;
        match state.admit(&ask.to, ask.create_repository) {
            Admission::Gone => return Ok(Mounted::RepositoryGone),
            Admission::ReadOnly => return Ok(Mounted::ReadOnly),
            Admission::Open => {}
        }
        let Some(blob) = source(&state, ask) else {
            return Ok(Mounted::NotFound);
        };
        state.repository_mut(&ask.to, ask.create_repository, ask.now);
        state.grant(&ask.to, ask.digest, &blob, ask.lease_until);
        Ok(Mounted::Done(blob))
    }

    async fn remove(&self, repository: &RepositoryName, digest: &Digest, now: Millis) -> Port<Removal> {
        let mut state = self.write()?;
        let Some(row) = state.repository(repository) else {
            return Ok(Removal::Absent);
        };
        Ok(if row.row.state == RepositoryState::ReadOnly {
            Removal::ReadOnly
        } else if row.grants(digest, now).is_none() {
            Removal::Absent
        } else if row.links(digest) {
            Removal::StillLinked
        } else {
            state.revoke(repository, digest);
            Removal::Removed
        })
    }
}

/// The blob, as a repository has it that may be mounted from.
fn source(state: &State, ask: &MountAsk) -> Option<Blob> {
    let granted = |name: &RepositoryName| state.repository(name)?.grants(&ask.digest, ask.now).cloned();
    match &ask.from {
        MountSource::Repository(name) => granted(name),
        MountSource::Scope(scope) => {
            let holders = state.holders.get(&ask.digest)?.iter();
            holders.filter(|name| scope.contains(name, state.public.contains(*name))).find_map(granted)
        }
    }
}
