use super::authorize::UseCaseError;
use super::{ATTEMPTS, Registry};
use crate::access::{AccessRefusal, Action, Context};
use crate::document::{Document, DocumentError, Limits};
use crate::error::PortError;
use crate::facts::{Blob, PushAsk, PushFacts};
use crate::legacy::{VerifyError, verify};
use crate::plan::{
    Applied, ManifestChange, Permissions, Plan, PlanId, PlannedPush, PushCase, PushTarget, Rejection, config_wanted,
    plan_push, push_ask,
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use oci_types::{Algorithm, Digest, MediaType, RepositoryName, TagName};
use std::collections::{BTreeMap, BTreeSet};

/// A manifest to push.
#[derive(Clone, Debug)]
pub struct Push {
    /// Where.
    pub repository: RepositoryName,
    /// To what.
    pub target: PushTarget,
    /// As the client says it; none, or `application/json`, leaves it to the manifest.
    pub content_type: Option<MediaType>,
    /// The manifest, exactly.
    pub bytes: Bytes,
}

/// What a push came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Under which the manifest is stored.
    pub digest: Digest,
    /// The type it is stored with.
    pub media_type: MediaType,
    /// Whether it was not there before.
    pub created: bool,
    /// What it is about.
    pub subject: Option<Digest>,
    /// Which tags point at it through this push.
    pub tags: Vec<TagName>,
    /// The labels by which a manifest that was not there before acts on tags: its own, or what the children of an
    /// index agree on. Empty for one that was there.
    pub labels_to_apply: BTreeMap<String, String>,
    /// How many labels of a manifest that was not there before are beyond the limits and were not stored (semantics 22).
    pub labels_dropped: usize,
}

