//! What a copy into another database is handed, a batch at a time.

use super::world::{World, manifest, plan};
use crate::{ExportBatch, ExportColumn};
use manifest_core::plan::{ManifestChange, Plan};
use manifest_core::ports::Manifests;
use std::sync::{Arc, Mutex};

#[tokio::test]
async fn a_batch_is_bounded_by_rows_and_by_bytes() {
    let world = World::new();
    // As hex each has twice as many bytes.
    for (name, size) in [("a", 10), ("b", 10), ("c", 10), ("d", 40), ("e", 500), ("f", 20), ("g", 30), ("h", 1)] {
        let mut image = manifest(name);
        image.bytes = vec![b'x'; size].into();
        let create = Plan { manifest: Some(ManifestChange::Create(Arc::new(image))), ..plan("app", name, &[]) };
        world.store.apply(&create).await.unwrap();
    }
    let batches = async |skip, rows, bytes| {
        let taken = Arc::new(Mutex::new(Vec::new()));
        let taking = Arc::clone(&taken);
        let take = move |lines: Vec<String>| {
            taking.lock().unwrap().push(lines.iter().map(String::len).collect::<Vec<_>>());
            Ok(())
        };
        let columns = [ExportColumn { name: "bytes".to_owned(), number: false }];
        let batch = ExportBatch { rows, bytes };
        world.store.export("manifest", &columns, &["id".to_owned()], skip, batch, take).await.unwrap();
        Arc::into_inner(taken).unwrap().into_inner().unwrap()
    };
    assert_eq!(batches(0, 3, 1_000_000).await, [vec![20, 20, 20], vec![80, 1000, 40], vec![60, 2]]);
    assert_eq!(batches(0, 500, 100).await, [vec![20, 20, 20], vec![80], vec![1000], vec![40, 60], vec![2]]);
    assert_eq!(batches(3, 2, 100).await, [vec![80], vec![1000], vec![40, 60], vec![2]]);
    assert!(batches(8, 2, 100).await.is_empty());
}
