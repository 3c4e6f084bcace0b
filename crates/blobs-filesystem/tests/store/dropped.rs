use super::{Store, body, content, files, open, sha256};
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use manifest_core::ports::{BlobStore as _, BodyError, UploadId, WriteError};
use std::future::Future;
use std::pin::pin;
use tokio::sync::oneshot;

const UPLOAD: UploadId = UploadId::from_bits(9);

/// Runs a test whose blocking jobs have all ended when it returns: a runtime that is dropped waits for those that it started.
fn until_jobs_end(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(test);
}

#[test]
fn a_dropped_write_leaves_nothing() {
    // From no piece, over less than a batch, to several batches.
    for pieces in [0, 1, 7, 8, 9, 40] {
        let root = tempfile::tempdir().unwrap();
        until_jobs_end(async {
            let (stalled, when_stalled) = oneshot::channel();
            let come = stream::iter((0..pieces).map(|_| Ok(Bytes::from(content(64 * 1024)))));
            let rest = stream::once(async {
                stalled.send(()).unwrap();
                std::future::pending::<Result<Bytes, BodyError>>().await
            });
            let store = open(root.path());
            let write = pin!(store.write_part(&UPLOAD, come.chain(rest).boxed()));
            futures_util::future::select(write, when_stalled).await;
        });
        assert_eq!(files(root.path()), ["store-id"], "after {pieces} pieces");
    }
}

#[test]
fn a_write_dropped_at_its_first_job_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    until_jobs_end(async {
        let store = open(root.path());
        let write = store.write_part(&UPLOAD, body([Bytes::from_static(b"small")]));
        assert!(write.now_or_never().is_none(), "the job cannot have ended within one poll");
    });
    assert_eq!(files(root.path()), ["store-id"]);
}

#[test]
fn a_dropped_seal_leaves_its_parts() {
    let root = tempfile::tempdir().unwrap();
    until_jobs_end(async {
        let store = open(root.path());
        let part = store.write_part(&UPLOAD, body([Bytes::from_static(b"small")])).await.unwrap();
        let digest = sha256(b"small");
        for parts in [vec![], vec![part.clone()], vec![part.clone(), part.clone()]] {
            assert!(store.seal(&UPLOAD, &parts, None, &digest).now_or_never().is_none());
        }
    });
    let left = files(root.path());
    assert!(left.len() == 2 && left[0].starts_with("parts/09/"), "{left:?}");
}

#[test]
fn a_write_that_outlives_its_runtime_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let store = open(root.path());
    let endless = stream::iter((0..9).map(|_| Ok(Bytes::from(content(64 * 1024))))).chain(stream::pending());
    let mut write = store.write_part(&UPLOAD, endless.boxed());
    until_jobs_end(async {
        assert!((&mut write).now_or_never().is_none());
    });
    drop(write);
    assert_eq!(files(root.path()), ["store-id"]);
}

#[tokio::test]
async fn a_body_that_fails_leaves_nothing() {
    for pieces in [0, 1, 40] {
        let store = Store::new();
        let come = stream::iter((0..pieces).map(|_| Ok(Bytes::from(content(64 * 1024)))));
        let broken = come.chain(stream::once(async { Err(BodyError::Stalled) })).boxed();
        let error = store.blobs.write_part(&UPLOAD, broken).await.unwrap_err();
        assert!(matches!(error, WriteError::Body(BodyError::Stalled)), "{error:?}");
        assert_eq!(files(store.root.path()), ["store-id"], "after {pieces} pieces");
    }
}
