//! The operations, one a file, each with its statements: what a port method does on a connection.

#[macro_use]
mod liveness;
#[macro_use]
pub(crate) mod legacy_images;

pub(crate) mod apply;
pub(crate) mod blobs;
pub(crate) mod collection;
pub(crate) mod create_repository;
pub(crate) mod fetch;
pub(crate) mod history;
pub(crate) mod labels;
pub(crate) mod manifests;
pub(crate) mod mount;
pub(crate) mod push_facts;
pub(crate) mod records;
pub(crate) mod referrers;
pub(crate) mod repositories;
pub(crate) mod support;
pub(crate) mod sweep;
pub(crate) mod tags;
pub(crate) mod totals;
pub(crate) mod uploads;

use manifest_core::stored::page;
