use super::FsckPhase;
use super::check::{Check, chain};
use super::fingerprint::Fingerprints;
use super::report::{Finding, Problem};
use super::rows::{self, Rows};
use crate::empty_layer;
use crate::error::{Port, PortError, PortErrorKind};
use crate::facts::Location;
use crate::ports::{Page, Record, Stored, Table};
use futures_util::StreamExt;
use oci_types::{Digest, Hasher};
use std::collections::HashSet;

/// How many things of a store one page lists.
const PAGE: u32 = 500;

/// How many locations in the trash are looked at. More than that is a registry that is not collected.
const TRASH: u32 = 100_000;

/// What the rows say about a location, and what the store does.
#[derive(Clone, Copy, Debug)]
struct Named {
    size: u64,
    found: Option<u64>,
}

impl Named {
    fn agrees(&self) -> bool {
        self.found == Some(self.size)
    }
}

/// Compares the rows of blobs with what the store holds. The digests of all blobs, unless some could not be read.
///
/// Rows first, then the store, then rows again: because locations are never reused, a row that is there before and after and whose bytes
/// are not there in between has lost them, whatever others did meanwhile.
pub(super) async fn check(check: &mut Check<'_>) -> Port<Option<Fingerprints<()>>> {
    let (blobs, mut named) = read_rows(check).await?;
    let unnamed = list_store(check, &mut named).await?;
    // Rows that could not be read may name anything.
    for stored in unnamed.into_iter().filter(|_| blobs.is_some()) {
        check.find(Finding::of_bytes(None, &stored.location, Problem::Unnamed { size: stored.size }));
    }
    if check.options.deep || named.values().any(|named| !named.agrees()) {
        judge_rows(check, &named).await?;
    }
    Ok(blobs)
}

async fn read_rows(check: &mut Check<'_>) -> Port<(Option<Fingerprints<()>>, Fingerprints<Named>)> {
    let (mut blobs, mut named) = (Fingerprints::default(), Fingerprints::default());
    let mut rows = Rows::of(Table::Blob);
    while let Some(page) = rows.next(check).await? {
        for record in page {
            blobs.insert(&record.key, ());
            let Some(location) = stored_at(&record) else { continue };
            let size = rows::column(&record, "size")?;
            check.report.counts.blobs += 1;
            check.report.counts.blob_bytes += size;
            named.insert(&location.to_string(), Named { size, found: None });
        }
        check.tell(FsckPhase::Blobs, check.report.counts.blobs, Some(check.totals.blobs));
    }
    Ok(((!rows.broken()).then_some(blobs), named))
}

/// Where the bytes must be; nowhere for the shared empty layer, which is a constant.
fn stored_at(record: &Record) -> Option<&Location> {
    record.location.as_ref().filter(|location| **location != empty_layer::location())
}

/// What the store holds that nobody knows of.
async fn list_store(check: &mut Check<'_>, named: &mut Fingerprints<Named>) -> Port<Vec<Stored>> {
    // Behind the rows, so that what lost its row before they were read is in it, or gone.
    let mut trash = Fingerprints::default();
    for location in check.ports().collection.trash(TRASH, check.now).await? {
        trash.insert(&location.to_string(), ());
    }
    let (mut unnamed, mut going_on) = (Vec::new(), HashSet::new());
    let mut after = None;
    loop {
        let page: Page<Stored> = check.ports().bytes.list(after, PAGE).await?;
        after = page.items.last().map(|stored| stored.location.clone());
        check.report.counts.stored += page.items.len() as u64;
        for stored in page.items {
            match place(check, named, &trash, &stored) {
                Place::Named => {}
                Place::Trash => check.report.counts.trash += 1,
                Place::Young => {
                    check.report.counts.young += 1;
                    going_on.insert(stored.upload);
                }
                Place::Nowhere => unnamed.push(stored),
            }
        }
        check.tell(FsckPhase::Stored, check.report.counts.stored, None);
        if !page.more || after.is_none() {
            break;
        }
    }
    // An upload lives on with each part, and keeps those before it.
    let (parts, unnamed): (Vec<_>, Vec<_>) = unnamed.into_iter().partition(|stored| going_on.contains(&stored.upload));
    check.report.counts.young += parts.len() as u64;
    Ok(unnamed)
}

/// Who knows of a thing that the store holds.
enum Place {
    Named,
    Trash,
    Young,
    Nowhere,
}

fn place(check: &Check<'_>, named: &mut Fingerprints<Named>, trash: &Fingerprints<()>, stored: &Stored) -> Place {
    let key = stored.location.to_string();
    if let Some(named) = named.get_mut(&key) {
        named.found = Some(stored.size);
        Place::Named
    } else if trash.contains(&key) {
        Place::Trash
    } else if stored.modified >= check.now.saturating_sub(check.registry.policy().upload_ttl) {
        Place::Young
    } else {
        Place::Nowhere
    }
}

async fn judge_rows(check: &mut Check<'_>, named: &Fingerprints<Named>) -> Port<()> {
    let mut rows = Rows::again(Table::Blob);
    while let Some(page) = rows.next(check).await? {
        for record in page {
            let Some(location) = stored_at(&record) else { continue };
            // What was not there before is too new to judge.
            let Some(named) = named.get(&location.to_string()) else { continue };
            let digest: Digest = rows::key(&record)?;
            let finding = |problem| Finding::of_bytes(Some(digest), location, problem);
            match named.found {
                None => check.find(finding(Problem::MissingBytes)),
                Some(found) if found != named.size => {
                    check.find(finding(Problem::WrongSize { expected: named.size, found }));
                }
                Some(_) if check.options.deep => {
                    if let Some(problem) = read_again(check, &record.key, digest, location).await? {
                        check.find(finding(problem));
                    }
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}

/// What is wrong with the bytes, if anything is.
async fn read_again(check: &mut Check<'_>, key: &str, digest: Digest, location: &Location) -> Port<Option<Problem>> {
    match hash(check, digest, location).await {
        Ok(found) if found == digest => Ok(None),
        Ok(found) => Ok(Some(Problem::WrongBytes { found })),
        Err(error) if error.is_retryable() => Err(error),
        // Collected since the store was listed, unless the row is still there.
        Err(error) if error.kind() == PortErrorKind::NotFound => {
            let there = is_named(check, key, location).await?;
            Ok(there.then_some(Problem::MissingBytes))
        }
        Err(error) => Ok(Some(Problem::UnreadableBytes { error: chain(&error) })),
    }
}

async fn hash(check: &mut Check<'_>, digest: Digest, location: &Location) -> Result<Digest, PortError> {
    let mut hasher = Hasher::new(digest.algorithm());
    let mut stream = check.ports().bytes.read(location, None).await?;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        hasher.update(&chunk);
        check.report.counts.hashed_bytes += chunk.len() as u64;
        check.tell(FsckPhase::Bytes, check.report.counts.hashed_bytes, Some(check.report.counts.blob_bytes));
    }
    Ok(hasher.finish())
}

/// Whether the blob's row is there and names that location: found by walking to it, for records are not asked for by key. Only for
/// what has just gone missing.
async fn is_named(check: &mut Check<'_>, key: &str, location: &Location) -> Port<bool> {
    let mut rows = Rows::again(Table::Blob);
    while let Some(page) = rows.next(check).await? {
        if let Some(record) = page.iter().find(|record| record.key == key) {
            return Ok(record.location.as_ref() == Some(location));
        }
    }
    Ok(false)
}
