//! Pushes of manifests.

use crate::op;
use crate::side::{Ask, Side, body};
use manifest_core::plan::{Guard, PushTarget};
use manifest_core::ports::UploadId;
use manifest_core::service::{Explained, Push};
use oci_types::MediaType;

impl Side {
    pub(crate) async fn pushes(&mut self, kind: op::Push, ask: &Ask<'_>) -> String {
        let (tag, digest) = (ask.pool.tag(ask.op.tag).clone(), ask.manifest());
        match kind {
            op::Push::Provide => {
                let uploaded = self.provide(ask).await;
                let target = if ask.op.pick.is_multiple_of(4) {
                    PushTarget::Digest { digest, tags: [].into() }
                } else {
                    PushTarget::Tag { name: tag, guard: Guard::Any }
                };
                uploaded + &self.push(ask, target).await
            }
            op::Push::ByTag => self.push(ask, PushTarget::Tag { name: tag, guard: Guard::Any }).await,
            op::Push::ByDigest => self.push(ask, PushTarget::Digest { digest, tags: [].into() }).await,
            op::Push::WithTags => {
                let tags = [tag, ask.pool.tag(ask.op.pick).clone()].into();
                self.push(ask, PushTarget::Digest { digest, tags }).await
            }
            op::Push::Guarded => {
                let guard = ask.pool.guard(3 + ask.op.pick % 3, ask.op.pick / 3);
                self.push(ask, PushTarget::Tag { name: tag, guard }).await
            }
            op::Push::Explain => self.explain(ask).await,
            op::Push::Planned => {
                // What was explained some time ago, or is explained now.
                let shown = if ask.op.pick & 16 == 0 { self.explain(ask).await } else { String::new() };
                let Some((push, id, planned_at)) = self.push.clone() else { return shown };
                let pushed = self.registry.push_planned(ask.cx, &push, id, planned_at).await;
                shown + &self.texts.of(&pushed)
            }
        }
    }

    async fn explain(&mut self, ask: &Ask<'_>) -> String {
        let push = push(ask, PushTarget::Tag { name: ask.pool.tag(ask.op.tag).clone(), guard: Guard::Any });
        let explained = self.registry.explain_push(ask.cx, &push).await;
        let id = explained.as_ref().ok().and_then(Explained::plan_id);
        self.push = id.map(|id| (push, id, ask.cx.now));
        self.texts.of(&explained)
    }

    /// Uploads every blob that the manifest names.
    async fn provide(&mut self, ask: &Ask<'_>) -> String {
        let mut texts = String::new();
        for (id, index) in (ask.fresh..).zip(&ask.pool.document(ask.op.manifest).blobs) {
            let blob = &ask.pool.blobs[*index];
            let (id, digest) = (UploadId::from_bits(id), crate::pool::sha256(blob));
            let blob = self.registry.upload_whole(ask.cx, ask.repository(), id, &digest, body(blob.clone())).await;
            texts += &self.texts.of(&blob);
        }
        texts
    }

    async fn push(&mut self, ask: &Ask<'_>, target: PushTarget) -> String {
        let pushed = self.registry.push(ask.cx, &push(ask, target)).await;
        self.texts.of(&pushed)
    }
}

fn push(ask: &Ask<'_>, target: PushTarget) -> Push {
    let document = ask.pool.document(ask.op.manifest);
    Push {
        repository: ask.repository().clone(),
        target,
        content_type: Some(MediaType::from_static(document.media_type)),
        bytes: document.bytes.clone(),
    }
}
