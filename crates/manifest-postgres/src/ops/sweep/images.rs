use super::{Bounds, Keys, Looked, cursor};
use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Bool, Text};
use manifest_core::error::Port;
use manifest_core::ports::{Doomed, SweepCursor};
use manifest_core::stored::Column;

/// Walks the legacy images, `REPOSITORY:ID`, the id in its stored form.
pub(super) async fn look(store: &PostgresStore, bounds: Bounds, after: Option<&SweepCursor>) -> Port<Looked> {
    let (repository, after): (i64, &str) = match cursor::parts(after)? {
        Some([repository, id]) => (cursor::part(repository)?, id),
        None => (0, ""),
    };
    let statement = LookAtImages { repository, after, limit: bounds.rows };
    let rows: Vec<Row> = store.rows(statement, "looking for legacy images of no manifest").await?;
    let next = cursor::next(&rows, bounds.rows, |(repository, _, id, _)| Ok(format!("{repository}:{id}")))?;
    let (mut doomed, mut keys) = (Vec::new(), Vec::new());
    for (id, repository, image, _) in rows.into_iter().filter(|(.., is_doomed)| *is_doomed) {
        doomed.push(Doomed {
            repository: Some(Column("repository", "name").text(&repository)?),
            what: Column("legacy_image", "v1_id").nul_free(&image)?,
            since: None,
            bytes: 0,
        });
        keys.push((id, image));
    }
    Ok(Looked { doomed, keys: Keys::LegacyImages(keys), next })
}

/// The repository's id and name, the image's id, and whether it is doomed.
type Row = (i64, String, String, bool);

statement! {
    /// The rows of a repository that is being deleted go with it.
    struct LookAtImages<'a> { repository: i64 => BigInt, after: &'a str => Text, limit: i64 => BigInt }
    -> (BigInt, Text, Text, Bool);
    concat!(
        "SELECT i.repository_id, ", repository_of!("i", "name"), ", i.v1_id, ", repository_of!("i", "state <> 2"), " AND NOT ",
        image_reached!("i.repository_id", "i.v1_id", "true"),
        " FROM legacy_image i WHERE (i.repository_id, i.v1_id) > ($1, $2) ORDER BY i.repository_id, i.v1_id LIMIT $3"
    )
}
