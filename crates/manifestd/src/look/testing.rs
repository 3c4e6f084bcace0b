//! A small registry in memory for the tests of these commands.

use bytes::Bytes;
use futures_util::stream;
use manifest_core::plan::{Guard, PushTarget};
use manifest_core::ports::UploadId;
use manifest_core::service::Push;
use manifest_core::{AllowAll, Context, Policy, Registry};
use oci_types::{Algorithm, Digest};

pub(crate) const NOW: i64 = 1_800_000_000_000;

pub(crate) fn cx() -> Context {
    Context::anonymous(NOW)
}

pub(crate) fn empty() -> Registry {
    // With pages this small, every listing here takes several.
    let policy = Policy { max_page: 2, ..Policy::default() };
    Registry::new(manifest_memory::ports(AllowAll), policy)
}

pub(crate) async fn upload(registry: &Registry, repository: &str, bytes: &[u8]) -> Digest {
    let digest = Digest::of(Algorithm::Sha256, bytes);
    let body = Box::pin(stream::iter([Ok(Bytes::copy_from_slice(bytes))]));
    // One upload for each blob of each repository.
    let id = Digest::of(Algorithm::Sha256, format!("{repository}@{digest}").as_bytes());
    let id = UploadId::from_bytes(id.as_bytes()[1..17].try_into().unwrap());
    registry.upload_whole(&cx(), &repository.parse().unwrap(), id, &digest, body).await.unwrap();
    digest
}

pub(crate) async fn push(registry: &Registry, target: &str, manifest: String, now: i64) -> Digest {
    let (repository, tag) = target.split_once(':').unwrap();
    let push = Push {
        repository: repository.parse().unwrap(),
        target: PushTarget::Tag { name: tag.parse().unwrap(), guard: Guard::Any },
        content_type: None,
        bytes: manifest.into(),
    };
    registry.push(&Context::anonymous(now), &push).await.unwrap().digest
}

pub(crate) const CONFIG: &[u8] =
    br#"{"architecture":"arm64","os":"linux","created":"2024-05-01T10:00:00Z","config":{"Labels":{"team":"blue\u001b[2J"}},"rootfs":{"type":"layers","diff_ids":[]}}"#;

/// An image of one layer, whose blobs are in the repository.
pub(crate) async fn image(registry: &Registry, repository: &str) -> String {
    let config = upload(registry, repository, CONFIG).await;
    let layer = upload(registry, repository, b"a layer").await;
    format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":7}}]}}"#,
        CONFIG.len()
    )
}

/// An empty index that differs from others by its annotation.
pub(crate) fn index(build: u32) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"annotations":{{"build":"{build}"}}}}"#
    )
}
