use super::report::{Finding, FsckReport};
use super::{FsckOptions, FsckPhase, FsckProgress, OnProgress};
use crate::error::{Port, PortError};
use crate::ports::{FetchAsk, Fetched, Found, Liveness, Ports, Totals};
use crate::service::Registry;
use crate::time::Millis;
use oci_types::{Digest, Reference, RepositoryName};
use std::error::Error;

/// A check under way.
pub(super) struct Check<'a> {
    pub(super) registry: &'a Registry,
    pub(super) now: Millis,
    pub(super) options: FsckOptions,
    pub(super) totals: Totals,
    pub(super) report: FsckReport,
    progress: OnProgress<'a>,
}

impl<'a> Check<'a> {
    pub(super) fn new(
        registry: &'a Registry,
        now: Millis,
        options: FsckOptions,
        totals: Totals,
        progress: OnProgress<'a>,
    ) -> Self {
        Self { registry, now, options, totals, report: FsckReport::default(), progress }
    }

    pub(super) fn ports(&self) -> &'a Ports {
        self.registry.ports()
    }

    pub(super) fn find(&mut self, finding: Finding) {
        self.report.find(finding);
    }

    pub(super) fn tell(&mut self, phase: FsckPhase, done: u64, total: Option<u64>) {
        (self.progress)(FsckProgress { phase, done, total });
    }

    /// The manifest, if it is there as far as that; its bytes only where they are wanted.
    pub(super) async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: Digest,
        liveness: Liveness,
        bytes: bool,
    ) -> Port<Option<Found>> {
        let ask = FetchAsk {
            repository: repository.clone(),
            reference: Reference::Digest(digest),
            now: self.now,
            liveness,
            have: (!bytes).then_some(digest),
            at: None,
        };
        match self.ports().manifests.fetch(&ask).await? {
            Fetched::Found(found) => Ok(Some(found)),
            Fetched::RepositoryUnknown | Fetched::Unknown | Fetched::TagExpired => Ok(None),
        }
    }

    pub(super) fn into_report(self) -> FsckReport {
        self.report
    }
}

/// An error with its causes, on one line.
pub(super) fn chain(error: &PortError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += ": ";
        text += &error.to_string();
        cause = error.source();
    }
    text
}
