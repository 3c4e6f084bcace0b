use super::authorize::UseCaseError;
use super::{ATTEMPTS, Registry};
use crate::access::{AccessRefusal, Action, Context};
use crate::error::PortError;
use crate::facts::PushFacts;
use crate::labels::{self, LabelError};
use crate::plan::{
    Applied, Label, LabelCase, LabelId, LabelRejection, LabelRow, LabelSource, Plan, TagChange, label_ask,
    label_ask_with_children, plan_add_label, plan_remove_label,
};
use oci_types::{Digest, MediaType, RepositoryName, TagName};
use std::collections::BTreeMap;

/// A label to add to a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLabel {
    /// By the rule of its source, see [`check_new`](crate::labels::check_new).
    pub key: String,
    /// At most [`MAX_VALUE_BYTES`](crate::labels::MAX_VALUE_BYTES).
    pub value: String,
    /// `text/plain` or `application/json`; none: what the value looks like.
    pub media_type: Option<MediaType>,
    /// Where it comes from: [`LabelSource::Api`] for all that users add, the only ones that can be deleted again.
    pub source: LabelSource,
}

/// What adding a label came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelAdded {
    /// The label as it is stored; none if somebody has removed it since.
    pub row: Option<LabelRow>,
    /// Tags that end at another time, or became immutable, through it.
    pub tags: Vec<TagName>,
}

/// Why labels were not listed or changed.
#[derive(Debug, thiserror::Error)]
pub enum LabelsError {
    /// The caller may not do that here.
    #[error(transparent)]
    Access(#[from] AccessRefusal),
    /// There is no such repository, or the caller may not know of it.
    #[error("repository {0} is unknown")]
    RepositoryUnknown(RepositoryName),
    /// The repository has no such undeleted manifest.
    #[error("manifest {digest} is unknown in {repository}")]
    ManifestUnknown {
        /// Where it was looked for.
        repository: RepositoryName,
        /// What was looked for.
        digest: Digest,
    },
    /// The manifest has no such label.
    #[error("manifest {digest} has no label {}", .id.0)]
    LabelUnknown {
        /// Which manifest.
        digest: Digest,
        /// Which label.
        id: LabelId,
    },
    /// The label cannot be stored.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// A label's value is text or JSON, nothing else.
    #[error("a label is text/plain or application/json, not {0}")]
    MediaType(MediaType),
    /// The manifest has as many labels as it may.
    #[error("the manifest has {} labels, the most that it may", labels::MAX_COUNT)]
    TooMany,
    /// The label came with the manifest, or is the registry's own.
    #[error("only labels that were added through the API can be deleted")]
    NotRemovable(LabelSource),
    /// The repository takes no writes.
    #[error("repository {0} is read-only")]
    ReadOnly(RepositoryName),
    /// Others kept changing what this depends on.
    #[error("other writers kept changing what this depends on")]
    Contended,
    /// A port failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl UseCaseError for LabelsError {
    fn hidden(repository: &RepositoryName) -> Self {
        Self::RepositoryUnknown(repository.clone())
    }
}

impl Registry {
    /// The labels of a manifest whose keys start with `prefix`, ignoring ASCII case, in the order in which they were
    /// stored.
    ///
    /// Example: [the guide](crate::guide#labels). As JSON: `docs/api.md`, "Labels".
    ///
    /// # Errors
    ///
    /// [`LabelsError`].
    pub async fn labels(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        digest: &Digest,
        prefix: &str,
    ) -> Result<Vec<LabelRow>, LabelsError> {
        self.authorize::<LabelsError>(cx, repository, Action::Pull).await?;
        if let Some(rows) = self.ports.manifests.labels(repository, digest, prefix).await? {
            return Ok(rows);
        }
        let missing = LabelsError::ManifestUnknown { repository: repository.clone(), digest: *digest };
        Err(self.missing_in(repository, missing).await)
    }

    /// Adds a label to a manifest. Keys may occur more than once. One that acts on tags does so at once, see
    /// [`plan_add_label`], and needs a caller who may overwrite tags.
    ///
    /// Example: [the guide](crate::guide#labels). As JSON: `docs/api.md`, "Labels".
    ///
    /// # Errors
    ///
    /// [`LabelsError`]. Nothing was written.
    pub async fn add_label(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        digest: &Digest,
        new: &NewLabel,
    ) -> Result<LabelAdded, LabelsError> {
        self.authorize_labels(cx, repository, labels::acts(&new.key)).await?;
        let label = read_label(new)?;
        let case = LabelCase { repository, digest: *digest, context: cx, policy: &self.policy };
        let ask = label_ask(&case);
        for _ in 0..ATTEMPTS {
            let facts = self.ports.manifests.push_facts(&ask).await?;
            let plan = plan_add_label(&case, &label, &facts).map_err(|rejection| rejected(rejection, &case, None))?;
            if self.labels_applied(&plan).await? {
                let rows = self.ports.manifests.labels(repository, digest, &label.key).await?;
                let row = rows.into_iter().flatten().filter(|row| row.label == label).max_by_key(|row| row.id);
                return Ok(LabelAdded { row, tags: plan.tags.iter().map(TagChange::name).cloned().collect() });
            }
        }
        Err(LabelsError::Contended)
    }

