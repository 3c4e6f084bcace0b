use super::{Place, Step};
use crate::driver::Doing;
use crate::rows::stored_size;
use crate::sets;
use crate::statement::Pieces;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, RunQueryDsl, SqliteConnection};
use manifest_core::legacy::LegacyImage;
use manifest_core::plan::ManifestChange;
use manifest_core::stored::nul_free;
use serde_json::{Value, json};
use std::borrow::Cow;

/// The legacy images that a change of a manifest brings if the manifest is new.
pub(crate) fn of(change: &ManifestChange) -> &[LegacyImage] {
    match change {
        ManifestChange::Create(new) => &new.legacy_images,
        ManifestChange::Keep(_) => &[],
    }
}

/// Images as statements take many: `[id, parent, created, command, comment, aggregate size, blob, metadata]`.
pub(super) fn bound(images: &[&LegacyImage]) -> String {
    let form = |image: &&LegacyImage| {
        json!([
            nul_free(&image.id),
            image.parent.as_deref().map(nul_free),
            image.created,
            image.command.as_deref().map(nul_free),
            image.comment.as_deref().map(nul_free),
            image.aggregate_size.map(stored_size),
            sets::hex_text(image.blob.as_bytes()),
            nul_free(&image.metadata),
        ])
    };
    images.iter().map(form).collect::<Value>().to_string()
}

/// Stores those of a new manifest's images that the repository does not have. Whether that was all of them.
pub(super) fn store(connection: &mut SqliteConnection, place: Place, images: &[&LegacyImage]) -> Step<bool> {
    let repository = place.repository;
    let stored = if images.len() <= FEW {
        InsertFewImages::of(repository, images).execute(connection)
    } else {
        InsertImages { repository, images: &bound(images) }.execute(connection)
    };
    Ok(stored.doing("storing legacy images")? == images.len())
}

statement! {
    struct InsertImages<'a> { repository: i64 => BigInt, images: &'a str => Text }
    "INSERT OR FAIL INTO legacy_image (repository_id, v1_id, parent, created_ms, command, comment, aggregate_size, blob, metadata) \
     SELECT +?1, j.value->>0, j.value->>1, j.value->>2, j.value->>3, j.value->>4, j.value->>5, unhex(j.value->>6), j.value->>7 \
     FROM json_each(?2) j WHERE true ON CONFLICT DO NOTHING"
}

/// How many images have places of their own in a statement. An image seldom brings more over a base that is known, and JSON costs
/// more than it takes to store them.
const FEW: usize = 8;

/// How many columns of an image are bound.
const COLUMNS: usize = 8;

/// What [`InsertImages`] does, for a few images: each has its places, and those that are left over are NULL.
#[derive(Debug)]
pub(crate) struct InsertFewImages<'a> {
    repository: i64,
    images: [Option<Stored<'a>>; FEW],
}

/// An image in its stored form.
#[derive(Debug)]
struct Stored<'a> {
    id: Cow<'a, str>,
    parent: Option<Cow<'a, str>>,
    created: Option<i64>,
    command: Option<Cow<'a, str>>,
    comment: Option<Cow<'a, str>>,
    aggregate_size: Option<i64>,
    blob: &'a [u8],
    metadata: Cow<'a, str>,
}

impl<'a> InsertFewImages<'a> {
    /// The text, which never varies.
    pub(crate) const SQL: &'static str = concat!(
        "INSERT OR FAIL INTO legacy_image (repository_id, v1_id, parent, created_ms, command, comment, aggregate_size, blob, metadata) \
         SELECT ?, column1, column2, column3, column4, column5, column6, column7, column8 FROM (VALUES ",
        "(?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?), ",
        "(?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?)",
        ") WHERE column1 IS NOT NULL ON CONFLICT DO NOTHING"
    );
    const MARKS: [usize; 1 + FEW * COLUMNS] = marks(Self::SQL);

    /// At most [`FEW`]; more have no place.
    fn of(repository: i64, images: &[&'a LegacyImage]) -> Self {
        let mut images = images.iter().map(|image| Stored::from(*image));
        Self { repository, images: std::array::from_fn(|_| images.next()) }
    }
}

impl<'a> From<&'a LegacyImage> for Stored<'a> {
    fn from(image: &'a LegacyImage) -> Self {
        Self {
            id: nul_free(&image.id),
            parent: image.parent.as_deref().map(nul_free),
            created: image.created,
            command: image.command.as_deref().map(nul_free),
            comment: image.comment.as_deref().map(nul_free),
            aggregate_size: image.aggregate_size.map(stored_size),
            blob: image.blob.as_bytes(),
            metadata: nul_free(&image.metadata),
        }
    }
}

impl QueryFragment<Sqlite> for InsertFewImages<'_> {
    fn walk_ast<'q>(&'q self, mut out: AstPass<'_, 'q, Sqlite>) -> QueryResult<()> {
        let mut text = Pieces::new(Self::SQL, &Self::MARKS);
        macro_rules! bind {
            ($type:ty, $value:expr) => {
                out.push_sql(text.next());
                // Writes the `?`.
                out.push_bind_param::<$type, _>($value)?;
            };
        }
        bind!(BigInt, &self.repository);
        for image in &self.images {
            match image {
                Some(image) => {
                    bind!(Text, &*image.id);
                    bind!(Nullable<Text>, &image.parent);
                    bind!(Nullable<BigInt>, &image.created);
                    bind!(Nullable<Text>, &image.command);
                    bind!(Nullable<Text>, &image.comment);
                    bind!(Nullable<BigInt>, &image.aggregate_size);
                    bind!(Binary, image.blob);
                    bind!(Text, &*image.metadata);
                }
                None => {
                    for _ in 0..COLUMNS {
                        bind!(Nullable<Text>, &None::<&str>);
                    }
                }
            }
        }
        out.push_sql(text.next());
        Ok(())
    }
}

// The text never varies, so the prepared statement is kept under the type alone.
impl QueryId for InsertFewImages<'_> {
    type QueryId = InsertFewImages<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for InsertFewImages<'_> {
    type SqlType = ();
}

impl RunQueryDsl<SqliteConnection> for InsertFewImages<'_> {}

/// Where the parameters of a text without numbers stand.
///
/// # Panics
///
/// When the crate is compiled, if there are more or less than that.
const fn marks<const N: usize>(sql: &str) -> [usize; N] {
    let bytes = sql.as_bytes();
    let mut marks = [0; N];
    let (mut found, mut at) = (0, 0);
    while at < bytes.len() {
        if bytes[at] == b'?' {
            marks[found] = at;
            found += 1;
        }
        at += 1;
    }
    assert!(found == N, "a column has no parameter");
    marks
}
