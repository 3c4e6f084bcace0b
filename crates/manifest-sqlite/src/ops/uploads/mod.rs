//! Uploads under way. What an upload's rows do when it ends is in the triggers of the migration: a finished one becomes a blob
//! and gives access to it, and every part that is removed goes to the trash.

pub(crate) mod begin;
pub(crate) mod cancel;
pub(crate) mod finish;
pub(crate) mod load;
pub(crate) mod publish;
pub(crate) mod trash;

pub(crate) use begin::begin;
pub(crate) use cancel::cancel;
pub(crate) use finish::finish;
pub(crate) use load::load;
pub(crate) use publish::publish;

use crate::writer::Verdict;
use diesel::SqliteConnection;
use manifest_core::error::Port;
use manifest_core::ports::Part;

/// Puts parts into the trash that nobody will publish.
pub(crate) fn discard(connection: &mut SqliteConnection, parts: &[Part]) -> Port<Verdict<()>> {
    trash::discard(connection, parts.iter().map(|part| &part.location)).map(Verdict::Keep)
}
