use super::{Place, Step, Stop};
use crate::driver::Doing;
use crate::rows::{label_source_code, stored_size};
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{OptionalExtension, RunQueryDsl, SqliteConnection};
use manifest_core::plan::{Applied, Label, LabelsChange};
use serde_json::{Value, json};

/// Labels as the statement takes them: `[key, value, json, source]`.
pub(super) fn bound(labels: &[Label]) -> String {
    let form = |label: &Label| json!([label.key, label.value, i64::from(label.json), label_source_code(label.source)]);
    labels.iter().map(form).collect::<Value>().to_string()
}

/// Adds and removes labels, and sets what they make of tags.
pub(super) fn change(connection: &mut SqliteConnection, place: Place, change: &LabelsChange) -> Step<()> {
    let repository = place.repository;
    let statement = SetActing {
        expires_after: change.acting.expires_after,
        immutable: i64::from(change.acting.immutable),
        repository,
        digest: change.manifest.as_bytes(),
    };
    let row: Option<(i64,)> = statement.get_result(connection).optional().doing("changing what labels do")?;
    let (manifest,) = row.ok_or(Stop::Refused(Applied::ManifestGone))?;
    if let Some(id) = change.remove {
        // An id that the column cannot hold was never given.
        let statement = RemoveLabel { id: stored_size(id.0), repository, manifest };
        if statement.execute(connection).doing("removing a label")? == 0 {
            return Err(Stop::Refused(Applied::LabelGone));
        }
    }
    if !change.add.is_empty() {
        let labels = bound(&change.add);
        let statement = InsertLabels { repository, manifest, labels: &labels };
        statement.execute(connection).doing("adding labels")?;
    }
    Ok(())
}

statement! {
    struct SetActing<'a> {
        expires_after: Option<i64> => Nullable<BigInt>,
        immutable: i64 => BigInt,
        repository: i64 => BigInt,
        digest: &'a [u8] => Binary,
    }
    -> (BigInt,);
    "UPDATE manifest INDEXED BY manifest_digest SET expires_after_ms = +?1, immutable = +?2 \
     WHERE repository_id = +?3 AND digest = +?4 AND deleted_ms IS NULL RETURNING id"
}

statement! {
    struct RemoveLabel { id: i64 => BigInt, repository: i64 => BigInt, manifest: i64 => BigInt }
    "DELETE FROM label WHERE id = +?1 AND repository_id = +?2 AND manifest_id = +?3"
}

statement! {
    struct InsertLabels<'a> { repository: i64 => BigInt, manifest: i64 => BigInt, labels: &'a str => Text }
    "INSERT OR FAIL INTO label (repository_id, manifest_id, key, value, json, source) \
     SELECT +?1, +?2, j.value->>0, j.value->>1, j.value->>2, j.value->>3 FROM json_each(?3) j"
}
