//! Docker's image manifest, version 2, schema 1: a list of layers with the metadata of each as JSON in a string, and
//! often signatures around it.
//!
//! What the manifest says is read from the text that was signed, never from what stands outside of it, which Quay does
//! (semantics 7). Whether the signatures fit is not decided here but by [`verify`](crate::legacy::verify):
//! [`Schema1::payload`] is what they are about.

mod history;
mod payload;

pub(crate) use payload::BASE64URL;

use super::error::DocumentError;
use super::limits::Limits;
use super::member_error::Problem;
use super::node::{Keys, Node, Path};
use crate::json::{Dialect, parse_bytes};
use crate::time::Millis;
use bytes::Bytes;
use oci_types::{Digest, Platform};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a schema 1 manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema1 {
    payload: Bytes,
    is_signed: bool,
    name: String,
    tag: String,
    architecture: Option<String>,
    layers: Vec<Schema1Layer>,
    leaf: Leaf,
}

/// A layer of a schema 1 manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema1Layer {
    /// The digest of the layer's blob.
    pub digest: Digest,
    /// The id that the metadata give the layer, often 64 hexadecimal digits but any text; they may leave it null.
    pub id: Option<String>,
    /// The id of a layer below this one; `None` for a base.
    pub parent: Option<String>,
    /// How many bytes the metadata say that the layer has; `None` if they do not say or it is no number of bytes.
    pub size: Option<u64>,
    /// The metadata, `v1Compatibility`, as they were sent.
    pub metadata: String,
}

/// What the metadata of the last layer say about the image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Leaf {
    labels: BTreeMap<String, String>,
    created: Option<Millis>,
    platform: Option<Platform>,
}

impl Schema1 {
    /// Reads a manifest whose whole text is `bytes` and has been read as `root`.
    pub(super) fn read(bytes: &Bytes, root: &Node<'_, '_>, limits: &Limits) -> Result<Self, DocumentError> {
        let signed = payload::signed(bytes, root)?;
        let is_signed = signed.is_some();
        let payload = signed.unwrap_or_else(|| bytes.clone());
        let value = parse_bytes(&payload, Dialect::Strict, limits.depth).map_err(DocumentError::Json)?;
        let root = Node::new(value, Path::Root("the signed manifest"), Keys::Unique);

        let members = root.fields(["name", "tag", "architecture", "fsLayers", "history"])?;
        let [name, tag, architecture, fs_layers, history] = members;
        let name = name.required()?.text()?.into_owned();
        let tag = tag.required()?.text()?.into_owned();
        let architecture = architecture.non_null().and_then(|node| node.text().map(Cow::into_owned).ok());
        let (layers, leaf) = history::read(&fs_layers.required()?, &history.required()?, limits)?;
        if layers.is_empty() {
            return Err(fs_layers.error(Problem::Empty).into());
        }
        Ok(Self { is_signed, name, tag, architecture, layers, leaf, payload: payload.clone() })
    }

    /// The text that says what the image is: the manifest without its signatures, byte for byte as it was signed.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Whether the manifest has signatures.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        self.is_signed
    }

    /// The name of the repository that the manifest was made for. Any text.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The tag that the manifest was made for. Any text.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The processor that the manifest names.
    #[must_use]
    pub fn architecture(&self) -> Option<&str> {
        self.architecture.as_deref()
    }

    /// The layers, base first. There is at least one, and each parent is the id of a layer before.
    #[must_use]
    pub fn layers(&self) -> &[Schema1Layer] {
        &self.layers
    }

    /// The ids of the layers and of their parents, base first.
    pub fn v1_ids(&self) -> impl ExactSizeIterator<Item = (Option<&str>, Option<&str>)> {
        self.layers.iter().map(|layer| (layer.id.as_deref(), layer.parent.as_deref()))
    }

    /// The labels of the last layer.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.leaf.labels
    }

    /// When the last layer was made.
    #[must_use]
    pub fn created(&self) -> Option<Millis> {
        self.leaf.created
    }

    /// What the image runs on: as the last layer says, else the processor that the manifest names, under Linux.
    #[must_use]
    pub fn platform(&self) -> Option<Platform> {
        let named = || Some(Platform::new("linux", self.architecture().filter(|name| !name.is_empty())?));
        self.leaf.platform.clone().or_else(named)
    }
}
