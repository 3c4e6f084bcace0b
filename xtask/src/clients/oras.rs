//! oras, which pushes anything and attaches anything to it; helm uses the same library.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Client, Scenario, compare, stage::Stage};
use crate::{
    images::{Image, noise},
    process::Output,
    setup::Need,
};

pub(super) const CLIENT: Client = Client {
    needs: &[Need::Oras],
    prepare: |_| Ok(()),
    scenarios: &[
        Scenario::new("docker schema 2 image", docker_image),
        Scenario::new("OCI image", oci_image),
        Scenario::new("index of three platforms", index),
        Scenario::new("artifact and its referrers", referrers),
        Scenario::new("copy between repositories by mount, with referrers", copy),
        Scenario::killing("kill -9 between push and pull", restart),
        Scenario::new("tag, list tags, catalogue", list),
        Scenario::new("delete a manifest and a blob", delete),
    ],
};

const SBOM: &str = "application/vnd.example.sbom+json";
const SIGNATURE: &str = "application/vnd.example.signature";

fn oras(stage: &Stage, arguments: &[&str]) -> Result<Output> {
    stage.succeed(Need::Oras, arguments)
}

fn push(stage: &Stage, image: &Image, repository: &str, tag: &str) -> Result<()> {
    let source = format!("{}:{}", image.layout.display(), image.tag);
    let target = format!("{}:{tag}", stage.full(repository));
    oras(stage, &["cp", "--no-tty", "--from-oci-layout", "--to-plain-http", &source, &target])?;
    compare::served_image(stage, repository, tag, image)
}

fn pull(stage: &mut Stage, repository: &str, tag: &str, image: fn(&Stage) -> &Image) -> Result<()> {
    let folder = stage.folder()?;
    let source = format!("{}:{tag}", stage.full(repository));
    let digest = oras(stage, &["resolve", "--plain-http", &source])?.stdout;
    ensure!(digest.trim() == image(stage).root.digest, "oras says {digest}");
    let target = format!("{}:{tag}", folder.display());
    oras(stage, &["cp", "--no-tty", "--from-plain-http", "--to-oci-layout", &source, &target])?;
    compare::layout(image(stage), &folder)
}

fn docker_image(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("oras/docker");
    push(stage, &stage.fixtures().docker, &repository, "v1")?;
    pull(stage, &repository, "v1", |stage| &stage.fixtures().docker)
}

fn oci_image(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("oras/oci");
    push(stage, &stage.fixtures().oci, &repository, "v1")?;
    pull(stage, &repository, "v1", |stage| &stage.fixtures().oci)
}

fn index(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("oras/index");
    push(stage, &stage.fixtures().index, &repository, "v1")?;
    pull(stage, &repository, "v1", |stage| &stage.fixtures().index)
}

/// Attaches a file to the subject and returns the digest of the referrer.
fn attach(stage: &Stage, folder: &Path, artifact_type: &str, subject: &str, file: &str) -> Result<String> {
    let arguments = ["attach", "--no-tty", "--plain-http", "--format", "json", "--artifact-type", artifact_type];
    let printed = stage.succeed_in(folder, Need::Oras, &[arguments.as_slice(), &[subject, file]].concat())?.stdout;
    let printed: Value = serde_json::from_str(&printed).context("oras attach printed no JSON")?;
    Ok(compare::text(&printed, "digest")?.to_owned())
}

/// The digests that oras finds attached to the subject.
fn discover(stage: &Stage, subject: &str, filter: &[&str]) -> Result<Vec<String>> {
    let arguments = ["discover", "--plain-http", "--format", "json"];
    let printed = oras(stage, &[arguments.as_slice(), filter, &[subject]].concat())?.stdout;
    let printed: Value = serde_json::from_str(&printed).context("oras discover printed no JSON")?;
    compare::entries(&printed, "referrers").map(|entry| compare::text(entry, "digest").map(str::to_owned)).collect()
}

/// An artifact without an image, two referrers of it, one of those with a referrer of its own.
fn referrers(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("oras/referrers");
    let (folder, pulled) = (stage.folder()?, stage.folder()?);
    for (seed, name) in (50..).zip(["artifact", "sbom", "signature"]) {
        fs::write(folder.join(name), noise(seed, 50_000))?;
    }
    let subject = format!("{}:v1", stage.full(&repository));
    let push = ["push", "--no-tty", "--plain-http", "--artifact-type", "application/vnd.example.thing"];
    stage.succeed_in(&folder, Need::Oras, &[push.as_slice(), &[&subject, "artifact"]].concat())?;
    compare::served(stage, &repository, "v1")?;

    let sbom = attach(stage, &folder, SBOM, &subject, "sbom")?;
    let signature = attach(stage, &folder, SIGNATURE, &subject, "signature")?;
    let mut both = vec![sbom.clone(), signature.clone()];
    both.sort();
    let mut found = discover(stage, &subject, &["--depth", "1"])?;
    found.sort();
    ensure!(found == both, "oras discovers {found:?} and not {both:?}");
    let filtered = discover(stage, &subject, &["--artifact-type", SBOM])?;
    ensure!(filtered == [sbom.clone()], "oras discovers {filtered:?} of one type and not {sbom}");

    let of_sbom = format!("{}@{sbom}", stage.full(&repository));
    let nested = attach(stage, &folder, SIGNATURE, &of_sbom, "signature")?;
    let found = discover(stage, &of_sbom, &[])?;
    ensure!(found == [nested], "oras discovers {found:?} attached to a referrer");

    let output = pulled.display().to_string();
    oras(stage, &["pull", "--no-tty", "--plain-http", "--output", &output, &of_sbom])?;
    ensure!(fs::read(pulled.join("sbom"))? == noise(51, 50_000), "the attached file was pulled with other bytes");
    // With the referrers API there is no tag that stands for it.
    let tags = oras(stage, &["repo", "tags", "--plain-http", &stage.full(&repository)])?.stdout;
    ensure!(tags.trim() == "v1", "the tags are {tags}: a client that finds no referrers API writes its own tags");
    Ok(())
}

