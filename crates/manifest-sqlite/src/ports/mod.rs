//! The ports: each method hands its work to an operation, at the place where that runs.

mod blobs;
mod collection;
mod legacy_images;
mod listings;
mod manifests;
mod records;
mod repositories;
mod uploads;
