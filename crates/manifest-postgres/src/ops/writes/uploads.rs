use super::blobs::blob;
use super::repositories::small;
use super::trash::texts;
use super::{only, settled, unknown};
use crate::ops::uploads::load;
use crate::store::PostgresStore;
use diesel::sql_types::{Array, BigInt, Binary, Nullable, SmallInt, Text};
use manifest_core::access::Actor;
use manifest_core::error::Port;
use manifest_core::facts::Location;
use manifest_core::ports::{
    Begun, CancelUpload, Cancelled, FinishUpload, Finished, NewUpload, PublishPart, Published, Upload,
};
use manifest_core::stored::{Column, stored_size, visibility_code};
use manifest_core::time::Millis;

/// Opens an upload.
pub(crate) async fn begin(store: &PostgresStore, upload: &NewUpload) -> Port<Begun> {
    const WHAT: &str = "opening an upload";
    let statement = Begin {
        repository: upload.repository.as_str(),
        id: &upload.id.to_bytes(),
        hash_state: &upload.hash_state,
        visibility: upload.create_repository.map(visibility_code).map(small),
        now: upload.now,
        expires: upload.expires,
        actor: upload.actor.as_ref().map(Actor::as_str),
    };
    let write = async || {
        let (outcome,): (i16,) = only(store.write(statement, WHAT).await?, WHAT)?;
        match outcome {
            0 => Ok(Begun::Done),
            1 => Ok(Begun::RepositoryGone),
            2 => Ok(Begun::ReadOnly),
            other => Err(unknown(&other, WHAT)),
        }
    };
    settled(write, async |begun| Ok(begun)).await
}

statement! {
    struct Begin<'a> {
        repository: &'a str => Text,
        id: &'a [u8] => Binary,
        hash_state: &'a [u8] => Binary,
        visibility: Option<i16> => Nullable<SmallInt>,
        now: Millis => BigInt,
        expires: Millis => BigInt,
        actor: Option<&'a str> => Nullable<Text>,
    }
    -> (SmallInt,);
    "SELECT upload_begin_3($1, $2, $3, $4, $5, $6, $7)"
}

/// Appends a part.
pub(crate) async fn publish(store: &PostgresStore, part: &PublishPart) -> Port<Published> {
    const WHAT: &str = "appending to an upload";
    let statement = Publish {
        repository: part.repository.as_str(),
        id: &part.id.to_bytes(),
        from: stored_size(part.from),
        to: stored_size(part.from.saturating_add(part.part.size)),
        hash_state: &part.hash_state,
        expires: part.expires,
        now: part.now,
        size: stored_size(part.part.size),
        location: &part.part.location.to_string(),
    };
    let write = async || {
        let (outcome, offset): (i16, Option<i64>) = only(store.write(statement, WHAT).await?, WHAT)?;
        match outcome {
            0 => Ok(Published::Done),
            1 => Ok(Published::WrongOffset(offset_of(offset)?)),
            2 => Ok(Published::Unknown),
            3 => Ok(Published::ReadOnly),
            other => Err(unknown(&other, WHAT)),
        }
    };
    let read = async |second| {
        if second == Published::Done {
            return Ok(second);
        }
        let upload = load(store, &part.repository, &part.id, part.now).await?;
        Ok(if has_part(upload.as_ref(), &part.part.location) { Published::Done } else { second })
    };
    settled(write, read).await
}

/// Whether the upload has the part. A location is never used twice, so it has it from the call that brought it.
fn has_part(upload: Option<&Upload>, location: &Location) -> bool {
    upload.is_some_and(|upload| upload.parts.iter().any(|part| part.location == *location))
}

fn offset_of(offset: Option<i64>) -> Port<u64> {
    let column = Column("upload", "offset");
    column.size(column.present(offset)?)
}

