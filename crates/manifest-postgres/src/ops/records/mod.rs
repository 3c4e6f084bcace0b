//! Every row, in the forms of the port. Keys begin with the name of a repository and are ordered by it and `@` or `:`, which is not the
//! order of the names; so a page goes from repository to repository, with a statement for each.

pub(crate) mod images;
pub(crate) mod manifests;
pub(crate) mod repositories;
pub(crate) mod tags;

use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Text};
use form::Place;
use manifest_core::error::Port;
use manifest_core::ports::{Page, Record, Table};
use manifest_core::stored::form;

/// A page of a table.
pub(crate) async fn page(store: &PostgresStore, table: Table, after: Option<&str>, limit: u32) -> Port<Page<Record>> {
    if limit == 0 {
        return Ok(Page { items: Vec::new(), more: false });
    }
    // A text without NUL that stands where this one does: no key has one of them.
    let after = after.map(|after| after.replace('\0', "\u{1}"));
    let (after, wanted) = (after.as_deref(), i64::from(limit) + 1);
    let items = match table {
        Table::Repository => repositories::repositories(store, after, wanted).await?,
        Table::Blob => repositories::blobs(store, after, wanted).await?,
        Table::Manifest
        | Table::ManifestChild
        | Table::ManifestBlob
        | Table::Label
        | Table::Tag
        | Table::TagHistory
        | Table::LegacyImage
        | Table::RepositoryBlob => within(store, table, after, wanted).await?,
    };
    Ok(super::page::cut(items, limit))
}

/// For a cursor that is no key: what follows it is found by its text.
const EVERY_ROW: i64 = u32::MAX as i64;

async fn within(store: &PostgresStore, table: Table, after: Option<&str>, wanted: i64) -> Port<Vec<Record>> {
    let rows: Vec<(i64, String)> = store.rows(EveryRepository {}, "listing repositories").await?;
    // No character of a name stands between these two, so the order by either is the same.
    let mut repositories: Vec<(String, i64)> = rows.into_iter().map(|(id, name)| (name + "@", id)).collect();
    repositories.sort_unstable();
    let (first, rest) = after.map_or(("", Some("")), |after| form::split(table, after));
    let first = format!("{first}@");
    let mut records = Vec::new();
    for (prefix, id) in repositories.iter().filter(|(prefix, _)| *prefix >= first) {
        let left = wanted.saturating_sub_unsigned(records.len() as u64);
        if left <= 0 {
            break;
        }
        let (from, left) = match rest {
            Some(rest) if *prefix == first => (rest, left),
            None if *prefix == first => ("", EVERY_ROW),
            Some(_) | None => ("", left),
        };
        let place = Place { id: *id, name: prefix.trim_end_matches('@'), after: from };
        let follows = |record: &Record| after.is_none_or(|after| *record.key > *after);
        // Where the cursor is no key, more was read than follows it.
        records.extend(read(store, table, &place, left).await?.into_iter().filter(follows));
    }
    Ok(records)
}

/// So many records of one repository that follow a key.
async fn read(store: &PostgresStore, table: Table, place: &Place<'_>, limit: i64) -> Port<Vec<Record>> {
    match table {
        Table::Manifest => manifests::manifests(store, place, limit).await,
        Table::ManifestChild => manifests::children(store, place, limit).await,
        Table::ManifestBlob => manifests::blobs(store, place, limit).await,
        Table::Label => manifests::labels(store, place, limit).await,
        Table::Tag => tags::tags(store, place, limit).await,
        Table::TagHistory => tags::history(store, place, limit).await,
        Table::LegacyImage => images::images(store, place, limit).await,
        Table::RepositoryBlob => repositories::access(store, place, limit).await,
        // Their keys begin with no repository.
        Table::Repository | Table::Blob => Ok(Vec::new()),
    }
}

statement! {
    struct EveryRepository {}
    -> (BigInt, Text);
    "SELECT id, name FROM repository WHERE state <> 2"
}
