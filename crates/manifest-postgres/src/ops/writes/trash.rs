use super::settled;
use crate::store::PostgresStore;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Text};
use manifest_core::error::Port;
use manifest_core::facts::Location;
use manifest_core::ports::{Part, Stored};
use manifest_core::time::Millis;

/// Puts parts into the trash that nobody will publish.
pub(crate) async fn discard(store: &PostgresStore, parts: &[Part], _now: Millis) -> Port<()> {
    let locations = texts(parts.iter().map(|part| &part.location));
    let statement = Discard { locations: &locations };
    let write = async || {
        let _: Vec<(bool,)> = store.write(statement, "putting bytes into the trash").await?;
        Ok(())
    };
    settled(write, async |()| Ok(())).await
}

statement! {
    /// Those that a blob or a part names are left out. A function without an answer answers NULL.
    struct Discard<'a> { locations: &'a [String] => Array<Text> }
    -> (Bool,);
    "SELECT discard_2($1) IS NULL"
}

/// Forgets locations whose bytes are deleted.
pub(crate) async fn trash_emptied(store: &PostgresStore, locations: &[Location]) -> Port<()> {
    let locations = texts(locations);
    let statement = EmptyTrash { locations: &locations };
    let write = async || {
        let _: Vec<(i64,)> = store.write(statement, "emptying the trash").await?;
        Ok(())
    };
    settled(write, async |()| Ok(())).await
}

statement! {
    /// Locked in order, so that two who empty it do not wait for each other.
    struct EmptyTrash<'a> { locations: &'a [String] => Array<Text> }
    -> (BigInt,);
    "WITH doomed AS MATERIALIZED (SELECT location FROM trash WHERE location = ANY ($1) ORDER BY location FOR UPDATE), \
     gone AS (DELETE FROM trash t USING doomed WHERE t.location = doomed.location RETURNING 1) \
     SELECT count(*) FROM gone"
}

/// Keeps locations in the trash until that time.
pub(crate) async fn postpone_trash(store: &PostgresStore, locations: &[Location], not_before: Millis) -> Port<()> {
    let locations = texts(locations);
    let statement = PostponeTrash { locations: &locations, not_before };
    let write = async || {
        let _: Vec<(i64,)> = store.write(statement, "postponing the trash").await?;
        Ok(())
    };
    settled(write, async |()| Ok(())).await
}

statement! {
    struct PostponeTrash<'a> { locations: &'a [String] => Array<Text>, not_before: Millis => BigInt }
    -> (BigInt,);
    "WITH stuck AS MATERIALIZED (SELECT location FROM trash WHERE location = ANY ($1) ORDER BY location FOR UPDATE), \
     kept AS (UPDATE trash t SET not_before_ms = $2 FROM stuck WHERE t.location = stuck.location RETURNING 1) \
     SELECT count(*) FROM kept"
}

/// Puts what nobody names into the trash. How many locations, but for those of a call whose answer is lost.
pub(crate) async fn discard_unnamed(store: &PostgresStore, seen: &[Stored], now: Millis) -> Port<u64> {
    let locations = texts(seen.iter().map(|stored| &stored.location));
    let uploads: Vec<[u8; 16]> = seen.iter().map(|stored| stored.upload.to_bytes()).collect();
    let uploads: Vec<&[u8]> = uploads.iter().map(<[u8; 16]>::as_slice).collect();
    let statement = DiscardUnnamed { now, locations: &locations, uploads: &uploads };
    let write = async || {
        let discarded: Vec<(String,)> = store.write(statement, "discarding bytes that nobody names").await?;
        Ok(discarded.len() as u64)
    };
    settled(write, async |discarded| Ok(discarded)).await
}

statement! {
    /// A location is named by a blob, by the trash, by a part, or by an unfinished upload that wrote it, expired or not. One snapshot
    /// answers all of it, and whatever an upload names later, it names while it is unfinished here.
    struct DiscardUnnamed<'a> {
        now: Millis => BigInt,
        locations: &'a [String] => Array<Text>,
        uploads: &'a [&'a [u8]] => Array<Binary>,
    }
    -> (Text,);
    "INSERT INTO trash (location, not_before_ms) \
     SELECT DISTINCT s.location COLLATE \"C\", $1::BIGINT FROM unnest($2, $3) s (location, upload) \
     WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.location = s.location) \
     AND NOT EXISTS (SELECT 1 FROM upload_part p WHERE p.location = s.location) \
     AND NOT EXISTS (SELECT 1 FROM upload u WHERE u.id = s.upload AND u.finished_digest IS NULL) \
     ORDER BY 1 ON CONFLICT DO NOTHING RETURNING location"
}

/// Locations as they are stored.
pub(super) fn texts<'a>(locations: impl IntoIterator<Item = &'a Location>) -> Vec<String> {
    locations.into_iter().map(Location::to_string).collect()
}
