//! Whether what came back is what went in.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::stage::Stage;
use crate::{
    http,
    images::{Descriptor, Image, digest},
    process::tail,
};

/// Types that a client of every kind accepts.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// The OCI image layout holds every byte of the image, under its digest, and names its root.
pub(crate) fn layout(expected: &Image, pulled: &Path) -> Result<()> {
    for descriptor in expected.everything() {
        same(expected, descriptor, &pulled.join("blobs/sha256").join(descriptor.hex()))?;
    }
    let index = fs::read_to_string(pulled.join("index.json")).context("the layout has no index")?;
    ensure!(index.contains(&expected.root.digest), "the layout's index does not name {}", expected.root.digest);
    Ok(())
}

/// The folder in the `dir:` form holds every byte of the image.
pub(crate) fn dir(expected: &Image, pulled: &Path) -> Result<()> {
    same(expected, &expected.root, &pulled.join("manifest.json"))?;
    for child in &expected.children {
        same(expected, child, &pulled.join(format!("{}.manifest.json", child.hex())))?;
    }
    for blob in &expected.blobs {
        same(expected, blob, &pulled.join(blob.hex()))?;
    }
    Ok(())
}

fn same(expected: &Image, descriptor: &Descriptor, pulled: &Path) -> Result<()> {
    let pulled = fs::read(pulled).with_context(|| format!("{} was not pulled", descriptor.digest))?;
    // The digest in the descriptor is that of the very file compared with.
    ensure!(pulled == fs::read(expected.file(descriptor))?, "{} was pulled with other bytes", descriptor.digest);
    Ok(())
}

/// The registry serves exactly this image under the tag.
pub(crate) fn served_image(stage: &Stage, repository: &str, tag: &str, expected: &Image) -> Result<()> {
    let digest = served(stage, repository, tag)?;
    ensure!(digest == expected.root.digest, "`{tag}` is {digest} and not {}", expected.root.digest);
    Ok(())
}

/// Fetches a manifest and everything that it references, checks each against its digest and size, and
/// returns the manifest's digest.
pub(crate) fn served(stage: &Stage, repository: &str, reference: &str) -> Result<String> {
    let path = format!("/v2/{repository}/manifests/{reference}");
    let answer = http::get(&stage.address(), &path, ACCEPT)?;
    ensure!(answer.status == 200, "GET {path} is {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    let told = answer.header("docker-content-digest").with_context(|| format!("GET {path} tells no digest"))?;
    let digest = digest::like(told, &answer.body)?;
    ensure!(told == digest, "GET {path} tells {told} of bytes whose digest is {digest}");
    ensure!(!reference.contains(':') || reference == digest, "GET {path} gave bytes whose digest is {digest}");
    let manifest: Value = serde_json::from_slice(&answer.body).context("a manifest is not JSON")?;
    for child in entries(&manifest, "manifests") {
        served(stage, repository, text(child, "digest")?)?;
    }
    let config = manifest.get("config").into_iter();
    for blob in config.chain(entries(&manifest, "layers")) {
        served_blob(stage, repository, blob)?;
    }
    Ok(digest)
}

fn served_blob(stage: &Stage, repository: &str, descriptor: &Value) -> Result<()> {
    let digest = text(descriptor, "digest")?;
    let path = format!("/v2/{repository}/blobs/{digest}");
    let answer = http::get(&stage.address(), &path, "*/*")?;
    ensure!(answer.status == 200, "GET {path} is {}", answer.status);
    let size = descriptor.get("size").and_then(Value::as_u64);
    ensure!(size == u64::try_from(answer.body.len()).ok(), "GET {path} has {} bytes, not {size:?}", answer.body.len());
    let found = digest::like(digest, &answer.body)?;
    ensure!(found == digest, "GET {path} gave bytes whose digest is {found}");
    Ok(())
}

/// The registry has nothing under the reference.
pub(crate) fn absent(stage: &Stage, repository: &str, reference: &str) -> Result<()> {
    let path = format!("/v2/{repository}/manifests/{reference}");
    let status = http::get(&stage.address(), &path, ACCEPT)?.status;
    ensure!(status == 404, "GET {path} is {status} and not 404");
    Ok(())
}

/// The words are all in the text.
pub(crate) fn names(text: &str, words: &[&str]) -> Result<()> {
    for word in words {
        if !text.contains(word) {
            bail!("`{word}` is not in: {}", text.trim());
        }
    }
    Ok(())
}

/// The log says a phrase exactly that many times, once for each blob that was mounted.
pub(crate) fn mounted(log: &str, phrase: &str, blobs: usize) -> Result<()> {
    let found = log.matches(phrase).count();
    ensure!(found == blobs, "{found} blobs were mounted and not {blobs}: {}", tail(log, 20));
    Ok(())
}

/// A member that must be there and be text.
pub(crate) fn text<'a>(value: &'a Value, member: &str) -> Result<&'a str> {
    value.get(member).and_then(Value::as_str).with_context(|| format!("`{member}` is missing in {value}"))
}

/// The elements of a member; none if it is missing.
pub(crate) fn entries<'a>(value: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    value.get(member).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{dir, layout, mounted};
    use crate::images::Fixtures;

    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to.join("blobs/sha256")).unwrap();
        fs::copy(from.join("index.json"), to.join("index.json")).unwrap();
        for entry in fs::read_dir(from.join("blobs/sha256")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), to.join("blobs/sha256").join(entry.file_name())).unwrap();
        }
    }

    #[test]
    fn one_changed_byte_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let fixtures = Fixtures::write(&directory.path().join("fixtures")).unwrap();
        let image = &fixtures.index;
        for (number, descriptor) in image.everything().enumerate() {
            let pulled = directory.path().join(number.to_string());
            copy(&image.layout, &pulled);
            layout(image, &pulled).unwrap();
            let file = pulled.join("blobs/sha256").join(descriptor.hex());
            let mut content = fs::read(&file).unwrap();
            content[0] ^= 1;
            fs::write(&file, content).unwrap();
            assert!(layout(image, &pulled).unwrap_err().to_string().contains(&descriptor.digest));
            fs::remove_file(&file).unwrap();
            assert!(layout(image, &pulled).unwrap_err().to_string().contains("was not pulled"));
        }

        let pulled = directory.path().join("dir");
        fixtures.docker.write_dir(&pulled).unwrap();
        dir(&fixtures.docker, &pulled).unwrap();
        fs::write(pulled.join("manifest.json"), "{}").unwrap();
        assert!(dir(&fixtures.docker, &pulled).unwrap_err().to_string().contains("other bytes"));
    }

    #[test]
    fn mounts_are_counted() {
        mounted("Mounted a\nMounted b\n", "Mounted ", 2).unwrap();
        assert!(mounted("Mounted a\nUploaded b\n", "Mounted ", 2).is_err());
    }
}
