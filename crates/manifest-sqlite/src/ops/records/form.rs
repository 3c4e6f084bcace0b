use manifest_core::error::{Port, PortError, PortErrorKind};
use manifest_core::ports::Record;
use oci_types::Digest;
use std::collections::BTreeMap;
use std::fmt::Display;

/// Where in a table a page starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The repository.
    pub(super) id: i64,
    /// Its name.
    pub(super) name: &'a str,
    /// What of the key follows the name and its sign; empty: from the start.
    pub(super) after: &'a str,
}

impl<'a> Place<'a> {
    /// The digest of the cursor, in its stored form (empty: from the start), and what follows `#`.
    pub(super) fn digest(&self) -> Port<(Vec<u8>, &'a str)> {
        let (digest, rest) = self.after.split_once('#').unwrap_or((self.after, ""));
        Ok((stored(digest)?, rest))
    }

    /// The key of a record of this repository.
    pub(super) fn key(&self, sign: char, rest: impl Display) -> String {
        format!("{}{sign}{rest}", self.name)
    }
}

/// The name of a repository, and what follows it in a key. Neither sign is in a name.
pub(super) fn split(key: &str) -> (&str, &str) {
    key.split_once(['@', ':']).unwrap_or((key, ""))
}

/// A digest of a cursor in its stored form; an empty text is before all of them.
pub(super) fn stored(digest: &str) -> Port<Vec<u8>> {
    if digest.is_empty() {
        return Ok(Vec::new());
    }
    let parsed: Digest = digest.parse().map_err(|_| unknown(digest))?;
    Ok(parsed.as_bytes().to_vec())
}

/// A number of a cursor; an empty text is before all of them.
pub(super) fn number(text: &str) -> Port<i64> {
    if text.is_empty() { Ok(-1) } else { text.parse().map_err(|_| unknown(text)) }
}

fn unknown(text: &str) -> PortError {
    PortError::new(PortErrorKind::Internal, format!("`{text}` is in no key of a record"))
}

/// A record in the making.
#[derive(Debug)]
pub(super) struct Form(Record);

impl Form {
    pub(super) fn new(key: String) -> Self {
        Self(Record { key, columns: BTreeMap::new(), location: None })
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.0.columns.insert(name, value.to_string());
        self
    }

    pub(super) fn with_some(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(super) fn done(self) -> Record {
        self.0
    }

    pub(super) fn at(self, location: manifest_core::facts::Location) -> Record {
        Record { location: Some(location), ..self.0 }
    }
}
