//! Look-ups and pages.

use crate::op;
use crate::side::{Ask, Side};
use futures_util::StreamExt;
use manifest_core::ports::{HistoryCursor, ManifestState, TagCursor, TagOrder};
use manifest_core::service::{HistoryQuery, Lookup, TagQuery};
use oci_types::Reference;

impl Side {
    pub(crate) async fn look(&mut self, kind: op::Look, ask: &Ask<'_>) -> String {
        let (registry, cx, repository) = (&self.registry, ask.cx, ask.repository());
        let (tag, digest, blob) = (ask.pool.tag(ask.op.tag), ask.manifest(), ask.pool.blob_digest(ask.op.blob));
        let lookup =
            [Lookup::Tagged, Lookup::Visible, Lookup::Undeleted, Lookup::Any][usize::from(ask.op.pick / 16 % 4)];
        let texts = &mut self.texts;
        match kind {
            op::Look::Tag => texts.of(&registry.manifest(cx, repository, &Reference::Tag(tag.clone())).await),
            op::Look::Digest => texts.of(&registry.manifest(cx, repository, &Reference::Digest(digest)).await),
            op::Look::At => {
                texts.of(&registry.manifest_at(cx, repository, tag, cx.now.saturating_sub(ask.span())).await)
            }
            op::Look::Any => texts.of(&registry.manifest_any(cx, repository, &digest).await),
            op::Look::Lookup => texts.of(&registry.lookup(cx, repository, &digest, lookup).await),
            op::Look::Require => {
                let until = cx.now + ask.span();
                texts.of(&registry.require_available(cx, repository, &digest, lookup, until).await)
            }
            op::Look::Blob => texts.of(&registry.blob(cx, repository, &blob).await),
            op::Look::StatBlob => texts.of(&registry.stat_blob(cx, repository, &blob).await),
            op::Look::ReadBlob => {
                let Ok(blob) = registry.blob(cx, repository, &blob).await else { return String::new() };
                match registry.read_blob(&blob, None).await {
                    Ok(stream) => texts.of(&stream.collect::<Vec<_>>().await),
                    Err(error) => texts.of(&error),
                }
            }
            op::Look::Why => texts.of(&registry.why(cx, repository, &digest).await),
        }
    }

    pub(crate) async fn pages(&mut self, kind: op::Pages, ask: &Ask<'_>) -> String {
        let (registry, cx, repository) = (&self.registry, ask.cx, ask.repository());
        let (tag, digest, limit, texts) = (ask.pool.tag(ask.op.tag), ask.manifest(), ask.limit(), &mut self.texts);
        match kind {
            op::Pages::TagNames => {
                texts.of(&registry.tag_names(cx, repository, sometimes(ask, tag.clone()), limit).await)
            }
            op::Pages::TagRows => texts.of(&registry.tags(cx, repository, &tag_query(ask)).await),
            op::Pages::History => texts.of(&registry.history(cx, repository, &history_query(ask)).await),
            op::Pages::Manifests => {
                let state = [ManifestState::Tagged, ManifestState::Untagged, ManifestState::Deleted]
                    [usize::from(ask.op.pick / 4 % 3)];
                texts.of(&registry.manifests(cx, repository, state, sometimes(ask, digest), limit).await)
            }
            op::Pages::Referrers => {
                let types = match ask.op.pick / 4 % 4 {
                    0 => vec!["application/vnd.example.sbom".to_owned()],
                    1 => vec!["application/vnd.example.sbom".to_owned(), "application/x".to_owned()],
                    _ => Vec::new(),
                };
                let after = sometimes(ask, ask.pool.digest(ask.op.pick / 32));
                texts.of(&registry.referrers(cx, repository, &digest, types, after, limit).await)
            }
            op::Pages::Catalogue => texts.of(&registry.catalogue(cx, sometimes(ask, repository.clone()), limit).await),
            op::Pages::Repository => texts.of(&registry.repository(cx, repository).await),
            op::Pages::Totals => texts.of(&registry.ports().listings.totals().await),
        }
    }
}

/// Where a page starts, if not at the beginning.
fn sometimes<T>(ask: &Ask<'_>, after: T) -> Option<T> {
    (ask.op.pick & 128 != 0).then_some(after)
}

fn tag_query(ask: &Ask<'_>) -> TagQuery {
    let order = if ask.op.pick & 16 == 0 { TagOrder::Name } else { TagOrder::Newest };
    let after = TagCursor { start: ask.cx.now - ask.span(), name: ask.pool.tag(ask.op.tag).clone() };
    let contains = (ask.op.pick & 32 != 0).then(|| "e".to_owned());
    TagQuery { contains, order, after: sometimes(ask, after), limit: ask.limit() }
}

fn history_query(ask: &Ask<'_>) -> HistoryQuery {
    let name = ask.pool.tag(ask.op.tag).clone();
    let start = ask.cx.now - ask.span();
    HistoryQuery {
        name: (ask.op.pick & 16 != 0).then(|| name.clone()),
        active_only: ask.op.pick & 32 != 0,
        since: (ask.op.pick & 64 != 0).then_some(start),
        after: sometimes(ask, HistoryCursor { start, name }),
        limit: ask.limit(),
    }
}
