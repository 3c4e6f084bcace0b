use crate::page::behind;
use crate::repository::{ManifestRow, Repository};
use crate::store::MemoryStore;
use async_trait::async_trait;
use manifest_core::Port;
use manifest_core::facts::{Child, Existing, PushAsk, PushFacts, RepositoryState, TagState};
use manifest_core::plan::{Applied, LabelRow, LabelSource, Plan};
use manifest_core::ports::{
    FetchAsk, Fetched, Found, Liveness, Manifests, Page, Referrer, ReferrersAsk, Support, SupportAsk,
};
use manifest_core::stored::annotations_to_text;
use oci_types::{Digest, Reference, RepositoryName, TagName};
use std::ops::Bound;

#[async_trait]
impl Manifests for MemoryStore {
    async fn fetch(&self, ask: &FetchAsk) -> Port<Fetched> {
        let state = self.read()?;
        let Some(repository) = state.repository(&ask.repository) else {
            return Ok(Fetched::RepositoryUnknown);
        };
        Ok(match &ask.reference {
            Reference::Digest(digest) => by_digest(repository, ask, digest),
            Reference::Tag(name) => by_tag(repository, ask, name),
        })
    }

    async fn push_facts(&self, ask: &PushAsk) -> Port<PushFacts> {
        let state = self.read()?;
        Ok(state.repository(&ask.repository).map_or_else(nothing, |repository| facts(repository, ask)))
    }

    async fn apply(&self, plan: &Plan) -> Port<Applied> {
        Ok(self.write()?.apply(plan))
    }

    async fn referrers(&self, ask: &ReferrersAsk) -> Port<Page<Referrer>> {
        let state = self.read()?;
        Ok(match state.repository(&ask.repository) {
            Some(repository) => referrers(repository, ask),
            None => Page { items: Vec::new(), more: false },
        })
    }

    async fn labels(&self, repository: &RepositoryName, digest: &Digest, prefix: &str) -> Port<Option<Vec<LabelRow>>> {
        let state = self.read()?;
        let row = state.repository(repository).and_then(|repository| repository.undeleted(digest));
        Ok(row.map(|row| row.labels.iter().filter(|row| starts_with(&row.label.key, prefix)).cloned().collect()))
    }

    async fn support(&self, ask: &SupportAsk) -> Port<Option<Support>> {
        let state = self.read()?;
        Ok(state.repository(&ask.repository).and_then(|repository| repository.support(ask)))
    }
}

