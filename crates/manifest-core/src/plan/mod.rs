//! Plans: every decision of a write, as a value. Facts in, [`Plan`] or a rejection out; no I/O, no clock.
//!
//! `change` is the vocabulary that adapters execute, `id` what a plan is known by; each other file decides about one kind of
//! write.

mod amend;
mod change;
mod delete;
mod empty;
mod id;
mod images;
mod json;
mod label;
mod pin;
mod point;
mod purge;
mod push;
mod rejection;
mod retag;
#[cfg(test)]
mod testing;

pub use crate::document::Need;
pub use amend::{AmendRejection, Amended, Amendment, amend_ask, plan_amend};
pub use change::{
    Applied, ChildLink, Guard, Label, LabelId, LabelRow, LabelSource, LabelsChange, ManifestChange, NewManifest, Pin,
    Plan, TagChange,
};
pub use delete::{
    DeleteRejection, delete_manifest_ask, delete_tag_ask, delete_tags_of_ask, plan_delete_manifest, plan_delete_tag,
    plan_delete_tags_of,
};
pub(crate) use empty::empty_ask;
pub use id::{ParsePlanIdError, PlanId, canonical_json};
pub use json::{facts_to_json, plan_to_json};
pub use label::{LabelCase, LabelRejection, label_ask, label_ask_with_children, plan_add_label, plan_remove_label};
pub use pin::plan_pin;
pub use purge::{
    PurgeCase, PurgePlan, PurgeRejection, RepositoryPurge, plan_purge_manifests, plan_purge_tags, purge_manifest_ask,
    purge_tags_ask, purge_targets,
};
pub use push::{Permissions, PlannedPush, PushCase, PushTarget, config_wanted, plan_push, push_ask};
pub use rejection::Rejection;
pub use retag::{RetagCase, RetagKind, RetagRejection, plan_retag, retag_ask, retag_wants_document};
