//! Legacy images out of manifests and their configs, for registries that store no rows of them.

use super::super::Registry;
use super::super::fetch::{FetchError, Manifest};
use super::super::lookup::{Lookup, fetch_ask};
use crate::access::Context;
use crate::document::Document;
use crate::error::{Port, PortError};
use crate::facts::{Blob, PushAsk, PushFacts};
use crate::legacy::{LegacyImage, has_legacy_images, legacy_images, schema1_child};
use crate::plan::empty_ask;
use crate::ports::{
    ImageTag, Liveness, ManifestRow, ManifestState, ManifestsAsk, Page, StoredImage, TagOrder, TagsAsk,
};
use oci_types::{Digest, MediaType, Reference, RepositoryName, TagName};
use std::collections::BTreeMap;

/// How many manifests are read for one question at most where images are not stored, in however many repositories.
pub const MAX_MANIFESTS_READ: usize = 1_000;

/// How many indexes are followed from one to the next: none of them can name itself, but a sparse one may name what comes later.
const MAX_INDEXES: usize = 16;

/// What one question may still cost.
pub(in crate::service) struct Budget(usize);

/// Why nothing was made.
pub(in crate::service) enum MakeError {
    /// The budget is spent.
    Spent,
    Port(PortError),
}

impl Default for Budget {
    fn default() -> Self {
        Self(MAX_MANIFESTS_READ)
    }
}

impl Budget {
    /// A page costs what its tags cost: whoever asks for pages says how large.
    pub(super) fn of_a_page() -> Self {
        Self(usize::MAX)
    }

    /// One more manifest.
    fn take(&mut self) -> Result<(), MakeError> {
        self.0 = self.0.checked_sub(1).ok_or(MakeError::Spent)?;
        Ok(())
    }
}

impl From<PortError> for MakeError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

/// What is made of one manifest.
struct Made {
    /// Base first.
    images: Vec<LegacyImage>,
    /// Those of its layers that the repository has.
    blobs: BTreeMap<Digest, Blob>,
}

impl Made {
    /// The image of that id.
    fn image(&self, id: &str) -> Option<StoredImage> {
        let image = self.images.iter().find(|image| image.id == id)?.clone();
        Some(StoredImage { layer: self.blobs.get(&image.blob).cloned(), image })
    }

    /// The id and those of all below it.
    fn ancestry(self, id: &str) -> Vec<String> {
        let mut next = Some(id.to_owned());
        // A parent comes before its children, so one look at each from the last to the first finds all.
        let below = self.images.into_iter().rev().filter_map(|image| {
            let is_next = next.as_deref() == Some(&image.id);
            is_next.then(|| {
                next.clone_from(&image.parent);
                image.id
            })
        });
        below.collect()
    }
}

impl Registry {
    /// The image, with its id and those of all below it.
    pub(super) async fn synthesised_image(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        id: &str,
        budget: &mut Budget,
    ) -> Result<Option<(StoredImage, Vec<String>)>, MakeError> {
        let made = self.made_with(cx, repository, id, budget).await?;
        Ok(made.and_then(|made| Some((made.image(id)?, made.ancestry(id)))))
    }

    pub(super) async fn synthesised_tags(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        after: Option<TagName>,
        limit: u32,
        budget: &mut Budget,
    ) -> Result<Option<Page<ImageTag>>, MakeError> {
        let mut ask = TagsAsk {
            repository: repository.clone(),
            contains: None,
            order: TagOrder::Name,
            after: after.map(|name| crate::ports::TagCursor { name, start: 0 }),
            limit: limit.max(1),
            now: cx.now,
        };
        let mut items = Vec::new();
        loop {
            let Some(page) = self.ports.listings.tags(&ask).await? else {
                return Ok(None);
            };
            for row in &page.items {
                let image = self.image_of(cx, repository, row.state.target, budget).await?;
                let Some(image) = image else { continue };
                if items.len() >= limit as usize {
                    return Ok(Some(Page { items, more: true }));
                }
                items.push(ImageTag { name: row.name.clone(), image });
            }
            match page.items.last() {
                Some(last) if page.more => {
                    ask.after = Some(crate::ports::TagCursor { name: last.name.clone(), start: last.state.start });
                }
                _ => return Ok(Some(Page { items, more: false })),
            }
        }
    }

