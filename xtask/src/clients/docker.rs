//! The docker engine with its classic image store, which most machines still run.

use std::{fs, time::Duration};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Client, Scenario, compare, engine::Engine, seed, stage::Stage};
use crate::{
    http,
    images::{PLATFORMS, loaded_name, single_file_tar},
    process::{self, Output},
    setup::Need,
};

pub(super) const CLIENT: Client = Client {
    needs: &[Need::Containerd, Need::Dockerd, Need::DockerCli],
    prepare: |stage| {
        let engine = Engine::start(stage)?;
        stage.set_engine(engine);
        Ok(())
    },
    scenarios: &[
        Scenario::new("load, push, pull: docker schema 2 image", loaded_image),
        Scenario::new("import, push, pull", imported_image),
        Scenario::new("pull an OCI image", oci_image),
        Scenario::new("push and pull a manifest list of three platforms", manifest_list),
        Scenario::new("pull an OCI index of three platforms", oci_index),
        Scenario::new("push to a second repository by mount", copy),
        Scenario::new("pull a stored schema 1 image", schema1),
        Scenario::new("search", search),
        Scenario::killing("kill -9 between push and pull", restart),
    ],
};

fn docker(stage: &Stage, arguments: &[&str]) -> Result<Output> {
    let mut command = stage.command(Need::DockerCli)?;
    command.env("DOCKER_HOST", stage.engine()?.host()).env("DOCKER_CLI_EXPERIMENTAL", "enabled");
    process::succeed(command.args(arguments), Duration::from_mins(2))
}

/// The architecture whose image the engine takes from an index.
fn architecture(stage: &Stage) -> Result<String> {
    Ok(docker(stage, &["version", "--format", "{{.Server.Arch}}"])?.stdout.trim().to_owned())
}

/// Loads the images of all platforms.
fn load(stage: &Stage) -> Result<()> {
    docker(stage, &["load", "--input", &stage.fixtures().archive.display().to_string()])?;
    Ok(())
}

/// Removes every image, so that a pull has to fetch every layer.
fn remove_all(stage: &Stage) -> Result<()> {
    docker(stage, &["image", "prune", "--all", "--force"])?;
    let left = docker(stage, &["image", "ls", "--all", "--quiet"])?.stdout;
    ensure!(left.trim().is_empty(), "images are left: {left}");
    Ok(())
}

/// The digest of the config, which holds the digests of all layers.
fn id(stage: &Stage, image: &str) -> Result<String> {
    Ok(docker(stage, &["image", "inspect", "--format", "{{.Id}}", image])?.stdout.trim().to_owned())
}

/// Tags the image, pushes it, and compares the digest that docker prints with what the registry serves.
fn push(stage: &Stage, image: &str, repository: &str, tag: &str) -> Result<String> {
    let target = format!("{}:{tag}", stage.full(repository));
    docker(stage, &["tag", image, &target])?;
    let printed = docker(stage, &["push", &target])?.stdout;
    let digest = printed.split("digest: ").nth(1).and_then(|rest| rest.split(' ').next());
    let digest = digest.with_context(|| format!("docker printed no digest: {printed}"))?;
    let served = compare::served(stage, repository, tag)?;
    ensure!(served == digest, "docker pushed {digest}, the registry serves {served}");
    Ok(printed)
}

/// Pulls what the tag says and compares the image and the digest.
fn pull(stage: &Stage, repository: &str, tag: &str, expected: &str) -> Result<()> {
    remove_all(stage)?;
    let source = format!("{}:{tag}", stage.full(repository));
    docker(stage, &["pull", &source])?;
    let found = id(stage, &source)?;
    ensure!(found == expected, "docker pulled the image {found} and not {expected}");
    let served = compare::served(stage, repository, tag)?;
    let digests = docker(stage, &["image", "inspect", "--format", "{{json .RepoDigests}}", &source])?.stdout;
    compare::names(&digests, &[&format!("{}@{served}", stage.full(repository))])?;
    remove_all(stage)
}

fn loaded_image(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("docker/loaded");
    load(stage)?;
    let image = loaded_name("amd64");
    let expected = id(stage, &image)?;
    push(stage, &image, &repository, "v1")?;
    pull(stage, &repository, "v1", &expected)
}

