//! skopeo, of the family of podman, buildah and CRI-O.

use anyhow::{Result, ensure};

use super::{Client, Scenario, compare, stage::Stage};
use crate::{
    images::{Image, digest},
    process::Output,
    setup::Need,
};

pub(super) const CLIENT: Client = Client {
    needs: &[Need::Skopeo],
    prepare: |_| Ok(()),
    scenarios: &[
        Scenario::new("docker schema 2 image", docker_image),
        Scenario::new("OCI image", oci_image),
        Scenario::new("index of three platforms", index),
        Scenario::new("copy between repositories by mount", copy),
        Scenario::killing("kill -9 between push and pull", restart),
        Scenario::new("list tags", list_tags),
        Scenario::new("delete", delete),
    ],
};

fn skopeo(stage: &Stage, arguments: &[&str]) -> Result<Output> {
    stage.succeed(Need::Skopeo, &[&["--insecure-policy"], arguments].concat())
}

/// Where the image is, in skopeo's words.
fn remote(stage: &Stage, repository: &str, tag: &str) -> String {
    format!("docker://{}:{tag}", stage.full(repository))
}

/// Pushes the image; a change of one byte on the way would be an error.
fn push(stage: &Stage, image: &Image, repository: &str, tag: &str) -> Result<()> {
    let source = format!("oci:{}:{}", image.layout.display(), image.tag);
    let target = remote(stage, repository, tag);
    skopeo(stage, &["copy", "--all", "--preserve-digests", "--dest-tls-verify=false", &source, &target])?;
    compare::served_image(stage, repository, tag, image)
}

/// Pulls the image and compares it.
fn pull(stage: &mut Stage, repository: &str, tag: &str, image: fn(&Stage) -> &Image) -> Result<()> {
    let folder = stage.folder()?;
    let target = format!("dir:{}", folder.display());
    let source = remote(stage, repository, tag);
    skopeo(stage, &["copy", "--all", "--preserve-digests", "--src-tls-verify=false", &source, &target])?;
    compare::dir(image(stage), &folder)
}

fn docker_image(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("skopeo/docker");
    let folder = stage.folder()?;
    let image = &stage.fixtures().docker;
    image.write_dir(&folder)?;
    let source = format!("dir:{}", folder.display());
    let target = remote(stage, &repository, "v1");
    skopeo(stage, &["copy", "--preserve-digests", "--dest-tls-verify=false", &source, &target])?;
    compare::served_image(stage, &repository, "v1", image)?;
    pull(stage, &repository, "v1", |stage| &stage.fixtures().docker)
}

fn oci_image(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("skopeo/oci");
    push(stage, &stage.fixtures().oci, &repository, "v1")?;
    pull(stage, &repository, "v1", |stage| &stage.fixtures().oci)?;
    let folder = stage.folder()?;
    let target = format!("oci:{}:v1", folder.display());
    skopeo(stage, &["copy", "--src-tls-verify=false", &remote(stage, &repository, "v1"), &target])?;
    compare::layout(&stage.fixtures().oci, &folder)?;
    // What skopeo says of the pulled bytes is what sha256sum says of them.
    let file = folder.join("blobs/sha256").join(stage.fixtures().oci.root.hex());
    let computed = skopeo(stage, &["manifest-digest", &file.display().to_string()])?.stdout;
    ensure!(digest::of_file("sha256:", &file)? == computed.trim(), "skopeo computed {computed}");
    Ok(())
}

fn index(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("skopeo/index");
    push(stage, &stage.fixtures().index, &repository, "v1")?;
    pull(stage, &repository, "v1", |stage| &stage.fixtures().index)
}

fn copy(stage: &mut Stage) -> Result<()> {
    let (from, to) = (stage.repository("skopeo/copy-from"), stage.repository("skopeo/copy-to"));
    push(stage, &stage.fixtures().oci, &from, "v1")?;
    let (source, target) = (remote(stage, &from, "v1"), remote(stage, &to, "v1"));
    let both = ["copy", "--src-tls-verify=false", "--dest-tls-verify=false", &source, &target];
    let log = skopeo(stage, &[["--debug"].as_slice(), &both].concat())?.stderr;
    // skopeo never mounts configs.
    compare::mounted(&log, "... mount OK", stage.fixtures().oci.blobs.len() - 1)?;
    compare::served_image(stage, &to, "v1", &stage.fixtures().oci)?;
    pull(stage, &to, "v1", |stage| &stage.fixtures().oci)
}

fn restart(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("skopeo/restart");
    push(stage, &stage.fixtures().oci, &repository, "v1")?;
    stage.kill_and_restart()?;
    compare::served_image(stage, &repository, "v1", &stage.fixtures().oci)?;
    pull(stage, &repository, "v1", |stage| &stage.fixtures().oci)
}

fn list_tags(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("skopeo/tags");
    push(stage, &stage.fixtures().oci, &repository, "v1")?;
    push(stage, &stage.fixtures().index, &repository, "v2")?;
    let listed = skopeo(stage, &["list-tags", "--tls-verify=false", &format!("docker://{}", stage.full(&repository))])?;
    compare::names(&listed.stdout, &["\"v1\"", "\"v2\""])
}

/// skopeo resolves the tag and deletes the manifest by its digest, so every tag of it goes.
fn delete(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("skopeo/delete");
    push(stage, &stage.fixtures().oci, &repository, "v1")?;
    push(stage, &stage.fixtures().index, &repository, "v2")?;
    skopeo(stage, &["delete", "--tls-verify=false", &remote(stage, &repository, "v1")])?;
    compare::absent(stage, &repository, "v1")?;
    compare::absent(stage, &repository, &stage.fixtures().oci.root.digest)?;
    let inspect = ["inspect", "--tls-verify=false", &remote(stage, &repository, "v1")];
    let refused = stage.fail(Need::Skopeo, &[["--insecure-policy"].as_slice(), &inspect].concat())?;
    compare::names(&refused, &["manifest unknown"])?;
    compare::served_image(stage, &repository, "v2", &stage.fixtures().index)
}
