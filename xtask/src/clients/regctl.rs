//! regctl, which mounts anonymously, uploads in chunks and knows the newest parts of the specification.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Client, Scenario, compare, stage::Stage};
use crate::{
    images::{Descriptor, Image, digest, noise},
    process::Output,
    setup::Need,
};

pub(super) const CLIENT: Client = Client {
    needs: &[Need::Regctl],
    prepare: |_| Ok(()),
    scenarios: &[
        Scenario::new("docker schema 2 image", docker_image),
        Scenario::new("OCI image", oci_image),
        Scenario::new("index of three platforms", index),
        Scenario::new("blobs in chunks", chunks),
        Scenario::new("sha512 digests", sha512),
        Scenario::new("artifact and its referrers", referrers),
        Scenario::new("copy between repositories by mount", copy),
        Scenario::killing("kill -9 between push and pull", restart),
        Scenario::new("list tags, catalogue", list),
        Scenario::new("delete a tag, then a digest", delete),
    ],
};

const SBOM: &str = "application/vnd.example.sbom+json";
const SIGNATURE: &str = "application/vnd.example.signature";

fn regctl(stage: &Stage, arguments: &[&str]) -> Result<Output> {
    let host = format!("reg={},tls=disabled", stage.address());
    stage.succeed(Need::Regctl, &[&["--host", &host], arguments].concat())
}

fn push(stage: &Stage, image: &Image, repository: &str, tag: &str) -> Result<()> {
    let source = format!("ocidir://{}:{}", image.layout.display(), image.tag);
    regctl(stage, &["image", "copy", &source, &format!("{}:{tag}", stage.full(repository))])?;
    compare::served_image(stage, repository, tag, image)
}

fn pull(stage: &mut Stage, repository: &str, tag: &str, image: fn(&Stage) -> &Image) -> Result<()> {
    let folder = stage.folder()?;
    let source = format!("{}:{tag}", stage.full(repository));
    let digest = regctl(stage, &["image", "digest", &source])?.stdout;
    ensure!(digest.trim() == image(stage).root.digest, "regctl says {digest}");
    regctl(stage, &["image", "copy", &source, &format!("ocidir://{}:{tag}", folder.display())])?;
    compare::layout(image(stage), &folder)
}

fn docker_image(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("regctl/docker");
    push(stage, &stage.fixtures().docker, &repository, "v1")?;
    pull(stage, &repository, "v1", |stage| &stage.fixtures().docker)
}

fn oci_image(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("regctl/oci");
    push(stage, &stage.fixtures().oci, &repository, "v1")?;
    pull(stage, &repository, "v1", |stage| &stage.fixtures().oci)
}

fn index(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("regctl/index");
    push(stage, &stage.fixtures().index, &repository, "v1")?;
    pull(stage, &repository, "v1", |stage| &stage.fixtures().index)
}

/// With a limit on the size of one request, regctl sends large blobs as chunks with `Content-Range`.
fn chunks(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("regctl/chunks");
    let image = &stage.fixtures().oci;
    let host = format!("reg={},tls=disabled,blobMax=1048576,blobChunk=1048576", stage.address());
    let source = format!("ocidir://{}:{}", image.layout.display(), image.tag);
    let target = format!("{}:v1", stage.full(&repository));
    stage.succeed(Need::Regctl, &["--host", &host, "image", "copy", &source, &target])?;
    compare::served_image(stage, &repository, "v1", image)?;
    pull(stage, &repository, "v1", |stage| &stage.fixtures().oci)
}

/// An image whose every digest is sha512, which regctl names in advance with `digest-algorithm`.
fn sha512(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("regctl/sha512");
    push(stage, &stage.fixtures().oci, &repository, "v1")?;
    let (source, target) = (format!("{}:v1", stage.full(&repository)), format!("{}:v2", stage.full(&repository)));
    regctl(stage, &["image", "mod", &source, "--digest-algo", "sha512", "--create", &target])?;
    let served = compare::served(stage, &repository, "v2")?;
    ensure!(served.starts_with("sha512:"), "the tag is {served}");
    let told = regctl(stage, &["image", "digest", &target])?.stdout;
    ensure!(told.trim() == served, "regctl says {told} of {served}");
    let folder = stage.folder()?;
    regctl(stage, &["image", "copy", &target, &format!("ocidir://{}:v2", folder.display())])?;
    for entry in fs::read_dir(folder.join("blobs/sha512")).context("regctl pulled no blob of sha512")? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        ensure!(digest::of_file("sha512:", &path)? == format!("sha512:{name}"), "{name} was pulled with other bytes");
    }
    Ok(())
}

