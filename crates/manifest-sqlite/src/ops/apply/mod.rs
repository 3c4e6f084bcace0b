//! Executing a plan: whole, or a refusal that leaves nothing behind.
//!
//! At most 13 statements with BEGIN and COMMIT for a push, however many layers, labels, children and legacy images the manifest has: sets
//! travel as one value each. The facts before it are one more.
//!
//! Statements that insert a set do so OR FAIL: an error takes the whole write back, so SQLite need not be able to take back the statement
//! alone, for which it would copy each page that the statement touches.

pub(crate) mod delete;
pub(crate) mod images;
pub(crate) mod labels;
pub(crate) mod manifest;
pub(crate) mod pins;
pub(crate) mod purge;
pub(crate) mod tags;

use crate::driver::Doing;
use crate::known_images::{KnownImages, Seen};
use crate::ops::create_repository::create_repository;
use crate::rows::Column;
use crate::writer::Verdict;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{OptionalExtension, RunQueryDsl, SqliteConnection};
use manifest::Links;
use manifest_core::error::{Port, PortError};
use manifest_core::facts::RepositoryState;
use manifest_core::plan::{Applied, ManifestChange, Plan};
use manifest_core::time::Millis;
use oci_types::{Digest, TagName};
use std::collections::BTreeMap;

/// A plan and its sets in the form in which they are bound, which is made before the writer's turn.
#[derive(Debug)]
pub(crate) struct Prepared {
    plan: Plan,
    links: Option<Links>,
    /// The changes of tags.
    tags: String,
}

impl Prepared {
    pub(crate) fn new(plan: &Plan) -> Self {
        let links = match &plan.manifest {
            Some(ManifestChange::Create(new)) => Some(Links::new(new)),
            Some(ManifestChange::Keep(_)) | None => None,
        };
        Self { plan: plan.clone(), links, tags: tags::bound(&plan.tags) }
    }
}

/// Why a step ends the plan.
enum Stop {
    /// A refusal.
    Refused(Applied),
    /// An error.
    Failed(PortError),
}

impl From<PortError> for Stop {
    fn from(error: PortError) -> Self {
        Self::Failed(error)
    }
}

type Step<T> = Result<T, Stop>;

/// Where a plan is executed.
#[derive(Clone, Copy, Debug)]
struct Place {
    repository: i64,
    now: Millis,
    /// Whether this very plan made the repository, so that nothing was in it.
    is_new: bool,
}

/// Executes a plan. If that stored a manifest with legacy images, also what it saw of those that are known.
pub(crate) fn apply(
    connection: &mut SqliteConnection,
    prepared: &Prepared,
    known: &KnownImages,
) -> Port<Verdict<(Applied, Option<Seen>)>> {
    match steps(connection, prepared, known) {
        Ok(done) => Ok(Verdict::Keep(done)),
        Err(Stop::Refused(answer)) => Ok(Verdict::Refuse((answer, None))),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// What is refused first is the same for every adapter: the manifest, its blobs, its children, its legacy images, each tag in
/// the order of its name, the pin, the labels, the deletion, what is purged.
fn steps(
    connection: &mut SqliteConnection,
    Prepared { plan, links, tags }: &Prepared,
    known: &KnownImages,
) -> Step<(Applied, Option<Seen>)> {
    let (place, row) = look(connection, plan)?;
    let (mut created, mut seen) = (false, None);
    if let Some(change) = &plan.manifest {
        let (unknown, now) = known.unknown(place.repository, images::of(change));
        created = manifest::change(connection, place, plan, change, links.as_ref(), &unknown, row)?;
        seen = created.then_some(now);
    }
    let mut displaced = tags::change(connection, place, plan, tags)?;
    pins::pin(connection, place, plan, &displaced)?;
    if let Some(change) = &plan.labels {
        labels::change(connection, place, change)?;
    }
    if let Some(digest) = &plan.delete {
        displaced.extend(delete::delete(connection, place, digest)?);
    }
    if !plan.purge.is_empty() {
        known.forget();
        displaced.extend(purge::purge(connection, place, &plan.purge)?);
    }
    Ok((Applied::Done { created, displaced }, seen))
}

/// The manifest's row as it was before the plan, if there was one.
#[derive(Clone, Copy, Debug)]
struct ManifestRow {
    id: i64,
    deleted: bool,
}

/// Finds the repository, or makes it, and the row of the plan's manifest in it.
fn look(connection: &mut SqliteConnection, plan: &Plan) -> Step<(Place, Option<ManifestRow>)> {
    let digest = plan.manifest.as_ref().map(ManifestChange::digest);
    let statement = Look { digest: digest.as_ref().map(Digest::as_bytes), repository: plan.repository.as_str() };
    let found: Option<(i64, i64, Option<i64>, Option<i64>)> =
        statement.get_result(connection).optional().doing("looking up where to write")?;
    let Some((repository, state, id, deleted)) = found else {
        let visibility = plan.create_repository.ok_or(Stop::Refused(Applied::RepositoryGone))?;
        let repository = create_repository(connection, &plan.repository, visibility, plan.now)?;
        let repository = repository.ok_or(Stop::Refused(Applied::RepositoryGone))?;
        return Ok((Place { repository, now: plan.now, is_new: true }, None));
    };
    match Column("repository", "state").repository_state(state)? {
        RepositoryState::Open => {}
        RepositoryState::ReadOnly => return Err(Stop::Refused(Applied::ReadOnly)),
        RepositoryState::Absent => return Err(Stop::Refused(Applied::RepositoryGone)),
    }
    let deleted = deleted.is_some();
    let row = id.map(|id| ManifestRow { id, deleted });
    let now = plan.now;
    Ok((Place { repository, now, is_new: false }, row))
}

statement! {
    struct Look<'a> { digest: Option<&'a [u8]> => Nullable<Binary>, repository: &'a str => Text }
    -> (BigInt, BigInt, Nullable<BigInt>, Nullable<BigInt>);
    "SELECT r.id, r.state, m.id, m.deleted_ms FROM repository r INDEXED BY repository_name \
     LEFT JOIN manifest m INDEXED BY manifest_digest ON m.repository_id = r.id AND m.digest = +?1 \
     WHERE r.name = +?2 AND r.state <> 2"
}

/// Tags that were alive and point elsewhere now, or nowhere, with what they pointed at.
type Displaced = BTreeMap<TagName, Digest>;
