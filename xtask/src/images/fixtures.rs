//! The images that clients push and pull.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{
    archive::{gzip, single_file_tar, tar},
    digest::sha256,
    layout::{Descriptor, Layout},
};

const TAG: &str = "v1";

/// The media types of one family of formats.
struct Family {
    manifest: &'static str,
    config: &'static str,
    layer: &'static str,
}

const OCI: Family = Family {
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};
const DOCKER: Family = Family {
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
};
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An image on disk, single or of several platforms.
#[derive(Debug)]
pub(crate) struct Image {
    /// The manifest or index.
    pub(crate) root: Descriptor,
    /// An OCI image layout that holds the image and nothing else.
    pub(crate) layout: PathBuf,
    /// The tag in that layout.
    pub(crate) tag: &'static str,
    /// Configs and layers, in the order in which they were made.
    pub(crate) blobs: Vec<Descriptor>,
    /// The manifests of an index; empty for a single image.
    pub(crate) children: Vec<Descriptor>,
}

impl Image {
    /// The file of something that the image holds.
    pub(crate) fn file(&self, descriptor: &Descriptor) -> PathBuf {
        self.layout.join("blobs/sha256").join(descriptor.hex())
    }

    /// Everything that the image holds: blobs, children, then the root.
    pub(crate) fn everything(&self) -> impl Iterator<Item = &Descriptor> {
        self.blobs.iter().chain(&self.children).chain([&self.root])
    }

    /// The image in the form that tools of the containers project call `dir:`, which keeps any media type.
    pub(crate) fn write_dir(&self, path: &Path) -> Result<()> {
        fs::create_dir_all(path)?;
        fs::write(path.join("version"), "Directory Transport Version: 1.1\n")?;
        fs::copy(self.file(&self.root), path.join("manifest.json"))?;
        for blob in &self.blobs {
            fs::copy(self.file(blob), path.join(blob.hex()))?;
        }
        Ok(())
    }
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Fixtures {
    /// An OCI image of three layers, one of them about 20 MiB.
    pub(crate) oci: Image,
    /// A docker schema 2 image of three layers, one of them about 20 MiB.
    pub(crate) docker: Image,
    /// An OCI index of three platforms that share a layer.
    pub(crate) index: Image,
    /// Three images in the form that `docker load` reads, one for each platform of [`PLATFORMS`].
    pub(crate) archive: PathBuf,
}

/// The platforms of every image of several platforms.
pub(crate) const PLATFORMS: [(&str, &str); 3] = [("linux", "amd64"), ("linux", "arm64"), ("linux", "s390x")];

impl Fixtures {
    /// Writes all of them below a directory.
    pub(crate) fn write(directory: &Path) -> Result<Self> {
        Ok(Self {
            oci: single(&directory.join("oci"), &OCI, 100).context("the OCI image cannot be written")?,
            docker: single(&directory.join("docker"), &DOCKER, 200).context("the docker image cannot be written")?,
            index: index(&directory.join("index")).context("the index cannot be written")?,
            archive: docker_archive(&directory.join("archive.tar")).context("the archive cannot be written")?,
        })
    }
}

fn single(path: &Path, family: &Family, seed: u64) -> Result<Image> {
    let layout = Layout::create(path)?;
    let layers = [
        single_file_tar("small", seed, 300 * 1024),
        single_file_tar("large", seed + 1, 20 * 1024 * 1024),
        single_file_tar("middle", seed + 2, 700 * 1024),
    ];
    let mut blobs = Vec::new();
    let root = manifest(&layout, family, PLATFORMS[0], &layers, &mut blobs)?;
    layout.finish(&root, TAG)?;
    Ok(Image { root, layout: path.to_owned(), tag: TAG, blobs, children: Vec::new() })
}

fn index(path: &Path) -> Result<Image> {
    let layout = Layout::create(path)?;
    let shared = single_file_tar("shared", 300, 500 * 1024);
    let (mut blobs, mut children, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    for (number, (os, architecture)) in (1..).zip(PLATFORMS) {
        let layers = [shared.clone(), single_file_tar(architecture, 300 + number, 200 * 1024)];
        let child = manifest(&layout, &OCI, (os, architecture), &layers, &mut blobs)?;
        let mut entry = child.json();
        entry["platform"] = json!({ "os": os, "architecture": architecture });
        entries.push(entry);
        children.push(child);
    }
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries });
    let root = layout.add_json(OCI_INDEX, &index)?;
    layout.finish(&root, TAG)?;
    Ok(Image { root, layout: path.to_owned(), tag: TAG, blobs, children })
}

/// Adds an image manifest, its config and its compressed layers.
fn manifest(
    layout: &Layout,
    family: &Family,
    platform: (&str, &str),
    layers: &[Vec<u8>],
    blobs: &mut Vec<Descriptor>,
) -> Result<Descriptor> {
    let config = layout.add_json(family.config, &config(platform, layers)?)?;
    let layers = layers.iter().map(|layer| layout.add(family.layer, &gzip(layer))).collect::<Result<Vec<_>>>()?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": family.manifest,
        "config": config.json(),
        "layers": layers.iter().map(Descriptor::json).collect::<Value>(),
    });
    blobs.push(config);
    blobs.extend(layers);
    layout.add_json(family.manifest, &manifest)
}

fn config((os, architecture): (&str, &str), layers: &[Vec<u8>]) -> Result<Value> {
    let ids = layers.iter().map(|layer| sha256(layer)).collect::<Result<Vec<_>>>()?;
    let created = "2024-01-01T00:00:00Z";
    let history = layers.iter().map(|_| json!({ "created": created, "created_by": "xtask" })).collect::<Value>();
    Ok(json!({
        "created": created,
        "os": os,
        "architecture": architecture,
        "config": { "Cmd": ["/small"], "Labels": { "org.example.fixture": "yes" } },
        "rootfs": { "type": "layers", "diff_ids": ids },
        "history": history,
    }))
}

/// The name under which `docker load` knows the image of a platform.
pub(crate) fn loaded_name(architecture: &str) -> String {
    format!("fixture/{architecture}:{TAG}")
}

fn docker_archive(path: &Path) -> Result<PathBuf> {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut images = Vec::new();
    for (number, (os, architecture)) in (1..).zip(PLATFORMS) {
        // The first image also has the large layer, so that a push of it takes long enough to show what it does.
        let large = if number == 1 { 20 * 1024 * 1024 } else { 100 * 1024 };
        let layers = [
            single_file_tar("shared", 400, 500 * 1024),
            single_file_tar("own", 400 + 10 * number, large),
            single_file_tar("other", 401 + 10 * number, 300 * 1024),
        ];
        let config = serde_json::to_vec(&config((os, architecture), &layers)?)?;
        let config_name = format!("{architecture}.json");
        let mut layer_names = Vec::new();
        for (position, layer) in (0..).zip(layers) {
            let name = if position == 0 { "shared.tar".to_owned() } else { format!("{architecture}-{position}.tar") };
            layer_names.push(name.clone());
            files.insert(name, layer);
        }
        files.insert(config_name.clone(), config);
        images.push(json!({
            "Config": config_name,
            "RepoTags": [loaded_name(architecture)],
            "Layers": layer_names,
        }));
    }
    files.insert("manifest.json".to_owned(), serde_json::to_vec(&images)?);
    fs::write(path, tar(files.iter().map(|(name, content)| (name.as_str(), content.as_slice()))))?;
    Ok(path.to_owned())
}
