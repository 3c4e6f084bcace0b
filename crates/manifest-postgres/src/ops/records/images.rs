use super::form::{Form, Place};
use crate::ops::legacy_images::{ImageRow, read};
use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use manifest_core::error::Port;
use manifest_core::ports::Record;
use manifest_core::stored::nul_free;

pub(super) async fn images(store: &PostgresStore, place: &Place<'_>, limit: i64) -> Port<Vec<Record>> {
    let statement = ImageRecords { repository: place.id, after: place.after, limit };
    let rows: Vec<ImageRow> = store.rows(statement, "listing legacy images").await?;
    let record = |row: ImageRow| {
        let image = read(row)?;
        Ok(Form::new(place.key('@', nul_free(&image.id)))
            .with_some("parent", image.parent.as_deref().map(nul_free))
            .with("blob", image.blob)
            .with_some("created", image.created)
            .with_some("command", image.command.as_deref().map(nul_free))
            .with_some("comment", image.comment.as_deref().map(nul_free))
            .with_some("aggregate_size", image.aggregate_size)
            .with("metadata", nul_free(&image.metadata))
            .done())
    };
    rows.into_iter().map(record).collect()
}

statement! {
    struct ImageRecords<'a> { repository: i64 => BigInt, after: &'a str => Text, limit: i64 => BigInt }
    -> (Text, Nullable<Text>, Nullable<BigInt>, Nullable<Text>, Nullable<Text>, Nullable<BigInt>, Binary, Text);
    "SELECT v1_id, parent, created_ms, command, comment, aggregate_size, blob, metadata FROM legacy_image \
     WHERE repository_id = $1 AND v1_id > $2 ORDER BY v1_id LIMIT $3"
}
