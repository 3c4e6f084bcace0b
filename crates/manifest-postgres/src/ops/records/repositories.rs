use super::EVERY_ROW;
use super::form::{self, Form, Place, stored};
use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Binary, SmallInt, Text};
use manifest_core::error::Port;
use manifest_core::facts::{RepositoryState, Visibility};
use manifest_core::ports::Record;
use manifest_core::stored::Column;
use oci_types::RepositoryName;

pub(super) async fn repositories(store: &PostgresStore, after: Option<&str>, limit: i64) -> Port<Vec<Record>> {
    let statement = RepositoryRecords { after: after.unwrap_or_default(), limit };
    let rows: Vec<(String, i16, i16, i64)> = store.rows(statement, "listing repositories").await?;
    let column = |column| Column("repository", column);
    let read = |(name, visibility, state, created): (String, i16, i16, i64)| {
        let name: RepositoryName = column("name").text(&name)?;
        let visibility = match column("visibility").visibility(visibility.into())? {
            Visibility::Public => "public",
            Visibility::Private => "private",
        };
        let state = match column("state").repository_state(state.into())? {
            RepositoryState::Open => "open",
            RepositoryState::ReadOnly => "read-only",
            RepositoryState::Absent => "absent",
        };
        let form = Form::new(name.to_string()).with("visibility", visibility).with("state", state);
        Ok(form.with("created", created).done())
    };
    rows.into_iter().map(read).collect()
}

pub(super) async fn blobs(store: &PostgresStore, after: Option<&str>, limit: i64) -> Port<Vec<Record>> {
    let known = after.map_or(Some(""), form::blob);
    let (from, limit) = known.map_or((Vec::new(), EVERY_ROW), |known| (stored(known), limit));
    let rows: Vec<(Vec<u8>, i64, String)> = store.rows(BlobRecords { after: &from, limit }, "listing blobs").await?;
    let column = |column| Column("blob", column);
    let read = |(digest, size, location): (Vec<u8>, i64, String)| {
        let form = Form::new(column("digest").digest(&digest)?.to_string()).with("size", column("size").size(size)?);
        Ok(form.at(column("location").location(&location)?))
    };
    let follows = |record: &Port<Record>| match (record, after) {
        (Ok(record), Some(after)) => *record.key > *after,
        (Ok(_), None) | (Err(_), _) => true,
    };
    rows.into_iter().map(read).filter(follows).collect()
}

pub(super) async fn access(store: &PostgresStore, place: &Place<'_>, limit: i64) -> Port<Vec<Record>> {
    let (after, _) = place.digest();
    let statement = AccessRecords { repository: place.id, after: &after, limit };
    let rows: Vec<(Vec<u8>, i64, i64)> = store.rows(statement, "listing access to blobs").await?;
    let column = |column| Column("repository_blob", column);
    let read = |(digest, size, lease): (Vec<u8>, i64, i64)| {
        let form = Form::new(place.key('@', column("digest").digest(&digest)?));
        Ok(form.with("size", column("size").size(size)?).with("lease_until", lease).done())
    };
    rows.into_iter().map(read).collect()
}

statement! {
    struct RepositoryRecords<'a> { after: &'a str => Text, limit: i64 => BigInt }
    -> (Text, SmallInt, SmallInt, BigInt);
    "SELECT name, visibility, state, created_ms FROM repository \
     WHERE name > $1 AND state <> 2 ORDER BY name LIMIT $2"
}

statement! {
    struct BlobRecords<'a> { after: &'a [u8] => Binary, limit: i64 => BigInt }
    -> (Binary, BigInt, Text);
    "SELECT digest, size, location FROM blob WHERE digest > $1 ORDER BY digest LIMIT $2"
}

statement! {
    struct AccessRecords<'a> { repository: i64 => BigInt, after: &'a [u8] => Binary, limit: i64 => BigInt }
    -> (Binary, BigInt, BigInt);
    "SELECT digest, size, lease_until_ms FROM repository_blob WHERE repository_id = $1 AND digest > $2 ORDER BY digest LIMIT $3"
}
