//! crane, of the family of cosign, ko and kaniko.

use anyhow::{Result, ensure};

use super::{Client, Scenario, compare, stage::Stage};
use crate::{images::Image, setup::Need};

pub(super) const CLIENT: Client = Client {
    needs: &[Need::Crane],
    prepare: |_| Ok(()),
    scenarios: &[
        Scenario::new("docker schema 2 image", docker_image),
        Scenario::new("OCI image", oci_image),
        Scenario::new("index of three platforms", index),
        Scenario::new("copy between repositories by mount", copy),
        Scenario::killing("kill -9 between push and pull", restart),
        Scenario::new("tag, list tags, catalogue", list),
        Scenario::new("delete a tag, then a digest", delete),
    ],
};

/// Pushes the image and compares the digest that crane prints.
fn push(stage: &Stage, image: &Image, repository: &str, tag: &str) -> Result<()> {
    let target = format!("{}:{tag}", stage.full(repository));
    let printed = stage.succeed(Need::Crane, &["push", &image.layout.display().to_string(), &target])?.stdout;
    ensure!(printed.trim().ends_with(&image.root.digest), "crane pushed {printed}");
    compare::served_image(stage, repository, tag, image)
}

/// Asks for the digest, pulls the image and compares both.
fn pull(stage: &mut Stage, repository: &str, tag: &str, image: fn(&Stage) -> &Image) -> Result<()> {
    let folder = stage.folder()?.join("layout");
    let source = format!("{}:{tag}", stage.full(repository));
    let digest = stage.succeed(Need::Crane, &["digest", &source])?.stdout;
    ensure!(digest.trim() == image(stage).root.digest, "crane says {digest}");
    stage.succeed(Need::Crane, &["pull", "--format=oci", &source, &folder.display().to_string()])?;
    compare::layout(image(stage), &folder)
}

fn docker_image(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("crane/docker");
    push(stage, &stage.fixtures().docker, &repository, "v1")?;
    pull(stage, &repository, "v1", |stage| &stage.fixtures().docker)
}

fn oci_image(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("crane/oci");
    push(stage, &stage.fixtures().oci, &repository, "v1")?;
    pull(stage, &repository, "v1", |stage| &stage.fixtures().oci)?;
    // Reads every layer again and checks digests, sizes and the config's list of layers.
    stage.succeed(Need::Crane, &["validate", "--remote", &format!("{}:v1", stage.full(&repository))])?;
    Ok(())
}

fn index(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("crane/index");
    push(stage, &stage.fixtures().index, &repository, "v1")?;
    pull(stage, &repository, "v1", |stage| &stage.fixtures().index)
}

fn copy(stage: &mut Stage) -> Result<()> {
    let (from, to) = (stage.repository("crane/copy-from"), stage.repository("crane/copy-to"));
    push(stage, &stage.fixtures().index, &from, "v1")?;
    let (source, target) = (format!("{}:v1", stage.full(&from)), format!("{}:v1", stage.full(&to)));
    let log = stage.succeed(Need::Crane, &["copy", &source, &target])?.stderr;
    ensure!(!log.contains("pushed blob"), "a blob was uploaded that could have been mounted: {log}");
    ensure!(log.contains("mounted blob"), "nothing was mounted: {log}");
    compare::served_image(stage, &to, "v1", &stage.fixtures().index)?;
    pull(stage, &to, "v1", |stage| &stage.fixtures().index)
}

fn restart(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("crane/restart");
    push(stage, &stage.fixtures().docker, &repository, "v1")?;
    stage.kill_and_restart()?;
    compare::served_image(stage, &repository, "v1", &stage.fixtures().docker)?;
    pull(stage, &repository, "v1", |stage| &stage.fixtures().docker)
}

fn list(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("crane/list");
    push(stage, &stage.fixtures().oci, &repository, "v1")?;
    stage.succeed(Need::Crane, &["tag", &format!("{}:v1", stage.full(&repository)), "latest"])?;
    let tags = stage.succeed(Need::Crane, &["ls", &stage.full(&repository)])?.stdout;
    ensure!(tags.lines().eq(["latest", "v1"]), "crane lists the tags {tags:?}");
    let catalogue = stage.succeed(Need::Crane, &["catalog", &stage.address()])?.stdout;
    ensure!(catalogue.lines().any(|line| line == repository), "{repository} is not in the catalogue: {catalogue}");
    Ok(())
}

fn delete(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("crane/delete");
    push(stage, &stage.fixtures().oci, &repository, "v1")?;
    push(stage, &stage.fixtures().oci, &repository, "v2")?;
    let digest = stage.fixtures().oci.root.digest.clone();
    stage.succeed(Need::Crane, &["delete", &format!("{}:v1", stage.full(&repository))])?;
    compare::absent(stage, &repository, "v1")?;
    compare::served_image(stage, &repository, "v2", &stage.fixtures().oci)?;
    compare::served_image(stage, &repository, &digest, &stage.fixtures().oci)?;
    stage.succeed(Need::Crane, &["delete", &format!("{}@{digest}", stage.full(&repository))])?;
    compare::absent(stage, &repository, "v2")?;
    compare::absent(stage, &repository, &digest)?;
    let refused = stage.fail(Need::Crane, &["manifest", &format!("{}:v2", stage.full(&repository))])?;
    compare::names(&refused, &["MANIFEST_UNKNOWN"])
}
