// What every example of docs/embedding.md starts with: a registry that holds one image. Included by each of them.

use bytes::Bytes;
use manifest_core::oci_types::{Algorithm, Digest, RepositoryName};
use manifest_core::plan::{Guard, PushTarget};
use manifest_core::ports::{BodyStream, UploadId};
use manifest_core::service::Push;
use manifest_core::{AllowAll, Context, Policy, Registry};
use std::error::Error;

pub type Outcome = Result<(), Box<dyn Error>>;

/// 2027-01-15T08:00:00Z.
const NOW: i64 = 1_800_000_000_000;

/// A body of one chunk.
pub fn body(content: &'static str) -> BodyStream {
    Box::pin(futures_util::stream::iter([Ok(Bytes::from(content))]))
}

/// Runs an example on its registry, and fails where the example does.
pub fn example(run: impl AsyncFnOnce(&Registry, &Context, &RepositoryName, &Digest) -> Outcome) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ran: Outcome = runtime.block_on(async {
        let registry = Registry::new(manifest_memory::ports(AllowAll), Policy::default());
        let (cx, app) = (Context::anonymous(NOW), "team/app".parse()?);
        let image = image(&registry, &cx, &app).await?;
        run(&registry, &cx, &app, &image).await
    });
    if let Err(error) = ran {
        panic!("the example fails: {error}");
    }
}

async fn image(registry: &Registry, cx: &Context, app: &RepositoryName) -> Result<Digest, Box<dyn Error>> {
    let blobs = [r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#, "a layer"];
    for (id, content) in (1..).zip(blobs) {
        let digest = Digest::of(Algorithm::Sha256, content.as_bytes());
        registry.upload_whole(cx, app, UploadId::from_bits(id), &digest, body(content)).await?;
    }
    let [config, layer] = blobs.map(|content| {
        let digest = Digest::of(Algorithm::Sha256, content.as_bytes());
        format!(r#""digest":"{digest}","size":{}"#, content.len())
    });
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
        "config":{{"mediaType":"application/vnd.oci.image.config.v1+json",{config}}},
        "layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar",{layer}}}]}}"#
    );
    let target = PushTarget::Tag { name: "1.0".parse()?, guard: Guard::Any };
    let push = Push { repository: app.clone(), target, content_type: None, bytes: manifest.into() };
    Ok(registry.push(cx, &push).await?.digest)
}
