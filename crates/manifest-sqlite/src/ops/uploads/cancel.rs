use super::trash::discard;
use crate::driver::Doing;
use crate::writer::Verdict;
use diesel::sql_types::{BigInt, Binary, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::ports::{Part, UploadId};
use manifest_core::time::Millis;
use oci_types::RepositoryName;

/// Drops an upload with its parts. Whether there was one.
///
/// Unpublished parts go to the trash even if there was none. A finished upload has nothing left to drop.
pub(crate) fn cancel(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    id: &UploadId,
    unpublished: &[Part],
    now: Millis,
) -> Port<Verdict<bool>> {
    let statement = RemoveUpload { repository: repository.as_str(), id: &id.to_bytes(), now };
    let removed = statement.execute(connection).doing("dropping an upload")?;
    if !unpublished.is_empty() {
        discard(connection, unpublished.iter().map(|part| &part.location))?;
    }
    Ok(Verdict::Keep(removed > 0))
}

statement! {
    struct RemoveUpload<'a> { repository: &'a str => Text, id: &'a [u8] => Binary, now: Millis => BigInt }
    "DELETE FROM upload \
     WHERE repository_id = (SELECT id FROM repository INDEXED BY repository_name WHERE name = +?1 AND state <> 2) AND id = +?2 \
     AND finished_digest IS NULL AND expires_ms > +?3"
}
