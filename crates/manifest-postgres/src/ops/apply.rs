//! Executing a plan: whole, or a refusal that leaves nothing behind. One call, however many layers, labels and children the manifest
//! has: sets travel as one value each. What the call does is in the migrations.

mod bound;
mod happened;
mod images;

use self::bound::Bound;
use crate::ops::writes::{WriteToken, in_the_way, once, only, settled, unknown};
use crate::store::PostgresStore;
use diesel::sql_types::{Array, BigInt, Binary, Bool, SmallInt, Text};
use manifest_core::error::{Port, PortError};
use manifest_core::plan::{Applied, Plan};
use manifest_core::stored::Column;
use oci_types::{Digest, TagName};
use std::collections::BTreeSet;

/// Executes a plan. If the answer is lost with the connection, it is looked up: a push, of which there are many, leaves none, and its rows tell
/// whether it was executed. If it was not, it is again.
pub(crate) async fn apply(store: &PostgresStore, plan: &Plan) -> Port<Applied> {
    let (bound, is_push) = (Bound::new(plan), happened::is_push(plan));
    let write = async |token: WriteToken| {
        let statement = bound.statement(token, !is_push);
        read(only(store.write(statement, WHAT).await?, WHAT)?)
    };
    let settle = async |token: WriteToken| match answered(store, token).await? {
        None if is_push => happened::look(store, plan).await,
        answer => Ok(answer),
    };
    once(write, settle).await
}

const WHAT: &str = "applying a plan";

/// What a plan came to that left its answer under that number, if it was executed. It is not from now on.
async fn answered(store: &PostgresStore, token: WriteToken) -> Port<Option<Applied>> {
    let ask = async || store.write(Answered { token: token.bound() }, "looking what became of a plan").await;
    // Asked twice it says the same.
    let mut rows: Vec<Row> = settled(ask, async |rows| Ok(rows)).await?;
    rows.pop().map(read).transpose()
}

statement! {
    struct Answered { token: i64 => BigInt }
    -> (SmallInt, Bool, Array<Text>, Array<Binary>);
    "SELECT a.outcome, a.created, coalesce(a.names, '{}'), coalesce(a.digests, '{}') \
     FROM write_settle_1($1) s (answer) CROSS JOIN LATERAL jsonb_populate_record(NULL::applied_1, s.answer) a \
     WHERE s.answer IS NOT NULL"
}

/// The outcome, whether the manifest is new, names of tags, digests.
type Row = (i16, bool, Vec<String>, Vec<Vec<u8>>);

fn read((outcome, created, names, digests): Row) -> Port<Applied> {
    let tags = || names.iter().map(|name| Column("tag", "name").text(name)).collect::<Port<Vec<TagName>>>();
    let digests = |table| digests.iter().map(move |digest| Column(table, "digest").digest(digest));
    let set = |table| digests(table).collect::<Port<BTreeSet<Digest>>>();
    let name = || tags()?.pop().ok_or_else(|| unknown(&"no name", WHAT));
    Ok(match outcome {
        0 => {
            let displaced = || Ok(tags()?.into_iter().zip(digests("manifest").collect::<Port<Vec<_>>>()?).collect());
            // It is written by now, also if a deleted manifest had a tag whose name is none.
            Applied::Done { created, displaced: displaced().map_err(PortError::with_unknown_outcome)? }
        }
        1 => Applied::MissingBlobs(set("manifest_blob")?),
        2 => Applied::MissingChildren(set("manifest_child")?),
        3 => Applied::GuardFailed(name()?),
        4 => Applied::Immutable(name()?),
        5 => Applied::TagGone(name()?),
        6 => Applied::ListedBy(set("manifest")?),
        7 => Applied::ManifestGone,
        8 => Applied::LabelGone,
        9 => Applied::RepositoryGone,
        10 => Applied::ReadOnly,
        11 => return Err(in_the_way(WHAT)),
        12 => return Err(Column("repository", "state").unknown(&"a number")),
        13 => return Err(Column("tag", "manifest_id").unknown(&"the id of no manifest")),
        14 => return Err(Column("manifest", "digest").unknown(&"no digest")),
        15 => {
            let id = |id: &String| Column("legacy_image", "v1_id").nul_free(id);
            Applied::ImagesTaken(names.iter().map(id).collect::<Port<_>>()?)
        }
        other => return Err(unknown(&other, WHAT)),
    })
}
