//! A state in words.

use crate::rows::{Locations, NEVER, Repository};
use crate::state::State;

/// What is committed, and which bytes there are.
pub(crate) fn state(state: &State) -> String {
    let mut parts = vec![format!("clock {}", state.clock)];
    for (r, rows) in state.rows.repositories.iter().enumerate() {
        let said = repository(rows);
        if !said.is_empty() {
            parts.push(format!("repository {r} has {}", said.join(", ")));
        }
    }
    let blobs = state.rows.blobs.iter().enumerate();
    parts.extend(blobs.filter_map(|(b, at)| Some(format!("blob {b} is at {}", (*at)?))));
    parts.push(format!("trash {:?}", set(state.rows.trash)));
    parts.push(format!("bytes {:?}", set(state.bytes)));
    parts.join("; ")
}

fn repository(rows: &Repository) -> Vec<String> {
    let manifests = rows.manifests.iter().enumerate().filter(|(_, row)| row.there);
    let manifests = manifests.map(|(m, row)| match row.deleted {
        NEVER => format!("manifest {m}"),
        at => format!("manifest {m} deleted at {at}"),
    });
    let tag = rows.tag.map(|tag| match tag.expires {
        NEVER => format!("a tag at manifest {}", tag.to),
        at => format!("a tag at manifest {} until {at}", tag.to),
    });
    let access = rows.access.iter().enumerate().filter_map(|(b, access)| Some((b, (*access)?)));
    let access =
        access.map(|(b, access)| format!("access to blob {b} at {}, leased until {}", access.location, access.lease));
    manifests.chain(tag).chain(access).collect()
}

fn set(locations: Locations) -> Vec<u8> {
    (0..16).filter(|at| locations & (1 << at) != 0).collect()
}
