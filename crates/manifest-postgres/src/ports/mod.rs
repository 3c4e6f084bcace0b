//! The ports: each method hands its work to an operation.

mod blobs;
mod collection;
mod listings;
mod manifests;
mod records;
mod repositories;
mod uploads;
