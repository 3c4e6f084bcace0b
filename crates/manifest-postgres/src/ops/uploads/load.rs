use crate::store::PostgresStore;
use diesel::sql_types::{Array, BigInt, Binary, Nullable, Text};
use manifest_core::error::Port;
use manifest_core::facts::Blob;
use manifest_core::ports::{Part, Upload, UploadId};
use manifest_core::stored::Column;
use manifest_core::time::Millis;
use oci_types::{Digest, RepositoryName};

/// The upload, finished or not.
pub(crate) async fn load(
    store: &PostgresStore,
    repository: &RepositoryName,
    id: &UploadId,
    now: Millis,
) -> Port<Option<Upload>> {
    let statement = UploadById { repository: repository.as_str(), id: &id.to_bytes(), now };
    let row: Option<Row> = store.row(statement, "looking up an upload").await?;
    let Some((offset, hash_state, digest, size, location, sizes, locations)) = row else {
        return Ok(None);
    };
    Ok(Some(Upload {
        id: *id,
        offset: Column("upload", "offset").size(offset)?,
        hash_state: hash_state.into(),
        parts: sizes.into_iter().zip(&locations).map(part).collect::<Port<_>>()?,
        finished: finished(digest, size, location)?,
    }))
}

fn part((size, location): (i64, &String)) -> Port<Part> {
    Ok(Part {
        location: Column("upload_part", "location").location(location)?,
        size: Column("upload_part", "size").size(size)?,
    })
}

/// The blob that an upload became, if it is finished.
fn finished(digest: Option<Vec<u8>>, size: Option<i64>, location: Option<String>) -> Port<Option<(Digest, Blob)>> {
    let column = |column| Column("upload", column);
    let Some(digest) = column("finished_digest").optional_digest(digest)? else {
        return Ok(None);
    };
    let location = column("finished_location").present(location)?;
    let blob = Blob {
        size: column("finished_size").size(column("finished_size").present(size)?)?,
        location: column("finished_location").location(&location)?,
    };
    Ok(Some((digest, blob)))
}

statement! {
    /// The sizes and the locations of the parts, both in the order in which they were published.
    struct UploadById<'a> { repository: &'a str => Text, id: &'a [u8] => Binary, now: Millis => BigInt }
    -> (BigInt, Binary, Nullable<Binary>, Nullable<BigInt>, Nullable<Text>, Array<BigInt>, Array<Text>);
    "SELECT u.\"offset\", u.hash_state, u.finished_digest, u.finished_size, u.finished_location, \
     ARRAY(SELECT p.size FROM upload_part p WHERE p.repository_id = u.repository_id AND p.upload_id = u.id ORDER BY p.position), \
     ARRAY(SELECT p.location FROM upload_part p WHERE p.repository_id = u.repository_id AND p.upload_id = u.id ORDER BY p.position) \
     FROM repository r JOIN upload u ON u.repository_id = r.id \
     WHERE r.name = $1 AND r.state <> 2 AND u.id = $2 AND u.expires_ms > $3"
}

type Row = (i64, Vec<u8>, Option<Vec<u8>>, Option<i64>, Option<String>, Vec<i64>, Vec<String>);