/// Why nothing was pushed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The caller may not push here.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// The caller may not know of the repository.
    #[error("repository {0} is unknown")]
    RepositoryUnknown(RepositoryName),
    /// The manifest is larger than what is taken.
    #[error("the manifest has {size} bytes, more than {limit}")]
    TooLarge {
        /// How large.
        size: u64,
        /// The most that is taken.
        limit: u64,
    },
    /// More tags at once than are taken.
    #[error("the push names {found} tags, more than {limit}")]
    TooManyTags {
        /// How many.
        found: usize,
        /// The most that are taken.
        limit: usize,
    },
    /// The bytes are no manifest.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The signatures of a schema 1 manifest do not fit it.
    #[error(transparent)]
    Unverified(#[from] VerifyError),
    /// The bytes have another digest than the one they were pushed to.
    #[error("the manifest has digest {actual}, not {expected}")]
    DigestMismatch {
        /// As the client says it.
        expected: Digest,
        /// As the bytes say it.
        actual: Digest,
    },
    /// A rule is against it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// Others kept changing what the push depends on.
    #[error("other writers kept changing what this depends on")]
    Contended,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl UseCaseError for PushError {
    fn hidden(repository: &RepositoryName) -> Self {
        Self::RepositoryUnknown(repository.clone())
    }
}

/// What a push would need to know and do: shown, not done.
#[derive(Clone, Debug)]
pub struct Explained {
    /// What was asked.
    pub ask: PushAsk,
    /// What the answer was.
    pub facts: PushFacts,
    /// What would be written, or why nothing would.
    pub outcome: Result<Plan, Rejection>,
}

impl Explained {
    /// The id under which [`Registry::push_planned`] does exactly this; none for what is rejected.
    #[must_use]
    pub fn plan_id(&self) -> Option<PlanId> {
        self.outcome.as_ref().ok().map(PlanId::of)
    }
}

/// A push that was written.
pub(super) struct Stored {
    pub(super) planned: PlannedPush,
    /// Whether the manifest was not there before.
    pub(super) created: bool,
    /// What the tags pointed at before, where that was something else.
    pub(super) displaced: BTreeMap<TagName, Digest>,
}

impl Registry {
    /// Whether the caller may push there: for an edge that wants to know before it reads a body. [`Registry::push`]
    /// asks again.
    ///
    /// Example: [the guide](crate::guide#pushing). Over HTTP: asked before the body of a `PUT` of a manifest.
    ///
    /// # Errors
    ///
    /// [`PushError`]; only what the authorizer says.
    pub async fn authorize_push(&self, cx: &Context, repository: &RepositoryName) -> Result<(), PushError> {
        self.push_permissions(cx, repository).await.map(drop)
    }

    /// Stores a manifest and points tags at it: whole or not at all.
    ///
    /// Example: [the guide](crate::guide#pushing). Over HTTP: `PUT /v2/<name>/manifests/<reference>`.
    ///
    /// # Errors
    ///
    /// [`PushError`]. Nothing was written.
    pub async fn push(&self, cx: &Context, push: &Push) -> Result<Pushed, PushError> {
        let permissions = self.push_permissions(cx, &push.repository).await?;
        let (document, digest) = self.read_document(push).await?;
        let case = self.case(cx, push, &document, digest, permissions);
        let Stored { planned, created, .. } = self.store(&case).await?;
        Ok(pushed(&document, digest, created, &push.target, planned))
    }

    /// Plans and writes until the world holds still.
    pub(super) async fn store(&self, case: &PushCase<'_>) -> Result<Stored, PushError> {
        let mut ask = push_ask(case);
        let mut config = None;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let facts = self.ports.manifests.push_facts(&ask).await?;
            let planned = self.plan(case, &facts, &mut config).await?;
            last = match self.ports.manifests.apply(&planned.plan).await? {
                Applied::Done { created, displaced } => return Ok(Stored { planned, created, displaced }),
                // The links of a manifest that is there are known to the store alone: facts have nothing to add.
                Applied::MissingBlobs(blobs) if is_kept(&planned.plan) => {
                    return Err(missing(blobs, BTreeSet::new()).into());
                }
                Applied::MissingChildren(children) if is_kept(&planned.plan) => {
                    return Err(missing(BTreeSet::new(), children).into());
                }
                // The world moved between facts and apply; new facts say what it is now.
                Applied::MissingBlobs(blobs) => Some(missing(blobs, BTreeSet::new())),
                Applied::MissingChildren(children) => Some(missing(BTreeSet::new(), children)),
                // Known to be taken, they are given others (semantics 11).
                Applied::ImagesTaken(ids) => {
                    ask.legacy_images.extend(ids);
                    None
                }
                Applied::GuardFailed(tag) => Some(Rejection::GuardFailed(tag)),
                Applied::Immutable(tag) => Some(Rejection::Immutable(tag)),
                Applied::ReadOnly => Some(Rejection::ReadOnly),
                Applied::TagGone(_)
                | Applied::ListedBy(_)
                | Applied::LabelGone
                | Applied::ManifestGone
                | Applied::RepositoryGone => None,
            };
        }
        Err(last.map_or(PushError::Contended, PushError::Rejected))
    }

    /// What a push would need to know and do. Writes nothing.
    ///
    /// Example: [the guide](crate::guide#explaining-a-push). On the command line: `manifestd explain-push`.
    ///
    /// # Errors
    ///
    /// [`PushError`]; never `Rejected`, which is part of the answer.
    pub async fn explain_push(&self, cx: &Context, push: &Push) -> Result<Explained, PushError> {
        let permissions = self.push_permissions(cx, &push.repository).await?;
        let (document, digest) = self.read_document(push).await?;
        let case = self.case(cx, push, &document, digest, permissions);
        let (ask, facts, planned) = self.plan_to_show(&case).await?;
        let outcome = match planned {
            Ok(planned) => Ok(planned.plan),
            Err(PushError::Rejected(rejection)) => Err(rejection),
            Err(error) => return Err(error),
        };
        Ok(Explained { ask, facts, outcome })
    }

    /// The plan of a push as it would be done after all: with facts about each id that its legacy images have in it. A push that is not
    /// shown first leaves it to the write to find those that are taken.
    pub(super) async fn plan_to_show(
        &self,
        case: &PushCase<'_>,
    ) -> Result<(PushAsk, PushFacts, Result<PlannedPush, PushError>), PushError> {
        let (mut ask, mut config, mut attempts) = (push_ask(case), None, 0);
        loop {
            let facts = self.ports.manifests.push_facts(&ask).await?;
            let planned = self.plan(case, &facts, &mut config).await;
            attempts += 1;
            let before = ask.legacy_images.len();
            let mut asked = ask.clone();
            asked.legacy_images.extend(planned.iter().flat_map(|planned| image_ids(&planned.plan)));
            if asked.legacy_images.len() == before || attempts == ATTEMPTS {
                return Ok((ask, facts, planned));
            }
            ask = asked;
        }
    }

    pub(super) async fn push_permissions(
        &self,
        cx: &Context,
        repository: &RepositoryName,
    ) -> Result<Permissions, PushError> {
        let actions = [Action::Push, Action::Overwrite, Action::Create];
        let may = self.decide::<PushError>(cx, repository, &actions).await?;
        Ok(Permissions { overwrite: may.get(1) == Some(&true), create: self.creation(may.get(2) == Some(&true)) })
    }

    pub(super) async fn read_document(&self, push: &Push) -> Result<(Document, Digest), PushError> {
        let (size, limit) = (push.bytes.len() as u64, self.policy.max_manifest_bytes);
        if size > limit {
            return Err(PushError::TooLarge { size, limit });
        }
        if let PushTarget::Digest { tags, .. } = &push.target {
            let (found, limit) = (tags.len(), self.policy.max_tag_parameters);
            if found > limit {
                return Err(PushError::TooManyTags { found, limit });
            }
        }
        let expected = match &push.target {
            PushTarget::Tag { .. } => None,
            PushTarget::Digest { digest, .. } => Some(*digest),
        };
        let (content_type, bytes, limits) = (push.content_type.clone(), push.bytes.clone(), self.policy.limits);
        self.compute(push.bytes.len(), move || read(content_type.as_ref(), bytes, &limits, expected)).await?
    }

    pub(super) fn case<'a>(
        &'a self,
        cx: &'a Context,
        push: &'a Push,
        document: &'a Document,
        digest: Digest,
        permissions: Permissions,
    ) -> PushCase<'a> {
        PushCase {
            repository: &push.repository,
            document,
            digest,
            target: &push.target,
            context: cx,
            permissions,
            reversion: false,
            policy: &self.policy,
        }
    }

    /// Reads the config where the plan needs it and it was not read before, and plans.
    pub(super) async fn plan(
        &self,
        case: &PushCase<'_>,
        facts: &PushFacts,
        config: &mut Option<Bytes>,
    ) -> Result<PlannedPush, PushError> {
        if let (Some(blob), None) = (config_wanted(case, facts)?, &config) {
            *config = Some(self.read_config(blob).await?);
        }
        Ok(plan_push(case, config.as_deref(), facts)?)
    }

    /// A whole config. Its recorded size was checked against the limit; that no more comes than that is checked here.
    pub(super) async fn read_config(&self, blob: &Blob) -> Result<Bytes, PortError> {
        let mut stream = self.read_blob(blob, None).await?;
        let mut bytes = BytesMut::new();
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk?);
            if bytes.len() as u64 > blob.size {
                break;
            }
        }
        if bytes.len() as u64 == blob.size {
            Ok(bytes.freeze())
        } else {
            let what = format!("{} has {} bytes, its row says {}", blob.location, bytes.len(), blob.size);
            Err(PortError::corrupt("blob", "size", what))
        }
    }
}

