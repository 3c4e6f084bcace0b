//! Storing what a line is about to ask for: by a push, or as a file where files are served.

use std::{
    fs::{self, Metadata},
    path::Path,
    sync::Arc,
    time::{Instant, SystemTime},
};

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
        self.fill_by(CONNECTIONS, plan, wanted, store)
    }

    /// The same on one connection, for servers that lose what is stored at once.
    pub(crate) fn fill_in_order(
        &self,
        plan: Plan,
        wanted: u64,
        store: impl Fn(&mut Client, u64) -> Result<()> + Sync,
    ) -> Result<u64> {
        self.fill_by(1, plan, wanted, store)
    }

    fn fill_by(
        &self,
        connections: u32,
        plan: Plan,
        wanted: u64,
        store: impl Fn(&mut Client, u64) -> Result<()> + Sync,
    ) -> Result<u64> {
        let start = Instant::now();
        let mut stored = 0;
        while stored < wanted && (stored == 0 || start.elapsed() < plan.filling) {
            // Whole steps, so that what is there are the first numbers and no others.
            let step = (wanted - stored).min(STEP);
            operations(&self.address(), connections, Until::Count(step), |client, n| store(client, stored + n))?;
            stored += step;
        }
        Ok(stored)
    }

    /// Removes the bytes of large blobs that were stored since then and deleted: some servers keep them until they collect,
    /// and the disk is not large enough for that.
    pub(crate) fn remove_deleted(&self, bytes: u64, since: SystemTime) -> Result<()> {
        remove_files(&self.data(), &|file: &Metadata| {
            file.len() == bytes && file.modified().is_ok_and(|modified| modified >= since)
        })
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<()> {
        let path = self.data().join(path);
        let folder = path.parent().context("a path without a folder")?;
        fs::create_dir_all(folder)?;
        fs::write(&path, bytes).with_context(|| format!("{} cannot be written", path.display()))
    }
}

fn remove_files(folder: &Path, unwanted: &dyn Fn(&Metadata) -> bool) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        // The server may have been quicker.
        let Ok(file) = fs::symlink_metadata(&path) else { continue };
        if file.is_dir() {
            remove_files(&path, unwanted)?;
        } else if unwanted(&file) {
            let _removed_meanwhile = fs::remove_file(&path);
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::{remove_files, upload_path};
    use std::fs;

    #[test]
    fn an_upload_ends_where_its_location_says() {
        assert_eq!(upload_path("/v2/a/blobs/uploads/1", "sha256:x"), "/v2/a/blobs/uploads/1?digest=sha256:x");
        assert_eq!(upload_path("/u?_state=y", "sha256:x"), "/u?_state=y&digest=sha256:x");
    }

    #[test]
    fn only_what_is_not_wanted_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (large, small) = (folder.path().join("a/large"), folder.path().join("a/small"));
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(&large, [0; 100]).unwrap();
        fs::write(&small, [0; 99]).unwrap();
        remove_files(folder.path(), &|file| file.len() == 100).unwrap();
        assert!(!large.exists() && small.exists());
    }
}
