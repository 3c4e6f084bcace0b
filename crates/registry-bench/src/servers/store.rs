//! Storing what a line is about to ask for: by a push, or as a file where files are served.

use std::{fs, sync::Arc, time::Instant};

use anyhow::{Context, Result};

use super::{Kind, Server};
use crate::{
    content::{Content, MANIFEST},
    http::{Client, Expect},
    lines::Plan,
    load::{Until, operations},
};

/// Connections that fill a server.
const CONNECTIONS: u32 = 16;
/// After how much of filling the clock is looked at.
const STEP: u64 = 200;

impl Server {
    /// Stores a blob in a repository.
    pub(crate) fn store_blob(&self, client: &mut Client, repository: &str, blob: &Content) -> Result<()> {
        if self.kind == Kind::Nginx {
            return self.write(&format!("v2/{repository}/blobs/{}", blob.digest), &blob.bytes);
        }
        push_blob(client, repository, blob)
    }

    /// Stores a manifest under a tag, and where files are served also under its digest.
    pub(crate) fn store_manifest(
        &self,
        client: &mut Client,
        repository: &str,
        tag: &str,
        manifest: &Content,
    ) -> Result<()> {
        if self.kind == Kind::Nginx {
            self.write(&format!("v2/{repository}/manifests/{}", manifest.digest), &manifest.bytes)?;
            return self.write(&format!("v2/{repository}/manifests/{tag}"), &manifest.bytes);
        }
        push_manifest(client, repository, tag, manifest)
    }

    /// Stores what a function stores, numbered from 0, until there is as much as wanted or filling has taken too long. Answers
    /// how much there is.
    pub(crate) fn fill(
        &self,
        plan: Plan,
        wanted: u64,
        store: impl Fn(&mut Client, u64) -> Result<()> + Sync,
    ) -> Result<u64> {
        let start = Instant::now();
        let mut stored = 0;
        while stored < wanted && (stored == 0 || start.elapsed() < plan.filling) {
            // Whole steps, so that what is there are the first numbers and no others.
            let step = (wanted - stored).min(STEP);
            operations(&self.address(), CONNECTIONS, Until::Count(step), |client, n| store(client, stored + n))?;
            stored += step;
        }
        Ok(stored)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let path = self.data().join(path);
        let folder = path.parent().context("a path without a folder")?;
        fs::create_dir_all(folder)?;
        fs::write(&path, bytes).with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// Uploads a blob with a POST and a PUT, as clients do, and checks both answers.
pub(crate) fn push_blob(client: &mut Client, repository: &str, blob: &Content) -> Result<()> {
    let begun = client.call("POST", &format!("/v2/{repository}/blobs/uploads/"))?;
    begun.judge(&Expect::status(202)).context("the POST of an upload")?;
    let path = upload_path(&begun.location()?, &blob.digest);
    let answer = client.send("PUT", &path, "application/octet-stream", &blob.bytes)?;
    answer.judge(&stored(blob)).with_context(|| format!("PUT {path}"))
}

/// Pushes a manifest, and checks the answer.
pub(crate) fn push_manifest(client: &mut Client, repository: &str, tag: &str, manifest: &Content) -> Result<()> {
    let path = format!("/v2/{repository}/manifests/{tag}");
    let answer = client.send("PUT", &path, MANIFEST, &manifest.bytes)?;
    answer.judge(&stored(manifest)).with_context(|| format!("PUT {path}"))
}

/// Where an upload ends.
pub(crate) fn upload_path(location: &str, digest: &str) -> String {
    let joint = if location.contains('?') { '&' } else { '?' };
    format!("{location}{joint}digest={digest}")
}

/// The answer to a push of that content.
pub(crate) fn stored(content: &Content) -> Expect {
    Expect { digest: Some(Arc::clone(&content.digest)), may_lack_digest: true, ..Expect::status(201) }
}
