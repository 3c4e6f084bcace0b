use super::page;
use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text};
use manifest_core::error::Port;
use manifest_core::facts::TagState;
use manifest_core::ports::{Page, PageAsk, TagOrder, TagRow, TagsAsk};
use manifest_core::stored::{Column, shown_platforms};
use manifest_core::time::{Millis, NEVER};
use oci_types::{RepositoryName, TagName};

/// The names of alive tags.
pub(crate) async fn names(
    store: &PostgresStore,
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
    let rows: Vec<(Option<String>,)> = store.rows(statement, "listing tag names").await?;
    page::of_repository(rows, ask.limit, |(name,)| name.map(|name| Column("tag", "name").text(&name)).transpose())
}

/// Alive tags with what they point at, in the order that is asked for.
pub(crate) async fn tags(store: &PostgresStore, ask: &TagsAsk) -> Port<Option<Page<TagRow>>> {
    let (repository, now, limit) = (ask.repository.as_str(), ask.now, i64::from(ask.limit) + 1);
    // No name has a NUL, and no text of Postgres can say so.
    let contains = ask.contains.as_deref().unwrap_or_default().replace('\0', "\u{1}");
    let (contains, what) = (contains.as_str(), "listing tags");
    let after = ask.after.as_ref().map_or("", |cursor| cursor.name.as_str());
    let rows: Vec<Row> = match ask.order {
        TagOrder::Name => store.rows(TagsByName { repository, after, now, contains, limit }, what).await?,
        TagOrder::Newest => {
            let start = ask.after.as_ref().map_or(NEVER, |cursor| cursor.start);
            store.rows(TagsByStart { repository, start, after, now, contains, limit }, what).await?
        }
    };
    page::of_repository(rows, ask.limit, read)
}

statement! {
    /// One row without a name where the repository has no tag that fits.
    struct TagNames<'a> { repository: &'a str => Text, after: &'a str => Text, now: Millis => BigInt, limit: i64 => BigInt }
    -> (Nullable<Text>,);
    "WITH here (id) AS (SELECT id FROM repository WHERE name = $1 AND state <> 2) \
     SELECT t.name FROM here LEFT JOIN LATERAL \
     (SELECT name FROM tag WHERE repository_id = here.id AND name > $2 AND expires_ms > $3 ORDER BY name LIMIT $4) t ON true \
     ORDER BY t.name"
}

/// A page of tags: how one follows the cursor, and in which order. The filter is tried on each name behind the cursor; no name
/// lacks the empty text.
macro_rules! tags {
    ($follows:literal, $now:literal, $contains:literal, $order:literal, $limit:literal) => {
        concat!(
            "WITH here (id) AS (SELECT id FROM repository WHERE name = $1 AND state <> 2) ",
            "SELECT t.name, t.start_ms, t.expires_ms, t.immutable, t.actor, ",
            "m.digest, m.media_type, length(m.bytes), m.layers_size, m.platform, m.image_created_ms, ",
            // What the entries of an index say they run on, or else what the manifests say that they name. 100 is
            // `MAX_PLATFORM_ENTRIES`.
            "(SELECT json_agg(json_build_array(found.platform, CASE WHEN found.platform IS NULL THEN (SELECT n.platform ",
            "FROM manifest n WHERE n.repository_id = here.id AND n.digest = found.digest AND n.deleted_ms IS NULL) END) ",
            "ORDER BY found.position)::text FROM (SELECT c.position, c.digest, c.platform FROM manifest_child c ",
            "WHERE c.repository_id = here.id AND c.manifest_id = m.id ORDER BY c.position LIMIT 100) found) ",
            "FROM here LEFT JOIN LATERAL (SELECT * FROM tag t WHERE t.repository_id = here.id AND ",
            $follows,
            " AND t.expires_ms > ",
            $now,
            " AND strpos(t.name, ",
            $contains,
            ") > 0 ORDER BY ",
            $order,
            " LIMIT ",
            $limit,
            ") t ON true LEFT JOIN manifest m ON m.repository_id = here.id AND m.id = t.manifest_id ORDER BY ",
            $order
        )
    };
}

statement! {
    struct TagsByName<'a> {
        repository: &'a str => Text,
        after: &'a str => Text,
        now: Millis => BigInt,
        contains: &'a str => Text,
        limit: i64 => BigInt,
    }
    -> (
        Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<Bool>, Nullable<Text>,
        Nullable<Binary>, Nullable<Text>, Nullable<Integer>, Nullable<BigInt>, Nullable<Text>, Nullable<BigInt>, Nullable<Text>,
    );
    tags!("t.name > $2", "$3", "$4", "t.name", "$5")
}

statement! {
    /// One comparison of rows is the whole cursor, since the index has the negative of the start.
    struct TagsByStart<'a> {
        repository: &'a str => Text,
        start: Millis => BigInt,
        after: &'a str => Text,
        now: Millis => BigInt,
        contains: &'a str => Text,
        limit: i64 => BigInt,
    }
    -> (
        Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<Bool>, Nullable<Text>,
        Nullable<Binary>, Nullable<Text>, Nullable<Integer>, Nullable<BigInt>, Nullable<Text>, Nullable<BigInt>, Nullable<Text>,
    );
    tags!("(-t.start_ms, t.name) > (-$2, $3)", "$4", "$5", "-t.start_ms, t.name", "$6")
}

type Row = (
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<bool>,
    Option<String>,
    Option<Vec<u8>>,
    Option<String>,
    Option<i32>,
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
            immutable: immutable.unwrap_or_default(),
            actor: tag("actor").actor(actor)?,
        },
        media_type: manifest("media_type").text(&media_type)?,
        manifest_size: manifest("bytes").size(size.unwrap_or_default().into())?,
        layers_size: manifest("layers_size").optional_size(layers_size)?,
        platforms: shown_platforms(own, entries.as_deref())?,
        image_created,
    }))
}
