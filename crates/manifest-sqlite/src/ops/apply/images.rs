use super::{Place, Step};
use crate::driver::Doing;
use crate::rows::stored_size;
use crate::sets;
use diesel::sql_types::{BigInt, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::legacy::LegacyImage;
use manifest_core::stored::nul_free;
use serde_json::{Value, json};

/// Images as the statement takes them: `[id, parent, created, command, comment, aggregate size, blob, metadata]`.
pub(super) fn bound(images: &[LegacyImage]) -> String {
    let form = |image: &LegacyImage| {
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

/// Stores those of a new manifest's images that the repository does not have. How many they were.
pub(super) fn store(connection: &mut SqliteConnection, place: Place, images: &str) -> Step<usize> {
    let statement = InsertImages { repository: place.repository, images };
    Ok(statement.execute(connection).doing("storing legacy images")?)
}

statement! {
    struct InsertImages<'a> { repository: i64 => BigInt, images: &'a str => Text }
    "INSERT INTO legacy_image (repository_id, v1_id, parent, created_ms, command, comment, aggregate_size, blob, metadata) \
     SELECT +?1, j.value->>0, j.value->>1, j.value->>2, j.value->>3, j.value->>4, j.value->>5, unhex(j.value->>6), j.value->>7 \
     FROM json_each(?2) j WHERE true ON CONFLICT DO NOTHING"
}
