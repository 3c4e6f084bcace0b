//! The layers of a docker or OCI image as v1 knew them: one for each step of the build, also for those that changed no file.

use super::error::LegacyError;
use crate::document::{Body, ConfigKind, Document, ImageConfig, Layer};
use crate::empty_layer;
use crate::json::{Json, Object, Value, checked_before};
use oci_types::{Algorithm, Digest, Hasher};
use std::fmt::Write as _;

/// The most steps of an image, as many as a manifest may have layers: each costs an id, a text and a row, also where the config
/// spends only three bytes on it.
const MAX_STEPS: usize = 16_384;

/// A docker or OCI image with its config, step by step.
#[derive(Clone, Debug)]
pub struct ImageHistory<'a> {
    pub(super) config: Object<'a>,
    pub(super) steps: Vec<Step<'a>>,
    has_remote_layers: bool,
}

/// The config of an image, as far as it was looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ConfigBytes<'a> {
    /// It is not there.
    Missing,
    /// Nobody knows whether it is a config.
    Unread(&'a [u8]),
    /// [`ImageConfig::parse`] took it.
    Read(&'a [u8]),
}

/// A step of an image's build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// The v1 id: 64 lower-case hexadecimal digits.
    pub id: String,
    /// The blob of the layer; the [empty layer](crate::empty_layer) if the step changed no file.
    pub blob: Digest,
    /// How many bytes the manifest says that the blob has.
    pub size: u64,
    /// Whether clients fetch the blob from somewhere else.
    pub is_remote: bool,
    /// Where else it can be fetched.
    pub urls: Vec<String>,
    /// What the config says about the step.
    pub(super) entry: Option<Entry<'a>>,
}

/// An entry of a config's history, or what stands for it. `None` where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) created: Option<Json<'a>>,
    pub(super) author: Option<Json<'a>>,
    pub(super) comment: Option<Json<'a>>,
    pub(super) command: Option<Json<'a>>,
    pub(super) is_empty: bool,
}

/// Whether an image has legacy images: it is docker's or OCI's own kind of image with a layer and none that is fetched from
/// somewhere else, or schema 1. Needs no config.
///
/// Source: quay-semantics, section 8, "has legacy image".
#[must_use]
pub fn has_legacy_images(document: &Document) -> bool {
    match document.body() {
        Body::Schema1(_) => true,
        Body::Image { config, layers } => {
            config.kind != ConfigKind::Other && !layers.is_empty() && !layers.iter().any(Layer::is_remote)
        }
        Body::Index(_) | Body::Artifact(_) => false,
    }
}

impl<'a> ImageHistory<'a> {
    /// Reads the history of an image out of its config; `None` if the document is no docker or OCI image.
    ///
    /// # Errors
    ///
    /// [`LegacyError`] if the config is not the one that the manifest names by size, cannot be read, or speaks of another
    /// number of layers than there are, or of more than 16,384 steps. Layers beyond the history's are left out, as Quay does
    /// (quay-semantics, section 9.1).
    pub fn read(document: &Document, config: Option<&'a [u8]>) -> Result<Option<Self>, LegacyError> {
        Self::of(document, config.map_or(ConfigBytes::Missing, ConfigBytes::Unread))
    }

    /// [`Self::read`], which does not read again what was read.
    pub(super) fn of(document: &Document, config: ConfigBytes<'a>) -> Result<Option<Self>, LegacyError> {
        let Body::Image { config: named, layers } = document.body() else {
            return Ok(None);
        };
        if named.kind == ConfigKind::Other {
            return Ok(None);
        }
        let (bytes, is_read) = match config {
            ConfigBytes::Missing => return Err(LegacyError::ConfigMissing),
            ConfigBytes::Unread(bytes) => (bytes, false),
            ConfigBytes::Read(bytes) => (bytes, true),
        };
        if u64::try_from(bytes.len()) != Ok(named.size) {
            return Err(LegacyError::ConfigSize { said: named.size, found: bytes.len() });
        }
        if !is_read {
            ImageConfig::parse(named.kind, bytes).map_err(LegacyError::Config)?;
        }
        let config = match checked_before(bytes).map(Value::tree) {
            Some(Json::Object(config)) => config,
            // What was read as a config is an object.
            Some(Json::Scalar(_) | Json::List(_)) | None => Object::default(),
        };
        let entries = config.get("history").and_then(Json::list).unwrap_or_default();
        let is_described = match named.kind {
            // Docker's config must have a history; only `{}` has none.
            ConfigKind::DockerImage => config.get("history").is_some(),
            ConfigKind::OciImage | ConfigKind::Other => !entries.is_empty(),
        };
        let steps = if is_described { described(entries, layers)? } else { undescribed(&config, layers) };
        Ok(Some(Self { config, steps, has_remote_layers: layers.iter().any(Layer::is_remote) }))
    }

