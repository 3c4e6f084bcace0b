//! Uploads, mounts and deletions of blobs.

use crate::op;
use crate::pool::sha256;
use crate::side::{Ask, Open, Side, body};
use manifest_core::ports::UploadId;
use oci_types::Algorithm;

impl Side {
    pub(crate) async fn bytes(&mut self, kind: op::Bytes, ask: &Ask<'_>) -> String {
        let (registry, cx, repository) = (&self.registry, ask.cx, ask.repository());
        let digest = ask.pool.blob_digest(ask.op.blob);
        match kind {
            op::Bytes::Begin => {
                let id = UploadId::from_bits(ask.fresh);
                let begun = registry.begin_upload(cx, repository, id, Algorithm::Sha256).await;
                if begun.is_ok() {
                    self.upload = Some(Open { repository: repository.clone(), id, written: Vec::new() });
                }
                self.texts.of(&begun)
            }
            op::Bytes::Append => self.append(ask).await,
            op::Bytes::Finish => self.finish(ask).await,
            op::Bytes::Cancel => {
                let Some(open) = &self.upload else { return String::new() };
                let cancelled = registry.cancel_upload(cx, &open.repository, &open.id).await;
                self.texts.of(&cancelled)
            }
            op::Bytes::Status => {
                let Some(open) = &self.upload else { return String::new() };
                let status = registry.upload_status(cx, &open.repository, &open.id).await;
                self.texts.of(&status)
            }
            op::Bytes::Whole => {
                let (id, blob) = (UploadId::from_bits(ask.fresh), ask.pool.blob(ask.op.blob));
                // Now and then the bytes are not what was said.
                let digest = if ask.op.pick % 8 == 7 { sha256(b"other") } else { digest };
                let uploaded = registry.upload_whole(cx, repository, id, &digest, body(blob.clone())).await;
                self.texts.of(&uploaded)
            }
            op::Bytes::Mount => {
                let from = ask.pool.repository(ask.op.pick);
                let mounted = registry.mount(cx, repository, Some(from), &digest).await;
                self.texts.of(&mounted)
            }
            op::Bytes::MountAny => {
                let mounted = registry.mount(cx, repository, None, &digest).await;
                self.texts.of(&mounted)
            }
            op::Bytes::DeleteBlob => {
                let deleted = registry.delete_blob(cx, repository, &digest).await;
                self.texts.of(&deleted)
            }
        }
    }

    /// Appends the next half of the blob, sometimes where the upload does not end.
    async fn append(&mut self, ask: &Ask<'_>) -> String {
        let Some(open) = &mut self.upload else { return String::new() };
        let blob = ask.pool.blob(ask.op.blob);
        let half = blob.slice(..blob.len() / 2);
        let start = match ask.op.pick % 4 {
            0 => None,
            1 => Some(u64::from(ask.op.pick)),
            _ => u64::try_from(open.written.len()).ok(),
        };
        let appended = self.registry.append(ask.cx, &open.repository, &open.id, start, body(half.clone())).await;
        if appended.is_ok() {
            open.written.extend_from_slice(&half);
        }
        self.texts.of(&appended)
    }

    /// Finishes with the last bytes, which make a blob of the pool if nothing was appended.
    async fn finish(&mut self, ask: &Ask<'_>) -> String {
        let Some(open) = &self.upload else { return String::new() };
        let last = if open.written.is_empty() { ask.pool.blob(ask.op.blob).clone() } else { bytes::Bytes::new() };
        let all = [open.written.as_slice(), &last].concat();
        let digest = if ask.op.pick % 8 == 7 { sha256(b"other") } else { sha256(&all) };
        let (id, repository) = (&open.id, &open.repository);
        let finished = self.registry.finish_upload(ask.cx, repository, id, None, body(last), &digest).await;
        self.texts.of(&finished)
    }
}
