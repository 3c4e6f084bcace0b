use super::{Bounds, Keys, Looked, cursor};
use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Nullable, Text};
use manifest_core::error::Port;
use manifest_core::ports::{Doomed, SweepCursor};
use manifest_core::stored::Column;
use manifest_core::time::Millis;

/// Walks the repositories that are being deleted, by id.
pub(super) async fn look(store: &PostgresStore, bounds: Bounds, after: Option<&SweepCursor>) -> Port<Looked> {
    let after = match cursor::parts(after)? {
        Some([id]) => cursor::part(id)?,
        None => 0,
    };
    let statement = LookAtRepositories { after, limit: bounds.rows };
    let rows: Vec<Row> = store.rows(statement, "looking for repositories to remove").await?;
    let next = cursor::next(&rows, bounds.rows, |(id, ..)| Ok(id.to_string()))?;
    let (mut doomed, mut keys) = (Vec::new(), Vec::new());
    for (id, name, since) in rows {
        let repository = Column("repository", "name").text(&name)?;
        doomed.push(Doomed { repository: Some(repository), what: name, since, bytes: 0 });
        keys.push(id);
    }
    Ok(Looked { doomed, keys: Keys::Repositories(keys), next })
}

/// The id, the name, and since when it is being deleted.
type Row = (i64, String, Option<Millis>);

statement! {
    struct LookAtRepositories { after: i64 => BigInt, limit: i64 => BigInt }
    -> (BigInt, Text, Nullable<BigInt>);
    "SELECT id, name, deleted_ms FROM repository WHERE state = 2 AND id > $1 ORDER BY id LIMIT $2"
}
