//! The port of blobs fits a bucket, which moves nothing, appends to nothing, and takes parts of less than 5 MiB only at the end:
//! a store over a fake one keeps every promise. It is an exercise, not an adapter.

mod fake;
mod store;

use fake::Bucket;
use manifest_contract::bytes::Fixture;
use manifest_core::ports::BlobStore;
use std::future::{Ready, ready};
use std::sync::Arc;
use store::BucketStore;

fn fresh() -> Ready<Fixture> {
    let bucket = Arc::new(Bucket::default());
    let open = move |quota| Arc::new(BucketStore::new(Arc::clone(&bucket), quota)) as Arc<dyn BlobStore>;
    let (store, full) = (open(u64::MAX), open(512 << 10));
    ready(Fixture::new(store).full(full).reopening(move || ready(open(u64::MAX))))
}

manifest_contract::bytes!(fresh);