    /// Removes a label that was added through the API. Tags stay as the label made them; what is pointed at the
    /// manifest later follows the labels that are left.
    ///
    /// Example: [the guide](crate::guide#labels). As JSON: `docs/api.md`, "Labels".
    ///
    /// # Errors
    ///
    /// [`LabelsError`]. Nothing was written.
    pub async fn delete_label(
        &self,
        cx: &Context,
        repository: &RepositoryName,
        digest: &Digest,
        id: LabelId,
    ) -> Result<(), LabelsError> {
        self.authorize_labels(cx, repository, false).await?;
        let case = LabelCase { repository, digest: *digest, context: cx, policy: &self.policy };
        for _ in 0..ATTEMPTS {
            let facts = self.ports.manifests.push_facts(&label_ask(&case)).await?;
            let acts = facts.labels.iter().any(|row| row.id == id && labels::acts(&row.label.key));
            if acts {
                self.authorize_labels(cx, repository, true).await?;
            }
            let (facts, common) =
                if acts && is_index(&facts) { self.with_children(&case).await? } else { (facts, BTreeMap::new()) };
            let plan = plan_remove_label(&case, id, &common, &facts)
                .map_err(|rejection| rejected(rejection, &case, Some(id)))?;
            if self.labels_applied(&plan).await? {
                return Ok(());
            }
        }
        Err(LabelsError::Contended)
    }

    async fn authorize_labels(&self, cx: &Context, repository: &RepositoryName, acts: bool) -> Result<(), LabelsError> {
        self.authorize::<LabelsError>(cx, repository, Action::Push).await?;
        if acts {
            self.authorize::<LabelsError>(cx, repository, Action::Overwrite).await?;
        }
        Ok(())
    }

    /// The facts about an index with those about its children, and the labels on which they agree.
    async fn with_children(&self, case: &LabelCase<'_>) -> Result<(PushFacts, BTreeMap<String, String>), LabelsError> {
        let LabelCase { repository, digest, context, .. } = *case;
        let document = self.stored_document(context, repository, &digest).await?;
        let document =
            document.ok_or_else(|| LabelsError::ManifestUnknown { repository: repository.clone(), digest })?;
        let children = document.children().iter().map(|child| child.digest).collect();
        let facts = self.ports.manifests.push_facts(&label_ask_with_children(case, children)).await?;
        let common = labels::common(&document, &facts);
        Ok((facts, common))
    }

    /// Whether the plan is done; if not, the world moved between facts and apply, and new facts say what it is now.
    async fn labels_applied(&self, plan: &Plan) -> Result<bool, PortError> {
        match self.ports.manifests.apply(plan).await? {
            Applied::Done { .. } => Ok(true),
            Applied::MissingBlobs(_)
            | Applied::MissingChildren(_)
            | Applied::ImagesTaken(_)
            | Applied::GuardFailed(_)
            | Applied::Immutable(_)
            | Applied::TagGone(_)
            | Applied::ListedBy(_)
            | Applied::LabelGone
            | Applied::ManifestGone
            | Applied::RepositoryGone
            | Applied::ReadOnly => Ok(false),
        }
    }
}

fn is_index(facts: &PushFacts) -> bool {
    facts.existing.as_ref().is_some_and(|existing| existing.media_type.is_index())
}

fn read_label(new: &NewLabel) -> Result<Label, LabelsError> {
    let json = match &new.media_type {
        None => labels::is_json(&new.value),
        Some(given) if given.as_str() == MediaType::JSON => true,
        Some(given) if given.as_str() == MediaType::TEXT => false,
        Some(given) => return Err(LabelsError::MediaType(given.clone())),
    };
    Ok(Label { key: new.key.clone(), value: new.value.clone(), json, source: new.source })
}

fn rejected(rejection: LabelRejection, case: &LabelCase<'_>, id: Option<LabelId>) -> LabelsError {
    let (repository, digest) = (case.repository.clone(), case.digest);
    match (rejection, id) {
        (LabelRejection::RepositoryUnknown, _) => LabelsError::RepositoryUnknown(repository),
        (LabelRejection::ReadOnly, _) => LabelsError::ReadOnly(repository),
        (LabelRejection::LabelUnknown, Some(id)) => LabelsError::LabelUnknown { digest, id },
        (LabelRejection::ManifestUnknown | LabelRejection::LabelUnknown, _) => {
            LabelsError::ManifestUnknown { repository, digest }
        }
        (LabelRejection::Label(error), _) => LabelsError::Label(error),
        (LabelRejection::TooMany, _) => LabelsError::TooMany,
        (LabelRejection::NotRemovable(source), _) => LabelsError::NotRemovable(source),
    }
}

#[cfg(test)]
mod tests;