    pub(super) async fn synthesised_tag(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        tag: &TagName,
    ) -> Result<Option<String>, FetchError> {
        let reference = Reference::Tag(tag.clone());
        let manifest = self.follow(fetch_ask(cx, repository, reference, Liveness::Visible)).await?;
        match self.image_of(cx, repository, manifest.digest, &mut Budget::default()).await {
            Ok(image) => Ok(image),
            Err(MakeError::Port(error)) => Err(error.into()),
            // One tag leads through a few manifests.
            Err(MakeError::Spent) => Ok(None),
        }
    }

    /// The id of the image that a manifest stands for; an index for that of the child that schema 1 is made of.
    async fn image_of(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        mut digest: Digest,
        budget: &mut Budget,
    ) -> Result<Option<String>, MakeError> {
        for _ in 0..MAX_INDEXES {
            budget.take()?;
            let Some(document) = self.document(cx, repository, digest, Lookup::Undeleted).await? else {
                return Ok(None);
            };
            if !document.is_index() {
                let made = self.made_of(cx, repository, &document).await?;
                return Ok(made.and_then(|made| Some(made.images.last()?.id.clone())));
            }
            let Some(child) = schema1_child(&document) else { return Ok(None) };
            if *document.media_type() == MediaType::OCI_INDEX && child.media_type.is_schema1() {
                return Ok(None);
            }
            digest = child.digest;
        }
        Ok(None)
    }

    /// The images of a manifest that is served and has that one. What tags point at comes first.
    async fn made_with(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        id: &str,
        budget: &mut Budget,
    ) -> Result<Option<Made>, MakeError> {
        for state in [ManifestState::Tagged, ManifestState::Untagged] {
            let limit = self.page_limit(None).max(1);
            let mut ask = ManifestsAsk { repository: repository.clone(), state, after: None, limit, now: cx.now };
            loop {
                let Some(page) = self.ports.listings.manifests(&ask).await? else { return Ok(None) };
                for row in page.items.iter().filter(|row| may_have_images(row)) {
                    budget.take()?;
                    let Some(document) = self.document(cx, repository, row.digest, Lookup::Visible).await? else {
                        continue;
                    };
                    let made = self.made_of(cx, repository, &document).await?;
                    if let Some(made) = made.filter(|made| made.images.iter().any(|image| image.id == id)) {
                        return Ok(Some(made));
                    }
                }
                match page.items.last() {
                    Some(last) if page.more => ask.after = Some(last.digest),
                    _ => break,
                }
            }
        }
        Ok(None)
    }

    async fn document(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        digest: Digest,
        lookup: Lookup,
    ) -> Port<Option<Document>> {
        match self.find(cx, repository, &digest, lookup).await {
            Ok(Manifest { media_type, bytes, .. }) => {
                // What was stored under other limits than today's has no images.
                Ok(Document::parse(Some(&media_type), bytes, &self.policy.limits).ok())
            }
            Err(FetchError::Port(error)) => Err(error),
            // Gone since it was listed.
            Err(
                FetchError::Access(_)
                | FetchError::RepositoryUnknown(_)
                | FetchError::ManifestUnknown { .. }
                | FetchError::TagExpired { .. },
            ) => Ok(None),
        }
    }

    async fn made_of(&self, cx: &Context, repository: &RepositoryName, document: &Document) -> Port<Option<Made>> {
        if !has_legacy_images(document) {
            return Ok(None);
        }
        let ask = PushAsk { blobs: document.blobs().keys().copied().collect(), ..empty_ask(repository, cx) };
        let PushFacts { mut blobs, .. } = self.ports.manifests.push_facts(&ask).await?;
        let config = match document.config() {
            // References are unchecked: without a config there are no images (semantics 14), nor with one that is damaged,
            // which must not hide the images of all other manifests.
            Some(config) => match blobs.get(&config.digest) {
                Some(blob) if blob.size == config.size && blob.size <= self.policy.max_config_bytes => {
                    let Some(bytes) = self.config_if_whole(blob).await? else { return Ok(None) };
                    Some(bytes)
                }
                Some(_) | None => return Ok(None),
            },
            None => None,
        };
        let sizes = blobs.iter().map(|(digest, blob)| (*digest, blob.size)).collect();
        blobs.entry(crate::empty_layer::digest()).or_insert_with(crate::empty_layer::blob);
        // What was pushed under other rules may have none.
        let images = legacy_images(document, config.as_deref(), &BTreeMap::new(), &sizes).unwrap_or_default();
        Ok(Some(Made { images, blobs }))
    }
}

/// Only docker's and OCI's images and schema 1 have any.
fn may_have_images(row: &ManifestRow) -> bool {
    row.media_type.is_schema1()
        || [MediaType::DOCKER_SCHEMA2, MediaType::OCI_MANIFEST].contains(&row.media_type.as_str())
}
