mod bytes;
mod check;
mod fingerprint;
mod links;
mod manifests;
mod report;
mod rows;
#[cfg(test)]
mod tests;

pub use report::{Finding, FsckCounts, FsckReport, Problem};

use super::Registry;
use crate::error::Port;
use crate::time::Millis;
use check::Check;

/// How thorough a check is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FsckOptions {
    /// Read the bytes of every blob and hash them again, not only compare sizes.
    pub deep: bool,
}

/// What is being looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FsckPhase {
    /// Rows of blobs.
    Blobs,
    /// What the blob store holds.
    Stored,
    /// Bytes of blobs; counted in bytes, only in deep checks.
    Bytes,
    /// Rows that give access to blobs.
    Access,
    /// Manifests with their bytes.
    Manifests,
    /// What manifests name.
    Links,
}

/// How far a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FsckProgress {
    /// In which phase.
    pub phase: FsckPhase,
    /// How many rows, things or bytes of the phase were looked at.
    pub done: u64,
    /// How many there are about, where that is known.
    pub total: Option<u64>,
}

/// Who is told how far a check is, after every page.
pub type OnProgress<'a> = &'a mut (dyn FnMut(FsckProgress) + Send);

impl Registry {
    /// Compares rows with bytes, and rows with one another, and changes nothing. May run while others write: what looks wrong only because
    /// it changed meanwhile is looked at again and not reported.
    ///
    /// Memory: about 100 bytes for each blob, access row and manifest. For operators: it asks no authorizer.
    ///
    /// Example: [the guide](crate::guide#checking). On the command line: `manifestd fsck`.
    ///
    /// # Errors
    ///
    /// A [`PortError`](crate::PortError) if a store cannot answer at all. What a store holds and should not is a [`Finding`].
    pub async fn fsck(&self, options: FsckOptions, now: Millis, progress: OnProgress<'_>) -> Port<FsckReport> {
        let totals = self.ports.listings.totals().await?;
        let mut check = Check::new(self, now, options, totals, progress);
        let blobs = bytes::check(&mut check).await?;
        let access = links::check_access(&mut check, blobs.as_ref()).await?;
        let manifests = manifests::check(&mut check).await?;
        links::check_blobs(&mut check, &access).await?;
        links::check_children(&mut check, &manifests).await?;
        Ok(check.into_report())
    }
}
