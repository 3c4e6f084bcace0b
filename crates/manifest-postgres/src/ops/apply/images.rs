use manifest_core::legacy::LegacyImage;
use manifest_core::plan::NewManifest;
use manifest_core::stored::{nul_free, stored_size};
use manifest_core::time::Millis;
use std::borrow::Cow;

/// The legacy images of a new manifest, a list for each of their columns, and which of them it stands for.
#[derive(Debug, Default)]
pub(super) struct Images<'a> {
    pub(super) top: Option<Cow<'a, str>>,
    pub(super) ids: Vec<Cow<'a, str>>,
    pub(super) parents: Vec<Option<Cow<'a, str>>>,
    pub(super) created: Vec<Option<Millis>>,
    pub(super) commands: Vec<Option<Cow<'a, str>>>,
    pub(super) comments: Vec<Option<Cow<'a, str>>>,
    pub(super) aggregate_sizes: Vec<Option<i64>>,
    pub(super) blobs: Vec<&'a [u8]>,
    pub(super) metadata: Vec<Cow<'a, str>>,
}

impl<'a> Images<'a> {
    pub(super) fn new(new: &'a NewManifest) -> Self {
        let images = || new.legacy_images.iter();
        let texts = |text: fn(&LegacyImage) -> Option<&str>| images().map(|image| text(image).map(nul_free)).collect();
        Self {
            top: new.legacy_image.as_deref().map(nul_free),
            ids: images().map(|image| nul_free(&image.id)).collect(),
            parents: texts(|image| image.parent.as_deref()),
            created: images().map(|image| image.created).collect(),
            commands: texts(|image| image.command.as_deref()),
            comments: texts(|image| image.comment.as_deref()),
            aggregate_sizes: images().map(|image| image.aggregate_size.map(stored_size)).collect(),
            blobs: images().map(|image| image.blob.as_bytes()).collect(),
            metadata: images().map(|image| nul_free(&image.metadata)).collect(),
        }
    }
}
