//! A repository of the time, as far as its legacy images go: what our rules say that a push stores.

use crate::observed::{config, read};
use manifest_core::document::{Document, Need};
use manifest_core::labels;
use manifest_core::legacy::{KnownImage, LegacyImage, has_legacy_images, legacy_images, schema1_ids};
use manifest_core::oci_types::{Algorithm, Digest};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A stored image, and whether a schema 1 manifest brought it.
pub(super) struct Row {
    pub(super) image: LegacyImage,
    pub(super) is_schema1: bool,
}

/// A stored manifest.
pub(super) struct Stored {
    pub(super) leaf: Option<String>,
    pub(super) facts: Value,
}

#[derive(Default)]
pub(super) struct Repository {
    pub(super) blobs: BTreeMap<String, Vec<u8>>,
    pub(super) rows: Vec<Row>,
    pub(super) manifests: BTreeMap<String, Stored>,
    pub(super) tags: BTreeMap<String, String>,
}

/// What a push did: the digest, and the ids of the images that the manifest consists of.
pub(super) struct Pushed {
    pub(super) digest: String,
    pub(super) ids: Vec<String>,
}

impl Repository {
    /// Pushes a manifest as a plan does: whole or not at all. The error says why not.
    pub(super) fn push(&mut self, media_type: &str, bytes: Vec<u8>, tag: Option<&str>) -> Result<Pushed, String> {
        let document = read(media_type, bytes).map_err(|failure| failure.to_string())?;
        if let (Some(tag), Some(embedded)) = (tag, document.embedded_tag())
            && tag != embedded
        {
            return Err(format!("the manifest is for the tag {embedded}"));
        }
        let is_there = |digest: &Digest| self.blobs.contains_key(&digest.to_string());
        if let Some((digest, _)) =
            document.blobs().iter().find(|(digest, need)| **need == Need::Required && !is_there(digest))
        {
            return Err(format!("{digest} is not there"));
        }
        let config = config(&document, &self.blobs).map_err(|failure| failure.to_string())?;
        let images = self.images(&document)?;
        let digest = document.digest(Algorithm::Sha256).to_string();
        let ids: Vec<String> = images.iter().map(|image| image.id.clone()).collect();
        let is_schema1 = document.schema1().is_some();
        for image in images {
            if !self.rows.iter().any(|row| row.image.id == image.id) {
                self.rows.push(Row { image, is_schema1 });
            }
        }
        let mut blobs: BTreeSet<String> = document
            .blobs()
            .iter()
            .filter(|(_, need)| **need == Need::Required)
            .map(|(digest, _)| digest.to_string())
            .collect();
        if config.as_ref().is_some_and(manifest_core::document::ImageConfig::has_empty_layers) {
            blobs.insert(manifest_core::empty_layer::digest().to_string());
        }
        let children: BTreeSet<String> = document.children().iter().map(|child| child.digest.to_string()).collect();
        let own: Vec<Value> = labels::own(&document, config.as_ref())
            .into_iter()
            .filter(|(key, _)| !key.is_empty())
            .map(|(key, value)| {
                json!([key, value, if labels::is_json(&value) { "application/json" } else { "text/plain" }])
            })
            .collect();
        let facts = json!({"blobs": blobs, "children": children, "labels": own});
        self.manifests.insert(digest.clone(), Stored { leaf: ids.last().cloned(), facts });
        if let Some(tag) = tag {
            self.tags.insert(tag.to_owned(), digest.clone());
        }
        Ok(Pushed { digest, ids })
    }

    fn images(&self, document: &Document) -> Result<Vec<LegacyImage>, String> {
        let wanted = schema1_ids(document);
        let known = self.rows.iter().filter(|row| wanted.contains(row.image.id.as_str()));
        let known: BTreeMap<String, KnownImage> = known
            .map(|row| {
                let LegacyImage { id, blob, parent, aggregate_size, .. } = row.image.clone();
                (id, KnownImage { blob, parent, aggregate_size })
            })
            .collect();
        let sizes: BTreeMap<Digest, u64> =
            self.blobs.iter().filter_map(|(digest, bytes)| Some((digest.parse().ok()?, bytes.len() as u64))).collect();
        let config = crate::legacy::config_bytes(document, &self.blobs);
        let images = legacy_images(document, config, &known, &sizes).map_err(|error| error.to_string())?;
        if images.is_empty() && has_legacy_images(document) && document.layers().is_empty() {
            return Err("an image without layers".to_owned());
        }
        Ok(images)
    }

    /// Forgets manifests without tags and the images that no other manifest needs.
    pub(super) fn collect(&mut self) {
        let tagged: BTreeSet<&String> = self.tags.values().collect();
        self.manifests.retain(|digest, _| tagged.contains(digest));
        let leaves = self.manifests.values().filter_map(|stored| stored.leaf.clone());
        let needed: BTreeSet<String> = leaves.flat_map(|leaf| self.chain(&leaf)).collect();
        self.rows.retain(|row| needed.contains(&row.image.id));
    }

    /// An image and all below it, base first.
    pub(super) fn chain(&self, id: &str) -> Vec<String> {
        let mut chain = vec![id.to_owned()];
        let mut parent = self.parent(id);
        while let Some(id) = parent {
            parent = self.parent(&id);
            chain.insert(0, id);
        }
        chain
    }

    fn parent(&self, id: &str) -> Option<String> {
        self.rows.iter().find(|row| row.image.id == id)?.image.parent.clone()
    }
}
