use crate::driver::Doing;
use crate::rows::Column;
use crate::sets;
use crate::writer::Verdict;
use diesel::sql_types::{BigInt, Text};
use diesel::{OptionalExtension, RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::facts::Location;
use manifest_core::ports::{Stored, Swept};
use manifest_core::time::Millis;

/// Removes uploads that have expired. Their parts go to the trash by trigger.
pub(crate) fn sweep_uploads(connection: &mut SqliteConnection, limit: u32, now: Millis) -> Port<Verdict<Swept>> {
    let statement = SweepUploads { now, limit: i64::from(limit) };
    let removed = statement.execute(connection).doing("sweeping uploads")?;
    let more = removed == limit as usize && {
        let left: Option<(i64,)> =
            EndedUpload { now }.get_result(connection).optional().doing("looking for more uploads to sweep")?;
        left.is_some()
    };
    let removed = removed as u64;
    Ok(Verdict::Keep(Swept { removed, more }))
}

statement! {
    struct SweepUploads { now: Millis => BigInt, limit: i64 => BigInt }
    "DELETE FROM upload WHERE (repository_id, id) IN \
     (SELECT repository_id, id FROM upload INDEXED BY upload_expires WHERE expires_ms <= +?1 ORDER BY expires_ms LIMIT +?2)"
}

statement! {
    struct EndedUpload { now: Millis => BigInt }
    -> (BigInt,);
    "SELECT expires_ms FROM upload INDEXED BY upload_expires WHERE expires_ms <= +?1 LIMIT 1"
}

/// Locations to delete.
pub(crate) fn trash(connection: &mut SqliteConnection, limit: u32, now: Millis) -> Port<Vec<Location>> {
    let statement = Trash { now, limit: i64::from(limit) };
    let rows: Vec<(String,)> = statement.load(connection).doing("listing the trash")?;
    rows.iter().map(|(location,)| Column("trash", "location").location(location)).collect()
}

statement! {
    struct Trash { now: Millis => BigInt, limit: i64 => BigInt }
    -> (Text,);
    "SELECT t.location FROM trash t INDEXED BY trash_not_before WHERE t.not_before_ms <= +?1 \
     AND NOT EXISTS (SELECT 1 FROM blob b INDEXED BY blob_location WHERE b.location = t.location) \
     ORDER BY t.not_before_ms, t.location LIMIT +?2"
}

/// Forgets locations whose bytes are deleted.
pub(crate) fn trash_emptied(connection: &mut SqliteConnection, locations: &[Location]) -> Port<Verdict<()>> {
    let locations: Vec<String> = locations.iter().map(Location::to_string).collect();
    let statement = EmptyTrash { locations: &sets::texts(locations.iter().map(String::as_str)) };
    statement.execute(connection).doing("emptying the trash")?;
    Ok(Verdict::Keep(()))
}

statement! {
    struct EmptyTrash<'a> { locations: &'a str => Text }
    "DELETE FROM trash WHERE location IN (SELECT value FROM json_each(?1))"
}

/// Keeps locations in the trash until that time.
pub(crate) fn postpone_trash(
    connection: &mut SqliteConnection,
    locations: &[Location],
    not_before: Millis,
) -> Port<Verdict<()>> {
    let locations: Vec<String> = locations.iter().map(Location::to_string).collect();
    let locations = sets::texts(locations.iter().map(String::as_str));
    PostponeTrash { not_before, locations: &locations }.execute(connection).doing("postponing the trash")?;
    Ok(Verdict::Keep(()))
}

statement! {
    struct PostponeTrash<'a> { not_before: Millis => BigInt, locations: &'a str => Text }
    "UPDATE trash SET not_before_ms = +?1 WHERE location IN (SELECT value FROM json_each(?2))"
}

/// Puts what nobody names into the trash. How many locations.
pub(crate) fn discard_unnamed(connection: &mut SqliteConnection, seen: &[Stored], now: Millis) -> Port<Verdict<u64>> {
    let seen: serde_json::Value = seen
        .iter()
        .map(|stored| serde_json::json!([stored.location.to_string(), sets::hex_text(&stored.upload.to_bytes())]))
        .collect();
    let statement = DiscardUnnamed { seen: &seen.to_string(), now };
    let discarded = statement.execute(connection).doing("discarding bytes that nobody names")?;
    Ok(Verdict::Keep(discarded as u64))
}

statement! {
    /// A location is named by a blob, by the trash, by a part, or by an unfinished upload that wrote it, expired or not.
    struct DiscardUnnamed<'a> { now: Millis => BigInt, seen: &'a str => Text }
    "INSERT INTO trash (location, not_before_ms) SELECT j.value->>0, +?1 FROM json_each(?2) j \
     WHERE NOT EXISTS (SELECT 1 FROM blob INDEXED BY blob_location WHERE location = j.value->>0) \
     AND NOT EXISTS (SELECT 1 FROM upload_part INDEXED BY upload_part_location WHERE location = j.value->>0) \
     AND NOT EXISTS (SELECT 1 FROM upload u INDEXED BY upload_id WHERE u.id = unhex(j.value->>1) \
     AND u.finished_digest IS NULL) \
     ON CONFLICT DO NOTHING"
}
