//! Plans: every decision of a write, as a value. Facts in, [`Plan`] or [`Rejection`] out; no I/O, no clock.
//!
//! `push` decides about pushes, `delete` about deletions; `change` is the vocabulary that adapters execute.

mod change;
mod delete;
mod json;
mod push;
mod rejection;

pub use crate::document::Need;
pub use change::{
    Applied, ChildLink, Guard, Label, LabelId, LabelRow, LabelSource, LabelsChange, ManifestChange, NewManifest, Pin,
    Plan, TagChange,
};
pub use delete::{DeleteRejection, delete_manifest_ask, delete_tag_ask, plan_delete_manifest, plan_delete_tag};
pub use json::{facts_to_json, plan_to_json};
pub use push::{Permissions, PushCase, PushTarget, config_wanted, plan_push, push_ask};
pub use rejection::Rejection;
