use crate::page::{behind, page};
use crate::repository::Repository;
use crate::state::State;
use crate::store::MemoryStore;
use async_trait::async_trait;
use manifest_core::facts::TagState;
use manifest_core::ports::{HistoryCursor, HistoryRow, Listings, Page, PageAsk, TagRow, Totals};
use manifest_core::{Millis, Port, ReadScope};
use oci_types::{RepositoryName, TagName};
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

    async fn tags(
        &self,
        repository: &RepositoryName,
        ask: &PageAsk<TagName>,
        now: Millis,
    ) -> Port<Option<Page<TagRow>>> {
        let state = self.read()?;
        Ok(state.repository(repository).map(|repository| {
            let alive = repository.tags.alive_after(ask.after.as_ref(), now);
            page(alive.filter_map(|(name, state)| tag_row(repository, name, state)), ask.limit)
        }))
    }

    async fn history(
        &self,
        repository: &RepositoryName,
        name: Option<TagName>,
        ask: &PageAsk<HistoryCursor>,
    ) -> Port<Option<Page<HistoryRow>>> {
        let state = self.read()?;
        Ok(state.repository(repository).map(|repository| match &name {
            Some(name) => page(repository.tags.history_of(name, ask.after.as_ref()), ask.limit),
            None => page(repository.tags.history(ask.after.as_ref()), ask.limit),
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

fn tag_row(repository: &Repository, name: &TagName, state: &TagState) -> Option<TagRow> {
    let stored = &repository.manifest(&state.target)?.stored;
    Some(TagRow {
        name: name.clone(),
        state: state.clone(),
        media_type: stored.media_type.clone(),
        manifest_size: stored.bytes.len() as u64,
        layers_size: stored.layers_size,
        platform: stored.platform.clone(),
        image_created: stored.image_created,
    })
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