/// The manifest, verified, and its digest.
fn read(
    content_type: Option<&MediaType>,
    bytes: Bytes,
    limits: &Limits,
    expected: Option<Digest>,
) -> Result<(Document, Digest), PushError> {
    let document = Document::parse(content_type, bytes, limits)?;
    // Before anything else is asked: a manifest that nobody signed as it stands is not looked at any further.
    verify(&document)?;
    let actual = document.digest(expected.map_or(Algorithm::Sha256, |digest| digest.algorithm()));
    match expected {
        Some(expected) if actual != expected => Err(PushError::DigestMismatch { expected, actual }),
        Some(_) | None => Ok((document, actual)),
    }
}

fn image_ids(plan: &Plan) -> impl Iterator<Item = String> {
    let new = match &plan.manifest {
        Some(ManifestChange::Create(new)) => Some(new),
        Some(ManifestChange::Keep(_)) | None => None,
    };
    new.into_iter().flat_map(|new| new.legacy_images.iter().map(|image| image.id.clone()))
}

fn is_kept(plan: &Plan) -> bool {
    matches!(plan.manifest, Some(ManifestChange::Keep(_)))
}

fn missing(blobs: BTreeSet<Digest>, children: BTreeSet<Digest>) -> Rejection {
    Rejection::Missing { blobs, children }
}

pub(super) fn pushed(
    document: &Document,
    digest: Digest,
    created: bool,
    target: &PushTarget,
    planned: PlannedPush,
) -> Pushed {
    let tags = match target {
        PushTarget::Tag { name, .. } => vec![name.clone()],
        PushTarget::Digest { tags, .. } => tags.iter().cloned().collect(),
    };
    // Where another writer was first, the labels are what that one stored.
    let (labels_to_apply, labels_dropped) =
        if created { (planned.labels_to_apply, planned.labels_dropped) } else { (BTreeMap::new(), 0) };
    let (media_type, subject) = (document.media_type().clone(), document.subject());
    Pushed { digest, media_type, created, subject, tags, labels_to_apply, labels_dropped }
}

#[cfg(test)]
mod tests;
