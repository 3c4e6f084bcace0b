use super::names::must;
use manifest_core::Port;
use manifest_core::ports::{Page, PageAsk};
use std::fmt::Debug;

/// Walks pages of each size, and checks that together they are all items and say so.
pub(crate) async fn walked<T, K>(all: &[T], page: impl AsyncFn(PageAsk<K>) -> Page<T>, key: impl Fn(&T) -> K)
where
    T: PartialEq + Debug + Clone,
{
    let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
    for limit in [1, 2, count.max(2) - 1, count.max(1), count + 1] {
        let (mut after, mut listed) = (None, Vec::<T>::new());
        loop {
            let Page { items, more } = page(PageAsk { after, limit }).await;
            let full = usize::try_from(limit).unwrap_or(usize::MAX);
            assert!(items.len() == full || !more && items.len() < full, "a short page before the end");
            listed.extend(items);
            assert_eq!(more, listed.len() < all.len(), "whether more follow, in pages of {limit}");
            if !more {
                break;
            }
            after = listed.last().map(&key);
        }
        assert_eq!(listed, all, "pages of {limit}");
    }
    let nothing = page(PageAsk { after: None, limit: 0 }).await;
    assert!(nothing.items.is_empty() && !nothing.more, "a page of nothing");
}

/// A page of a repository that exists.
#[track_caller]
pub(crate) fn page_of<T>(answer: Port<Option<Page<T>>>) -> Page<T> {
    match must(answer) {
        Some(page) => page,
        None => panic!("the repository exists"),
    }
}
