//! Pages: one row more is read than is served, to know whether others follow.

use crate::error::Port;
use crate::ports::Page;

/// A page of a repository's rows. No rows at all: no such repository. A row that reads as nothing: no items.
pub fn of_repository<Row, T>(
    rows: Vec<Row>,
    limit: u32,
    read: impl FnMut(Row) -> Port<Option<T>>,
) -> Port<Option<Page<T>>> {
    if rows.is_empty() {
        return Ok(None);
    }
    let items: Vec<T> = rows.into_iter().map(read).filter_map(Port::transpose).collect::<Port<_>>()?;
    Ok(Some(cut(items, limit)))
}

/// The first `limit` items, of which one more was read. A limit of 0 is an empty page without more.
#[must_use]
pub fn cut<T>(mut items: Vec<T>, limit: u32) -> Page<T> {
    let limit = limit as usize;
    let more = limit > 0 && items.len() > limit;
    items.truncate(limit);
    Page { items, more }
}
