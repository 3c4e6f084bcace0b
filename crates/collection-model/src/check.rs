//! What must be true in every state, and what must be left in the end.

use crate::liveness::{linked, retained, undeleted, visible};
use crate::model::Model;
use crate::rows::{BLOBS, Locations, MANIFESTS, REPOSITORIES, Repository, Upload, location, members};
use crate::state::State;

/// What is wrong with a state, whatever is under way: only what is committed counts.
pub(crate) fn state(model: &Model, state: &State) -> Result<(), String> {
    blobs(state)?;
    for r in 0..REPOSITORIES {
        let (rows, spec) = (&state.rows.repositories[r], &state.spec.repositories[r]);
        leases(state, r)?;
        tag(state, r)?;
        for m in (0..).take(MANIFESTS) {
            manifest(model, state.clock, rows, spec, m).map_err(|what| format!("in repository {r}, {what}"))?;
        }
    }
    Ok(())
}

/// Access rows have blob rows, blob rows have bytes, and what they name is no trash.
fn blobs(state: &State) -> Result<(), String> {
    for b in 0..BLOBS {
        let at = state.rows.blobs[b];
        for (r, repository) in state.rows.repositories.iter().enumerate() {
            if let Some(access) = repository.access[b]
                && at != Some(access.location)
            {
                return Err(format!(
                    "repository {r} has access to blob {b} at {}, and no blob row says so",
                    access.location
                ));
            }
        }
        let Some(at) = at else { continue };
        if state.rows.trash & location(at) != 0 {
            return Err(format!("blob {b} is at {at}, which is in the trash"));
        }
        if state.bytes & location(at) == 0 {
            return Err(format!("blob {b} is at {at}, whose bytes are deleted"));
        }
    }
    Ok(())
}

/// An upload or mount that was acknowledged lasts as long as its lease.
fn leases(state: &State, r: usize) -> Result<(), String> {
    for b in 0..BLOBS {
        let until = state.spec.leases[r][b];
        if until > state.clock && state.rows.repositories[r].access[b].is_none() {
            return Err(format!("repository {r} was promised blob {b} until {until} and has no access to it"));
        }
    }
    Ok(())
}

/// The alive tag is the one that was acknowledged, and its manifest is there undeleted.
fn tag(state: &State, r: usize) -> Result<(), String> {
    // Where an interval starts behind one that was collected is nobody's business any more.
    let alive = |rows: &Repository| rows.tag.filter(|tag| tag.expires > state.clock).map(|tag| (tag.to, tag.expires));
    let (is, was) = (alive(&state.rows.repositories[r]), alive(&state.spec.repositories[r]));
    if is != was {
        return Err(format!("the tag of repository {r} is {is:?}, acknowledged was {was:?}"));
    }
    match is {
        Some((to, _)) if !undeleted(&state.rows.repositories[r], to) => {
            Err(format!("the tag of repository {r} points at manifest {to}, which is not there"))
        }
        Some(_) | None => Ok(()),
    }
}

fn manifest(model: &Model, clock: u8, rows: &Repository, spec: &Repository, m: u8) -> Result<(), String> {
    let (definitions, window) = (&model.world.definitions, model.world.spans.window);
    let should = visible(spec, definitions, m, clock);
    if should && !undeleted(rows, m) {
        return Err(format!("manifest {m} was acknowledged, is still kept, and its row is gone"));
    }
    if should != visible(rows, definitions, m, clock) {
        let (hidden, shown) = ("is hidden though it is kept", "is visible though it was deleted or never acknowledged");
        return Err(format!("manifest {m} {}", if should { hidden } else { shown }));
    }
    if retained(spec, definitions, m, clock, window) && !rows.manifests[usize::from(m)].there {
        return Err(format!("manifest {m} can no longer be restored, though the window is open"));
    }
    if !undeleted(rows, m) {
        return Ok(());
    }
    let definition = definitions[usize::from(m)];
    if let Some(b) = members(definition.blobs).find(|b| rows.access[usize::from(*b)].is_none()) {
        return Err(format!("manifest {m} has lost its access to blob {b}"));
    }
    match definition.child {
        Some(child) if should && !undeleted(rows, child) => Err(format!("manifest {m} has lost its child {child}")),
        Some(_) | None => Ok(()),
    }
}

/// When nothing is under way and time has passed, collection leaves exactly what is kept.
pub(crate) fn at_rest(model: &Model, state: &State) -> Result<(), String> {
    let end = model.drain(state);
    self::state(model, &end).map_err(|what| format!("after a last collection, {what}"))?;
    let definitions = &model.world.definitions;
    let mut needed = 0;
    for (r, rows) in end.rows.repositories.iter().enumerate() {
        for m in (0..).take(MANIFESTS) {
            if rows.manifests[usize::from(m)].there && !visible(&end.spec.repositories[r], definitions, m, end.clock) {
                return Err(format!("manifest {m} of repository {r} is never collected"));
            }
        }
        for b in (0..).take(BLOBS) {
            let there = rows.access[usize::from(b)].is_some();
            if there && !linked(definitions, b, |m| undeleted(rows, m)) {
                return Err(format!("access of repository {r} to blob {b} is never collected"));
            }
            needed |= u8::from(there) << b;
        }
    }
    let named: Locations =
        members(needed).filter_map(|b| end.rows.blobs[usize::from(b)]).fold(0, |all, at| all | location(at));
    if end.bytes != named || end.rows.named_by_blobs() != named {
        return Err(format!("bytes are left that nobody needs: {:#b}, needed are {named:#b}", end.bytes));
    }
    if end.rows.trash != 0 || end.rows.uploads != [Upload::Absent; 4] {
        return Err("trash or uploads are never swept".to_owned());
    }
    Ok(())
}
