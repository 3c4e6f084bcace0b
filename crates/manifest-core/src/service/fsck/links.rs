use super::FsckPhase;
use super::check::Check;
use super::fingerprint::Fingerprints;
use super::report::{Finding, Problem};
use super::rows::{self, Rows};
use crate::error::Port;
use crate::ports::{Liveness, Record, Table};
use oci_types::{Digest, RepositoryName};

/// How many rows that look wrong are looked at again.
const SUSPECTS: usize = 10_000;

/// Looks for access to blobs that have no row, where all of those could be read. The keys of all access rows.
pub(super) async fn check_access(check: &mut Check<'_>, blobs: Option<&Fingerprints<()>>) -> Port<Fingerprints<()>> {
    let (mut access, mut suspects) = (Fingerprints::default(), Vec::new());
    let mut rows = Rows::of(Table::RepositoryBlob);
    while let Some(page) = rows.next(check).await? {
        for record in page {
            let (repository, digest) = rows::owner(&record)?;
            if blobs.is_some_and(|blobs| !blobs.contains(&digest.to_string())) && suspects.len() < SUSPECTS {
                suspects.push((repository, digest));
            }
            access.insert(&record.key, ());
            check.report.counts.access += 1;
        }
        check.tell(FsckPhase::Access, check.report.counts.access, None);
    }
    report_access(check, suspects).await?;
    Ok(access)
}

/// A blob may have come between the two tables; one that is in neither walk around the access row never had a row with it.
async fn report_access(check: &mut Check<'_>, suspects: Vec<(RepositoryName, Digest)>) -> Port<()> {
    if suspects.is_empty() {
        return Ok(());
    }
    let mut blobs = Fingerprints::default();
    let mut rows = Rows::again(Table::Blob);
    while let Some(page) = rows.next(check).await? {
        for record in page {
            blobs.insert(&record.key, ());
        }
    }
    for (repository, digest) in suspects {
        if !blobs.contains(&digest.to_string()) {
            check.find(Finding::in_repository(&repository, digest, Problem::AccessWithoutBlob));
        }
    }
    Ok(())
}

/// Looks for manifests whose repository does not have a blob that they need.
pub(super) async fn check_blobs(check: &mut Check<'_>, access: &Fingerprints<()>) -> Port<()> {
    let mut rows = Rows::of(Table::ManifestBlob);
    while let Some(page) = rows.next(check).await? {
        for record in page.iter().filter(|record| required(record)) {
            let (repository, digest) = rows::owner(record)?;
            let blob: Digest = rows::part(record)?;
            if access.contains(&format!("{repository}@{blob}")) {
                continue;
            }
            // It may have been pushed meanwhile; and a deleted manifest keeps no blob from being deleted.
            let there = check.manifest(&repository, digest, Liveness::Undeleted, false).await?.is_some();
            if there && check.ports().blobs.find(&repository, &blob, check.now).await?.is_none() {
                check.find(Finding::in_repository(&repository, digest, Problem::MissingBlob { blob }));
            }
        }
        count(check, &page);
    }
    Ok(())
}

/// Looks for indexes that are served and need a manifest that is not there.
pub(super) async fn check_children(check: &mut Check<'_>, manifests: &Fingerprints<()>) -> Port<()> {
    let mut rows = Rows::of(Table::ManifestChild);
    while let Some(page) = rows.next(check).await? {
        for record in page.iter().filter(|record| required(record)) {
            let (repository, digest) = rows::owner(record)?;
            let child: Digest = rows::column(record, "child")?;
            if manifests.contains(&format!("{repository}@{child}")) {
                continue;
            }
            // What nothing keeps any more may lose its children before it goes.
            let served = check.manifest(&repository, digest, Liveness::Visible, false).await?.is_some();
            if served && check.manifest(&repository, child, Liveness::Undeleted, false).await?.is_none() {
                check.find(Finding::in_repository(&repository, digest, Problem::MissingChild { child }));
            }
        }
        count(check, &page);
    }
    Ok(())
}

fn required(record: &Record) -> bool {
    record.columns.get("required").is_some_and(|text| text == "true")
}

fn count(check: &mut Check<'_>, page: &[Record]) {
    check.report.counts.links += page.len() as u64;
    check.tell(FsckPhase::Links, check.report.counts.links, None);
}
