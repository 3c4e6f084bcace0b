//! Plain values that the tests of several plans share.

use crate::access::{Caller, Context};
use crate::facts::{Acting, Existing, PushFacts, RepositoryState, TagState};
use crate::time::NEVER;
use oci_types::{Algorithm, Digest, MediaType, RepositoryName, TagName};

pub(super) const NOW: i64 = 1_000_000_000;

/// Since when all tags of the tests are where they are.
pub(super) const START: i64 = NOW - 5_000;

pub(super) fn digest(content: &str) -> Digest {
    Digest::of(Algorithm::Sha256, content.as_bytes())
}

pub(super) fn tag(name: &str) -> TagName {
    name.parse().unwrap()
}

pub(super) fn repository() -> RepositoryName {
    "team/app".parse().unwrap()
}

pub(super) fn context() -> Context {
    Context { caller: Caller::Anonymous, now: NOW }
}

pub(super) fn facts() -> PushFacts {
    PushFacts::nothing_in(RepositoryState::Open)
}

pub(super) fn existing(media_type: &'static str, acting: Acting) -> Existing {
    Existing { media_type: MediaType::from_static(media_type), acting, deleted: false, visible: true }
}

pub(super) fn state(target: Digest) -> TagState {
    TagState { target, start: START, expires: NEVER, immutable: false, actor: None }
}

pub(super) fn immutable(target: Digest) -> TagState {
    TagState { immutable: true, ..state(target) }
}
