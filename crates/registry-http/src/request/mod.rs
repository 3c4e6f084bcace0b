//! Requests as values: pure functions from method, path, query and headers to what is asked for.

mod conditions;
mod content_range;
mod operation;
mod paging;
mod query;
mod ranges;
mod route;

pub(crate) use conditions::{Conditions, EntityTags, range_applies};
pub(crate) use content_range::{ContentRange, ParseContentRangeError};
pub(crate) use operation::{Kind, MountSource, Operation, PutTarget};
pub(crate) use paging::{Paging, link};
pub(crate) use ranges::{Wanted, wanted};
pub(crate) use route::{BadRequest, parse};
