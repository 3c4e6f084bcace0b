use crate::answer::{JSON, json, value};
use crate::body::Body;
use http::header::LINK;
use http::{Response, StatusCode};
use oci_types::RepositoryName;
use percent_encoding::utf8_percent_encode;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::fmt::Write as _;

/// A page of a listing on its way out, with all that the page behind it is asked for.
pub(super) struct Listed<'a> {
    repository: &'a RepositoryName,
    list: &'static str,
    size: u32,
    filter: Vec<(&'static str, String)>,
}

impl<'a> Listed<'a> {
    /// Of the endpoint and member `list`, at most `size` items.
    pub(super) fn new(repository: &'a RepositoryName, list: &'static str, size: u32) -> Self {
        Self { repository, list, size, filter: Vec::new() }
    }

    /// Only what fits this parameter.
    pub(super) fn by(mut self, parameter: &'static str, value: Option<String>) -> Self {
        self.filter.extend(value.map(|value| (parameter, value)));
        self
    }

    /// `{"name": …, "<list>": [ … ], "next": …}`, and a `Link` if there is a next page.
    pub(super) fn answer<T: Serialize>(&self, items: &[T], next: Option<String>) -> Response<Body> {
        let mut response = json(StatusCode::OK, JSON, &Page { listed: self, items, next: next.as_deref() });
        if let Some(next) = next {
            response.headers_mut().insert(LINK, value(format!("<{}>; rel=\"next\"", self.path(&next))));
        }
        response
    }

    fn path(&self, after: &str) -> String {
        let Self { repository, list, size, .. } = self;
        let mut path = format!("/v2/{repository}/_manifestd/{list}?n={size}&after={after}");
        for (name, value) in &self.filter {
            // Writing to a string cannot fail.
            let _ = write!(path, "&{name}={}", utf8_percent_encode(value, crate::handlers::ESCAPED));
        }
        path
    }
}

struct Page<'a, T> {
    listed: &'a Listed<'a>,
    items: &'a [T],
    next: Option<&'a str>,
}

impl<T: Serialize> Serialize for Page<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_map(Some(3))?;
        body.serialize_entry("name", self.listed.repository.as_str())?;
        body.serialize_entry(self.listed.list, self.items)?;
        body.serialize_entry("next", &self.next)?;
        body.end()
    }
}

#[cfg(test)]
mod tests {
    use super::Listed;

    #[test]
    fn the_next_page_is_of_the_same_listing() {
        let repository = "a/b".parse().unwrap();
        let listed = Listed::new(&repository, "tags", 2).by("sort", None).by("contains", Some("rc 1&x".into()));
        let response = listed.answer(&["x"], Some("5.v1".into()));
        let link = "</v2/a/b/_manifestd/tags?n=2&after=5.v1&contains=rc%201%26x>; rel=\"next\"";
        assert_eq!(response.headers()["link"], link);
        assert!(!listed.answer(&["x"], None).headers().contains_key("link"));
    }
}