fn referrers(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("regctl/referrers");
    let folder = stage.folder()?;
    push(stage, &stage.fixtures().index, &repository, "v1")?;
    let subject = format!("{}:v1", stage.full(&repository));
    for (seed, (name, artifact_type)) in (80..).zip([("sbom", SBOM), ("signature", SIGNATURE)]) {
        let file = folder.join(name);
        fs::write(&file, noise(seed, 50_000))?;
        let put = ["artifact", "put", "--artifact-type", artifact_type, "--subject", &subject];
        regctl(stage, &[put.as_slice(), &["--file", &file.display().to_string()]].concat())?;
    }
    ensure!(listed(stage, &subject, &[])?.len() == 2, "regctl does not list two referrers");
    let filtered = listed(stage, &subject, &["--filter-artifact-type", SBOM])?;
    ensure!(filtered.len() == 1, "regctl lists {filtered:?} of one type");
    let pulled = folder.join("pulled");
    fs::create_dir(&pulled)?;
    let get = ["artifact", "get", "--subject", &subject, "--filter-artifact-type", SBOM];
    regctl(stage, &[get.as_slice(), &["--output", &pulled.display().to_string()]].concat())?;
    let file = fs::read_dir(&pulled)?.next().context("regctl pulled no file")??.path();
    ensure!(fs::read(file)? == noise(80, 50_000), "the attached file was pulled with other bytes");
    let tags = regctl(stage, &["tag", "ls", &stage.full(&repository)])?.stdout;
    ensure!(tags.trim() == "v1", "the tags are {tags}: a client that finds no referrers API writes its own tags");
    Ok(())
}

/// The digests of the referrers that regctl lists.
fn listed(stage: &Stage, subject: &str, filter: &[&str]) -> Result<Vec<String>> {
    let list = ["artifact", "list", "--format", "{{jsonPretty .}}"];
    let printed = regctl(stage, &[list.as_slice(), filter, &[subject]].concat())?.stdout;
    let printed: Value = serde_json::from_str(&printed).context("regctl artifact list printed no JSON")?;
    compare::entries(&printed, "descriptors").map(|entry| compare::text(entry, "digest").map(str::to_owned)).collect()
}

fn copy(stage: &mut Stage) -> Result<()> {
    let (from, to) = (stage.repository("regctl/copy-from"), stage.repository("regctl/copy-to"));
    push(stage, &stage.fixtures().index, &from, "v1")?;
    let (source, target) = (format!("{}:v1", stage.full(&from)), format!("{}:v1", stage.full(&to)));
    let log = regctl(stage, &["--verbosity", "debug", "image", "copy", &source, &target])?.stderr;
    let mut blobs: Vec<&str> = stage.fixtures().index.blobs.iter().map(Descriptor::hex).collect();
    blobs.sort_unstable();
    blobs.dedup();
    compare::mounted(&log, "with registry mount", blobs.len())?;
    compare::served_image(stage, &to, "v1", &stage.fixtures().index)?;
    pull(stage, &to, "v1", |stage| &stage.fixtures().index)
}

fn restart(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("regctl/restart");
    push(stage, &stage.fixtures().docker, &repository, "v1")?;
    stage.kill_and_restart()?;
    compare::served_image(stage, &repository, "v1", &stage.fixtures().docker)?;
    pull(stage, &repository, "v1", |stage| &stage.fixtures().docker)
}

fn list(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("regctl/list");
    push(stage, &stage.fixtures().oci, &repository, "v1")?;
    push(stage, &stage.fixtures().index, &repository, "v2")?;
    let tags = regctl(stage, &["tag", "ls", &stage.full(&repository)])?.stdout;
    ensure!(tags.lines().eq(["v1", "v2"]), "regctl lists the tags {tags:?}");
    let catalogue = regctl(stage, &["repo", "ls", &stage.address()])?.stdout;
    ensure!(catalogue.lines().any(|line| line == repository), "{repository} is not in the catalogue: {catalogue}");
    Ok(())
}

fn delete(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("regctl/delete");
    push(stage, &stage.fixtures().oci, &repository, "v1")?;
    push(stage, &stage.fixtures().oci, &repository, "v2")?;
    let digest = stage.fixtures().oci.root.digest.clone();
    regctl(stage, &["tag", "delete", &format!("{}:v1", stage.full(&repository))])?;
    compare::absent(stage, &repository, "v1")?;
    compare::served_image(stage, &repository, "v2", &stage.fixtures().oci)?;
    regctl(stage, &["manifest", "delete", &format!("{}@{digest}", stage.full(&repository))])?;
    compare::absent(stage, &repository, "v2")?;
    compare::absent(stage, &repository, &digest)
}
