use manifest_core::ports::Page;
use std::ops::Bound;

/// The first `limit` items, and whether there are others. A limit of 0 is an empty page without more.
pub(crate) fn page<T>(mut items: impl Iterator<Item = T>, limit: u32) -> Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let taken: Vec<T> = items.by_ref().take(limit).collect();
    let more = limit > 0 && items.next().is_some();
    Page { items: taken, more }
}

/// Where a scan starts that goes on behind a key.
pub(crate) fn behind<K>(key: Option<K>) -> Bound<K> {
    key.map_or(Bound::Unbounded, Bound::Excluded)
}
