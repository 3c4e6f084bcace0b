//! The small world that sequences are about: few names, few blobs and few manifests, so that operations meet.

use bytes::Bytes;
use manifest_core::plan::Guard;
use oci_types::{Algorithm, Digest, MediaType, RepositoryName, TagName};
use serde_json::{Value, json};

/// Blobs that need no meaning.
const LAYERS: [&str; 3] = ["layer one", "layer two", "layer three"];

/// A manifest as it is pushed.
pub(crate) struct Document {
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Bytes,
    pub(crate) digest: Digest,
    /// Which blobs of the pool it names.
    pub(crate) blobs: Vec<usize>,
}

/// Everything that an operation can name, by index. Indices wrap around.
pub(crate) struct Pool {
    pub(crate) repositories: Vec<RepositoryName>,
    pub(crate) tags: Vec<TagName>,
    pub(crate) blobs: Vec<Bytes>,
    pub(crate) documents: Vec<Document>,
}

impl Pool {
    pub(crate) fn new() -> Self {
        let blobs = blobs();
        let documents = documents(&blobs);
        Self {
            repositories: ["team/app", "team/base"].map(named).to_vec(),
            tags: ["latest", "edge", "v1", "old"].map(named).to_vec(),
            blobs,
            documents,
        }
    }

    pub(crate) fn repository(&self, index: u8) -> &RepositoryName {
        &self.repositories[usize::from(index) % self.repositories.len()]
    }

    pub(crate) fn tag(&self, index: u8) -> &TagName {
        &self.tags[usize::from(index) % self.tags.len()]
    }

    pub(crate) fn blob(&self, index: u8) -> &Bytes {
        &self.blobs[usize::from(index) % self.blobs.len()]
    }

    pub(crate) fn blob_digest(&self, index: u8) -> Digest {
        sha256(self.blob(index))
    }

    pub(crate) fn document(&self, index: u8) -> &Document {
        &self.documents[usize::from(index) % self.documents.len()]
    }

    /// The digest of a manifest of the pool.
    pub(crate) fn digest(&self, index: u8) -> Digest {
        self.document(index).digest
    }

    /// A condition on a tag: three times out of six there is none.
    pub(crate) fn guard(&self, pick: u8, manifest: u8) -> Guard {
        match pick % 6 {
            3 => Guard::Absent,
            4 => Guard::Is(self.digest(manifest)),
            5 => Guard::AbsentOrIs(self.digest(manifest)),
            _ => Guard::Any,
        }
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

#[expect(clippy::expect_used, reason = "the names of the pool are constants, and every test parses them all")]
fn named<T: std::str::FromStr<Err: std::fmt::Debug>>(name: &str) -> T {
    name.parse().expect("a name of the pool")
}

/// Layers, then three configs, then the empty JSON of artifacts.
fn blobs() -> Vec<Bytes> {
    let config = |labels: Value| {
        let config = json!({
            "architecture": "amd64", "os": "linux", "created": "2020-01-02T03:04:05Z", "config": {"Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [sha256(LAYERS[0].as_bytes()).to_string()]},
            "history": [{"created_by": "one"}],
        });
        Bytes::from(config.to_string())
    };
    let mut blobs: Vec<Bytes> = LAYERS.iter().map(|layer| Bytes::from_static(layer.as_bytes())).collect();
    blobs.push(config(json!({"maintainer": "me", "shared": "yes"})));
    blobs.push(config(json!({"quay.expires-after": "1h", "shared": "yes"})));
    blobs.push(config(json!({"quay.immutable": "true"})));
    blobs.push(Bytes::from_static(b"{}"));
    blobs
}

fn documents(blobs: &[Bytes]) -> Vec<Document> {
    let oci = MediaType::OCI_MANIFEST;
    let mut all = vec![
        image(MediaType::DOCKER_SCHEMA2, blobs, 3, &[0]),
        image(oci, blobs, 3, &[0, 1]),
        image(oci, blobs, 4, &[1]),
        image(MediaType::DOCKER_SCHEMA2, blobs, 5, &[2]),
    ];
    // Each of these names documents before it, by place.
    all.push(index(MediaType::OCI_INDEX, &[&all[1], &all[2]]));
    all.push(index(MediaType::DOCKER_LIST, &[&all[0]]));
    all.push(index(MediaType::OCI_INDEX, &[&all[4], &all[1]]));
    all.push(artifact("application/vnd.example.signature", &all[1], blobs));
    all.push(artifact("application/vnd.example.sbom", &all[4], blobs));
    all.push(artifact("application/vnd.example.sbom", &all[7], blobs));
    all
}

fn document(media_type: &'static str, value: &Value, blobs: Vec<usize>) -> Document {
    let bytes = Bytes::from(value.to_string());
    Document { media_type, digest: sha256(&bytes), bytes, blobs }
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": sha256(bytes).to_string(), "size": bytes.len()})
}

fn image(media_type: &'static str, blobs: &[Bytes], config: usize, layers: &[usize]) -> Document {
    let (config_type, layer_type) = if media_type == MediaType::OCI_MANIFEST {
        (MediaType::OCI_CONFIG, MediaType::OCI_LAYER)
    } else {
        (MediaType::DOCKER_CONFIG, MediaType::DOCKER_LAYER)
    };
    let descriptors: Vec<Value> = layers.iter().map(|layer| descriptor(layer_type, &blobs[*layer])).collect();
    let value = json!({
        "schemaVersion": 2, "mediaType": media_type,
        "config": descriptor(config_type, &blobs[config]), "layers": descriptors,
    });
    document(media_type, &value, [&[config], layers].concat())
}

fn index(media_type: &'static str, children: &[&Document]) -> Document {
    let descriptors: Vec<Value> = children
        .iter()
        .map(|child| {
            let mut value = descriptor(child.media_type, &child.bytes);
            value["platform"] = json!({"architecture": "amd64", "os": "linux"});
            value
        })
        .collect();
    document(media_type, &json!({"schemaVersion": 2, "mediaType": media_type, "manifests": descriptors}), Vec::new())
}

fn artifact(artifact_type: &str, subject: &Document, blobs: &[Bytes]) -> Document {
    let value = json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "artifactType": artifact_type,
        "config": descriptor(MediaType::OCI_EMPTY, &blobs[6]), "layers": [descriptor(MediaType::OCI_EMPTY, &blobs[6])],
        "subject": descriptor(subject.media_type, &subject.bytes), "annotations": {"about": artifact_type},
    });
    document(MediaType::OCI_MANIFEST, &value, vec![6])
}
