//! Legacy images: one row an id, shared by all manifests that have it.

use crate::page::page;
use crate::repository::Repository;
use crate::store::MemoryStore;
use async_trait::async_trait;
use manifest_core::legacy::{KnownImage, LegacyImage};
use manifest_core::plan::NewManifest;
use manifest_core::ports::{ImageTag, ImageTagsAsk, LegacyImages, Page, StoredImage};
use manifest_core::{Millis, Port};
use oci_types::{Digest, RepositoryName};
use std::collections::{BTreeMap, BTreeSet};

/// After so many images above one a walk ends, and it counts as served.
const MAX_ABOVE: usize = 1_000;

/// The legacy images of a repository.
#[derive(Clone, Debug, Default)]
pub(crate) struct Images {
    /// By id.
    pub(crate) rows: BTreeMap<String, LegacyImage>,
    /// The images whose parent an id is.
    above: BTreeMap<String, BTreeSet<String>>,
    /// The manifests that stand for an image, deleted ones too.
    tops: BTreeMap<String, BTreeSet<Digest>>,
}

impl Images {
    /// Stores those of a new manifest that are not there.
    pub(crate) fn keep(&mut self, new: &NewManifest) {
        for image in &new.legacy_images {
            if !self.rows.contains_key(&image.id) {
                if let Some(parent) = &image.parent {
                    self.above.entry(parent.clone()).or_default().insert(image.id.clone());
                }
                self.rows.insert(image.id.clone(), image.clone());
            }
        }
        if let Some(top) = &new.legacy_image {
            self.tops.entry(top.clone()).or_default().insert(new.digest);
        }
    }

    /// A manifest is gone. Its images stay until they are collected.
    pub(crate) fn leave(&mut self, manifest: &NewManifest) {
        if let Some(top) = &manifest.legacy_image {
            unlink(&mut self.tops, top, &manifest.digest);
        }
    }

    pub(crate) fn drop(&mut self, id: &str) {
        if let Some(row) = self.rows.remove(id)
            && let Some(parent) = &row.parent
        {
            unlink(&mut self.above, parent, &row.id);
        }
    }

    /// Whether the id of an image stands for something else here.
    pub(crate) fn is_taken(&self, image: &LegacyImage) -> bool {
        let stands_for = |row: &LegacyImage| (row.blob, row.parent.clone(), row.aggregate_size);
        self.rows.get(&image.id).is_some_and(|row| stands_for(row) != stands_for(image))
    }

    pub(crate) fn known(&self, id: &str) -> Option<KnownImage> {
        let known = |row: &LegacyImage| {
            let LegacyImage { blob, parent, aggregate_size, .. } = row.clone();
            KnownImage { blob, parent, aggregate_size }
        };
        self.rows.get(id).map(known)
    }

    /// Whether a manifest row, deleted or not, has the image or one above it.
    pub(crate) fn is_reached(&self, id: &str) -> bool {
        self.upwards(id).any(|above| self.tops.contains_key(&above))
    }

    /// An image and all below it, the base last.
    pub(crate) fn downwards(&self, id: &str) -> Vec<String> {
        let mut chain = Vec::new();
        let mut next = self.rows.get(id);
        while let Some(row) = next.filter(|row| !chain.contains(&row.id)) {
            chain.push(row.id.clone());
            next = row.parent.as_ref().and_then(|parent| self.rows.get(parent));
        }
        chain
    }

    fn tops(&self, id: &str) -> impl Iterator<Item = &Digest> {
        self.tops.get(id).into_iter().flatten()
    }

    /// An image and all above it, depth first. Nothing is walked twice, so a cycle ends.
    fn upwards(&self, id: &str) -> impl Iterator<Item = String> {
        let mut seen = BTreeSet::from([id.to_owned()]);
        let mut left = vec![id.to_owned()];
        std::iter::from_fn(move || {
            let next = left.pop()?;
            let above = self.above.get(&next).into_iter().flatten();
            left.extend(above.filter(|above| seen.insert((*above).clone())).cloned());
            Some(next)
        })
    }
}

impl Repository {
    /// The image, if a visible manifest has it or one above it.
    fn served(&self, id: &str, now: Millis) -> Option<&LegacyImage> {
        let row = self.images.rows.get(id)?;
        let mut above = self.images.upwards(id).enumerate();
        let visible = |top: &Digest| self.visible(top, now);
        above.any(|(number, above)| number > MAX_ABOVE || self.images.tops(&above).any(visible)).then_some(row)
    }
}

#[async_trait]
impl LegacyImages for MemoryStore {
    async fn image(&self, repository: &RepositoryName, id: &str, now: Millis) -> Port<Option<StoredImage>> {
        let state = self.read()?;
        Ok(state.repository(repository).and_then(|repository| {
            let image = repository.served(id, now)?.clone();
            Some(StoredImage { layer: repository.grants(&image.blob, now).cloned(), image })
        }))
    }

    async fn ancestry(&self, repository: &RepositoryName, id: &str, now: Millis) -> Port<Vec<String>> {
        let state = self.read()?;
        let repository = state.repository(repository);
        let served = repository.filter(|repository| repository.served(id, now).is_some());
        Ok(served.map(|repository| repository.images.downwards(id)).unwrap_or_default())
    }

    async fn image_tags(&self, ask: &ImageTagsAsk) -> Port<Option<Page<ImageTag>>> {
        let state = self.read()?;
        Ok(state.repository(&ask.repository).map(|repository| {
            let alive = repository.tags.alive_after(ask.after.as_ref(), ask.now);
            let wanted = alive.filter(|(name, _)| ask.only.as_ref().is_none_or(|only| only == *name));
            let tags = wanted.filter_map(|(name, state)| {
                let image = repository.undeleted(&state.target)?.stored.legacy_image.clone()?;
                Some(ImageTag { name: name.clone(), image })
            });
            page(tags, ask.limit)
        }))
    }
}

fn unlink<T: Ord>(links: &mut BTreeMap<String, BTreeSet<T>>, to: &str, from: &T) {
    if let Some(linked) = links.get_mut(to) {
        linked.remove(from);
        if linked.is_empty() {
            links.remove(to);
        }
    }
}
