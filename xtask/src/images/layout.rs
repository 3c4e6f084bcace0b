//! An OCI image layout on disk.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::digest;

/// What a manifest says of a blob or of another manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Descriptor {
    /// The type of the content.
    pub(crate) media_type: String,
    /// `sha256:` and 64 hexadecimal digits.
    pub(crate) digest: String,
    /// The number of bytes.
    pub(crate) size: usize,
}

impl Descriptor {
    /// The JSON of an entry in a manifest.
    pub(crate) fn json(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.size })
    }

    /// The digest without its algorithm, which is the name of the file.
    pub(crate) fn hex(&self) -> &str {
        self.digest.trim_start_matches("sha256:")
    }
}

/// A layout that is being written.
#[derive(Debug)]
pub(crate) struct Layout {
    path: PathBuf,
}

impl Layout {
    /// An empty layout.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        fs::create_dir_all(path.join("blobs/sha256"))?;
        fs::write(path.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(Self { path: path.to_owned() })
    }

    /// Adds content under its digest.
    pub(crate) fn add(&self, media_type: &str, content: &[u8]) -> Result<Descriptor> {
        let blobs = self.path.join("blobs/sha256");
        let part = blobs.join("part");
        fs::write(&part, content)?;
        let digest = digest::of_file("sha256:", &part)?;
        let descriptor = Descriptor { media_type: media_type.to_owned(), digest, size: content.len() };
        fs::rename(&part, blobs.join(descriptor.hex()))?;
        Ok(descriptor)
    }

    /// Adds a manifest or a config.
    pub(crate) fn add_json(&self, media_type: &str, content: &Value) -> Result<Descriptor> {
        self.add(media_type, &serde_json::to_vec_pretty(content)?)
    }

    /// Writes the index that names the image by a tag.
    pub(crate) fn finish(&self, root: &Descriptor, tag: &str) -> Result<()> {
        let mut entry = root.json();
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [entry],
        });
        let file = File::create(self.path.join("index.json"))?;
        serde_json::to_writer_pretty(file, &index).context("an index cannot be written")
    }
}

#[cfg(test)]
mod tests {
    use super::{super::digest::sha256, Layout};

    #[test]
    fn content_is_under_its_digest() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::create(directory.path()).unwrap();
        let abc = layout.add("text/plain", b"abc").unwrap();
        assert_eq!(abc.digest, sha256(b"abc").unwrap());
        layout.finish(&abc, "v1").unwrap();
        assert_eq!(std::fs::read(directory.path().join("blobs/sha256").join(abc.hex())).unwrap(), b"abc");
    }
}
