use super::{Displaced, Place, Step, Stop};
use crate::driver::Doing;
use crate::sets;
use diesel::sql_types::{BigInt, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::plan::{Applied, Plan};
use oci_types::Digest;
use std::collections::BTreeMap;

/// Pins what the plan pins and what tags leave behind. The greatest pin wins.
pub(super) fn pin(connection: &mut SqliteConnection, place: Place, plan: &Plan, displaced: &Displaced) -> Step<()> {
    let left =
        plan.displaced_until.into_iter().flat_map(|until| displaced.values().map(move |digest| (*digest, until)));
    let mut pins: BTreeMap<Digest, i64> = left.collect();
    if let Some(pin) = &plan.pin {
        let until = pins.entry(pin.digest).or_insert(pin.until);
        *until = pin.until.max(*until);
    }
    if pins.is_empty() {
        return Ok(());
    }
    let statement = Pin { pins: &sets::numbers(&pins), repository: place.repository };
    let pinned = statement.execute(connection).doing("pinning manifests")?;
    // What tags leave behind is there; so it is the plan's own pin that found nothing.
    if pinned < pins.len() {
        return Err(Stop::Refused(Applied::ManifestGone));
    }
    Ok(())
}

statement! {
    /// First which rows, then what: the other way round SQLite reads every manifest of the repository.
    struct Pin<'a> { pins: &'a str => Text, repository: i64 => BigInt }
    "WITH pin (id, until) AS MATERIALIZED (\
     SELECT m.id, j.value FROM json_each(?1) j CROSS JOIN manifest m INDEXED BY manifest_digest \
     WHERE m.repository_id = +?2 AND m.digest = unhex(j.key) AND m.deleted_ms IS NULL) \
     UPDATE manifest SET pinned_until_ms = max(pinned_until_ms, pin.until) FROM pin WHERE manifest.id = pin.id"
}
