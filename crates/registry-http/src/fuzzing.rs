//! The parsers of requests for the fuzz harness. No part of the API: it changes with them.

use crate::request::{self, BadBody, Conditions, ContentRange, Wanted, range_applies, wanted, wishes};
use http::header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE};
use http::{HeaderMap, HeaderValue, Method};
use oci_types::{Algorithm, Digest};
use std::fmt::{Debug, Display};
use std::ops::Range;

/// An error, as developers and as clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its debug form.
    pub debug: String,
    /// What it says.
    pub message: String,
}

impl Refused {
    fn new(error: &(impl Debug + Display)) -> Self {
        Self { debug: format!("{error:?}"), message: error.to_string() }
    }
}

/// What a method, path and query ask for, in its debug form.
pub fn parse_request(method: &str, path: &str, query: Option<&str>) -> Result<String, Refused> {
    let method: Method = method.parse().map_err(|error| Refused::new(&error))?;
    request::parse(&method, path, query)
        .map(|operation| format!("{:?} {operation:?}", operation.kind()))
        .map_err(|error| Refused::new(&error))
}

/// What a body asks for as each of the extension's requests.
pub fn parse_bodies(body: &[u8]) -> [Result<String, Refused>; 7] {
    fn show<T: Debug>(parsed: Result<T, BadBody>) -> Result<String, Refused> {
        parsed.map(|value| format!("{value:?}")).map_err(|error| Refused::new(&error))
    }
    [
        show(wishes::target(body)),
        show(wishes::expiry(body)),
        show(wishes::label(body).map(|_| "Label")),
        show(wishes::visibility(body)),
        show(wishes::read_only(body)),
        show(wishes::purge(body)),
        show(wishes::confirmed_purge(body)),
    ]
}

/// Which ranges a `Range` asks for; `None` for the whole.
#[must_use]
pub fn parse_range(header: &str, size: u64) -> Option<Vec<Range<u64>>> {
    match wanted(header, size) {
        Wanted::Whole => None,
        Wanted::One(range) => Some(std::iter::once(range).collect()),
        Wanted::Many(ranges) => Some(ranges),
        Wanted::Nothing => Some(Vec::new()),
    }
}

/// Where a chunk starts and how many bytes it has.
pub fn parse_content_range(header: &str) -> Result<(u64, u64), Refused> {
    header.parse().map(|ContentRange { start, length }| (start, length)).map_err(|error| Refused::new(&error))
}

/// What one value says as each of the conditions, in its debug form; `None` if it can be no header.
#[must_use]
pub fn parse_conditions(value: &[u8]) -> Option<String> {
    let value = HeaderValue::from_bytes(value).ok()?;
    let headers: HeaderMap =
        [IF_MATCH, IF_NONE_MATCH, IF_RANGE].into_iter().map(|name| (name, value.clone())).collect();
    let applies = if range_applies(&headers, &Digest::of(Algorithm::Sha256, b"")) { "Applies" } else { "Whole" };
    Some(format!("{:?} {applies}", Conditions::read(&headers)))
}
