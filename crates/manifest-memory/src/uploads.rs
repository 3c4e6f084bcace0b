use crate::state::{Admission, State, UploadRow};
use crate::store::MemoryStore;
use async_trait::async_trait;
use manifest_core::facts::{Blob, Location};
use manifest_core::ports::{
    Begun, CancelUpload, Cancelled, FinishUpload, Finished, NewUpload, Part, PublishPart, Published, Upload, UploadId,
    Uploads,
};
use manifest_core::{Millis, Port, PortError, PortErrorKind};
use oci_types::RepositoryName;

#[async_trait]
impl Uploads for MemoryStore {
    async fn begin(&self, upload: &NewUpload) -> Port<Begun> {
        let mut state = self.write()?;
        match state.admit(&upload.repository, upload.create_repository) {
            Admission::Gone => return Ok(Begun::RepositoryGone),
            Admission::ReadOnly => return Ok(Begun::ReadOnly),
            Admission::Open => {}
        }
        if state.uploads.contains_key(&upload.id) {
            return Err(PortError::new(PortErrorKind::Internal, format!("there is an upload {} already", upload.id)));
        }
        let repository = state.repository_mut(&upload.repository, upload.create_repository, upload.now).id;
        state.upload_ends.insert((upload.expires, upload.id));
        state.uploads.insert(
            upload.id,
            UploadRow {
                repository,
                offset: 0,
                hash_state: upload.hash_state.clone(),
                parts: Vec::new(),
                finished: None,
                expires: upload.expires,
            },
        );
        Ok(Begun::Done)
    }

    async fn load(&self, repository: &RepositoryName, id: &UploadId, now: Millis) -> Port<Option<Upload>> {
        let state = self.read()?;
        Ok(state.upload(repository, id, now).map(|upload| Upload {
            id: *id,
            offset: upload.offset,
            hash_state: upload.hash_state.clone(),
            parts: upload.parts.clone(),
            finished: upload.finished.clone(),
        }))
    }

    async fn publish(&self, ask: &PublishPart) -> Port<Published> {
        let mut state = self.write()?;
        let published = match state.upload(&ask.repository, &ask.id, ask.now) {
            None => Published::Unknown,
            Some(upload) if upload.finished.is_some() => Published::Unknown,
            Some(_) if state.is_read_only(&ask.repository) => Published::ReadOnly,
            Some(upload) if upload.offset != ask.from => Published::WrongOffset(upload.offset),
            Some(_) => Published::Done,
        };
        if published == Published::Done {
            state.append(ask);
        } else {
            state.discard(&ask.part.location, ask.now);
        }
        Ok(published)
    }

    async fn finish(&self, ask: &FinishUpload) -> Port<Finished> {
        let mut state = self.write()?;
        let refusal = state.finish_refusal(ask);
        let finished = refusal.unwrap_or_else(|| Finished::Done(state.make_blob(ask)));
        // A copy that is kept is named by now; another one is nobody's.
        state.discard(&ask.sealed, ask.now);
        Ok(finished)
    }

    async fn cancel(&self, ask: &CancelUpload) -> Port<Cancelled> {
        let mut state = self.write()?;
        let open = state.upload(&ask.repository, &ask.id, ask.now).filter(|upload| upload.finished.is_none());
        let cancelled = match open.map(|upload| upload.offset) {
            None => Cancelled::Unknown,
            Some(offset) if ask.from.is_some_and(|from| from != offset) => Cancelled::WrongOffset(offset),
            Some(_) => Cancelled::Done,
        };
        if cancelled == Cancelled::Done {
            state.drop_upload(&ask.id, ask.now);
        }
        for part in &ask.unpublished {
            state.discard(&part.location, ask.now);
        }
        Ok(cancelled)
    }

    async fn discard(&self, parts: &[Part], now: Millis) -> Port<()> {
        let mut state = self.write()?;
        for part in parts {
            state.discard(&part.location, now);
        }
        Ok(())
    }
}

impl State {
    /// Removes an upload; its parts are trash.
    pub(crate) fn drop_upload(&mut self, id: &UploadId, now: Millis) {
        if let Some(upload) = self.uploads.remove(id) {
            self.upload_ends.remove(&(upload.expires, *id));
            self.discard_parts(upload.parts, now);
        }
    }

    fn append(&mut self, ask: &PublishPart) {
        let Some(upload) = self.uploads.get_mut(&ask.id) else {
            return;
        };
        self.upload_ends.remove(&(upload.expires, ask.id));
        self.upload_ends.insert((ask.expires, ask.id));
        upload.expires = ask.expires;
        upload.offset = ask.from + ask.part.size;
        upload.hash_state = ask.hash_state.clone();
        upload.parts.push(ask.part.clone());
        self.parts.insert(ask.part.location.clone());
        self.trash.forget(&ask.part.location);
    }

    fn finish_refusal(&self, ask: &FinishUpload) -> Option<Finished> {
        if self.repository(&ask.repository).is_none() {
            return Some(Finished::RepositoryGone);
        }
        let Some(upload) = self.upload(&ask.repository, &ask.id, ask.now) else {
            return Some(Finished::Unknown);
        };
        match &upload.finished {
            Some((digest, blob)) if *digest == ask.digest => Some(Finished::AlreadyDone(blob.clone())),
            Some(_) => Some(Finished::Unknown),
            None if self.is_read_only(&ask.repository) => Some(Finished::ReadOnly),
            None if upload.offset != ask.from => Some(Finished::WrongOffset(upload.offset)),
            None => None,
        }
    }

    fn make_blob(&mut self, ask: &FinishUpload) -> Blob {
        let sealed = Blob { size: ask.size, location: ask.sealed.clone() };
        let blob = self.keep_blob(ask.digest, sealed);
        self.grant(&ask.repository, ask.digest, &blob, ask.lease_until);
        let mut parts = Vec::new();
        if let Some(upload) = self.uploads.get_mut(&ask.id) {
            upload.offset = ask.size;
            upload.finished = Some((ask.digest, blob.clone()));
            parts = std::mem::take(&mut upload.parts);
        }
        self.discard_parts(parts, ask.now);
        blob
    }

    fn discard_parts(&mut self, parts: Vec<Part>, now: Millis) {
        let locations: Vec<Location> = parts.into_iter().map(|part| part.location).collect();
        for location in &locations {
            self.parts.remove(location);
        }
        for location in &locations {
            self.discard(location, now);
        }
    }
}
