//! The registry over real sockets, on the memory adapter: raw requests in, raw answers out.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod access;
mod admin;
mod api_doc;
mod blobs;
mod bodies;
mod client;
mod deletes;
mod edges;
mod failures;
mod images;
mod lifecycle;
mod listings;
mod logs;
mod manage;
mod manifests;
mod mounts;
mod races;
mod ranges;
mod referrers;
mod refusals;
mod schema1;
mod schema1_work;
mod server;
mod sha512;
mod tags;
mod uploads;
mod v1;
mod v1_across;
