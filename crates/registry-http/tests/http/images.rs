use crate::client::Answer;
use crate::server::Server;
use oci_types::{Algorithm, Digest, MediaType};
use serde_json::{Value, json};

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

pub(crate) fn sha512(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha512, bytes)
}

pub(crate) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": sha256(bytes).to_string(), "size": bytes.len() })
}

/// An OCI image manifest over a config and one layer.
pub(crate) fn image(config: &[u8], layer: &[u8]) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "config": descriptor(MediaType::OCI_CONFIG, config),
        "layers": [descriptor(MediaType::OCI_LAYER_GZIP, layer)],
    })
}

/// A manifest about another one, of an artifact type.
pub(crate) fn about(subject: &[u8], artifact_type: &str, note: &str) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": descriptor(MediaType::OCI_EMPTY, b"{}"),
        "layers": [descriptor(MediaType::OCI_EMPTY, b"{}")],
        "subject": descriptor(MediaType::OCI_MANIFEST, subject),
        "annotations": { "note": note },
    })
}

impl Server {
    /// Uploads a blob in one request.
    pub(crate) async fn push_blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = sha256(bytes);
        self.call(&format!("POST /v2/{repository}/blobs/uploads/?digest={digest}"), &[], bytes).await.expect(201);
        digest
    }

    /// Pushes a manifest with the type that it says it has.
    pub(crate) async fn put(&self, repository: &str, reference: &str, manifest: &Value) -> Answer {
        let media_type = manifest["mediaType"].as_str().unwrap();
        let line = format!("PUT /v2/{repository}/manifests/{reference}");
        self.call(&line, &[("Content-Type", media_type)], manifest.to_string()).await
    }

    /// Pushes a whole image and gives its bytes.
    pub(crate) async fn push_image(&self, repository: &str, reference: &str, layer: &[u8]) -> Vec<u8> {
        self.push_blob(repository, b"{}").await;
        self.push_blob(repository, layer).await;
        let manifest = image(b"{}", layer);
        self.put(repository, reference, &manifest).await.expect(201);
        manifest.to_string().into_bytes()
    }

    /// Opens an upload and gives its path.
    pub(crate) async fn begin(&self, repository: &str) -> String {
        let begun = self.ask(&format!("POST /v2/{repository}/blobs/uploads/")).await.expect(202);
        begun.header("location").to_owned()
    }
}
