//! The ports: each method hands its work to an operation.

mod blobs;
mod collection;
mod legacy_images;
mod listings;
mod manifests;
mod records;
mod repositories;
mod signing_keys;
mod uploads;
