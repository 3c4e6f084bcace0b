use crate::page::{behind, page};
use crate::repository::{ManifestRow as StoredManifest, Repository};
use crate::state::State;
use crate::store::MemoryStore;
use async_trait::async_trait;
use manifest_core::facts::TagState;
use manifest_core::plan::NewManifest;
use manifest_core::ports::{
    HistoryAsk, HistoryRow, Listings, MAX_PLATFORM_ENTRIES, ManifestRow, ManifestState, ManifestsAsk, Page, PageAsk,
    TagOrder, TagRow, TagsAsk, Totals, shown_platforms,
};
use manifest_core::{Millis, NEVER, Port, ReadScope};
use oci_types::{Platform, RepositoryName, TagName};
use std::collections::BTreeSet;
use std::ops::Bound;

#[async_trait]
impl Listings for MemoryStore {
    async fn tag_names(
        &self,
        repository: &RepositoryName,
        ask: &PageAsk<TagName>,
        now: Millis,
    ) -> Port<Option<Page<TagName>>> {
        let state = self.read()?;
        Ok(state.repository(repository).map(|repository| {
            let alive = repository.tags.alive_after(ask.after.as_ref(), now);
            page(alive.map(|(name, _)| name.clone()), ask.limit)
        }))
    }

    async fn tags(&self, ask: &TagsAsk) -> Port<Option<Page<TagRow>>> {
        let state = self.read()?;
        Ok(state.repository(&ask.repository).map(|repository| {
            let wanted =
                |name: &TagName| ask.contains.as_ref().is_none_or(|text| name.as_str().contains(text.as_str()));
            let row = |(name, state)| if wanted(name) { tag_row(repository, name, state) } else { None };
            match ask.order {
                TagOrder::Name => {
                    let after = ask.after.as_ref().map(|cursor| &cursor.name);
                    page(repository.tags.alive_after(after, ask.now).filter_map(row), ask.limit)
                }
                TagOrder::Newest => {
                    let alive = repository.tags.newest_after(ask.after.as_ref(), ask.now);
                    page(alive.filter_map(row), ask.limit)
                }
            }
        }))
    }

    async fn history(&self, ask: &HistoryAsk) -> Port<Option<Page<HistoryRow>>> {
        let state = self.read()?;
        Ok(state.repository(&ask.repository).map(|repository| {
            let wanted = |row: &HistoryRow| shows(ask, row);
            match &ask.name {
                Some(name) => {
                    let rows = repository.tags.history_of(name, ask.after.as_ref());
                    page(rows.filter(wanted), ask.limit)
                }
                None => page(repository.tags.history(ask.after.as_ref()).filter(wanted), ask.limit),
            }
        }))
    }

    async fn manifests(&self, ask: &ManifestsAsk) -> Port<Option<Page<ManifestRow>>> {
        let state = self.read()?;
        Ok(state.repository(&ask.repository).map(|repository| {
            let rows = repository.manifests.range((behind(ask.after), Bound::Unbounded));
            let rows = rows.map(|(digest, row)| manifest_row(row, repository.tags.alive_at(digest, ask.now).count()));
            page(rows.filter(|row| state_of(row) == ask.state), ask.limit)
        }))
    }

    async fn repositories(&self, scope: &ReadScope, ask: &PageAsk<RepositoryName>) -> Port<Page<RepositoryName>> {
        let state = self.read()?;
        let after = ask.after.as_ref();
        Ok(match scope {
            ReadScope::All => {
                let after = after.map(RepositoryName::as_str);
                let rows = state.repositories.range::<str, _>((behind(after), Bound::Unbounded));
                page(rows.map(|(_, repository)| repository.row.name.clone()), ask.limit)
            }
            ReadScope::Ranges { .. } => page(in_scope(&state, scope, after, ask.limit).into_iter(), ask.limit),
        })
    }

    async fn totals(&self) -> Port<Totals> {
        let state = self.read()?;
        let repositories = state.repositories.values();
        Ok(Totals {
            repositories: state.repositories.len() as u64,
            manifests: repositories.clone().map(|row| row.undeleted_count() as u64).sum(),
            tags: repositories.map(|row| row.tags.len() as u64).sum(),
            blobs: state.blobs.len() as u64,
            blob_bytes: state.blobs.values().map(|blob| blob.size).sum(),
        })
    }
}

/// Whether an interval is among those that are asked for. One without an end never ends, so not after any time either.
fn shows(ask: &HistoryAsk, row: &HistoryRow) -> bool {
    let alive = row.current && row.end > ask.now;
    let later = |since| row.start > since || (row.end > since && row.end != NEVER);
    (alive || !ask.active_only) && ask.since.is_none_or(later)
}

fn state_of(row: &ManifestRow) -> ManifestState {
    match (row.deleted, row.tags) {
        (Some(_), _) => ManifestState::Deleted,
        (None, 0) => ManifestState::Untagged,
        (None, _) => ManifestState::Tagged,
    }
}

fn manifest_row(row: &StoredManifest, tags: usize) -> ManifestRow {
    let stored = &row.stored;
    ManifestRow {
        digest: stored.digest,
        media_type: stored.media_type.clone(),
        size: stored.bytes.len() as u64,
        layers_size: stored.layers_size,
        platform: stored.platform.clone(),
        image_created: stored.image_created,
        artifact_type: stored.artifact_type.clone(),
        subject: stored.subject,
        created: row.created,
        actor: row.actor.clone(),
        pinned_until: row.pinned_until,
        deleted: row.deleted,
        tags: tags as u64,
    }
}

fn tag_row(repository: &Repository, name: &TagName, state: &TagState) -> Option<TagRow> {
    let stored = &repository.manifest(&state.target)?.stored;
    Some(TagRow {
        name: name.clone(),
        state: state.clone(),
        media_type: stored.media_type.clone(),
        manifest_size: stored.bytes.len() as u64,
        layers_size: stored.layers_size,
        platforms: platforms(repository, stored),
        image_created: stored.image_created,
    })
}

fn platforms(repository: &Repository, stored: &NewManifest) -> Vec<Platform> {
    let entries = stored.children.iter().take(MAX_PLATFORM_ENTRIES as usize);
    let named = entries.filter_map(|link| {
        let own = || repository.undeleted(&link.digest)?.stored.platform.clone();
        link.platform.clone().or_else(own)
    });
    shown_platforms(stored.platform.iter().cloned().chain(named))
}

/// The first names behind `after` in each range of a scope and among the public repositories, enough for a page and one more.
fn in_scope(state: &State, scope: &ReadScope, after: Option<&RepositoryName>, limit: u32) -> BTreeSet<RepositoryName> {
    let ReadScope::Ranges { public, names } = scope else {
        return BTreeSet::new();
    };
    let enough = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
    let mut found = BTreeSet::new();
    if *public {
        let rows = state.public.range((behind(after), Bound::Unbounded));
        found.extend(rows.take(enough).cloned());
    }
    let after = after.map(RepositoryName::as_str);
    let mut listed = 0;
    for range in names {
        let start = match after {
            Some(after) if after >= range.start.as_str() => Bound::Excluded(after),
            Some(_) | None => Bound::Included(range.start.as_str()),
        };
        // A range that ends before it starts is an error to the map, and holds nothing.
        if after.is_some_and(|after| after >= range.end.as_str()) || listed >= enough {
            continue;
        }
        let rows = state.repositories.range::<str, _>((start, Bound::Excluded(range.end.as_str())));
        for (_, repository) in rows.take(enough - listed) {
            found.insert(repository.row.name.clone());
            listed += 1;
        }
    }
    found
}
