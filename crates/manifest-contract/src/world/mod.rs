//! The words that clauses are written in. Content is symbolic: a manifest or blob is its name, and its digest is that of the name.

mod at_once;
mod fixture;
mod manifest;
mod names;
mod pages;
mod repo;
mod snapshot;
mod sweeper;
mod upload;
mod write;

pub use fixture::{Fixture, Rows};

pub(crate) use at_once::{at_once, drop_after, race};
pub(crate) use manifest::a_manifest;
pub(crate) use names::{actor, digest, digests, location, moved, must, repository, tag, tags};
pub(crate) use pages::{page_of, walked};
pub(crate) use repo::{Repo, gapless, sound};
pub(crate) use snapshot::Snapshot;
pub(crate) use sweeper::{KINDS, Sweeper};
pub(crate) use upload::{AnUpload, LATER, stored};
pub(crate) use write::Write;
