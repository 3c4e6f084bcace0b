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

/// Looks for legacy images whose parent is not there, and for manifests that stand for one that is not. Whether an image's layer is there is
/// asked of its manifests: one that was deleted keeps no blob.
pub(super) async fn check(check: &mut Check<'_>) -> Port<()> {
    let (images, orphans) = orphans(check, Rows::of(Table::LegacyImage)).await?;
    // Some may have come or gone between two pages.
    if !orphans.is_empty() {
        let (_, again) = self::orphans(check, Rows::again(Table::LegacyImage)).await?;
        for orphan in orphans.iter().filter(|orphan| again.contains(orphan)) {
            let Orphan { repository, image, parent } = orphan.clone();
            let problem = Problem::ImageWithoutParent { image, parent };
            check.find(Finding { repository: Some(repository), ..Finding::new(problem) });
        }
    }
    check_manifests(check, &images).await
}

/// A legacy image without its parent. Ids are in their stored form.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Orphan {
    repository: RepositoryName,
    image: String,
    parent: String,
}

/// The keys of all images, and those whose parent is not among them.
async fn orphans(check: &mut Check<'_>, mut rows: Rows) -> Port<(Fingerprints<()>, Vec<Orphan>)> {
    let (mut images, mut children) = (Fingerprints::default(), Vec::new());
    while let Some(page) = rows.next(check).await? {
        for record in &page {
            images.insert(&record.key, ());
        }
        for record in page.iter().filter(|record| !is_parent_known(record, &images)) {
            let (repository, image) = rows::place(record)?;
            let parent = record.columns.get("parent").cloned().unwrap_or_default();
            if children.len() < SUSPECTS {
                children.push(Orphan { repository, image, parent });
            }
        }
    }
    // The parent may have come later in the order of the keys. Behind a row that cannot be read nothing is known.
    children.retain(|child| !rows.broken() && !images.contains(&format!("{}@{}", child.repository, child.parent)));
    Ok((images, children))
}

fn is_parent_known(record: &Record, images: &Fingerprints<()>) -> bool {
    let repository = record.key.split_once('@').map_or("", |(repository, _)| repository);
    record.columns.get("parent").is_none_or(|parent| images.contains(&format!("{repository}@{parent}")))
}

async fn check_manifests(check: &mut Check<'_>, images: &Fingerprints<()>) -> Port<()> {
    let mut suspects: Vec<(RepositoryName, Digest, String)> = Vec::new();
    let mut rows = Rows::again(Table::Manifest);
    while let Some(page) = rows.next(check).await? {
        for record in &page {
            let (repository, digest) = rows::owner(record)?;
            let Some(image) = record.columns.get("legacy_image") else { continue };
            if !images.contains(&format!("{repository}@{image}")) && suspects.len() < SUSPECTS {
                suspects.push((repository, digest, image.clone()));
            }
        }
        check.tell(FsckPhase::Links, check.report.counts.links, None);
    }
    if suspects.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::again(Table::LegacyImage);
    let mut images = Fingerprints::default();
    while let Some(page) = rows.next(check).await? {
        for record in page {
            images.insert(&record.key, ());
        }
    }
    for (repository, digest, image) in suspects {
        let is_there = images.contains(&format!("{repository}@{image}")) || rows.broken();
        if !is_there && check.manifest(&repository, digest, Liveness::Any, false).await?.is_some() {
            check.find(Finding::in_repository(&repository, digest, Problem::MissingImage { image }));
        }
    }
    Ok(())
}
