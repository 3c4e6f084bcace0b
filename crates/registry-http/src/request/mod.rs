//! Requests as values: pure functions from method, path, query and headers to what is asked for.

mod accept;
mod conditions;
mod content_range;
mod cursor;
mod kind;
mod manage;
mod operation;
mod paging;
mod query;
mod ranges;
mod route;
mod time;
mod v1;
pub(crate) mod wishes;

pub(crate) use accept::accepted;
pub(crate) use conditions::{Conditions, EntityTags, range_applies};
pub(crate) use content_range::{ContentRange, ParseContentRangeError};
pub(crate) use cursor::cursor;
pub(crate) use kind::Kind;
pub(crate) use manage::{ENDPOINTS, Manage};
pub(crate) use operation::{MountSource, Operation, PutTarget};
pub(crate) use paging::{Paging, link};
pub(crate) use ranges::{Wanted, wanted};
pub(crate) use route::{BadRequest, parse};
pub(crate) use v1::{COOKIE, V1, named_repository, without_tokens};
pub(crate) use wishes::BadBody;
