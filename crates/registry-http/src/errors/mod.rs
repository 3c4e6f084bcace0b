//! What is said when something is not done: the only place that knows status and code of an error.
//!
//! Each use case's error has a file, with one exhaustive match: a new variant does not compile until it has a status here.

mod access;
mod blob;
mod body;
mod code;
mod delete;
mod fetch;
mod labels;
mod legacy;
mod list;
mod port;
mod purge;
mod push;
mod repository;
mod request;
mod tag;
mod upload;

pub(crate) use body::{body_of_blob, body_of_json, body_of_manifest};
pub(crate) use code::Code;
pub(crate) use port::{Chain, failed};
pub(crate) use upload::{session, start};

use crate::answer::{self, JSON};
use crate::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use manifest_core::PortError;
use manifest_core::access::AccessAsk;
use serde::Serialize;
use serde_json::Value;

/// Why a request is not done.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// This is the answer: a 4xx that says exactly what was wrong, or a 503 that says when to come back.
    Said(Box<Said>),
    /// 401, with the challenge by which the authenticator lets a client get what the asks need.
    Challenge { asks: Vec<AccessAsk>, message: String },
    /// A port failed: the client gets a fixed text, the log gets the chain.
    Failed(PortError),
}

/// An answer that refuses.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: StatusCode,
    pub(crate) errors: Vec<Entry>,
    pub(crate) headers: HeaderMap,
}

/// One entry of the error envelope (OCI distribution spec, "Error Codes").
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) code: Code,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<Value>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self::many(status, vec![Entry { code, message: message.into(), detail: None }])
    }

    pub(crate) fn many(status: StatusCode, errors: Vec<Entry>) -> Self {
        Self::Said(Box::new(Said { status, errors, headers: HeaderMap::new() }))
    }

    /// The same with this detail on its (first) entry.
    pub(crate) fn detail(mut self, detail: Value) -> Self {
        if let Self::Said(said) = &mut self
            && let Some(entry) = said.errors.first_mut()
        {
            entry.detail = Some(detail);
        }
        self
    }

    /// The same with one more header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if let Self::Said(said) = &mut self {
            said.headers.insert(name, value);
        }
        self
    }
}

impl Said {
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = envelope(self.status, &self.errors);
        response.headers_mut().extend(self.headers);
        response
    }
}

/// An answer with the error envelope. The content type has no parameters: docker parses only then.
pub(crate) fn envelope(status: StatusCode, errors: &[Entry]) -> Response<Body> {
    #[derive(Serialize)]
    struct Envelope<'a> {
        errors: &'a [Entry],
    }
    answer::json(status, JSON, &Envelope { errors })
}
