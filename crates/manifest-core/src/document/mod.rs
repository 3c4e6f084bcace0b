//! Bytes to documents: what a manifest or an image config says, read once and kept as values.
//!
//! Everything here is pure and total: any bytes give a value or an error that names the member and says what is wrong
//! with it, in time linear in their length, and no more memory than is kept. [`Document`] is a manifest of any kind,
//! [`ImageConfig`] the config of an image. Nothing here knows what exists in a repository; that is a plan's business.
//!
//! The rules are Quay's (quay-semantics, section 8) as the semantics change them; a number in a comment is one there.
//!
//! # Where Quay and the specifications differ
//!
//! The OCI image specification forbids refusing what one does not know; Quay reads docker's formats by a closed list.
//!
//! | | specification | Quay | here |
//! |---|---|---|---|
//! | types of docker configs, layers and children | docker's own only by habit | one config, two layers, two children | as Quay |
//! | types of OCI configs, layers and entries | any that RFC 6838 allows | any with a `/` between two words | as Quay, at most 255 bytes |
//! | `artifactType` | a media type | any text | any text of at most 255 bytes on one line |
//! | `urls` of a remote layer | optional | required | as Quay |
//! | which layers are remote | non-distributable types | docker: those with `urls` | by type (8) |
//! | digests | by registered algorithm | any algorithm and length | sha256, sha512 (9) |
//! | `size` | an int64 | any number | whole, from 0 to 2^63 − 1 (2, 14) |
//! | annotations | string to string | any values | string to string (2) |
//! | `null` for an optional member | not allowed | refused | as Quay |
//! | `schemaVersion` | 2, an integer | any number that equals 2 | as Quay |
//! | image and index at once | not mentioned | read as the type says | refused (10) |
//! | duplicate names, depth | not mentioned | last wins, about 900 | refused, 128 (10) |
//! | an integer beyond 4,300 digits | not mentioned | refused | as Quay |
//! | type missing from the request | from `mediaType`, then by shape | refused | as the specification (13) |

mod config;
mod descriptor;
mod error;
mod format;
mod limits;
mod member_error;
mod need;
mod node;
mod read;
mod schema1;
#[cfg(test)]
mod tests;

pub use crate::json::{Kind, SyntaxError, SyntaxProblem};
pub use config::{ConfigKind, ImageConfig};
pub use descriptor::{ChildEntry, ChildKind, ConfigRef, Layer};
pub use error::{ConfigError, DocumentError, ErrorKind};
pub use limits::Limits;
pub use member_error::{MemberError, Problem};
pub use need::Need;
pub(crate) use schema1::BASE64URL;
pub use schema1::{Schema1, Schema1Layer};

use bytes::Bytes;
use oci_types::{Algorithm, Digest, MediaType};
use std::collections::BTreeMap;

/// A manifest: what it says, and the exact bytes that say it.
///
/// ```
/// # use manifest_core::document::{Document, Limits};
/// let text = r#"{"schemaVersion":2,"manifests":[],"artifactType":"application/vnd.example"}"#;
/// let document = Document::parse(None, text.into(), &Limits::default())?;
/// assert!(document.is_index());
/// assert_eq!(document.artifact_type(), Some("application/vnd.example"));
///
/// let text = r#"{"schemaVersion":2,"manifests":[{}]}"#;
/// let error = Document::parse(None, text.into(), &Limits::default()).unwrap_err();
/// assert_eq!(error.to_string(), "manifests[0].mediaType is missing");
/// # Ok::<(), manifest_core::document::DocumentError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    bytes: Bytes,
    media_type: MediaType,
    body: Body,
    about: About,
    blobs: BTreeMap<Digest, Need>,
}

/// What a manifest lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A config and layers, base first: OCI or docker schema 2, an image or an artifact.
    Image {
        /// The config.
        config: ConfigRef,
        /// The layers.
        layers: Vec<Layer>,
    },
    /// Other manifests, in its order: an OCI index or a docker manifest list.
    Index(Vec<ChildEntry>),
    /// Files without a config: the artifact manifest of image spec 1.1's release candidates.
    Artifact(Vec<Layer>),
    /// Docker's schema 1.
    Schema1(Box<Schema1>),
}

/// What an OCI manifest says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct About {
    subject: Option<Digest>,
    artifact_type: Option<String>,
    annotations: BTreeMap<String, String>,
}

impl Document {
    /// Reads a manifest.
    ///
    /// `content_type` is what the request says it is. Where it says nothing (`None`, or `application/json`), the
    /// manifest's `mediaType` decides, else its members do. Where both speak they must agree.
    pub fn parse(content_type: Option<&MediaType>, bytes: Bytes, limits: &Limits) -> Result<Self, DocumentError> {
        let (media_type, body, about) = read::manifest(content_type, &bytes, limits)?;
        let blobs = body.blobs();
        Ok(Self { bytes, media_type, body, about, blobs })
    }

    /// The type, always one for which [`MediaType::is_manifest`] holds. Whether schema 1 is signed decides about its
    /// type, whatever the request said.
    #[must_use]
    pub fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// The bytes, as they were sent.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The digest by which the manifest is known: of its bytes; of schema 1, of the text that was signed.
    #[must_use]
    pub fn digest(&self, algorithm: Algorithm) -> Digest {
        Digest::of(algorithm, self.schema1().map_or(&self.bytes, |schema1| schema1.payload()))
    }

