use super::manifest::Make;
use super::names::{actor, digest, must, tag};
use manifest_core::Millis;
use manifest_core::NEVER;
use manifest_core::facts::{Acting, TagState, Visibility};
use manifest_core::plan::{
    Applied, Guard, Label, LabelId, LabelSource, LabelsChange, ManifestChange, Pin, Plan, TagChange,
};
use manifest_core::ports::Manifests;
use oci_types::{Digest, RepositoryName, TagName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A plan in the making, and the port to apply it to.
#[derive(Clone)]
pub(crate) struct Write {
    manifests: Arc<dyn Manifests>,
    plan: Plan,
}

/// What a plan that was done came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) created: bool,
    pub(crate) displaced: BTreeMap<TagName, Digest>,
}

impl Write {
    /// A plan that creates its repository, and does nothing else yet.
    pub(crate) fn new(manifests: Arc<dyn Manifests>, repository: RepositoryName, now: Millis) -> Self {
        Self {
            manifests,
            plan: Plan {
                repository,
                create_repository: Some(Visibility::Private),
                now,
                actor: None,
                manifest: None,
                tags: Vec::new(),
                pin: None,
                displaced_until: None,
                delete: None,
                labels: None,
                purge: BTreeSet::new(),
            },
        }
    }

    pub(crate) fn by(mut self, name: &str) -> Self {
        self.plan.actor = Some(actor(name));
        self
    }

    pub(crate) fn in_a_new_repository(mut self, visibility: Visibility) -> Self {
        self.plan.create_repository = Some(visibility);
        self
    }

    pub(crate) fn in_an_old_repository(mut self) -> Self {
        self.plan.create_repository = None;
        self
    }

    pub(crate) fn create(mut self, manifest: Make) -> Self {
        self.plan.manifest = Some(ManifestChange::Create(Arc::new(manifest.made())));
        self
    }

    pub(crate) fn keep(mut self, name: &str) -> Self {
        self.plan.manifest = Some(ManifestChange::Keep(digest(name)));
        self
    }

    /// Points a tag at a manifest, for ever and on no condition unless what follows says otherwise.
    pub(crate) fn point(self, name: &str, to: &str) -> Self {
        self.change(TagChange::Point {
            name: tag(name),
            to: digest(to),
            expires: NEVER,
            immutable: false,
            reversion: false,
            guard: Guard::Any,
        })
    }

    pub(crate) fn end(self, name: &str) -> Self {
        self.change(TagChange::End { name: tag(name), guard: Guard::Any })
    }

    /// Changes nothing of the interval that a tag was seen in, unless what follows says otherwise.
    pub(crate) fn amend(self, name: &str, seen: &TagState) -> Self {
        self.change(TagChange::Amend {
            name: tag(name),
            start: seen.start,
            was_immutable: seen.immutable,
            expires: seen.expires,
            immutable: seen.immutable,
        })
    }

    /// The tag that was named last expires then.
    pub(crate) fn until(mut self, then: Millis) -> Self {
        if let Some(TagChange::Point { expires, .. } | TagChange::Amend { expires, .. }) = self.plan.tags.last_mut() {
            *expires = then;
        }
        self
    }

    /// The tag that was named last becomes immutable.
    pub(crate) fn immutable(mut self) -> Self {
        if let Some(TagChange::Point { immutable, .. } | TagChange::Amend { immutable, .. }) = self.plan.tags.last_mut()
        {
            *immutable = true;
        }
        self
    }

    /// The tag that was amended last may be moved again.
    pub(crate) fn mutable(mut self) -> Self {
        if let Some(TagChange::Amend { immutable, .. }) = self.plan.tags.last_mut() {
            *immutable = false;
        }
        self
    }

    /// The tag that was named last goes back to what it was.
    pub(crate) fn restoring(mut self) -> Self {
        if let Some(TagChange::Point { reversion, .. }) = self.plan.tags.last_mut() {
            *reversion = true;
        }
        self
    }

    /// On what condition the tag changes that was named last.
    pub(crate) fn if_it(mut self, condition: Guard) -> Self {
        if let Some(TagChange::Point { guard, .. } | TagChange::End { guard, .. }) = self.plan.tags.last_mut() {
            *guard = condition;
        }
        self
    }

    pub(crate) fn pin(mut self, name: &str, until: Millis) -> Self {
        self.plan.pin = Some(Pin { digest: digest(name), until });
        self
    }

    pub(crate) fn displaced_until(mut self, until: Millis) -> Self {
        self.plan.displaced_until = Some(until);
        self
    }

    pub(crate) fn delete(mut self, name: &str) -> Self {
        self.plan.delete = Some(digest(name));
        self
    }

    /// Removes a manifest for good.
    pub(crate) fn purge(mut self, name: &str) -> Self {
        self.plan.purge.insert(digest(name));
        self
    }

    /// Adds a label to a manifest through the API.
    pub(crate) fn label(self, name: &str, key: &str, value: &str) -> Self {
        let label = Label { key: key.to_owned(), value: value.to_owned(), json: false, source: LabelSource::Api };
        self.change_labels(name, |change| change.add.push(label))
    }

    /// Removes a label from a manifest.
    pub(crate) fn unlabel(self, name: &str, id: LabelId) -> Self {
        self.change_labels(name, |change| change.remove = Some(id))
    }

    /// The labels that are changed make this of tags.
    pub(crate) fn now_acting(self, name: &str, acting: Acting) -> Self {
        self.change_labels(name, |change| change.acting = acting)
    }

    fn change_labels(mut self, name: &str, change: impl FnOnce(&mut LabelsChange)) -> Self {
        let manifest = digest(name);
        let none = || LabelsChange { manifest, add: Vec::new(), remove: None, acting: Acting::default() };
        change(self.plan.labels.get_or_insert_with(none));
        self
    }

    pub(crate) async fn apply(mut self) -> Applied {
        self.plan.tags.sort_by(|a, b| a.name().cmp(b.name()));
        must(self.manifests.apply(&self.plan).await)
    }

    /// Applies the plan, which nothing speaks against.
    pub(crate) async fn done(self) -> Done {
        match self.apply().await {
            Applied::Done { created, displaced } => Done { created, displaced },
            refusal @ (Applied::MissingBlobs(_)
            | Applied::MissingChildren(_)
            | Applied::ImagesTaken(_)
            | Applied::GuardFailed(_)
            | Applied::Immutable(_)
            | Applied::TagGone(_)
            | Applied::ListedBy(_)
            | Applied::ManifestGone
            | Applied::LabelGone
            | Applied::RepositoryGone
            | Applied::ReadOnly) => panic!("a plan that nothing speaks against was refused: {refusal:?}"),
        }
    }

    fn change(mut self, change: TagChange) -> Self {
        self.plan.tags.push(change);
        self
    }
}
