//! Docker's first registry protocol, as a client of its time used it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{seed, stage::Stage};
use crate::{http, process};

/// From the tags of a repository to a root file system, which is that of the image.
pub(super) fn walk(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("legacy/walk");
    seed::push(&stage.address(), &repository, "v1", &stage.fixtures().oci)?;
    let tags = json(stage, &format!("/v1/repositories/{repository}/tags"), "")?;
    let id = tags.get("v1").and_then(Value::as_str).with_context(|| format!("no `v1` in {tags}"))?.to_owned();
    let token = token(stage, &repository)?;
    let ancestry = json(stage, &format!("/v1/images/{id}/ancestry"), &token)?;
    let ids: Vec<&str> = ancestry.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    ensure!(ids.first() == Some(&id.as_str()), "the ancestry of {id} is {ancestry}");

    let (ours, theirs) = (stage.folder()?, stage.folder()?);
    let mut parent = None;
    for id in ids.iter().rev() {
        let about = json(stage, &format!("/v1/images/{id}/json"), &token)?;
        ensure!(about.get("id").and_then(Value::as_str) == Some(id), "{id} says of itself {about}");
        ensure!(about.get("parent").and_then(Value::as_str) == parent, "the parent of {id} is not {parent:?}: {about}");
        let layer = get(stage, &format!("/v1/images/{id}/layer"), &token)?.body;
        let file = ours.with_extension("layer");
        fs::write(&file, layer)?;
        unpack(&file, &ours)?;
        parent = Some(*id);
    }
    let image = &stage.fixtures().oci;
    for layer in image.blobs.iter().skip(1) {
        unpack(&image.file(layer), &theirs)?;
    }
    let (ours, theirs) = (tree(&ours)?, tree(&theirs)?);
    ensure!(!theirs.is_empty(), "the image is empty");
    ensure!(ours == theirs, "the root file systems differ: {:?} and {:?}", ours.keys(), theirs.keys());
    Ok(())
}

/// Whoever pushes over v1 is told that they cannot, and nothing is stored.
pub(super) fn refused_push(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("legacy/refused");
    for path in [format!("/v1/repositories/{repository}/"), format!("/v1/images/{}/json", "0".repeat(64))] {
        let answer = http::send(&stage.address(), "PUT", &path, "application/json", b"[]")?;
        ensure!(answer.status == 405, "PUT {path} is {}", answer.status);
        ensure!(String::from_utf8_lossy(&answer.body).contains("/v2/"), "PUT {path} does not say what to do");
    }
    let path = format!("/v1/repositories/{repository}/tags");
    let status = http::get(&stage.address(), &path, "*/*")?.status;
    ensure!(status == 404, "GET {path} is {status}");
    Ok(())
}

/// What the registry says that a client is to send with its questions about images.
fn token(stage: &Stage, repository: &str) -> Result<String> {
    let answer = get(stage, &format!("/v1/repositories/{repository}/images"), "")?;
    let token = answer.header("x-docker-token").context("there is no token")?;
    Ok(format!("Token {token}"))
}

fn json(stage: &Stage, path: &str, token: &str) -> Result<Value> {
    let answer = get(stage, path, token)?;
    serde_json::from_slice(&answer.body).with_context(|| format!("GET {path} is not JSON"))
}

fn get(stage: &Stage, path: &str, token: &str) -> Result<http::Response> {
    let answer = http::get_with(&stage.address(), path, &[("Authorization", token)])?;
    ensure!(answer.status == 200, "GET {path} is {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    Ok(answer)
}

fn unpack(layer: &Path, into: &Path) -> Result<()> {
    let mut command = Command::new("tar");
    command.arg("--extract").arg("--gzip").arg("--file").arg(layer).arg("--directory").arg(into);
    process::succeed(&mut command, Duration::from_mins(1))?;
    Ok(())
}

/// Every file below a folder, by its path in there.
fn tree(root: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(root)?.to_owned(), fs::read(&path)?);
            }
        }
    }
    Ok(files)
}
