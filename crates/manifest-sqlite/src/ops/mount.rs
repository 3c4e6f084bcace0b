use super::blobs;
use super::create_repository::{create_repository, state};
use crate::driver::Doing;
use crate::rows::READ_ONLY;
use crate::sets::Scope;
use crate::writer::Verdict;
use diesel::sql_types::{BigInt, Binary, Text};
use diesel::{OptionalExtension, RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::ports::{MountAsk, MountSource, Mounted};
use manifest_core::time::Millis;

/// Gives a repository access to a blob that another one has. Two statements; a refusal asks one more: why.
pub(crate) fn mount(connection: &mut SqliteConnection, ask: &MountAsk) -> Port<Verdict<Mounted>> {
    if let Some(visibility) = ask.create_repository {
        create_repository(connection, &ask.to, visibility, ask.now)?;
    }
    let (to, digest, now, lease_until) = (ask.to.as_str(), ask.digest.as_bytes(), ask.now, ask.lease_until);
    let row: Option<(i64, String)> = match &ask.from {
        MountSource::Repository(from) => {
            MountFromRepository { lease_until, to, from: from.as_str(), digest, now }.get_result(connection)
        }
        MountSource::Scope(scope) => {
            let Scope { everything, public, ranges } = Scope::from(scope);
            MountFromScope {
                lease_until,
                to,
                digest,
                everything: i64::from(everything),
                public: i64::from(public),
                ranges: &ranges,
                now,
            }
            .get_result(connection)
        }
    }
    .optional()
    .doing("mounting a blob")?;
    if let Some(row) = row {
        return Ok(Verdict::Keep(Mounted::Done(blobs::read("repository_blob", row)?)));
    }
    Ok(Verdict::Refuse(match state(connection, &ask.to)? {
        None => Mounted::RepositoryGone,
        Some((_, READ_ONLY)) => Mounted::ReadOnly,
        Some(_) => Mounted::NotFound,
    }))
}

statement! {
    /// A second mount prolongs the lease.
    struct MountFromRepository<'a> {
        lease_until: Millis => BigInt,
        to: &'a str => Text,
        from: &'a str => Text,
        digest: &'a [u8] => Binary,
        now: Millis => BigInt,
    }
    -> (BigInt, Text);
    concat!(
        "INSERT INTO repository_blob (repository_id, digest, size, location, lease_until_ms) \
         SELECT target.id, b.digest, b.size, b.location, +?1 \
         FROM repository target INDEXED BY repository_name CROSS JOIN repository s INDEXED BY repository_name CROSS JOIN repository_blob b \
         WHERE target.name = +?2 AND target.state <> 2 AND target.state = 0 AND s.name = +?3 AND s.state <> 2 \
         AND b.repository_id = s.id AND b.digest = +?4 AND ",
        granted!("b", "+?5"),
        " ON CONFLICT (repository_id, digest) DO UPDATE SET lease_until_ms = max(lease_until_ms, excluded.lease_until_ms) \
         RETURNING size, location"
    )
}

statement! {
    /// Any holder will do.
    struct MountFromScope<'a> {
        lease_until: Millis => BigInt,
        to: &'a str => Text,
        digest: &'a [u8] => Binary,
        everything: i64 => BigInt,
        public: i64 => BigInt,
        ranges: &'a str => Text,
        now: Millis => BigInt,
    }
    -> (BigInt, Text);
    concat!(
        "INSERT INTO repository_blob (repository_id, digest, size, location, lease_until_ms) \
         SELECT target.id, b.digest, b.size, b.location, +?1 \
         FROM repository target INDEXED BY repository_name \
         CROSS JOIN repository_blob b INDEXED BY repository_blob_holder CROSS JOIN repository s \
         WHERE target.name = +?2 AND target.state <> 2 AND target.state = 0 AND b.digest = +?3 \
         AND s.id = b.repository_id AND s.state <> 2 \
         AND (+?4 OR (+?5 AND s.visibility = 0) OR EXISTS \
         (SELECT 1 FROM json_each(?6) span WHERE s.name >= span.value->>0 AND s.name < span.value->>1)) AND ",
        granted!("b", "+?7"),
        " LIMIT 1 \
         ON CONFLICT (repository_id, digest) DO UPDATE SET lease_until_ms = max(lease_until_ms, excluded.lease_until_ms) \
         RETURNING size, location"
    )
}
