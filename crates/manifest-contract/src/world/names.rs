use manifest_core::facts::Location;
use manifest_core::{Actor, Port};
use oci_types::{Algorithm, Digest, RepositoryName, TagName};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::{Display, Write as _};
use std::str::FromStr;

/// The digest of symbolic content.
pub(crate) fn digest(name: &str) -> Digest {
    Digest::of(Algorithm::Sha256, name.as_bytes())
}

pub(crate) fn digests<const N: usize>(names: [&str; N]) -> BTreeSet<Digest> {
    names.into_iter().map(digest).collect()
}

pub(crate) fn tag(name: &str) -> TagName {
    parsed(name)
}

pub(crate) fn tags<const N: usize>(names: [&str; N]) -> BTreeSet<TagName> {
    names.into_iter().map(tag).collect()
}

pub(crate) fn repository(name: &str) -> RepositoryName {
    parsed(name)
}

pub(crate) fn actor(name: &str) -> Actor {
    parsed(name)
}

/// A location of a store that nobody asks for bytes.
pub(crate) fn location(key: impl Into<String>) -> Location {
    Location { store: parsed("contract"), key: key.into() }
}

/// Tags with what they pointed at.
pub(crate) fn moved<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<TagName, Digest> {
    pairs.into_iter().map(|(name, left)| (tag(name), digest(left))).collect()
}

#[track_caller]
pub(crate) fn parsed<T: FromStr<Err: Display>>(text: &str) -> T {
    match text.parse() {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

/// What a port answers, where a clause leaves it no reason for an error.
#[track_caller]
pub(crate) fn must<T>(answer: Port<T>) -> T {
    match answer {
        Ok(value) => value,
        Err(error) => {
            let mut chain = error.to_string();
            let mut source = error.source();
            while let Some(error) = source {
                let _ = write!(chain, ": {error}");
                source = error.source();
            }
            panic!("the port failed: {chain}")
        }
    }
}
