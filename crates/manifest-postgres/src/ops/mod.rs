//! The operations, one a file, each with its statement: what a port method asks the database. `apply` and `writes` call functions
//! of the migrations; all else is plain statements.

#[macro_use]
mod liveness;

pub(crate) mod apply;
pub(crate) mod blobs;
pub(crate) mod collection;
pub(crate) mod fetch;
pub(crate) mod history;
pub(crate) mod labels;
#[macro_use]
pub(crate) mod legacy_images;
pub(crate) mod manifests;
pub(crate) mod push_facts;
pub(crate) mod records;
pub(crate) mod referrers;
pub(crate) mod repositories;
pub(crate) mod signing_keys;
pub(crate) mod support;
pub(crate) mod sweep;
pub(crate) mod tags;
pub(crate) mod totals;
pub(crate) mod uploads;
pub(crate) mod writes;

use manifest_core::stored::page;