    /// The steps, base first.
    #[must_use]
    pub fn steps(&self) -> &[Step<'a>] {
        &self.steps
    }

    /// Whether some layer is fetched from somewhere else. Then v1 and schema 1, which have no word for it, cannot say what
    /// the image is.
    #[must_use]
    pub fn has_remote_layers(&self) -> bool {
        self.has_remote_layers
    }
}

impl Step<'_> {
    /// When the step was made, as the config writes it.
    #[must_use]
    pub fn created(&self) -> Option<String> {
        self.entry.as_ref()?.created.as_ref()?.text()
    }

    /// Who made it.
    #[must_use]
    pub fn author(&self) -> Option<String> {
        self.entry.as_ref()?.author.as_ref()?.text()
    }

    /// What was said about it.
    #[must_use]
    pub fn comment(&self) -> Option<String> {
        self.entry.as_ref()?.comment.as_ref()?.text()
    }

    /// The command, as JSON: a string, or a list of strings where the config has no history.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        self.entry.as_ref()?.command.as_ref().map(Json::plain)
    }
}

/// The steps of a history (quay-semantics, section 9.1).
fn described<'a>(entries: &[Json<'a>], layers: &[Layer]) -> Result<Vec<Step<'a>>, LegacyError> {
    if entries.len() < layers.len() {
        return Err(LegacyError::HistoryShort { layers: layers.len(), history: entries.len() });
    }
    if entries.len() > MAX_STEPS {
        return Err(LegacyError::TooManySteps { limit: MAX_STEPS });
    }
    let mut ids = Ids::new();
    let mut rest = layers.iter();
    let mut said = String::new();
    let mut steps = Vec::with_capacity(entries.len());
    for (at, written) in entries.iter().enumerate() {
        let entry = Entry::read(written);
        let layer = if entry.is_empty {
            None
        } else {
            Some(rest.next().ok_or(LegacyError::HistoryOverflow { layers: layers.len() })?)
        };
        let blob = layer.map_or_else(empty_layer::digest, |layer| layer.digest);
        said.clear();
        written.write_plain(&mut said);
        // Writing to a string cannot fail.
        let _ = write!(said, "|{at}|{blob}||");
        let id = ids.next([&said]);
        steps.push(step(id, layer, Some(entry)));
    }
    Ok(steps)
}

/// A step for each layer of an image that has no history. The last one is what the config says as a whole
/// (quay-semantics, section 9.2).
fn undescribed<'a>(config: &Object<'a>, layers: &[Layer]) -> Vec<Step<'a>> {
    let mut ids = Ids::new();
    let steps = layers.iter().enumerate().map(|(at, layer)| {
        let id = ids.next([&layer.digest.to_string(), "||"]);
        let is_last = at + 1 == layers.len();
        step(id, Some(layer), is_last.then(|| Entry::of_config(config)))
    });
    steps.collect()
}

fn step<'a>(id: String, layer: Option<&Layer>, entry: Option<Entry<'a>>) -> Step<'a> {
    Step {
        id,
        blob: layer.map_or_else(empty_layer::digest, |layer| layer.digest),
        size: layer.map_or(empty_layer::BYTES.len() as u64, |layer| layer.size),
        is_remote: layer.is_some_and(Layer::is_remote),
        urls: layer.map(|layer| layer.urls.clone()).unwrap_or_default(),
        entry,
    }
}

impl<'a> Entry<'a> {
    fn read(entry: &Json<'a>) -> Self {
        let member = |name: &str| entry.object().and_then(|entry| entry.get(name)).cloned();
        Self {
            created: member("created"),
            author: member("author"),
            comment: member("comment"),
            command: member("created_by"),
            is_empty: member("empty_layer").is_some_and(|empty| empty.is_truthy()),
        }
    }

    fn of_config(config: &Object<'a>) -> Self {
        let settings = config.get("config").and_then(Json::object);
        Self {
            created: config.get("created").cloned(),
            author: config.get("author").cloned(),
            comment: None,
            command: settings.and_then(|settings| settings.get("Cmd")).cloned(),
            is_empty: false,
        }
    }
}

/// The ids of an image, each of which is the digest of all that was said so far.
pub(super) struct Ids(Hasher);

impl Ids {
    pub(super) fn new() -> Self {
        Self(Hasher::new(Algorithm::Sha256))
    }

    pub(super) fn next<const N: usize>(&mut self, parts: [&str; N]) -> String {
        self.take(parts);
        self.0.clone().finish().hex()
    }

    /// [`Self::next`] where nobody wants the id.
    pub(super) fn take<const N: usize>(&mut self, parts: [&str; N]) {
        for part in parts {
            self.0.update(part.as_bytes());
        }
    }
}
