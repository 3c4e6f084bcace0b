use super::repositories::small;
use super::{WriteToken, once, only, outcome, settled, unknown};
use crate::sets::Scope;
use crate::store::PostgresStore;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, SmallInt, Text};
use manifest_core::error::{Port, PortError, PortErrorKind};
use manifest_core::facts::Blob;
use manifest_core::ports::{MountAsk, MountSource, Mounted, Removal};
use manifest_core::stored::{Column, visibility_code};
use manifest_core::time::Millis;
use oci_types::{Digest, RepositoryName};

/// Gives a repository access to a blob that another one has.
pub(crate) async fn mount(store: &PostgresStore, ask: &MountAsk) -> Port<Mounted> {
    const WHAT: &str = "mounting a blob";
    let nowhere = || Scope { everything: false, public: false, starts: Vec::new(), stops: Vec::new() };
    let (source, scope) = match &ask.from {
        MountSource::Repository(source) => (Some(source.as_str()), nowhere()),
        MountSource::Scope(scope) => (None, Scope::from(scope)),
    };
    let statement = Mount {
        repository: ask.to.as_str(),
        digest: ask.digest.as_bytes(),
        lease_until: ask.lease_until,
        visibility: ask.create_repository.map(visibility_code).map(small),
        now: ask.now,
        source,
        everything: scope.everything,
        public: scope.public,
        starts: &scope.starts,
        stops: &scope.stops,
    };
    let write = async || {
        let (outcome, size, location): (i16, Option<i64>, Option<String>) =
            only(store.write(statement, WHAT).await?, WHAT)?;
        match outcome {
            0 => Ok(Mounted::Done(blob("repository_blob", size, location)?)),
            1 => Ok(Mounted::NotFound),
            2 => Ok(Mounted::RepositoryGone),
            3 => Ok(Mounted::ReadOnly),
            other => Err(unknown(&other, WHAT)),
        }
    };
    settled(write, async |mounted| Ok(mounted)).await
}

/// A blob of the size and the location that a function answered.
pub(super) fn blob(table: &'static str, size: Option<i64>, location: Option<String>) -> Port<Blob> {
    let (of_size, of_location) = (Column(table, "size"), Column(table, "location"));
    Ok(Blob {
        size: of_size.size(of_size.present(size)?)?,
        location: of_location.location(&of_location.present(location)?)?,
    })
}

statement! {
    /// From a repository if one is named, else from any in the scope.
    struct Mount<'a> {
        repository: &'a str => Text,
        digest: &'a [u8] => Binary,
        lease_until: Millis => BigInt,
        visibility: Option<i16> => Nullable<SmallInt>,
        now: Millis => BigInt,
        source: Option<&'a str> => Nullable<Text>,
        everything: bool => Bool,
        public: bool => Bool,
        starts: &'a [String] => Array<Text>,
        stops: &'a [String] => Array<Text>,
    }
    -> (SmallInt, Nullable<BigInt>, Nullable<Text>);
    "SELECT outcome, found_size, found_location FROM mount_2($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
}

/// Takes access away. Waits a while for pushes that are under way.
pub(crate) async fn remove(
    store: &PostgresStore,
    repository: &RepositoryName,
    digest: &Digest,
    now: Millis,
) -> Port<Removal> {
    const WHAT: &str = "removing access to a blob";
    let (repository, digest) = (repository.as_str(), digest.as_bytes());
    let read = |outcome| match outcome {
        0 => Ok(Removal::Removed),
        1 => Ok(Removal::Absent),
        2 => Ok(Removal::StillLinked),
        3 => Ok(Removal::ReadOnly),
        4 => Err(in_the_way(WHAT)),
        other => Err(unknown(&other, WHAT)),
    };
    let write = async |token: WriteToken| {
        let statement = RemoveAccess { repository, digest, now, token: token.bound() };
        let (outcome,): (i16,) = only(store.write(statement, WHAT).await?, WHAT)?;
        read(outcome)
    };
    once(write, async |token| outcome(store, token).await?.map(read).transpose()).await
}

/// A lock was not had in time. Asking again later may work.
#[derive(Debug, thiserror::Error)]
#[error("pushes into the repository were in the way for too long")]
struct InTheWayError;

/// The error that a deletion waited in vain for pushes that were under way.
pub(crate) fn in_the_way(what: &'static str) -> PortError {
    PortError::new(PortErrorKind::Unavailable, what).with_source(InTheWayError)
}

statement! {
    struct RemoveAccess<'a> {
        repository: &'a str => Text,
        digest: &'a [u8] => Binary,
        now: Millis => BigInt,
        token: i64 => BigInt,
    }
    -> (SmallInt,);
    "SELECT access_remove_2($1, $2, $3, $4)"
}
