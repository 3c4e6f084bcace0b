//! Uploads under way. What an upload's rows do when it ends is in the triggers of the migration: a finished one becomes a blob
//! and gives access to it, and every part that is removed goes to the trash.

mod begin;
mod cancel;
mod finish;
mod load;
mod publish;
mod trash;

pub(crate) use begin::begin;
pub(crate) use cancel::cancel;
pub(crate) use finish::finish;
pub(crate) use load::load;
pub(crate) use publish::publish;
