use crate::driver::Doing;
use crate::rows::{Column, READ_ONLY};
use crate::writer::Verdict;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{OptionalExtension, RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::facts::Blob;
use manifest_core::ports::Removal;
use manifest_core::time::Millis;
use oci_types::{Digest, RepositoryName};

/// The blob, if the repository grants access and, where only a lease does, the lease is later than that. Up to which time it would
/// be found if nothing were written.
pub(crate) fn find(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    digest: &Digest,
    usable_after: Millis,
) -> Port<Option<(Blob, Millis)>> {
    let statement = BlobByDigest { repository: repository.as_str(), digest: digest.as_bytes(), usable_after };
    let row: Option<(i64, String, i64)> = statement.get_result(connection).optional().doing("looking up a blob")?;
    let read = |(size, location, lease)| {
        // Without a lease it is there because a manifest links it.
        let until = if lease > usable_after { lease } else { Millis::MAX };
        Ok((read("repository_blob", (size, location))?, until))
    };
    row.map(read).transpose()
}

/// A blob of its size and location in some table.
pub(super) fn read(table: &'static str, (size, location): (i64, String)) -> Port<Blob> {
    Ok(Blob { size: Column(table, "size").size(size)?, location: Column(table, "location").location(&location)? })
}

statement! {
    struct BlobByDigest<'a> { repository: &'a str => Text, digest: &'a [u8] => Binary, usable_after: Millis => BigInt }
    -> (BigInt, Text, BigInt);
    concat!(
        "SELECT b.size, b.location, b.lease_until_ms FROM repository r INDEXED BY repository_name CROSS JOIN repository_blob b \
         WHERE r.name = +?1 AND r.state <> 2 AND b.repository_id = r.id AND b.digest = +?2 AND ",
        granted!("b", "+?3")
    )
}

/// Takes access away.
pub(crate) fn remove(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    digest: &Digest,
    now: Millis,
) -> Port<Verdict<Removal>> {
    let statement = AccessRow { digest: digest.as_bytes(), repository: repository.as_str() };
    let row: Option<(i64, i64, Option<i64>, bool)> =
        statement.get_result(connection).optional().doing("looking up who links a blob")?;
    let id = match row {
        Some((_, READ_ONLY, _, _)) => return Ok(Verdict::Refuse(Removal::ReadOnly)),
        Some((_, _, Some(_), true)) => return Ok(Verdict::Refuse(Removal::StillLinked)),
        Some((id, _, Some(lease), false)) if lease > now => id,
        // A row whose lease is over grants nothing.
        Some(_) | None => return Ok(Verdict::Refuse(Removal::Absent)),
    };
    let statement = RemoveAccess { repository: id, digest: digest.as_bytes() };
    statement.execute(connection).doing("removing access to a blob")?;
    Ok(Verdict::Keep(Removal::Removed))
}

statement! {
    /// The repository, its access row's lease, and whether an undeleted manifest links the blob.
    struct AccessRow<'a> { digest: &'a [u8] => Binary, repository: &'a str => Text }
    -> (BigInt, BigInt, Nullable<BigInt>, diesel::sql_types::Bool);
    "SELECT r.id, r.state, b.lease_until_ms, \
     EXISTS (SELECT 1 FROM manifest_blob l INDEXED BY manifest_blob_digest CROSS JOIN manifest m \
     WHERE l.repository_id = r.id AND l.digest = +?1 AND m.id = l.manifest_id AND m.deleted_ms IS NULL) \
     FROM repository r INDEXED BY repository_name LEFT JOIN repository_blob b ON b.repository_id = r.id AND b.digest = +?1 \
     WHERE r.name = +?2 AND r.state <> 2"
}

statement! {
    struct RemoveAccess<'a> { repository: i64 => BigInt, digest: &'a [u8] => Binary }
    "DELETE FROM repository_blob WHERE repository_id = +?1 AND digest = +?2"
}
