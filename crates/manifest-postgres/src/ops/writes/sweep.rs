use super::{only, unknown};
use crate::store::PostgresStore;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};
use manifest_core::error::Port;
use manifest_core::ports::{SweepAsk, SweepCursor, SweepDone, Swept};
use manifest_core::time::Millis;

/// What a step saw that has to go, by the keys of the rows, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Of tags and of their history: repository, name, start.
    History { repositories: Vec<i64>, names: Vec<String>, starts: Vec<Millis> },
    /// Repository, id.
    Manifests { repositories: Vec<i64>, ids: Vec<i64> },
    /// Repository, digest.
    Access { repositories: Vec<i64>, digests: Vec<Vec<u8>> },
    /// Digest.
    Blobs { digests: Vec<Vec<u8>> },
    /// The id behind which the first repository that is being deleted loses some of its rows.
    Repositories { after: i64 },
}

/// Removes what a step saw, so far as it still has to go. `next` is where the step ended.
pub(crate) async fn sweep(
    store: &PostgresStore,
    ask: &SweepAsk,
    keys: &Keys,
    next: Option<SweepCursor>,
) -> Port<SweepDone> {
    let before = |span| ask.now.saturating_sub(span);
    let (window, lease, now) = (before(ask.window), before(ask.grace), ask.now);
    let rows: Vec<(i64, bool)> = match keys {
        Keys::History { repositories, names, starts } => {
            let statement = SweepHistory { repositories, names, starts, window };
            store.write(statement, "removing intervals that are over").await?
        }
        Keys::Manifests { repositories, ids } => {
            store.write(SweepManifests { repositories, ids, window, now }, "collecting manifests").await?
        }
        Keys::Access { repositories, digests } => {
            let statement = SweepAccess { repositories, digests, lease };
            store.write(statement, "removing access to blobs that nothing links").await?
        }
        Keys::Blobs { digests } => {
            store.write(SweepBlobs { digests }, "removing blobs to which nobody has access").await?
        }
        Keys::Repositories { after } => return sweep_repository(store, ask, *after).await,
    };
    let (removed, busy) = only(rows, "sweeping")?;
    Ok(SweepDone { removed: removed.unsigned_abs(), next, busy })
}

/// The cursor goes on only when nothing is left of the repository.
async fn sweep_repository(store: &PostgresStore, ask: &SweepAsk, after: i64) -> Port<SweepDone> {
    const WHAT: &str = "removing a repository";
    let statement = SweepRepository { after, most: rows(ask.limit) };
    let (removed, busy, next): (i64, bool, Option<i64>) = only(store.write(statement, WHAT).await?, WHAT)?;
    if removed < 0 {
        return Err(unknown(&removed, WHAT));
    }
    Ok(SweepDone { removed: removed.unsigned_abs(), next: next.map(|id| SweepCursor(id.to_string())), busy })
}

/// How many rows a step looks at. One that looked at nothing would never get on.
fn rows(limit: u32) -> i64 {
    i64::from(limit.clamp(1, 200))
}

statement! {
    struct SweepHistory<'a> {
        repositories: &'a [i64] => Array<BigInt>,
        names: &'a [String] => Array<Text>,
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
    struct SweepAccess<'a> {
        repositories: &'a [i64] => Array<BigInt>,
        digests: &'a [Vec<u8>] => Array<Binary>,
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
    struct SweepRepository { after: i64 => BigInt, most: i64 => BigInt }
    -> (BigInt, Bool, Nullable<BigInt>);
    "SELECT removed, is_busy, next_id FROM sweep_repository_1($1, $2)"
}

/// Removes uploads that have expired.
pub(crate) async fn sweep_uploads(store: &PostgresStore, limit: u32, now: Millis) -> Port<Swept> {
    const WHAT: &str = "sweeping uploads";
    let statement = SweepUploads { most: i64::from(limit), now };
    let (removed, more): (i64, bool) = only(store.write(statement, WHAT).await?, WHAT)?;
    Ok(Swept { removed: removed.unsigned_abs(), more })
}

statement! {
    struct SweepUploads { most: i64 => BigInt, now: Millis => BigInt }
    -> (BigInt, Bool);
    "SELECT removed, more FROM sweep_uploads_1($1, $2)"
}
