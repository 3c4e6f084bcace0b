use super::codes::{OPEN, PRIVATE, PUBLIC, READ_ONLY};
use super::text;
use crate::access::Actor;
use crate::error::{Port, PortError};
use crate::facts::{Location, RepositoryState, StoreName, Visibility};
use crate::plan::{Label, LabelId, LabelRow, LabelSource};
use oci_types::{Digest, Platform};
use std::collections::BTreeMap;
use std::error::Error;
use std::str::FromStr;

/// A column, as errors name it. Its methods parse what a row holds, and answer an error of kind `Corrupt` that names table and column
/// where it is nothing that the column can hold.
#[derive(Clone, Copy, Debug)]
pub struct Column(pub &'static str, pub &'static str);

/// A stored number or text that is none of the few that its column knows.
#[derive(Debug, thiserror::Error)]
#[error("{0} is none of the values that this column has")]
struct UnknownValueError(String);

impl Column {
    /// The error that what this column holds cannot be believed.
    pub fn corrupt(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> PortError {
        PortError::corrupt(self.0, self.1, source)
    }

    /// A name, a type: whatever has one text form.
    pub fn text<T>(self, stored: &str) -> Port<T>
    where
        T: FromStr<Err: Error + Send + Sync + 'static>,
    {
        stored.parse().map_err(|error| self.corrupt(error))
    }

    /// A text that its column holds as bytes, since an engine's own texts may lack some characters.
    pub fn utf8(self, stored: Vec<u8>) -> Port<String> {
        String::from_utf8(stored).map_err(|error| self.corrupt(error))
    }

    /// A text that its column holds as bytes, and that may be missing.
    pub fn optional_utf8(self, stored: Option<Vec<u8>>) -> Port<Option<String>> {
        stored.map(|bytes| self.utf8(bytes)).transpose()
    }

    /// A text in the form that has no NUL.
    pub fn nul_free(self, stored: &str) -> Port<String> {
        text::with_nul(stored).ok_or_else(|| self.unknown(&format_args!("{stored:?}")))
    }

    /// A digest.
    pub fn digest(self, stored: &[u8]) -> Port<Digest> {
        Digest::from_bytes(stored).map_err(|error| self.corrupt(error))
    }

    /// A digest that may be missing.
    pub fn optional_digest(self, stored: Option<Vec<u8>>) -> Port<Option<Digest>> {
        stored.map(|bytes| self.digest(&bytes)).transpose()
    }

    /// A number of bytes, which is never negative.
    pub fn size(self, stored: i64) -> Port<u64> {
        stored.try_into().map_err(|error: std::num::TryFromIntError| self.corrupt(error))
    }

    /// A number of bytes that may be missing.
    pub fn optional_size(self, stored: Option<i64>) -> Port<Option<u64>> {
        stored.map(|size| self.size(size)).transpose()
    }

    /// A value that an outer join leaves out only together with its row.
    pub fn present<T>(self, stored: Option<T>) -> Port<T> {
        stored.ok_or_else(|| self.corrupt(UnknownValueError("NULL".to_owned())))
    }

    /// 0 or 1.
    pub fn flag(self, stored: i64) -> Port<bool> {
        match stored {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.unknown(&other)),
        }
    }

    /// A location, `store:key`.
    pub fn location(self, stored: &str) -> Port<Location> {
        let (store, key) = stored.split_once(':').ok_or_else(|| self.unknown(&format_args!("`{stored}`")))?;
        let store: StoreName = self.text(store)?;
        let key = key.to_owned();
        Ok(Location { store, key })
    }

    /// Who wrote.
    pub fn actor(self, stored: Option<String>) -> Port<Option<Actor>> {
        stored.map(|text| self.text(&text)).transpose()
    }

    /// A platform.
    pub fn platform(self, stored: Option<String>) -> Port<Option<Platform>> {
        stored.map(|text| text::platform_from_text(&text).map_err(|error| self.corrupt(error))).transpose()
    }

    /// Annotations; none where the column is empty.
    pub fn annotations(self, stored: Option<&str>) -> Port<BTreeMap<String, String>> {
        stored
            .map_or(Ok(BTreeMap::new()), |text| text::annotations_from_text(text).map_err(|error| self.corrupt(error)))
    }

    /// Any JSON that the statement itself made of columns of this table.
    pub fn json<T: serde::de::DeserializeOwned>(self, stored: &str) -> Port<T> {
        serde_json::from_str(stored).map_err(|error| self.corrupt(error))
    }

    /// Who sees a repository.
    pub fn visibility(self, stored: i64) -> Port<Visibility> {
        match stored {
            PUBLIC => Ok(Visibility::Public),
            PRIVATE => Ok(Visibility::Private),
            other => Err(self.unknown(&other)),
        }
    }

    /// What a repository is to a writer.
    pub fn repository_state(self, stored: i64) -> Port<RepositoryState> {
        match stored {
            OPEN => Ok(RepositoryState::Open),
            READ_ONLY => Ok(RepositoryState::ReadOnly),
            other => Err(self.unknown(&other)),
        }
    }

    /// The error that this column holds a value that it does not know.
    pub fn unknown(self, found: &impl ToString) -> PortError {
        self.corrupt(UnknownValueError(found.to_string()))
    }
}

/// A label, of its columns `id`, `key`, `value`, `json` and `source`.
pub fn label((id, key, value, json, source): (i64, String, String, i64, i64)) -> Port<LabelRow> {
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
