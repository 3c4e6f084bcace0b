//! Every row, in the forms of the port. Keys begin with the name of a repository and are ordered by it and `@` or `:`, which is not the
//! order of the names; so a page goes from repository to repository, with a statement for each.

pub(crate) mod images;
pub(crate) mod manifests;
pub(crate) mod repositories;
pub(crate) mod tags;

use crate::driver::Doing;
use diesel::sql_types::{BigInt, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use form::Place;
use manifest_core::error::Port;
use manifest_core::ports::{Page, Record, Table};
use manifest_core::stored::form;

/// A page of a table.
pub(crate) fn page(
    connection: &mut SqliteConnection,
    table: Table,
    after: Option<&str>,
    limit: u32,
) -> Port<Page<Record>> {
    if limit == 0 {
        return Ok(Page { items: Vec::new(), more: false });
    }
    let wanted = i64::from(limit) + 1;
    let items = match table {
        Table::Repository => repositories::repositories(connection, after, wanted)?,
        Table::Blob => repositories::blobs(connection, after, wanted)?,
        Table::Manifest => within(connection, table, after, wanted, manifests::manifests)?,
        Table::ManifestChild => within(connection, table, after, wanted, manifests::children)?,
        Table::ManifestBlob => within(connection, table, after, wanted, manifests::blobs)?,
        Table::Label => within(connection, table, after, wanted, manifests::labels)?,
        Table::Tag => within(connection, table, after, wanted, tags::tags)?,
        Table::TagHistory => within(connection, table, after, wanted, tags::history)?,
        Table::LegacyImage => within(connection, table, after, wanted, images::images)?,
        Table::RepositoryBlob => within(connection, table, after, wanted, repositories::access)?,
    };
    Ok(super::page::cut(items, limit))
}

/// For a cursor that is no key: what follows it is found by its text.
const EVERY_ROW: i64 = u32::MAX as i64;

/// Reads so many records of one repository that follow a key.
type Read = fn(&mut SqliteConnection, &Place<'_>, i64) -> Port<Vec<Record>>;

fn within(
    connection: &mut SqliteConnection,
    table: Table,
    after: Option<&str>,
    wanted: i64,
    read: Read,
) -> Port<Vec<Record>> {
    let rows: Vec<(i64, String)> = EveryRepository {}.load(connection).doing("listing repositories")?;
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
        records.extend(read(connection, &place, left)?.into_iter().filter(follows));
    }
    Ok(records)
}

statement! {
    struct EveryRepository {}
    -> (BigInt, Text);
    "SELECT id, name FROM repository INDEXED BY repository_name WHERE state <> 2"
}
