//! What a row must look like to be believed: stored forms are parsed again on every read, and what does not parse is a
//! `Corrupt` error that names table and column.

use bytes::Bytes;
use manifest_core::access::Actor;
use manifest_core::error::{Port, PortError};
use manifest_core::facts::{Location, RepositoryState, StoreName, Visibility};
use manifest_core::plan::{Label, LabelId, LabelRow, LabelSource};
use manifest_core::stored;
use oci_types::{Digest, Platform};
use std::collections::BTreeMap;
use std::error::Error;
use std::str::FromStr;

/// A column, as errors name it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column(pub(crate) &'static str, pub(crate) &'static str);

/// A stored number or text that is none of the few that its column knows.
#[derive(Debug, thiserror::Error)]
#[error("{0} is none of the values that this column has")]
struct UnknownValueError(String);

impl Column {
    /// The error that what this column holds cannot be believed.
    pub(crate) fn corrupt(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> PortError {
        PortError::corrupt(self.0, self.1, source)
    }

    /// A name, a type: whatever has one text form.
    pub(crate) fn text<T>(self, stored: &str) -> Port<T>
    where
        T: FromStr<Err: Error + Send + Sync + 'static>,
    {
        stored.parse().map_err(|error| self.corrupt(error))
    }

    /// A text in the form that has no NUL.
    pub(crate) fn nul_free(self, stored: &str) -> Port<String> {
        stored::with_nul(stored).ok_or_else(|| self.unknown(&format_args!("{stored:?}")))
    }

    /// A digest.
    pub(crate) fn digest(self, stored: &[u8]) -> Port<Digest> {
        Digest::from_bytes(stored).map_err(|error| self.corrupt(error))
    }

    /// A digest that may be missing.
    pub(crate) fn optional_digest(self, stored: Option<Vec<u8>>) -> Port<Option<Digest>> {
        stored.map(|bytes| self.digest(&bytes)).transpose()
    }

    /// A number of bytes, which is never negative.
    pub(crate) fn size(self, stored: i64) -> Port<u64> {
        stored.try_into().map_err(|error: std::num::TryFromIntError| self.corrupt(error))
    }

    /// A number of bytes that may be missing.
    pub(crate) fn optional_size(self, stored: Option<i64>) -> Port<Option<u64>> {
        stored.map(|size| self.size(size)).transpose()
    }

    /// A value that an outer join leaves out only together with its row.
    pub(crate) fn present<T>(self, stored: Option<T>) -> Port<T> {
        stored.ok_or_else(|| self.corrupt(UnknownValueError("NULL".to_owned())))
    }

    /// 0 or 1.
    pub(crate) fn flag(self, stored: i64) -> Port<bool> {
        match stored {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.unknown(&other)),
        }
    }

    /// A location, `store:key`.
    pub(crate) fn location(self, stored: &str) -> Port<Location> {
        let (store, key) = stored.split_once(':').ok_or_else(|| self.unknown(&format_args!("`{stored}`")))?;
        let store: StoreName = self.text(store)?;
        let key = key.to_owned();
        Ok(Location { store, key })
    }

    /// Who wrote.
    pub(crate) fn actor(self, stored: Option<String>) -> Port<Option<Actor>> {
        stored.map(|text| self.text(&text)).transpose()
    }

    /// A platform.
    pub(crate) fn platform(self, stored: Option<String>) -> Port<Option<Platform>> {
        stored.map(|text| stored::platform_from_text(&text).map_err(|error| self.corrupt(error))).transpose()
    }

    /// Annotations; none where the column is empty.
    pub(crate) fn annotations(self, stored: Option<&str>) -> Port<BTreeMap<String, String>> {
        stored.map_or(Ok(BTreeMap::new()), |text| {
            stored::annotations_from_text(text).map_err(|error| self.corrupt(error))
        })
    }

    /// Any JSON that the statement itself made of columns of this table.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(self, stored: &str) -> Port<T> {
        serde_json::from_str(stored).map_err(|error| self.corrupt(error))
    }

    /// Who sees a repository.
    pub(crate) fn visibility(self, stored: i64) -> Port<Visibility> {
        match stored {
            PUBLIC => Ok(Visibility::Public),
            PRIVATE => Ok(Visibility::Private),
            other => Err(self.unknown(&other)),
        }
    }

    /// What a repository is to a writer.
    pub(crate) fn repository_state(self, stored: i64) -> Port<RepositoryState> {
        match stored {
            OPEN => Ok(RepositoryState::Open),
            READ_ONLY => Ok(RepositoryState::ReadOnly),
            other => Err(self.unknown(&other)),
        }
    }

    /// The error that this column holds a value that it does not know.
    pub(crate) fn unknown(self, found: &impl ToString) -> PortError {
        self.corrupt(UnknownValueError(found.to_string()))
    }
}

/// The code of [`Visibility::Public`].
const PUBLIC: i64 = 0;
/// The code of [`Visibility::Private`].
const PRIVATE: i64 = 1;

/// The code of [`RepositoryState::Open`].
pub(crate) const OPEN: i64 = 0;
/// The code of [`RepositoryState::ReadOnly`]. 2 is a repository that is being deleted, which statements leave out.
pub(crate) const READ_ONLY: i64 = 1;

/// The code under which a visibility is stored.
pub(crate) fn visibility_code(visibility: Visibility) -> i64 {
    match visibility {
        Visibility::Public => PUBLIC,
        Visibility::Private => PRIVATE,
    }
}

/// The code under which it is stored where a label came from.
pub(crate) fn label_source_code(source: LabelSource) -> i64 {
    match source {
        LabelSource::Manifest => 0,
        LabelSource::Api => 1,
        LabelSource::Internal => 2,
    }
}

/// A label, of its columns `id`, `key`, `value`, `json` and `source`.
pub(crate) fn label((id, key, value, json, source): (i64, String, String, i64, i64)) -> Port<LabelRow> {
    let column = |column| Column("label", column);
    Ok(LabelRow {
        id: LabelId(column("id").size(id)?),
        label: Label {
            key,
            value,
            json: column("json").flag(json)?,
            source: match source {
                0 => LabelSource::Manifest,
                1 => LabelSource::Api,
                2 => LabelSource::Internal,
                other => return Err(column("source").unknown(&other)),
            },
        },
    })
}

/// A number of bytes as it is stored. What no disk holds is stored as the most that the column holds.
pub(crate) fn stored_size(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// Bytes that the driver copied out of a row.
pub(crate) fn bytes(stored: Vec<u8>) -> Bytes {
    Bytes::from(stored)
}
