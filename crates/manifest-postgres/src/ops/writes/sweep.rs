use super::{only, settled};
use crate::ops::sweep::{Bounds, Keys, Looked};
use crate::store::PostgresStore;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Text};
use manifest_core::error::Port;
use manifest_core::ports::{SweepAsk, SweepCursor, SweepDone, Swept};
use manifest_core::time::Millis;

/// Removes what a step saw, so far as it still has to go. If the answer is lost, what the call removed is not counted.
pub(crate) async fn sweep(store: &PostgresStore, ask: &SweepAsk, looked: &Looked) -> Port<SweepDone> {
    settled(|| remove(store, ask, looked), async |done| Ok(done)).await
}

async fn remove(store: &PostgresStore, ask: &SweepAsk, looked: &Looked) -> Port<SweepDone> {
    let Bounds { now, window, lease, .. } = Bounds::from(ask);
    let rows: Vec<(i64, bool)> = match &looked.keys {
        Keys::History(keys) => {
            let (repositories, (names, starts)): (Vec<i64>, (Vec<&str>, Vec<Millis>)) =
                keys.iter().map(|(repository, name, start)| (*repository, (name.as_str(), *start))).unzip();
            let statement = SweepHistory { repositories: &repositories, names: &names, starts: &starts, window };
            store.write(statement, "removing intervals that are over").await?
        }
        Keys::Manifests(keys) => {
            let (repositories, ids): (Vec<i64>, Vec<i64>) = keys.iter().copied().unzip();
            let statement = SweepManifests { repositories: &repositories, ids: &ids, window, now };
            store.write(statement, "collecting manifests").await?
        }
        Keys::LegacyImages(keys) => {
            let (repositories, ids): (Vec<i64>, Vec<&str>) =
                keys.iter().map(|(repository, id)| (*repository, id.as_str())).unzip();
            let statement = SweepLegacyImages { repositories: &repositories, ids: &ids };
            store.write(statement, "removing legacy images of no manifest").await?
        }
        Keys::Access(keys) => {
            let (repositories, digests): (Vec<i64>, Vec<&[u8]>) =
                keys.iter().map(|(repository, digest)| (*repository, digest.as_slice())).unzip();
            let statement = SweepAccess { repositories: &repositories, digests: &digests, lease };
            store.write(statement, "removing access to blobs that nothing links").await?
        }
        Keys::Blobs(digests) => {
            store.write(SweepBlobs { digests }, "removing blobs to which nobody has access").await?
        }
        Keys::Repositories(ids) => return sweep_first(store, ask, ids, looked.next.clone()).await,
    };
    let (removed, busy) = only(rows, "sweeping")?;
    Ok(SweepDone { removed: removed.unsigned_abs(), next: looked.next.clone(), busy })
}

/// Removes rows of the first of these repositories. Its own goes last, and only then the cursor goes on.
async fn sweep_first(store: &PostgresStore, ask: &SweepAsk, ids: &[i64], next: Option<SweepCursor>) -> Port<SweepDone> {
    const WHAT: &str = "removing a repository";
    let Some(&repository) = ids.first() else {
        return Ok(SweepDone { next, ..SweepDone::default() });
    };
    let statement = SweepRepository { repository, most: Bounds::from(ask).rows };
    let (removed, busy, is_done): (i64, bool, bool) = only(store.write(statement, WHAT).await?, WHAT)?;
    let start = || SweepCursor("0".to_owned());
    // Who gives up on a busy one goes on behind it.
    let next =
        if is_done || busy { SweepCursor(repository.to_string()) } else { ask.after.clone().unwrap_or_else(start) };
    Ok(SweepDone { removed: removed.unsigned_abs(), next: Some(next), busy })
}

statement! {
    struct SweepHistory<'a> {
        repositories: &'a [i64] => Array<BigInt>,
        names: &'a [&'a str] => Array<Text>,
        starts: &'a [Millis] => Array<BigInt>,
        window: Millis => BigInt,
    }
    -> (BigInt, Bool);
    "SELECT removed, is_busy FROM sweep_history_1($1, $2, $3, $4)"
}

statement! {
    struct SweepManifests<'a> {
        repositories: &'a [i64] => Array<BigInt>,
        ids: &'a [i64] => Array<BigInt>,
        window: Millis => BigInt,
        now: Millis => BigInt,
    }
    -> (BigInt, Bool);
    "SELECT removed, is_busy FROM sweep_manifests_1($1, $2, $3, $4)"
}

statement! {
    struct SweepLegacyImages<'a> { repositories: &'a [i64] => Array<BigInt>, ids: &'a [&'a str] => Array<Text> }
    -> (BigInt, Bool);
    "SELECT removed, is_busy FROM sweep_legacy_images_1($1, $2)"
}

statement! {
    struct SweepAccess<'a> {
        repositories: &'a [i64] => Array<BigInt>,
        digests: &'a [&'a [u8]] => Array<Binary>,
        lease: Millis => BigInt,
    }
    -> (BigInt, Bool);
    "SELECT removed, is_busy FROM sweep_access_1($1, $2, $3)"
}

statement! {
    struct SweepBlobs<'a> { digests: &'a [Vec<u8>] => Array<Binary> }
    -> (BigInt, Bool);
    "SELECT removed, is_busy FROM sweep_blobs_1($1)"
}

statement! {
    struct SweepRepository { repository: i64 => BigInt, most: i64 => BigInt }
    -> (BigInt, Bool, Bool);
    "SELECT removed, is_busy, is_done FROM sweep_repository_1($1, $2)"
}

/// Removes uploads that have expired. If the answer is lost, what the call removed is not counted.
pub(crate) async fn sweep_uploads(store: &PostgresStore, limit: u32, now: Millis) -> Port<Swept> {
    const WHAT: &str = "sweeping uploads";
    let statement = SweepUploads { most: i64::from(limit), now };
    let write = async || {
        let (removed, more): (i64, bool) = only(store.write(statement, WHAT).await?, WHAT)?;
        Ok(Swept { removed: removed.unsigned_abs(), more })
    };
    settled(write, async |swept| Ok(swept)).await
}

statement! {
    struct SweepUploads { most: i64 => BigInt, now: Millis => BigInt }
    -> (BigInt, Bool);
    "SELECT removed, more FROM sweep_uploads_1($1, $2)"
}
