//! Schema 1 for clients that take nothing newer (semantics 12): negotiation, and the conversion of what a tag leads to.

mod forms;
mod wish;

pub use forms::Schema1Form;
pub(super) use forms::Schema1Forms;
pub use wish::{Schema1Wish, schema1_wish};

use super::Registry;
use super::fetch::{FetchError, Manifest};
use super::lookup::Lookup;
use crate::access::{Action, Context};
use crate::document::{Body, ConfigKind, Document};
use crate::error::{Port, PortError, PortErrorKind};
use crate::facts::Blob;
use crate::legacy::{AsSchema1, Signer, rebuilt, sign, to_schema1};
use bytes::Bytes;
use forms::Key;
use oci_types::{Algorithm, Digest, MediaType, RepositoryName, TagName};
use std::sync::Arc;

/// How many indexes may lie inside one another above the image that is converted.
const NESTED: usize = 16;

/// What a manifest is in schema 1.
enum Found {
    /// A child that is schema 1, as it is stored.
    Stored(Schema1Form),
    /// A text without signatures.
    Built(String),
}

impl Registry {
    /// The same registry with a key that signs the schema 1 manifests that are built. Without one they are sent to those
    /// who take them unsigned.
    #[must_use]
    pub fn with_signer(self, signer: Arc<dyn Signer>) -> Self {
        Self { schema1: Arc::new(Schema1Forms::new(Some(signer))), ..self }
    }

    /// What `found`, to which `tag` led, is in schema 1; [`schema1_wish`] says who is to get it. It is built of docker and
    /// OCI images, and of an index's child for amd64 and linux, and signed if the client takes that. Layers keep their
    /// digests.
    ///
    /// `None` if it is schema 1 already, or cannot be said in schema 1: then what is stored is the answer, never an error.
    ///
    /// Example: [the guide](crate::guide#schema-1). Over HTTP: `GET /v2/<name>/manifests/<tag>` whose `Accept` names
    /// nothing but schema 1.
    ///
    /// # Errors
    ///
    /// [`FetchError`]; `Port` if a store does not answer, or the key cannot sign.
    pub async fn schema1_form(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        tag: &TagName,
        found: &Manifest,
        wish: Schema1Wish,
    ) -> Result<Option<Schema1Form>, FetchError> {
        self.authorize::<FetchError>(cx, repository, Action::Pull).await?;
        let signed = wish.takes_signed() && self.schema1.signer().is_some();
        if found.media_type.is_schema1() || !(signed || wish.takes_unsigned()) {
            return Ok(None);
        }
        let key = Key { digest: found.digest, repository: repository.clone(), tag: tag.clone(), wish };
        if let Some(form) = self.schema1.get(&key) {
            return Ok(Some(form));
        }
        let form = match self.in_schema1(cx, repository, tag, found, wish).await? {
            None => None,
            Some(Found::Stored(child)) => Some(child),
            Some(Found::Built(text)) => self.form(cx, text, self.schema1.signer().filter(|_| signed))?,
        };
        if let Some(form) = &form {
            self.schema1.keep(key, form);
        }
        Ok(form)
    }

    /// Goes down from index to child until there is an image.
    async fn in_schema1(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        tag: &TagName,
        found: &Manifest,
        wish: Schema1Wish,
    ) -> Result<Option<Found>, FetchError> {
        let mut current = found.clone();
        for _ in 0..NESTED {
            let bytes = current.bytes.clone();
            let Ok(document) = Document::parse(Some(&current.media_type), bytes, &self.policy.limits) else {
                return Ok(None);
            };
            // Steps that changed no file make no image where there is no layer.
            if matches!(document.body(), Body::Image { layers, .. } if layers.is_empty()) {
                return Ok(None);
            }
            let config = self.config_of(cx, repository, &document).await?;
            // What an image of this kind should have and has not is no error of whoever pulls it.
            let child = match to_schema1(&document, config.as_deref(), repository.as_str(), tag.as_str()) {
                Ok(AsSchema1::Already(_)) if wish.takes(&current.media_type) => {
                    let Manifest { digest, media_type, bytes, .. } = current;
                    return Ok(Some(Found::Stored(Schema1Form { digest, media_type, bytes })));
                }
                Ok(AsSchema1::Already(schema1)) => {
                    return Ok(Some(Found::Built(rebuilt(schema1, tag.as_str()))));
                }
                Ok(AsSchema1::Built(text)) => return Ok(Some(Found::Built(text))),
                Ok(AsSchema1::Child(child)) => child.digest,
                Ok(AsSchema1::Never) | Err(_) => return Ok(None),
            };
            current = match self.find(cx, repository, &child, Lookup::Visible).await {
                Ok(child) => child,
                Err(FetchError::ManifestUnknown { .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
        }
        Ok(None)
    }

    /// The config of an image, as far as it is there, whole and within the limits.
    pub(super) async fn config_of(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        document: &Document,
    ) -> Port<Option<Bytes>> {
        let image = document.config().filter(|config| config.kind != ConfigKind::Other);
        let Some(config) = image.filter(|config| config.size <= self.policy.max_config_bytes) else {
            return Ok(None);
        };
        match self.ports.blobs.find(repository, &config.digest, cx.now).await? {
            Some(blob) if blob.size == config.size => self.config_if_whole(&blob).await,
            Some(_) | None => Ok(None),
        }
    }

    /// The bytes of a config, unless they are lost or damaged: checks of the store find that, and whoever pulls is answered
    /// without them.
    pub(super) async fn config_if_whole(&self, blob: &Blob) -> Port<Option<Bytes>> {
        match self.read_config(blob).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if matches!(error.kind(), PortErrorKind::NotFound | PortErrorKind::Corrupt) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The text as it is sent. What was built is read again: what nobody could push is not sent either, such as an image
    /// without layers.
    fn form(&self, cx: &Context, text: String, signer: Option<&dyn Signer>) -> Port<Option<Schema1Form>> {
        let digest = Digest::of(Algorithm::Sha256, text.as_bytes());
        let (sent, media_type) = match signer {
            Some(key) => (sign(&text, key, cx.now).map_err(unsigned)?, MediaType::DOCKER_SCHEMA1_SIGNED),
            None => (text, MediaType::DOCKER_SCHEMA1),
        };
        let document = Document::parse(None, sent.into(), &self.policy.limits);
        let valid = document.ok().filter(|document| *document.media_type() == media_type);
        Ok(valid.map(|document| Schema1Form {
            digest,
            media_type: document.media_type().clone(),
            bytes: document.bytes().clone(),
        }))
    }
}

fn unsigned(error: crate::legacy::SignError) -> PortError {
    PortError::new(PortErrorKind::Internal, "signing a schema 1 manifest").with_source(error)
}
