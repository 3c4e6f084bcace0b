//! As much of HTTP/1.1 as a client of a registry needs, and no more, so that the load costs little beside the server.

mod client;
mod expect;
mod head;
mod request;

pub(crate) use client::Client;
pub(crate) use expect::{Body, Expect, Page, start};
pub(crate) use head::{Framing, Head, chunks};
pub(crate) use request::Request;
