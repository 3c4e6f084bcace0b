use crate::store::PostgresStore;
use diesel::sql_types::{Array, BigInt, Binary, Integer, Nullable, Text};
use manifest_core::error::Port;
use manifest_core::ports::{Page, Referrer, ReferrersAsk};
use manifest_core::stored::Column;
use manifest_core::time::Millis;
use oci_types::Digest;

/// A page of the manifests about a digest.
pub(crate) async fn referrers(store: &PostgresStore, ask: &ReferrersAsk) -> Port<Page<Referrer>> {
    if ask.limit == 0 {
        return Ok(Page { items: Vec::new(), more: false });
    }
    let types: Vec<&[u8]> = ask.artifact_types.iter().map(String::as_bytes).collect();
    let statement = Referrers {
        repository: ask.repository.as_str(),
        now: ask.now,
        subject: ask.subject.as_bytes(),
        after: ask.after.as_ref().map_or(&[], Digest::as_bytes),
        types: &types,
        limit: i64::from(ask.limit),
        max_bytes: i64::try_from(ask.max_bytes).unwrap_or(i64::MAX),
    };
    let rows: Vec<Row> = store.rows(statement, "listing referrers").await?;
    let seen = rows.last().map_or(0, |row| row.5.unsigned_abs());
    let items: Vec<Referrer> = rows.into_iter().map(read).collect::<Port<_>>()?;
    Ok(Page { more: seen > items.len() as u64, items })
}

statement! {
    /// Undeleted, visible manifests with that subject, in the order of their digests. Whether the subject is visible is found
    /// once, and nearly always decides for all of them. One row more is looked at than a page has; of those that the page is too small
    /// for, or that follow a row at which it was large enough, nothing is sent but how many rows there were with them.
    struct Referrers<'a> {
        repository: &'a str => Text,
        now: Millis => BigInt,
        subject: &'a [u8] => Binary,
        after: &'a [u8] => Binary,
        types: &'a [&'a [u8]] => Array<Binary>,
        limit: i64 => BigInt,
        max_bytes: i64 => BigInt,
    }
    -> (Binary, Text, Integer, Nullable<Binary>, Nullable<Text>, BigInt);
    concat!(
        "WITH here (id) AS MATERIALIZED (SELECT id FROM repository WHERE name = $1 AND state <> 2), \
         about (visible) AS MATERIALIZED (SELECT coalesce((SELECT ",
        kept!("here.id", "s", "$2", "$2"),
        " FROM here JOIN manifest s ON s.repository_id = here.id WHERE s.digest = $3 AND s.deleted_ms IS NULL), false)), \
         seen AS MATERIALIZED (SELECT m.digest, m.media_type, length(m.bytes) AS size, m.artifact_type, m.annotations, \
         row_number() OVER () AS place, \
         sum(length(m.media_type) + coalesce(octet_length(m.artifact_type), 0) + coalesce(octet_length(m.annotations), 0)) \
         OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before \
         FROM here CROSS JOIN LATERAL (SELECT * FROM manifest m WHERE m.repository_id = here.id AND m.subject = $3 AND m.digest > $4 \
         AND (cardinality($5) = 0 OR m.artifact_type = ANY ($5)) AND m.deleted_ms IS NULL \
         AND ((SELECT visible FROM about) OR ",
        kept!("here.id", "m", "$2", "$2"),
        ") ORDER BY m.digest LIMIT $6 + 1) m) \
         SELECT digest, media_type, size, artifact_type, annotations, (SELECT count(*) FROM seen) FROM seen \
         WHERE place = 1 OR place <= $6 AND before < $7 ORDER BY place"
    )
}

/// The columns of the manifest, and how many rows were looked at.
type Row = (Vec<u8>, String, i32, Option<Vec<u8>>, Option<String>, i64);

fn read((digest, media_type, size, artifact_type, annotations, _): Row) -> Port<Referrer> {
    let column = |column| Column("manifest", column);
    Ok(Referrer {
        digest: column("digest").digest(&digest)?,
        media_type: column("media_type").text(&media_type)?,
        size: column("bytes").size(size.into())?,
        artifact_type: column("artifact_type").optional_utf8(artifact_type)?,
        annotations: column("annotations").annotations(annotations.as_deref())?,
    })
}
