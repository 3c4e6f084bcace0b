use crate::driver::Doing;
use crate::rows::Column;
use crate::sets;
use diesel::connection::DefaultLoadingMode;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::ports::{Page, Referrer, ReferrersAsk};
use manifest_core::time::Millis;
use oci_types::Digest;

/// A page of the manifests about a digest.
pub(crate) fn referrers(connection: &mut SqliteConnection, ask: &ReferrersAsk) -> Port<Page<Referrer>> {
    let mut page = Page { items: Vec::new(), more: false };
    if ask.limit == 0 {
        return Ok(page);
    }
    let types = sets::texts(ask.artifact_types.iter().map(String::as_str));
    let statement = Referrers {
        repository: ask.repository.as_str(),
        subject: ask.subject.as_bytes(),
        after: ask.after.as_ref().map_or(&[], Digest::as_bytes),
        types: &types,
        now: ask.now,
        limit: i64::from(ask.limit) + 1,
    };
    let rows = statement.load_iter::<Row, DefaultLoadingMode>(connection).doing("listing referrers")?;
    let mut bytes = 0;
    for row in rows {
        if page.items.len() == ask.limit as usize || bytes >= ask.max_bytes && !page.items.is_empty() {
            page.more = true;
            break;
        }
        let (referrer, weight) = read(row.doing("reading a referrer")?)?;
        page.items.push(referrer);
        bytes += weight;
    }
    Ok(page)
}

statement! {
    /// Undeleted, visible manifests with that subject, in the order of their digests. Whether the subject is visible is found
    /// once, and nearly always decides for all of them.
    struct Referrers<'a> {
        repository: &'a str => Text,
        subject: &'a [u8] => Binary,
        after: &'a [u8] => Binary,
        types: &'a str => Text,
        now: Millis => BigInt,
        limit: i64 => BigInt,
    }
    -> (Binary, Text, BigInt, Nullable<Text>, Nullable<Text>);
    concat!(
        "SELECT m.digest, m.media_type, length(m.bytes), m.artifact_type, m.annotations \
         FROM repository r INDEXED BY repository_name CROSS JOIN manifest m INDEXED BY manifest_subject \
         WHERE r.name = +?1 AND r.state <> 2 AND m.repository_id = r.id AND m.subject = +?2 AND m.digest > +?3 \
         AND (json_array_length(?4) = 0 OR m.artifact_type IN (SELECT value FROM json_each(?4))) AND m.deleted_ms IS NULL \
         AND ((SELECT ", kept!("s.repository_id", "s", "+?5", "+?5"),
        " FROM repository sr INDEXED BY repository_name CROSS JOIN manifest s INDEXED BY manifest_digest \
         WHERE sr.name = +?1 AND sr.state <> 2 AND s.repository_id = sr.id AND s.digest = +?2 AND s.deleted_ms IS NULL) OR ",
        kept!("r.id", "m", "+?5", "+?5"),
        ") ORDER BY m.digest LIMIT +?6"
    )
}

type Row = (Vec<u8>, String, i64, Option<String>, Option<String>);

/// The referrer, and how many bytes its annotations and types have.
fn read((digest, media_type, size, artifact_type, annotations): Row) -> Port<(Referrer, usize)> {
    let column = |column| Column("manifest", column);
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let weight = media_type.len() + text(&artifact_type) + text(&annotations);
    let referrer = Referrer {
        digest: column("digest").digest(&digest)?,
        media_type: column("media_type").text(&media_type)?,
        size: column("bytes").size(size)?,
        artifact_type,
        annotations: column("annotations").annotations(annotations.as_deref())?,
    };
    Ok((referrer, weight))
}
