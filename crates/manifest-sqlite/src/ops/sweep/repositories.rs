use super::{Bounds, Looked, cursor};
use crate::driver::Doing;
use crate::rows::Column;
use crate::writer::Verdict;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::{OptionalExtension, RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::ports::{Doomed, SweepCursor, SweepDone};
use manifest_core::time::Millis;

/// Walks the repositories that are being deleted, by id.
pub(super) fn look(connection: &mut SqliteConnection, bounds: Bounds, after: Option<&SweepCursor>) -> Port<Looked> {
    let statement = LookAtRepositories { after: id(after)?, limit: bounds.rows };
    let rows: Vec<Row> = statement.load(connection).doing("looking for repositories to remove")?;
    let next = cursor::next(&rows, bounds.rows, |(id, ..)| Ok(id.to_string()))?;
    let mut doomed = Vec::new();
    for (_, name, since) in rows {
        let repository = Column("repository", "name").text(&name)?;
        doomed.push(Doomed { repository: Some(repository), what: name, since, bytes: 0 });
    }
    Ok(Looked { doomed, keys: String::new(), next })
}

fn id(after: Option<&SweepCursor>) -> Port<i64> {
    match cursor::parts(after)? {
        Some([id]) => cursor::part(id),
        None => Ok(0),
    }
}

/// Removes rows of the first repository behind the cursor; its own goes last, and only then the cursor goes on.
pub(super) fn remove(
    connection: &mut SqliteConnection,
    bounds: Bounds,
    after: Option<&SweepCursor>,
) -> Port<Verdict<SweepDone>> {
    let after = id(after)?;
    let statement = LookAtRepositories { after, limit: 1 };
    let row: Option<Row> = statement.get_result(connection).optional().doing("looking for a repository to remove")?;
    let Some((repository, ..)) = row else {
        return Ok(Verdict::Keep(SweepDone::default()));
    };
    let mut left = bounds.rows;
    CloseTags { repository, limit: left }.execute(connection).doing("closing the tags of a repository")?;
    RemoveTags { repository, limit: left }.execute(connection).doing("removing the tags of a repository")?;
    let mut count = |removed: usize| {
        left = left.saturating_sub_unsigned(removed as u64);
        left
    };
    let history = RemoveHistory { repository, limit: bounds.rows };
    let limit = count(history.execute(connection).doing("removing the history of a repository")?);
    let manifests = RemoveManifests { repository, limit };
    let limit = count(manifests.execute(connection).doing("removing the manifests of a repository")?);
    let images = RemoveImages { repository, limit };
    let limit = count(images.execute(connection).doing("removing the legacy images of a repository")?);
    let access = RemoveAccess { repository, limit };
    let limit = count(access.execute(connection).doing("removing the access rows of a repository")?);
    let uploads = RemoveUploads { repository, limit };
    let limit = count(uploads.execute(connection).doing("removing the uploads of a repository")?);
    let mut next = after;
    if limit > 0 {
        // Each of them found fewer rows than it might have removed, so none is left.
        count(RemoveRepository { repository }.execute(connection).doing("removing a repository")?);
        next = repository;
    }
    let removed = (bounds.rows - left).unsigned_abs();
    Ok(Verdict::Keep(SweepDone { removed, next: Some(SweepCursor(next.to_string())), busy: false }))
}

/// The id, the name, and since when it is being deleted.
type Row = (i64, String, Option<Millis>);

statement! {
    struct LookAtRepositories { after: i64 => BigInt, limit: i64 => BigInt }
    -> (BigInt, Text, Nullable<BigInt>);
    "SELECT id, name, deleted_ms FROM repository INDEXED BY repository_deleting WHERE state = 2 AND id > +?1 ORDER BY id LIMIT +?2"
}

statement! {
    struct CloseTags { repository: i64 => BigInt, limit: i64 => BigInt }
    "UPDATE tag SET expires_ms = start_ms WHERE repository_id = +?1 AND name IN \
     (SELECT name FROM tag WHERE repository_id = +?1 ORDER BY name LIMIT +?2)"
}

statement! {
    /// Their last intervals become history by trigger.
    struct RemoveTags { repository: i64 => BigInt, limit: i64 => BigInt }
    "DELETE FROM tag WHERE repository_id = +?1 AND name IN \
     (SELECT name FROM tag WHERE repository_id = +?1 ORDER BY name LIMIT +?2)"
}

statement! {
    struct RemoveHistory { repository: i64 => BigInt, limit: i64 => BigInt }
    "DELETE FROM tag_history WHERE repository_id = +?1 AND (name, start_ms) IN \
     (SELECT name, start_ms FROM tag_history WHERE repository_id = +?1 ORDER BY name, start_ms LIMIT +?2)"
}

statement! {
    /// What hangs on them goes by trigger.
    struct RemoveManifests { repository: i64 => BigInt, limit: i64 => BigInt }
    "DELETE FROM manifest WHERE id IN \
     (SELECT id FROM manifest INDEXED BY manifest_digest WHERE repository_id = +?1 ORDER BY digest LIMIT +?2)"
}

statement! {
    struct RemoveImages { repository: i64 => BigInt, limit: i64 => BigInt }
    "DELETE FROM legacy_image WHERE repository_id = +?1 AND v1_id IN \
     (SELECT v1_id FROM legacy_image WHERE repository_id = +?1 ORDER BY v1_id LIMIT +?2)"
}

statement! {
    struct RemoveAccess { repository: i64 => BigInt, limit: i64 => BigInt }
    "DELETE FROM repository_blob WHERE repository_id = +?1 AND digest IN \
     (SELECT digest FROM repository_blob WHERE repository_id = +?1 ORDER BY digest LIMIT +?2)"
}

statement! {
    /// Their parts go into the trash by trigger.
    struct RemoveUploads { repository: i64 => BigInt, limit: i64 => BigInt }
    "DELETE FROM upload WHERE repository_id = +?1 AND id IN \
     (SELECT id FROM upload WHERE repository_id = +?1 ORDER BY id LIMIT +?2)"
}

statement! {
    struct RemoveRepository { repository: i64 => BigInt }
    "DELETE FROM repository WHERE id = +?1 AND state = 2"
}
