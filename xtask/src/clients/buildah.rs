//! buildah, which builds images and keeps them in a storage of its own.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

use super::{Client, Scenario, compare, seed, stage::Stage};
use crate::{
    images::{PLATFORMS, noise},
    process::Output,
    setup::Need,
};

pub(super) const CLIENT: Client = Client {
    needs: &[Need::Buildah],
    prepare: |_| Ok(()),
    scenarios: &[
        Scenario::new("build, push, pull: docker schema 2 image", docker_image),
        Scenario::new("build, push, pull: OCI image", oci_image),
        Scenario::new("build, push and pull a list of three platforms", list),
        Scenario::new("pull an OCI index of three platforms", index),
        Scenario::new("push to a second repository by mount", copy),
        Scenario::killing("kill -9 between push and pull", restart),
    ],
};

/// A storage of one scenario.
struct Storage {
    root: String,
    run: String,
}

impl Storage {
    fn new(stage: &mut Stage) -> Result<Self> {
        let folder = stage.folder()?;
        let path = |name| folder.join(name).display().to_string();
        Ok(Self { root: path("root"), run: path("run") })
    }

    fn buildah(&self, stage: &Stage, arguments: &[&str]) -> Result<Output> {
        let own = ["--root", &self.root, "--runroot", &self.run, "--storage-driver", "vfs"];
        stage.succeed(Need::Buildah, &[own.as_slice(), arguments].concat())
    }

    /// The digest of the image's config, which holds the digests of all layers.
    fn id(&self, stage: &Stage, image: &str) -> Result<String> {
        let format = ["inspect", "--type", "image", "--format", "{{.FromImageID}}", image];
        Ok(self.buildah(stage, &format)?.stdout.trim().to_owned())
    }

    /// Builds an image of two layers, one of them about 20 MiB, and returns its id.
    fn build(&self, stage: &Stage, folder: &Path, format: &str) -> Result<String> {
        fs::write(folder.join("small"), noise(110, 300 * 1024))?;
        fs::write(folder.join("large"), noise(111, 20 * 1024 * 1024))?;
        self.commit(stage, folder, format, "amd64", "built")
    }

    /// Builds an image from the files `small` and `large` of the folder.
    fn commit(&self, stage: &Stage, folder: &Path, format: &str, architecture: &str, name: &str) -> Result<String> {
        let base = format!("{name}-base");
        for (from, file, to) in [("scratch", "small", base.as_str()), (base.as_str(), "large", name)] {
            let container = self.buildah(stage, &["from", "--pull-never", from])?.stdout;
            let container = container.trim();
            self.buildah(stage, &["config", "--os", "linux", "--arch", architecture, container])?;
            let file = folder.join(file).display().to_string();
            self.buildah(stage, &["copy", "--quiet", container, &file, "/"])?;
            self.buildah(stage, &["commit", "--quiet", "--rm", "--format", format, container, to])?;
        }
        self.id(stage, name)
    }

    /// Pushes an image and returns its digest, which must be the one that the registry serves.
    fn push(&self, stage: &Stage, image: &str, repository: &str, tag: &str) -> Result<String> {
        let target = format!("docker://{}:{tag}", stage.full(repository));
        let file = format!("{}-{tag}.digest", self.root);
        self.buildah(stage, &["push", "--tls-verify=false", "--digestfile", &file, image, &target])?;
        let digest = fs::read_to_string(&file).context("buildah wrote no digest")?;
        let served = compare::served(stage, repository, tag)?;
        ensure!(served == digest.trim(), "buildah pushed {digest}, the registry serves {served}");
        Ok(served)
    }
}

/// Pulls into an empty storage and compares the image.
fn pull(stage: &mut Stage, repository: &str, tag: &str, expected: &str) -> Result<()> {
    let storage = Storage::new(stage)?;
    let source = format!("docker://{}:{tag}", stage.full(repository));
    storage.buildah(stage, &["pull", "--quiet", "--tls-verify=false", &source])?;
    let found = storage.id(stage, &format!("{}:{tag}", stage.full(repository)))?;
    ensure!(found == expected, "buildah pulled the image {found} and not {expected}");
    Ok(())
}

fn built(stage: &mut Stage, format: &str, name: &str) -> Result<()> {
    let repository = stage.repository(name);
    let (storage, folder) = (Storage::new(stage)?, stage.folder()?);
    let expected = storage.build(stage, &folder, format)?;
    storage.push(stage, "built", &repository, "v1")?;
    pull(stage, &repository, "v1", &expected)
}

fn docker_image(stage: &mut Stage) -> Result<()> {
    built(stage, "docker", "buildah/docker")
}

fn oci_image(stage: &mut Stage) -> Result<()> {
    built(stage, "oci", "buildah/oci")
}

fn list(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("buildah/list");
    let (storage, folder) = (Storage::new(stage)?, stage.folder()?);
    fs::write(folder.join("small"), noise(112, 300 * 1024))?;
    fs::write(folder.join("large"), noise(113, 500 * 1024))?;
    storage.buildah(stage, &["manifest", "create", "list"])?;
    let mut ids = Vec::new();
    for (_, architecture) in PLATFORMS {
        ids.push((architecture, storage.commit(stage, &folder, "oci", architecture, architecture)?));
        storage.buildah(stage, &["manifest", "add", "--arch", architecture, "list", architecture])?;
    }
    let target = format!("docker://{}:v1", stage.full(&repository));
    storage.buildah(stage, &["manifest", "push", "--all", "--tls-verify=false", "list", &target])?;
    compare::served(stage, &repository, "v1")?;
    let (_, expected) = ids.into_iter().find(|(name, _)| *name == host_architecture()).context("no image for us")?;
    pull(stage, &repository, "v1", &expected)
}

fn index(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("buildah/index");
    let index = &stage.fixtures().index;
    seed::push(&stage.address(), &repository, "v1", index)?;
    let position = PLATFORMS.iter().position(|(_, name)| *name == host_architecture()).context("no image for us")?;
    // Each image of the index has a config and two layers, in this order.
    let expected = index.blobs[3 * position].hex().to_owned();
    pull(stage, &repository, "v1", &expected)
}

fn copy(stage: &mut Stage) -> Result<()> {
    let (from, to) = (stage.repository("buildah/copy-from"), stage.repository("buildah/copy-to"));
    let (storage, folder) = (Storage::new(stage)?, stage.folder()?);
    let expected = storage.build(stage, &folder, "oci")?;
    let first = storage.push(stage, "built", &from, "v1")?;
    let target = format!("docker://{}:v1", stage.full(&to));
    let log = storage.buildah(stage, &["--log-level", "debug", "push", "--tls-verify=false", "built", &target])?;
    // The image has two layers; buildah never mounts configs.
    compare::mounted(&log.stderr, "... mount OK", 2)?;
    let second = compare::served(stage, &to, "v1")?;
    ensure!(first == second, "the first push gave {first} and the second {second}");
    pull(stage, &to, "v1", &expected)
}

fn restart(stage: &mut Stage) -> Result<()> {
    let repository = stage.repository("buildah/restart");
    let (storage, folder) = (Storage::new(stage)?, stage.folder()?);
    let expected = storage.build(stage, &folder, "oci")?;
    storage.push(stage, "built", &repository, "v1")?;
    stage.kill_and_restart()?;
    pull(stage, &repository, "v1", &expected)
}

/// This machine's architecture as images name it.
fn host_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