fn copy(stage: &mut Stage) -> Result<()> {
    let (from, to) = (stage.repository("oras/copy-from"), stage.repository("oras/copy-to"));
    let folder = stage.folder()?;
    fs::write(folder.join("sbom"), noise(60, 50_000))?;
    push(stage, &stage.fixtures().oci, &from, "v1")?;
    let (source, target) = (format!("{}:v1", stage.full(&from)), format!("{}:v1", stage.full(&to)));
    let sbom = attach(stage, &folder, SBOM, &source, "sbom")?;
    let plain = ["cp", "--no-tty", "--recursive", "--from-plain-http", "--to-plain-http"];
    let log = oras(stage, &[plain.as_slice(), &[&source, &target]].concat())?.stdout;
    // Beside the image's blobs there are the attached file and its empty config.
    compare::mounted(&log, "Mounted ", stage.fixtures().oci.blobs.len() + 2)?;
    compare::served_image(stage, &to, "v1", &stage.fixtures().oci)?;
    let found = discover(stage, &target, &[])?;
    ensure!(found == [sbom], "oras discovers {found:?} beside the copy");
    pull(stage, &to, "v1", |stage| &stage.fixtures().oci)
}

fn restart(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("oras/restart");
    let folder = stage.folder()?;
    fs::write(folder.join("sbom"), noise(70, 50_000))?;
    push(stage, &stage.fixtures().oci, &repository, "v1")?;
    let subject = format!("{}:v1", stage.full(&repository));
    let sbom = attach(stage, &folder, SBOM, &subject, "sbom")?;
    stage.kill_and_restart()?;
    compare::served_image(stage, &repository, "v1", &stage.fixtures().oci)?;
    let found = discover(stage, &subject, &[])?;
    ensure!(found == [sbom], "oras discovers {found:?} after the restart");
    pull(stage, &repository, "v1", |stage| &stage.fixtures().oci)
}

fn list(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("oras/list");
    push(stage, &stage.fixtures().oci, &repository, "v1")?;
    oras(stage, &["tag", "--plain-http", &format!("{}:v1", stage.full(&repository)), "v2", "latest"])?;
    let tags = oras(stage, &["repo", "tags", "--plain-http", &stage.full(&repository)])?.stdout;
    ensure!(tags.lines().eq(["latest", "v1", "v2"]), "oras lists the tags {tags:?}");
    let catalogue = oras(stage, &["repo", "ls", "--plain-http", &stage.address()])?.stdout;
    ensure!(catalogue.lines().any(|line| line == repository), "{repository} is not in the catalogue: {catalogue}");
    Ok(())
}

fn delete(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("oras/delete");
    push(stage, &stage.fixtures().oci, &repository, "v1")?;
    let image = &stage.fixtures().oci;
    let name = format!("{}@{}", stage.full(&repository), image.root.digest);
    oras(stage, &["manifest", "delete", "--plain-http", "--force", &name])?;
    compare::absent(stage, &repository, &image.root.digest)?;
    compare::absent(stage, &repository, "v1")?;
    // The bytes of a deleted manifest can be pushed again.
    push(stage, image, &repository, "v1")?;

    let folder = stage.folder()?;
    fs::write(folder.join("loose"), b"a blob that no manifest names")?;
    let name = stage.full(&repository);
    let push = ["blob", "push", "--no-tty", "--plain-http", "--descriptor", &name, "loose"];
    let printed = stage.succeed_in(&folder, Need::Oras, &push)?.stdout;
    let descriptor: Value = serde_json::from_str(&printed).context("oras blob push printed no descriptor")?;
    let blob = format!("{name}@{}", compare::text(&descriptor, "digest")?);
    oras(stage, &["blob", "fetch", "--no-tty", "--plain-http", "--output", "/dev/null", &blob])?;
    oras(stage, &["blob", "delete", "--plain-http", "--force", &blob])?;
    let refused = stage.fail(Need::Oras, &["blob", "fetch", "--plain-http", "--descriptor", &blob])?;
    compare::names(&refused, &["not found"])
}
