//! Plans: every decision of a write, as a value. Facts in, [`Plan`] or [`Rejection`] out; no I/O, no clock.
//!
//! `push` decides about pushes, `delete` about deletions; `change` is the vocabulary that adapters execute.

mod change;
mod delete;
// mod explain;
// mod push;

pub use change::{
    Applied, ChildLink, Guard, Label, LabelSource, ManifestChange, Need, NewManifest, Pin, Plan, TagChange,
};
pub use delete::{DeleteRejection, delete_manifest_ask, delete_tag_ask, plan_delete_manifest, plan_delete_tag};
// pub use explain::{explain_facts, explain_plan};
// pub use push::{Config, ConfigRead, PushTarget, Pushed, Rejection, Permissions, config_wanted, plan_push, push_ask};
