//! Tags and labels.

use crate::op;
use crate::side::{Ask, Side};
use manifest_core::plan::{LabelId, LabelSource};
use manifest_core::service::NewLabel;

impl Side {
    pub(crate) async fn tags(&mut self, kind: op::Tags, ask: &Ask<'_>) -> String {
        let (registry, cx, repository) = (&self.registry, ask.cx, ask.repository());
        let (tag, digest) = (ask.pool.tag(ask.op.tag), ask.manifest());
        let guard = ask.pool.guard(ask.op.pick, ask.op.pick / 6);
        let texts = &mut self.texts;
        match kind {
            op::Tags::DeleteTag => texts.of(&registry.delete_tag(cx, repository, tag, guard).await),
            op::Tags::DeleteManifest => texts.of(&registry.delete_manifest(cx, repository, &digest).await),
            op::Tags::DeleteTagsOf => texts.of(&registry.delete_tags_of(cx, repository, &digest).await),
            op::Tags::Retag => texts.of(&registry.retag(cx, repository, tag, &digest, guard).await),
            op::Tags::Restore => texts.of(&registry.restore(cx, repository, tag, &digest, guard).await),
            op::Tags::SetExpiry => {
                let end = Some(cx.now + ask.span());
                texts.of(&registry.set_expiry(cx, repository, tag, end).await)
            }
            op::Tags::ClearExpiry => texts.of(&registry.set_expiry(cx, repository, tag, None).await),
            op::Tags::Protect => texts.of(&registry.set_immutable(cx, repository, tag, true).await),
            op::Tags::Unprotect => texts.of(&registry.set_immutable(cx, repository, tag, false).await),
        }
    }

    pub(crate) async fn labels(&mut self, kind: op::Labels, ask: &Ask<'_>) -> String {
        let (registry, cx, repository, digest) = (&self.registry, ask.cx, ask.repository(), ask.manifest());
        match kind {
            op::Labels::Add => {
                let new = api_label(["team", "a.b", "team.x", "-no"], ["x", "{\"a\":1}"], ask.op.pick);
                self.add_label(ask, &new).await
            }
            op::Labels::AddActing => {
                let keys = ["quay.expires-after", "quay.expires-after", "quay.immutable", "quay.expires-after"];
                let new = api_label(keys, ["30m", "true"], ask.op.pick);
                self.add_label(ask, &new).await
            }
            op::Labels::Delete => self.delete_label(ask).await,
            op::Labels::List => {
                let prefix = ["", "t", "team.", "QUAY"][usize::from(ask.op.pick % 4)];
                let rows = registry.labels(cx, repository, &digest, prefix).await;
                self.texts.of(&rows)
            }
        }
    }

    async fn add_label(&mut self, ask: &Ask<'_>, new: &NewLabel) -> String {
        let (repository, digest) = (ask.repository(), ask.manifest());
        let added = self.registry.add_label(ask.cx, repository, &digest, new).await;
        if let Some(row) = added.as_ref().ok().and_then(|added| added.row.as_ref()) {
            self.label = Some((repository.clone(), digest, row.id));
        }
        self.texts.of(&added)
    }

    /// Deletes the label that was added last, or one near the end of a manifest's, or one that is not there.
    async fn delete_label(&mut self, ask: &Ask<'_>) -> String {
        let (repository, digest, id) = match self.label.clone() {
            Some(last) if ask.op.pick & 16 == 0 => last,
            Some(_) | None => {
                let (repository, digest) = (ask.repository(), ask.manifest());
                let rows = self.registry.labels(ask.cx, repository, &digest, "").await.unwrap_or_default();
                let nth = rows.len().checked_sub(usize::from(ask.op.pick % 4));
                let id = nth.and_then(|nth| rows.get(nth)).map_or(LabelId(1 << 40), |row| row.id);
                (repository.clone(), digest, id)
            }
        };
        let deleted = self.registry.delete_label(ask.cx, &repository, &digest, id).await;
        self.texts.of(&deleted)
    }
}

fn api_label(keys: [&str; 4], values: [&str; 2], pick: u8) -> NewLabel {
    let (key, value) = (keys[usize::from(pick % 4)], values[usize::from(pick / 4 % 2)]);
    NewLabel { key: key.into(), value: value.into(), media_type: None, source: LabelSource::Api }
}