/// Whether a key starts with a prefix, ignoring ASCII case.
fn starts_with(key: &str, prefix: &str) -> bool {
    let start = key.as_bytes().get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

fn by_tag(repository: &Repository, ask: &FetchAsk, name: &TagName) -> Fetched {
    let tag = match ask.at {
        Some(time) => repository.tags.at(name, time),
        None => repository.tags.alive(name, ask.now).cloned(),
    };
    match tag {
        Some(tag) => found(repository.undeleted(&tag.target), ask, Some(tag)),
        None if ask.at.is_none() && repository.tags.existed(name) => Fetched::TagExpired,
        None => Fetched::Unknown,
    }
}

fn by_digest(repository: &Repository, ask: &FetchAsk, digest: &Digest) -> Fetched {
    let row = repository.manifest(digest).filter(|row| match ask.liveness {
        Liveness::Visible => repository.visible(digest, ask.now),
        Liveness::Undeleted => row.deleted.is_none(),
        Liveness::Any => true,
    });
    found(row, ask, None)
}

fn found(row: Option<&ManifestRow>, ask: &FetchAsk, tag: Option<TagState>) -> Fetched {
    let Some(row) = row else { return Fetched::Unknown };
    let stored = &row.stored;
    Fetched::Found(Found {
        digest: stored.digest,
        media_type: stored.media_type.clone(),
        size: stored.bytes.len() as u64,
        bytes: (ask.have != Some(stored.digest)).then(|| stored.bytes.clone()),
        tag,
    })
}

fn nothing() -> PushFacts {
    PushFacts::nothing_in(RepositoryState::Absent)
}

fn facts(repository: &Repository, ask: &PushAsk) -> PushFacts {
    let existing = ask.digest.and_then(|digest| {
        let row = repository.manifest(&digest)?;
        Some(Existing {
            media_type: row.stored.media_type.clone(),
            acting: row.acting,
            deleted: row.deleted.is_some(),
            visible: row.deleted.is_none() && (!ask.visibility || repository.visible(&digest, ask.now)),
        })
    });
    let blobs = ask.blobs.iter();
    let children = ask.children.iter();
    let tags = ask.tags.iter();
    let tags_of = ask.tags_of.iter().flat_map(|digest| repository.tags.alive_at(digest, ask.now));
    let images = ask.legacy_images.iter();
    let labels = ask.digest.filter(|_| ask.labels).and_then(|digest| repository.manifest(&digest));
    PushFacts {
        repository: repository.row.state,
        existing,
        blobs: blobs.filter_map(|digest| Some((*digest, repository.grants(digest, ask.now)?.clone()))).collect(),
        children: children.filter_map(|digest| Some((*digest, child(repository.undeleted(digest)?)))).collect(),
        tags: tags.filter_map(|name| Some((name.clone(), repository.tags.row(name)?.clone()))).collect(),
        tags_of: tags_of.map(|(name, state)| (name.clone(), state.clone())).collect(),
        labels: labels.map_or_else(Vec::new, |row| row.labels.clone()),
        legacy_images: images.filter_map(|id| Some((id.clone(), repository.images.known(id)?))).collect(),
    }
}

fn child(row: &ManifestRow) -> Child {
    let own = row.labels.iter().map(|row| &row.label);
    let own = own.filter(|label| label.source == LabelSource::Manifest);
    Child {
        media_type: row.stored.media_type.clone(),
        size: row.stored.bytes.len() as u64,
        platform: row.stored.platform.clone(),
        // Collecting keeps the last of a key.
        labels: own.map(|label| (label.key.clone(), label.value.clone())).collect(),
        legacy_image: row.stored.legacy_image.clone(),
    }
}

fn referrers(repository: &Repository, ask: &ReferrersAsk) -> Page<Referrer> {
    let mut page = Page { items: Vec::new(), more: false };
    let mut room = ask.max_bytes;
    let limit = usize::try_from(ask.limit).unwrap_or(usize::MAX);
    if limit == 0 {
        return page;
    }
    let about = repository.referrers_of(&ask.subject).into_iter();
    let about = about.flat_map(|all| all.range((behind(ask.after), Bound::Unbounded)));
    for digest in about {
        let Some(row) = repository.undeleted(digest) else {
            continue;
        };
        if !wanted(row, &ask.artifact_types) || !repository.visible(digest, ask.now) {
            continue;
        }
        // One row is always served, however large it is.
        if page.items.len() == limit || (room == 0 && !page.items.is_empty()) {
            page.more = true;
            break;
        }
        let referrer = referrer(row);
        room = room.saturating_sub(weight(&referrer));
        page.items.push(referrer);
    }
    page
}

fn wanted(row: &ManifestRow, types: &[String]) -> bool {
    types.is_empty() || row.stored.artifact_type.as_ref().is_some_and(|own| types.contains(own))
}

fn referrer(row: &ManifestRow) -> Referrer {
    Referrer {
        digest: row.stored.digest,
        media_type: row.stored.media_type.clone(),
        size: row.stored.bytes.len() as u64,
        artifact_type: row.stored.artifact_type.clone(),
        annotations: row.stored.annotations.clone(),
    }
}

/// How many bytes the annotations and types of a referrer have as its peers store them; no annotations are not stored.
fn weight(referrer: &Referrer) -> usize {
    let annotations =
        if referrer.annotations.is_empty() { 0 } else { annotations_to_text(&referrer.annotations).len() };
    annotations + referrer.media_type.as_str().len() + referrer.artifact_type.as_ref().map_or(0, String::len)
}
