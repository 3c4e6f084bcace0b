//! Puts an image into the registry without any client, for clients that can pull what they cannot push.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::{
    http,
    images::{Descriptor, Image},
};

/// Uploads every blob, then every manifest by digest, then the root by tag.
pub(crate) fn push(address: &str, repository: &str, tag: &str, image: &Image) -> Result<()> {
    for blob in &image.blobs {
        push_blob(address, repository, &blob.digest, &fs::read(image.file(blob))?)?;
    }
    for child in &image.children {
        push_manifest(address, repository, &child.digest, child, image)?;
    }
    push_manifest(address, repository, tag, &image.root, image)
}

/// Uploads a blob with POST and PUT.
pub(crate) fn push_blob(address: &str, repository: &str, digest: &str, content: &[u8]) -> Result<()> {
    let path = format!("/v2/{repository}/blobs/uploads/");
    let started = http::send(address, "POST", &path, "application/octet-stream", &[])?;
    ensure!(started.status == 202, "POST {path} is {}", started.status);
    let location = started.header("location").context("an upload has no Location")?;
    // A Location may be absolute. Only its path and query matter, since the host is the one that was asked.
    let location = location.strip_prefix(&format!("http://{address}")).unwrap_or(location);
    let separator = if location.contains('?') { '&' } else { '?' };
    let location = format!("{location}{separator}digest={digest}");
    let finished = http::send(address, "PUT", &location, "application/octet-stream", content)?;
    ensure!(finished.status == 201, "PUT {location} is {}", finished.status);
    Ok(())
}

fn push_manifest(
    address: &str,
    repository: &str,
    reference: &str,
    descriptor: &Descriptor,
    image: &Image,
) -> Result<()> {
    let path = format!("/v2/{repository}/manifests/{reference}");
    let content = fs::read(image.file(descriptor))?;
    let answer = http::send(address, "PUT", &path, &descriptor.media_type, &content)?;
    ensure!(answer.status == 201, "PUT {path} is {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    Ok(())
}
