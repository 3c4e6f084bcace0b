use super::FsckPhase;
use super::check::{Check, chain};
use super::fingerprint::Fingerprints;
use super::report::{Finding, Problem};
use super::rows::{self, Rows};
use crate::document::Document;
use crate::error::{Port, PortErrorKind};
use crate::ports::{Found, Liveness, Record, Table};
use oci_types::Digest;

/// Hashes the bytes of every manifest. The keys of those that are not deleted.
pub(super) async fn check(check: &mut Check<'_>) -> Port<Fingerprints<()>> {
    let mut there = Fingerprints::default();
    let mut rows = Rows::of(Table::Manifest);
    while let Some(page) = rows.next(check).await? {
        for record in page {
            if !record.columns.contains_key("deleted") {
                there.insert(&record.key, ());
            }
            check.report.counts.manifests += 1;
            check_one(check, &record).await?;
        }
        check.tell(FsckPhase::Manifests, check.report.counts.manifests, Some(check.totals.manifests));
    }
    Ok(there)
}

async fn check_one(check: &mut Check<'_>, record: &Record) -> Port<()> {
    let (repository, digest) = rows::owner(record)?;
    let size: u64 = rows::column(record, "size")?;
    let problem = match check.manifest(&repository, digest, Liveness::Any, true).await {
        // Collected since its row was listed.
        Ok(None) => None,
        Ok(Some(found)) => judge(check, digest, size, &found),
        Err(error) if error.kind() == PortErrorKind::Corrupt => {
            Some(Problem::UnreadableRow { place: "Manifest".to_owned(), error: chain(&error) })
        }
        Err(error) => return Err(error),
    };
    if let Some(problem) = problem {
        check.find(Finding::in_repository(&repository, digest, problem));
    }
    Ok(())
}

fn judge(check: &Check<'_>, digest: Digest, size: u64, found: &Found) -> Option<Problem> {
    let bytes = found.bytes.clone().unwrap_or_default();
    if bytes.len() as u64 != size {
        return Some(Problem::WrongSize { expected: size, found: bytes.len() as u64 });
    }
    let hashed = Digest::of(digest.algorithm(), &bytes);
    if hashed == digest {
        return None;
    }
    // A signed schema 1 manifest is stored under the digest of what is signed.
    let document = Document::parse(Some(&found.media_type), bytes, &check.registry.policy().limits);
    let signed = document.is_ok_and(|document| document.digest(digest.algorithm()) == digest);
    (!signed).then_some(Problem::WrongManifest { found: hashed })
}
