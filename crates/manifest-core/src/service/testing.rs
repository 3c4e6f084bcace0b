//! A registry over mocks, for the tests of the use cases.

use super::Registry;
use crate::access::{Action, Caller, Context, Decision, MockAuthorizer, ReadScope};
use crate::facts::{Acting, Existing, PushFacts, RepositoryState, TagState, Visibility};
use crate::plan::Applied;
use crate::policy::Policy;
use crate::ports::{
    MockBlobStore, MockBlobs, MockCollection, MockLegacyImages, MockListings, MockManifests, MockRecords,
    MockRepositories, MockUploads, Ports, RepositoryRow,
};
use crate::time::NEVER;
use oci_types::{Algorithm, Digest, MediaType, RepositoryName, TagName};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const NOW: i64 = 1_000_000_000;

/// The ports that these tests expect something of. A mock without expectations panics when it is called.
#[derive(Default)]
pub(super) struct Mocks {
    pub(super) manifests: MockManifests,
    pub(super) listings: MockListings,
    pub(super) repositories: MockRepositories,
    pub(super) collection: MockCollection,
    pub(super) legacy_images: MockLegacyImages,
}

impl Mocks {
    /// A registry under the default policy that allows everything.
    pub(super) fn registry(self) -> Registry {
        self.registry_under(Policy::default(), allowing(|_| true))
    }

    pub(super) fn registry_under(self, policy: Policy, access: MockAuthorizer) -> Registry {
        let ports = Ports {
            manifests: Arc::new(self.manifests),
            listings: Arc::new(self.listings),
            repositories: Arc::new(self.repositories),
            blobs: Arc::new(MockBlobs::new()),
            uploads: Arc::new(MockUploads::new()),
            collection: Arc::new(self.collection),
            legacy_images: Arc::new(self.legacy_images),
            records: Arc::new(MockRecords::new()),
            bytes: Arc::new(MockBlobStore::new()),
            access: Arc::new(access),
        };
        Registry::new(ports, policy)
    }

    /// Facts that never change.
    pub(super) fn know(&mut self, facts: PushFacts) {
        self.manifests.expect_push_facts().returning(move |_| Ok(facts.clone()));
    }

    /// Whether the repository is there.
    pub(super) fn has_repository(&mut self, there: bool) {
        self.repositories.expect_find().returning(move |name| {
            let (name, state, visibility) = (name.clone(), RepositoryState::Open, Visibility::Private);
            Ok(there.then_some(RepositoryRow { name, state, visibility, created: 0 }))
        });
    }

    /// The answer to the next plan.
    pub(super) fn answer(&mut self, applied: Applied) {
        self.manifests.expect_apply().times(1).return_once(move |_| Ok(applied));
    }
}

/// An authorizer that allows those actions and denies all others.
pub(super) fn allowing(allowed: fn(Action) -> bool) -> MockAuthorizer {
    let mut access = MockAuthorizer::new();
    let decide = move |action| if allowed(action) { Decision::Allow } else { Decision::Deny };
    access.expect_decide().returning(move |_, asks| Ok(asks.iter().map(|ask| decide(ask.action)).collect()));
    access.expect_read_scope().returning(|_| Ok(ReadScope::All));
    access
}

pub(super) fn cx() -> Context {
    Context { caller: Caller::Anonymous, now: NOW }
}

pub(super) fn repository() -> RepositoryName {
    "team/app".parse().unwrap()
}

pub(super) fn tag(name: &str) -> TagName {
    name.parse().unwrap()
}

pub(super) fn digest(content: &str) -> Digest {
    Digest::of(Algorithm::Sha256, content.as_bytes())
}

pub(super) fn done() -> Applied {
    Applied::Done { created: false, displaced: BTreeMap::new() }
}

/// An open repository with a manifest of that type.
pub(super) fn holding(media_type: &'static str) -> PushFacts {
    let media_type = MediaType::from_static(media_type);
    let existing = Existing { media_type, acting: Acting::default(), deleted: false, visible: true };
    PushFacts { existing: Some(existing), ..PushFacts::nothing_in(RepositoryState::Open) }
}

/// A tag that points there, since a second ago, for ever.
pub(super) fn pointing(at: Digest) -> TagState {
    TagState { target: at, start: NOW - 1_000, expires: NEVER, immutable: false, actor: None }
}
