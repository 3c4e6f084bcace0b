use super::page;
use crate::driver::Doing;
use crate::rows::Column;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::facts::TagState;
use manifest_core::ports::{Page, PageAsk, TagOrder, TagRow, TagsAsk};
use manifest_core::stored::shown_platforms;
use manifest_core::time::{Millis, NEVER};
use oci_types::{RepositoryName, TagName};

/// The names of alive tags.
pub(crate) fn names(
    connection: &mut SqliteConnection,
    repository: &RepositoryName,
    ask: &PageAsk<TagName>,
    now: Millis,
) -> Port<Option<Page<TagName>>> {
    let statement = TagNames {
        repository: repository.as_str(),
        after: ask.after.as_ref().map_or("", TagName::as_str),
        now,
        limit: i64::from(ask.limit) + 1,
    };
    let rows: Vec<(Option<String>,)> = statement.load(connection).doing("listing tag names")?;
    page::of_repository(rows, ask.limit, |(name,)| name.map(|name| Column("tag", "name").text(&name)).transpose())
}

/// Alive tags with what they point at, in the order that is asked for.
pub(crate) fn tags(connection: &mut SqliteConnection, ask: &TagsAsk) -> Port<Option<Page<TagRow>>> {
    let (repository, now, limit) = (ask.repository.as_str(), ask.now, i64::from(ask.limit) + 1);
    let contains = ask.contains.as_deref().unwrap_or_default();
    let after = ask.after.as_ref().map_or("", |cursor| cursor.name.as_str());
    let rows: Vec<Row> = match ask.order {
        TagOrder::Name => TagsByName { after, now, contains, repository, limit }.load(connection),
        TagOrder::Newest => {
            let start = ask.after.as_ref().map_or(NEVER, |cursor| cursor.start);
            TagsByStart { start, after, now, contains, repository, limit }.load(connection)
        }
    }
    .doing("listing tags")?;
    page::of_repository(rows, ask.limit, read)
}

statement! {
    /// One row without a name where the repository has no tag that fits.
    struct TagNames<'a> { after: &'a str => Text, now: Millis => BigInt, repository: &'a str => Text, limit: i64 => BigInt }
    -> (Nullable<Text>,);
    "SELECT t.name FROM repository r INDEXED BY repository_name \
     LEFT JOIN tag t ON t.repository_id = r.id AND t.name > +?1 AND t.expires_ms > +?2 \
     WHERE r.name = +?3 AND r.state <> 2 ORDER BY t.name LIMIT +?4"
}

/// A page of tags: how one follows the cursor, and in which order. The filter is tried on each name behind the cursor; no name
/// lacks the empty text.
macro_rules! tags {
    ($index:literal, $follows:literal, $now:literal, $contains:literal, $repository:literal, $order:literal, $limit:literal) => {
        concat!(
            "SELECT t.name, t.start_ms, t.expires_ms, t.immutable, t.actor, ",
            "m.digest, m.media_type, length(m.bytes), m.layers_size, m.platform, m.image_created_ms, ",
            // What the entries of an index say they run on, or else what the manifests say that they name. 100 is
            // `MAX_PLATFORM_ENTRIES`.
            "(SELECT json_group_array(json_array(found.platform, CASE WHEN found.platform IS NULL THEN (SELECT n.platform ",
            "FROM manifest n INDEXED BY manifest_digest WHERE n.repository_id = r.id AND n.digest = found.digest ",
            "AND n.deleted_ms IS NULL) END)) FROM (SELECT c.digest, c.platform FROM manifest_child c ",
            "WHERE c.repository_id = r.id AND c.manifest_id = m.id ORDER BY c.position LIMIT 100) found) ",
            "FROM repository r INDEXED BY repository_name LEFT JOIN tag t ",
            $index,
            " ON t.repository_id = r.id AND ",
            $follows,
            " AND t.expires_ms > ",
            $now,
            " AND instr(t.name, ",
            $contains,
            ") LEFT JOIN manifest m ON m.id = t.manifest_id WHERE r.name = ",
            $repository,
            " AND r.state <> 2 ORDER BY ",
            $order,
            " LIMIT ",
            $limit
        )
    };
}

statement! {
    struct TagsByName<'a> {
        after: &'a str => Text,
        now: Millis => BigInt,
        contains: &'a str => Text,
        repository: &'a str => Text,
        limit: i64 => BigInt,
    }
    -> (
        Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>, Nullable<Text>,
        Nullable<Binary>, Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<Text>, Nullable<BigInt>, Nullable<Text>,
    );
    tags!("", "t.name > +?1", "+?2", "+?3", "+?4", "t.name", "+?5")
}

statement! {
    struct TagsByStart<'a> {
        start: Millis => BigInt,
        after: &'a str => Text,
        now: Millis => BigInt,
        contains: &'a str => Text,
        repository: &'a str => Text,
        limit: i64 => BigInt,
    }
    -> (
        Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>, Nullable<Text>,
        Nullable<Binary>, Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<Text>, Nullable<BigInt>, Nullable<Text>,
    );
    tags!(
        "INDEXED BY tag_start",
        "t.start_ms <= +?1 AND NOT (t.start_ms = +?1 AND t.name <= +?2)",
        "+?3",
        "+?4",
        "+?5",
        "t.start_ms DESC, t.name",
        "+?6"
    )
}

type Row = (
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<Vec<u8>>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<i64>,
    Option<String>,
);

fn read(row: Row) -> Port<Option<TagRow>> {
    let (name, start, expires, immutable, actor, digest, media_type, size, layers_size, own, image_created, entries) =
        row;
    let Some(name) = name else { return Ok(None) };
    let tag = |column| Column("tag", column);
    let manifest = |column| Column("manifest", column);
    let target = tag("manifest_id").present(digest)?;
    let media_type = manifest("media_type").present(media_type)?;
    Ok(Some(TagRow {
        name: tag("name").text(&name)?,
        state: TagState {
            target: manifest("digest").digest(&target)?,
            start: start.unwrap_or_default(),
            expires: expires.unwrap_or_default(),
            immutable: tag("immutable").flag(immutable.unwrap_or_default())?,
            actor: tag("actor").actor(actor)?,
        },
        media_type: manifest("media_type").text(&media_type)?,
        manifest_size: manifest("bytes").size(size.unwrap_or_default())?,
        layers_size: manifest("layers_size").optional_size(layers_size)?,
        platforms: shown_platforms(own, entries.as_deref())?,
        image_created,
    }))
}
