use super::names::{digest, parsed};
use bytes::Bytes;
use manifest_core::empty_layer;
use manifest_core::facts::Acting;
use manifest_core::plan::{ChildLink, Label, LabelSource, Need, NewManifest};
use oci_types::{MediaType, Platform};
use std::collections::BTreeMap;

/// A manifest whose bytes are its name, and which names nothing yet.
pub(crate) fn a_manifest(name: &str) -> Make {
    Make(NewManifest {
        digest: digest(name),
        media_type: parsed(MediaType::OCI_MANIFEST),
        bytes: Bytes::copy_from_slice(name.as_bytes()),
        subject: None,
        artifact_type: None,
        annotations: BTreeMap::new(),
        platform: None,
        image_created: None,
        layers_size: None,
        acting: Acting::default(),
        labels: Vec::new(),
        blobs: BTreeMap::new(),
        children: Vec::new(),
        empty_layer: false,
    })
}

/// A manifest in the making.
#[derive(Clone)]
pub(crate) struct Make(NewManifest);

impl Make {
    /// It needs this blob.
    pub(crate) fn blob(mut self, name: &str) -> Self {
        self.0.blobs.insert(digest(name), Need::Required);
        self
    }

    /// It names this blob, which may be absent.
    pub(crate) fn blob_or_not(mut self, name: &str) -> Self {
        self.0.blobs.insert(digest(name), Need::MayBeAbsent);
        self
    }

    /// It needs this child.
    pub(crate) fn child(self, name: &str) -> Self {
        self.link(name, Need::Required)
    }

    /// It names this child, which may be absent.
    pub(crate) fn child_or_not(self, name: &str) -> Self {
        self.link(name, Need::MayBeAbsent)
    }

    /// It names a manifest, which may be absent, and says what that runs on.
    pub(crate) fn child_for(mut self, name: &str, platform: Platform) -> Self {
        let (digest, need) = (digest(name), Need::MayBeAbsent);
        self.0.children.push(ChildLink { digest, need, platform: Some(platform) });
        self
    }

    pub(crate) fn about(mut self, subject: &str) -> Self {
        self.0.subject = Some(digest(subject));
        self
    }

    pub(crate) fn of_type(mut self, artifact_type: &str) -> Self {
        self.0.artifact_type = Some(artifact_type.to_owned());
        self
    }

    pub(crate) fn annotated(mut self, key: &str, value: &str) -> Self {
        self.0.annotations.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn labelled(self, key: &str, value: &str) -> Self {
        self.labelled_by(LabelSource::Manifest, key, value)
    }

    pub(crate) fn labelled_by(mut self, source: LabelSource, key: &str, value: &str) -> Self {
        self.0.labels.push(Label { key: key.to_owned(), value: value.to_owned(), json: false, source });
        self
    }

    pub(crate) fn acting(mut self, expires_after: Option<i64>, immutable: bool) -> Self {
        self.0.acting = Acting { expires_after, immutable };
        self
    }

    /// An image for that platform, built at that time, with layers of that size.
    pub(crate) fn image(mut self, platform: Platform, created: i64, layers_size: u64) -> Self {
        self.0.platform = Some(platform);
        self.0.image_created = Some(created);
        self.0.layers_size = Some(layers_size);
        self
    }

    pub(crate) fn of_media_type(mut self, media_type: &str) -> Self {
        self.0.media_type = parsed(media_type);
        self
    }

    pub(crate) fn with_empty_layer(mut self) -> Self {
        self.0.blobs.insert(empty_layer::digest(), Need::Required);
        self.0.empty_layer = true;
        self
    }

    pub(crate) fn made(self) -> NewManifest {
        self.0
    }

    fn link(mut self, name: &str, need: Need) -> Self {
        self.0.children.push(ChildLink { digest: digest(name), need, platform: None });
        self
    }
}
