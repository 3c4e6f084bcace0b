use super::check::{Check, chain};
use super::report::{Finding, Problem};
use crate::error::{Port, PortError, PortErrorKind};
use crate::ports::{Record, Table};
use oci_types::{Digest, RepositoryName};
use std::str::FromStr;

/// How many rows one page holds.
const PAGE: u32 = 500;

/// The rows of a table, page by page. Ends at a row that cannot be read, which becomes a finding.
pub(super) struct Rows {
    table: Table,
    after: Option<String>,
    limit: u32,
    ended: bool,
    broken: bool,
    silent: bool,
}

impl Rows {
    pub(super) fn of(table: Table) -> Self {
        Self { table, after: None, limit: PAGE, ended: false, broken: false, silent: false }
    }

    /// Another walk through a table whose unreadable row has been reported.
    pub(super) fn again(table: Table) -> Self {
        Self { silent: true, ..Self::of(table) }
    }

    /// Whether the walk ended at a row that cannot be read, so that others may follow.
    pub(super) fn broken(&self) -> bool {
        self.broken
    }

    /// The next page; none at the end.
    pub(super) async fn next(&mut self, check: &mut Check<'_>) -> Port<Option<Vec<Record>>> {
        while !self.ended {
            match check.ports().records.page(self.table, self.after.clone(), self.limit).await {
                Ok(page) => {
                    self.ended = !page.more;
                    self.after = page.items.last().map(|record| record.key.clone()).or(self.after.take());
                    return Ok(Some(page.items));
                }
                Err(error) if error.kind() != PortErrorKind::Corrupt => return Err(error),
                // Row by row up to the bad one, so that those before it are looked at.
                Err(_) if self.limit > 1 => self.limit = 1,
                Err(error) => {
                    (self.ended, self.broken) = (true, true);
                    if !self.silent {
                        check.find(self.unreadable(&error));
                    }
                }
            }
        }
        Ok(None)
    }

    fn unreadable(&self, error: &PortError) -> Finding {
        let behind = self.after.as_ref().map(|key| format!(" behind {key}")).unwrap_or_default();
        Finding::new(Problem::UnreadableRow { place: format!("{:?}{behind}", self.table), error: chain(error) })
    }
}

/// `repository@digest` as a record's key begins, up to a `#` if there is one.
pub(super) fn owner(record: &Record) -> Port<(RepositoryName, Digest)> {
    let key = record.key.split_once('#').map_or(record.key.as_str(), |(owner, _)| owner);
    let (repository, digest) = key.split_once('@').unwrap_or((key, ""));
    Ok((parse(record, repository)?, parse(record, digest)?))
}

/// `repository@text` as a whole key.
pub(super) fn place(record: &Record) -> Port<(RepositoryName, String)> {
    let (repository, text) = record.key.split_once('@').unwrap_or((record.key.as_str(), ""));
    Ok((parse(record, repository)?, text.to_owned()))
}

/// What stands behind the `#` of a record's key.
pub(super) fn part<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(record: &Record) -> Port<T> {
    parse(record, record.key.split_once('#').map_or("", |(_, part)| part))
}

/// A column that every record of the table has.
pub(super) fn column<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    record: &Record,
    name: &'static str,
) -> Port<T> {
    parse(record, record.columns.get(name).map_or("", String::as_str))
}

/// An adapter that lists records in another form than it promised is broken, which is no finding about what it stores.
fn parse<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(record: &Record, text: &str) -> Port<T> {
    text.parse().map_err(|error| {
        PortError::new(PortErrorKind::Internal, format!("the record {} is not in the promised form", record.key))
            .with_source(error)
    })
}

/// A key that is a value by itself.
pub(super) fn key<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(record: &Record) -> Port<T> {
    parse(record, &record.key)
}