statement! {
    struct Publish<'a> {
        repository: &'a str => Text,
        id: &'a [u8] => Binary,
        from: i64 => BigInt,
        to: i64 => BigInt,
        hash_state: &'a [u8] => Binary,
        expires: Millis => BigInt,
        now: Millis => BigInt,
        size: i64 => BigInt,
        location: &'a str => Text,
    }
    -> (SmallInt, Nullable<BigInt>);
    "SELECT outcome, found_offset FROM upload_publish_2($1, $2, $3, $4, $5, $6, $7, $8, $9)"
}

/// Makes the blob. One whose answer was lost is found finished, like one that is repeated by a client.
pub(crate) async fn finish(store: &PostgresStore, upload: &FinishUpload) -> Port<Finished> {
    const WHAT: &str = "finishing an upload";
    let statement = Finish {
        repository: upload.repository.as_str(),
        id: &upload.id.to_bytes(),
        from: stored_size(upload.from),
        sealed: &upload.sealed.to_string(),
        digest: upload.digest.as_bytes(),
        size: stored_size(upload.size),
        lease_until: upload.lease_until,
        now: upload.now,
    };
    let write = async || {
        let (outcome, offset, size, location): (i16, Option<i64>, Option<i64>, Option<String>) =
            only(store.write(statement, WHAT).await?, WHAT)?;
        match outcome {
            0 => Ok(Finished::Done(blob("blob", size, location)?)),
            1 => Ok(Finished::AlreadyDone(blob("blob", size, location)?)),
            2 => Ok(Finished::WrongOffset(offset_of(offset)?)),
            3 => Ok(Finished::Unknown),
            4 => Ok(Finished::RepositoryGone),
            5 => Ok(Finished::ReadOnly),
            other => Err(unknown(&other, WHAT)),
        }
    };
    settled(write, async |finished| Ok(finished)).await
}

statement! {
    struct Finish<'a> {
        repository: &'a str => Text,
        id: &'a [u8] => Binary,
        from: i64 => BigInt,
        sealed: &'a str => Text,
        digest: &'a [u8] => Binary,
        size: i64 => BigInt,
        lease_until: Millis => BigInt,
        now: Millis => BigInt,
    }
    -> (SmallInt, Nullable<BigInt>, Nullable<BigInt>, Nullable<Text>);
    "SELECT outcome, found_offset, found_size, found_location FROM upload_finish_3($1, $2, $3, $4, $5, $6, $7, $8)"
}

/// Drops an upload with its parts.
pub(crate) async fn cancel(store: &PostgresStore, upload: &CancelUpload) -> Port<Cancelled> {
    const WHAT: &str = "dropping an upload";
    let unpublished = texts(upload.unpublished.iter().map(|part| &part.location));
    let statement = Cancel {
        repository: upload.repository.as_str(),
        id: &upload.id.to_bytes(),
        from: upload.from.map(stored_size),
        now: upload.now,
        unpublished: &unpublished,
    };
    let write = async || {
        let (outcome, offset): (i16, Option<i64>) = only(store.write(statement, WHAT).await?, WHAT)?;
        match outcome {
            0 => Ok(Cancelled::Done),
            1 => Ok(Cancelled::WrongOffset(offset_of(offset)?)),
            2 => Ok(Cancelled::Unknown),
            other => Err(unknown(&other, WHAT)),
        }
    };
    // What is unknown now was dropped by the call whose answer was lost, or is gone all the same.
    let read = async |cancelled| Ok(if cancelled == Cancelled::Unknown { Cancelled::Done } else { cancelled });
    settled(write, read).await
}

statement! {
    struct Cancel<'a> {
        repository: &'a str => Text,
        id: &'a [u8] => Binary,
        from: Option<i64> => Nullable<BigInt>,
        now: Millis => BigInt,
        unpublished: &'a [String] => Array<Text>,
    }
    -> (SmallInt, Nullable<BigInt>);
    "SELECT outcome, found_offset FROM upload_cancel_1($1, $2, $3, $4, $5)"
}