    /// What the manifest lists.
    #[must_use]
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Every blob that the manifest names, config included. Only a blob that is nothing but a remote layer may be absent
    /// (semantics 8). Entries of an index are not among them, although one of unknown kind may be a blob.
    #[must_use]
    pub fn blobs(&self) -> &BTreeMap<Digest, Need> {
        &self.blobs
    }

    /// What an index lists, in its order; one digest may occur more than once. Empty for other manifests.
    #[must_use]
    pub fn children(&self) -> &[ChildEntry] {
        match &self.body {
            Body::Index(entries) => entries,
            Body::Image { .. } | Body::Artifact(_) | Body::Schema1(_) => &[],
        }
    }

    /// The manifest that this one is about. It need not exist.
    #[must_use]
    pub fn subject(&self) -> Option<Digest> {
        self.about.subject
    }

    /// What kind of artifact this is, as the referrers list shows and filters it: the manifest's own `artifactType`; if
    /// that is empty or missing, of an OCI manifest the type of its config.
    ///
    /// Source: OCI distribution spec, "Listing Referrers". At most 255 bytes.
    #[must_use]
    pub fn artifact_type(&self) -> Option<&str> {
        let own = self.declared_artifact_type().filter(|own| !own.is_empty());
        own.or_else(|| match &self.body {
            Body::Image { config, .. } if self.media_type == MediaType::OCI_MANIFEST => {
                Some(config.media_type.as_str())
            }
            Body::Image { .. } | Body::Index(_) | Body::Artifact(_) | Body::Schema1(_) => None,
        })
    }

    /// The member `artifactType` as it is written. Docker's manifests have none.
    #[must_use]
    pub fn declared_artifact_type(&self) -> Option<&str> {
        self.about.artifact_type.as_deref()
    }

    /// The manifest's own annotations. Docker's manifests have none.
    #[must_use]
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.about.annotations
    }

    /// The config, of manifests that have one.
    #[must_use]
    pub fn config(&self) -> Option<&ConfigRef> {
        match &self.body {
            Body::Image { config, .. } => Some(config),
            Body::Index(_) | Body::Artifact(_) | Body::Schema1(_) => None,
        }
    }

    /// The layers, base first, or an artifact's files. Empty for indexes, and for schema 1, whose layers are described
    /// otherwise: see [`Document::schema1`].
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        match &self.body {
            Body::Image { layers, .. } | Body::Artifact(layers) => layers,
            Body::Index(_) | Body::Schema1(_) => &[],
        }
    }

    /// How many bytes the layers have together, remote ones included, the config not; at most 2^63 − 1. Of schema 1, as
    /// far as its metadata say. `None` for indexes.
    #[must_use]
    pub fn layers_size(&self) -> Option<u64> {
        let sum = match &self.body {
            Body::Image { layers, .. } | Body::Artifact(layers) => {
                layers.iter().fold(0_u64, |sum, layer| sum.saturating_add(layer.size))
            }
            Body::Schema1(schema1) => {
                schema1.layers().iter().fold(0_u64, |sum, layer| sum.saturating_add(layer.size.unwrap_or(0)))
            }
            Body::Index(_) => return None,
        };
        Some(sum.min(i64::MAX.unsigned_abs()))
    }

    /// Whether this is an OCI index or a docker manifest list.
    #[must_use]
    pub fn is_index(&self) -> bool {
        matches!(self.body, Body::Index(_))
    }

    /// What a schema 1 manifest says; `None` for all others.
    #[must_use]
    pub fn schema1(&self) -> Option<&Schema1> {
        match &self.body {
            Body::Schema1(schema1) => Some(schema1),
            Body::Image { .. } | Body::Index(_) | Body::Artifact(_) => None,
        }
    }

    /// The tag that a schema 1 manifest was made for: under another one it is not accepted.
    #[must_use]
    pub fn embedded_tag(&self) -> Option<&str> {
        self.schema1().map(Schema1::tag)
    }

    /// The repository that a schema 1 manifest was made for.
    #[must_use]
    pub fn embedded_name(&self) -> Option<&str> {
        self.schema1().map(Schema1::name)
    }
}

impl Body {
    fn blobs(&self) -> BTreeMap<Digest, Need> {
        let (config, layers) = match self {
            Self::Image { config, layers } => (Some(config.digest), layers.as_slice()),
            Self::Artifact(files) => (None, files.as_slice()),
            Self::Schema1(schema1) => {
                return schema1.layers().iter().map(|layer| (layer.digest, Need::Required)).collect();
            }
            Self::Index(_) => return BTreeMap::new(),
        };
        let need = |layer: &Layer| {
            if layer.is_remote() { Need::MayBeAbsent } else { Need::Required }
        };
        let mut blobs: BTreeMap<Digest, Need> = layers.iter().map(|layer| (layer.digest, need(layer))).collect();
        // One blob may be a remote layer, an ordinary one and the config: the strictest use counts.
        let ordinary = layers.iter().filter(|layer| !layer.is_remote()).map(|layer| layer.digest);
        blobs.extend(ordinary.chain(config).map(|digest| (digest, Need::Required)));
        blobs
    }
}
