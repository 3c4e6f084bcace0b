use super::query::Query;
use super::route::BadRequest;
use http::HeaderValue;
use std::fmt::Display;
use std::str::FromStr;

/// Which page of a listing: `n` and `last`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Paging<K> {
    /// At most so many items. What is more than a `u32` holds is `u32::MAX`; the core clamps it further.
    pub(crate) limit: Option<u32>,
    /// Only what follows this key, which need not exist.
    pub(crate) after: Option<K>,
}

impl<K> Paging<K>
where
    K: FromStr,
    BadRequest: From<K::Err>,
{
    pub(super) fn read(query: Query<'_>) -> Result<Self, BadRequest> {
        let limit = page_size(query)?;
        let after = match query.last("last") {
            Some(key) if !key.is_empty() => Some(key.parse()?),
            Some(_) | None => None,
        };
        Ok(Self { limit, after })
    }
}

/// The parameter `n`.
pub(super) fn page_size(query: Query<'_>) -> Result<Option<u32>, BadRequest> {
    match query.last("n") {
        None => Ok(None),
        Some(n) if n.is_empty() => Ok(None),
        Some(n) if n.bytes().all(|b| b.is_ascii_digit()) => Ok(Some(n.parse().unwrap_or(u32::MAX))),
        Some(n) => Err(BadRequest::PageSize(n.into())),
    }
}

impl<K> Paging<K> {
    /// How many items a page holds at most, if the registry serves no more than `most`.
    pub(crate) fn size(&self, most: u32) -> u32 {
        self.limit.map_or(most, |limit| limit.min(most))
    }
}

/// The `Link` to the page behind `last`. Path-absolute, so that it survives proxies; `filter` is what else the query holds,
/// encoded.
pub(crate) fn link(path: impl Display, size: u32, last: impl Display, filter: &str) -> HeaderValue {
    let separator = if filter.is_empty() { "" } else { "&" };
    crate::answer::value(format!("<{path}?n={size}&last={last}{separator}{filter}>; rel=\"next\""))
}

#[cfg(test)]
mod tests {
    use super::{BadRequest, Paging, Query, link};
    use oci_types::TagName;

    fn read(query: &str) -> Result<Paging<TagName>, BadRequest> {
        Paging::read(Query::new(Some(query)))
    }

    #[test]
    fn sizes() {
        let check = |query: &str, expected: Option<u32>| assert_eq!(read(query).unwrap().limit, expected, "{query}");
        check("", None);
        check("n=", None);
        check("n=0", Some(0));
        check("n=10", Some(10));
        check("n=99999999999999999999", Some(u32::MAX));
        let refused = |query: &str| assert!(matches!(read(query), Err(BadRequest::PageSize(_))), "{query}");
        refused("n=-1");
        refused("n=1.5");
        refused("n=ten");
        refused("n=%201");
    }

    #[test]
    fn keys() {
        assert_eq!(read("last=v1").unwrap().after, Some("v1".parse().unwrap()));
        assert_eq!(read("last=").unwrap().after, None);
        assert!(matches!(read("last=a/b"), Err(BadRequest::Tag(_))));
    }

    #[test]
    fn links() {
        assert_eq!(link("/v2/a/tags/list", 5, "v1", ""), "</v2/a/tags/list?n=5&last=v1>; rel=\"next\"");
        assert_eq!(link("/x", 0, "b", "c=d"), "</x?n=0&last=b&c=d>; rel=\"next\"");
    }
}
