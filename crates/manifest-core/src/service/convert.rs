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
use crate::document::{Body, ConfigKind, Document, Limits};
use crate::error::{Port, PortError, PortErrorKind};
use crate::facts::Blob;
use crate::legacy::{AsSchema1, Signer, rebuilt, sign, to_schema1};
use crate::time::Millis;
use bytes::Bytes;
use forms::{Converted, Key};
use oci_types::{Algorithm, Digest, MediaType, RepositoryName, TagName};
use std::sync::Arc;

/// How many indexes may lie inside one another above the image that is converted.
const NESTED: usize = 16;

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
    /// What was built is kept for the next who asks, also that nothing can be; of those who ask at the same time one has it built. The work is given to
    /// the [`Workers`](super::Workers), if it is much and there are any.
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
        if let Some(Converted(form)) = self.schema1.get(&key) {
            return Ok(form);
        }
        let _turn = self.schema1.turn(&key).await;
        if let Some(Converted(form)) = self.schema1.get(&key) {
            return Ok(form);
        }
        let (forms, now) = (Arc::clone(&self.schema1), cx.now);
        let most = usize::try_from(self.policy.max_manifest_bytes).unwrap_or(usize::MAX);
        let job = Job { forms, key, limits: self.policy.limits, most, signed, now };
        self.in_schema1(cx, job, found).await
    }

    /// The key that signs what is built, if there is one.
    pub(super) fn signer(&self) -> Option<&Arc<dyn Signer>> {
        self.schema1.signer()
    }

    /// Goes down from index to child until there is an image.
    async fn in_schema1(&self, cx: &Context, job: Job, found: &Manifest) -> Result<Option<Schema1Form>, FetchError> {
        let repository = &job.key.repository.clone();
        let job = Arc::new(job);
        let mut current = found.clone();
        for _ in 0..NESTED {
            let (manifest, at) = (current.clone(), Arc::clone(&job));
            let document = self.compute(current.bytes.len(), move || at.document(&manifest)).await?;
            let Some(document) = document else { return Ok(job.keep(None)) };
            let config = self.config_of(cx, repository, &document).await?;
            let size = current.bytes.len() + config.as_ref().map_or(0, Bytes::len);
            let (manifest, at) = (current.clone(), Arc::clone(&job));
            let child = match self.compute(size, move || at.convert(&manifest, &document, config.as_deref())).await?? {
                Step::Done(form) => return Ok(form),
                Step::Child(child) => child,
            };
            current = match self.find(cx, repository, &child, Lookup::Visible).await {
                Ok(child) => child,
                // It may still come.
                Err(FetchError::ManifestUnknown { .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
        }
        Ok(job.keep(None))
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
}

/// One conversion, with all that it needs wherever it runs.
struct Job {
    forms: Arc<Schema1Forms>,
    key: Key,
    limits: Limits,
    /// How many bytes a manifest may have.
    most: usize,
    signed: bool,
    now: Millis,
}

/// What came of a manifest.
enum Step {
    /// The form, or none.
    Done(Option<Schema1Form>),
    /// It is whatever this child is.
    Child(Digest),
}

impl Job {
    fn document(&self, manifest: &Manifest) -> Option<Document> {
        let document = Document::parse(Some(&manifest.media_type), manifest.bytes.clone(), &self.limits).ok()?;
        // Steps that changed no file make no image where there is no layer.
        let is_bare = matches!(document.body(), Body::Image { layers, .. } if layers.is_empty());
        (!is_bare).then_some(document)
    }

    /// What comes of it is kept here, because whoever asked may have left; unless it can come to more when a config is there.
    fn convert(&self, manifest: &Manifest, document: &Document, config: Option<&[u8]>) -> Port<Step> {
        let Key { repository, tag, wish, .. } = &self.key;
        let text = match to_schema1(document, config, repository.as_str(), tag.as_str()) {
            Ok(AsSchema1::Already(_)) if wish.takes(&manifest.media_type) => {
                let Manifest { digest, media_type, bytes, .. } = manifest.clone();
                return Ok(Step::Done(self.keep(Some(Schema1Form { digest, media_type, bytes }))));
            }
            Ok(AsSchema1::Already(schema1)) => rebuilt(schema1, tag.as_str()),
            Ok(AsSchema1::Built(text)) => text,
            Ok(AsSchema1::Child(child)) => return Ok(Step::Child(child.digest)),
            // What an image of this kind should have and has not is no error of whoever pulls it.
            Err(_) if config.is_none() => return Ok(Step::Done(None)),
            Ok(AsSchema1::Never) | Err(_) => return Ok(Step::Done(self.keep(None))),
        };
        Ok(Step::Done(self.keep(self.form(text)?)))
    }

    /// The text as it is sent. What was built is read again: what nobody could push is not sent either, such as an image
    /// without layers, or a text that is larger than manifests may be.
    fn form(&self, text: String) -> Port<Option<Schema1Form>> {
        if text.len() > self.most {
            return Ok(None);
        }
        let digest = Digest::of(Algorithm::Sha256, text.as_bytes());
        let (sent, media_type) = match self.forms.signer().filter(|_| self.signed) {
            Some(key) => (sign(&text, &**key, self.now).map_err(unsigned)?, MediaType::DOCKER_SCHEMA1_SIGNED),
            None => (text, MediaType::DOCKER_SCHEMA1),
        };
        if sent.len() > self.most {
            return Ok(None);
        }
        let document = Document::parse(None, sent.into(), &self.limits);
        let valid = document.ok().filter(|document| *document.media_type() == media_type);
        Ok(valid.map(|document| Schema1Form {
            digest,
            media_type: document.media_type().clone(),
            bytes: document.bytes().clone(),
        }))
    }

    fn keep(&self, form: Option<Schema1Form>) -> Option<Schema1Form> {
        self.forms.keep(self.key.clone(), form.as_ref());
        form
    }
}

fn unsigned(error: crate::legacy::SignError) -> PortError {
    PortError::new(PortErrorKind::Internal, "signing a schema 1 manifest").with_source(error)
}