fn imported_image(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("docker/imported");
    let archive = stage.folder()?.join("root.tar");
    fs::write(&archive, single_file_tar("file", 90, 400 * 1024))?;
    docker(stage, &["import", &archive.display().to_string(), "imported:v1"])?;
    let expected = id(stage, "imported:v1")?;
    push(stage, "imported:v1", &repository, "v1")?;
    pull(stage, &repository, "v1", &expected)
}

fn oci_image(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("docker/oci");
    let image = &stage.fixtures().oci;
    seed::push(&stage.address(), &repository, "v1", image)?;
    let config = image.blobs.first().context("the image has no config")?;
    pull(stage, &repository, "v1", &config.digest)
}

fn manifest_list(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("docker/list");
    let list = format!("{}:v1", stage.full(&repository));
    load(stage)?;
    let mut parts = Vec::new();
    for (_, architecture) in PLATFORMS {
        push(stage, &loaded_name(architecture), &repository, architecture)?;
        parts.push(format!("{}:{architecture}", stage.full(&repository)));
    }
    let expected = id(stage, &loaded_name(&architecture(stage)?))?;
    let mut create = vec!["manifest", "create", "--insecure", &list];
    create.extend(parts.iter().map(String::as_str));
    docker(stage, &create)?;
    let digest = docker(stage, &["manifest", "push", "--insecure", "--purge", &list])?.stdout;
    let served = compare::served(stage, &repository, "v1")?;
    ensure!(served == digest.trim(), "docker pushed {digest}, the registry serves {served}");
    pull(stage, &repository, "v1", &expected)
}

fn oci_index(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("docker/index");
    let index = &stage.fixtures().index;
    seed::push(&stage.address(), &repository, "v1", index)?;
    let architecture = architecture(stage)?;
    let position = PLATFORMS.iter().position(|(_, name)| *name == architecture);
    let position = position.with_context(|| format!("the index has no image for {architecture}"))?;
    // Each image of the index has a config and two layers, in this order.
    pull(stage, &repository, "v1", &index.blobs[3 * position].digest)
}

fn copy(stage: &mut Stage) -> Result<()> {
    let (from, to) = (stage.repository("docker/copy-from"), stage.repository("docker/copy-to"));
    load(stage)?;
    let image = loaded_name("amd64");
    let expected = id(stage, &image)?;
    push(stage, &image, &from, "v1")?;
    let printed = push(stage, &image, &to, "v1")?;
    compare::names(&printed, &["Mounted from"])?;
    ensure!(!printed.contains(": Pushed"), "a layer was uploaded that could have been mounted: {printed}");
    pull(stage, &to, "v1", &expected)
}

/// The engine of these years still pulls schema 1: from it, it makes the config by itself, and then has the same layers.
fn schema1(stage: &mut Stage) -> Result<()> {
    const SIGNED: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    let repository = stage.repository("docker/schema1");
    let image = &stage.fixtures().docker;
    seed::push(&stage.address(), &repository, "v1", image)?;
    let path = format!("/v2/{repository}/manifests/v1");
    let manifest = http::get(&stage.address(), &path, SIGNED)?.body;
    let stored = http::send(&stage.address(), "PUT", &path, SIGNED, &manifest)?;
    ensure!(stored.status == 201, "PUT {path} is {}", stored.status);
    remove_all(stage)?;
    let source = format!("{}:v1", stage.full(&repository));
    docker(stage, &["pull", &source])?;
    let layers = docker(stage, &["image", "inspect", "--format", "{{json .RootFS.Layers}}", &source])?.stdout;
    let config = image.blobs.first().context("the image has no config")?;
    let config: Value = serde_json::from_slice(&fs::read(image.file(config))?)?;
    let layers: Value = serde_json::from_str(&layers)?;
    ensure!(layers == config["rootfs"]["diff_ids"], "docker has the layers {layers}, the image {config}");
    remove_all(stage)
}

/// The engine searches registries over v1 only.
fn search(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("docker/searched-for");
    seed::push(&stage.address(), &repository, "v1", &stage.fixtures().oci)?;
    let term = format!("{}/searched-for", stage.address());
    let found = docker(stage, &["search", "--format", "{{.Name}}", &term])?.stdout;
    compare::names(&found, &[&repository])
}

fn restart(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("docker/restart");
    load(stage)?;
    let image = loaded_name("amd64");
    let expected = id(stage, &image)?;
    push(stage, &image, &repository, "v1")?;
    stage.kill_and_restart()?;
    pull(stage, &repository, "v1", &expected)
}
