//! Records as [`Records`](crate::ports::Records) lists them: their keys, and the making of one out of columns.

use crate::ports::{Record, Table};
use oci_types::Digest;
use std::collections::BTreeMap;
use std::fmt::Display;

/// Where in a table a page starts.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The repository.
    pub id: i64,
    /// Its name.
    pub name: &'a str,
    /// What of the key follows the name and its sign; empty: from the start.
    pub after: &'a str,
}

impl<'a> Place<'a> {
    /// The digest of the cursor, in its stored form (empty: from the start), and what follows `#`.
    #[must_use]
    pub fn digest(&self) -> (Vec<u8>, &'a str) {
        let (digest, rest) = self.after.split_once('#').unwrap_or((self.after, ""));
        (stored(digest), rest)
    }

    /// The key of a record of this repository.
    #[must_use]
    pub fn key(&self, sign: char, rest: impl Display) -> String {
        format!("{}{sign}{rest}", self.name)
    }
}

/// The sign between the name of a repository and what follows it in the keys of a table.
fn sign(table: Table) -> char {
    if matches!(table, Table::Tag | Table::TagHistory) { ':' } else { '@' }
}

/// The name of a repository in a key, and what follows it as far as it is as in the keys of the table. None if it is no such key, so
/// that only its text says what follows it.
#[must_use]
pub fn split(table: Table, key: &str) -> (&str, Option<&str>) {
    let Some((name, rest)) = key.split_once(['@', ':']) else { return (key, Some("")) };
    if !key[name.len()..].starts_with(sign(table)) {
        return (name, None);
    }
    let whole = match table {
        Table::Tag | Table::LegacyImage => Some(rest.len()),
        Table::TagHistory => rest.find('#').map(|at| at + 1 + 20),
        Table::ManifestChild | Table::Label => rest.find('#').map(|at| at + 1 + 10),
        Table::ManifestBlob => rest.find('#').and_then(|at| Some(at + 1 + digest_length(&rest[at + 1..])?)),
        Table::Repository | Table::Manifest | Table::Blob | Table::RepositoryBlob => digest_length(rest),
    };
    // What is longer than a key stands behind that key and before the next.
    let known = whole.and_then(|length| rest.get(..length)).filter(|known| parses(table, known));
    (name, known)
}

/// How long a digest is that begins a text.
fn digest_length(text: &str) -> Option<usize> {
    let hex = text.split_once(':')?.1;
    let algorithm = text.len() - hex.len();
    [64, 128].into_iter().map(|length| algorithm + length).find(|length| is_digest(text.get(..*length)))
}

fn is_digest(text: Option<&str>) -> bool {
    text.is_some_and(|text| text.parse::<Digest>().is_ok())
}

fn parses(table: Table, known: &str) -> bool {
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match (table, known.split_once('#')) {
        (Table::Tag | Table::LegacyImage, _) => true,
        (Table::TagHistory, Some((_, start))) => is_number(start),
        (Table::ManifestChild | Table::Label, Some((digest, position))) => {
            is_digest(Some(digest)) && is_number(position)
        }
        (Table::ManifestBlob, Some((digest, blob))) => is_digest(Some(digest)) && is_digest(Some(blob)),
        (_, None) => is_digest(Some(known)),
        (_, Some(_)) => false,
    }
}

/// A digest of a cursor in its stored form; what is none is before all of them.
#[must_use]
pub fn stored(digest: &str) -> Vec<u8> {
    digest.parse().map_or_else(|_| Vec::new(), |digest: Digest| digest.as_bytes().to_vec())
}

/// A number of a cursor; what is none is before all of them.
#[must_use]
pub fn number(text: &str) -> i64 {
    text.parse().unwrap_or(-1)
}

/// How much of the key of a blob is a digest.
#[must_use]
pub fn blob(key: &str) -> Option<&str> {
    digest_length(key).and_then(|length| key.get(..length))
}

/// A record in the making.
#[derive(Debug)]
pub struct Form(Record);

impl Form {
    /// A record of that key, without columns.
    #[must_use]
    pub fn new(key: String) -> Self {
        Self(Record { key, columns: BTreeMap::new(), location: None })
    }

    /// With a column.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.0.columns.insert(name, value.to_string());
        self
    }

    /// With a column, unless it is null.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The record.
    #[must_use]
    pub fn done(self) -> Record {
        self.0
    }

    /// The record of what is there.
    #[must_use]
    pub fn at(self, location: crate::facts::Location) -> Record {
        Record { location: Some(location), ..self.0 }
    }
}
