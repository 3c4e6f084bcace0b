//! A case under way: a store, a clock, and the operations as calls of the use cases.

mod labels;
mod tags;

use super::answer::{Answer, Broken, Refused};
use super::collect::collect;
use super::op::{self, Op};
use super::rows::{Collected, Rows, json_end, moment};
use super::strict::{StrictBlobs, StrictManifests};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use manifest_core::facts::Visibility;
use manifest_core::oci_types::{Algorithm, Digest, MediaType, RepositoryName, TagName};
use manifest_core::plan::{Guard, PushTarget};
use manifest_core::policy::References;
use manifest_core::ports::{BodyStream, Ports, UploadId};
use manifest_core::service::{Lookup, Push};
use manifest_core::time::{SECOND, after};
use manifest_core::{Context, Millis, NEVER, Policy, Registry, document, empty_layer};
use serde_json::{Value, json};
use std::sync::Arc;

/// When the clock of every case starts: 2019-02-14T17:46:42Z.
pub(in crate::data_layer) const START: Millis = 1_550_166_402_000;

/// What an operation came to, or why there is nothing to judge.
type Outcome = Result<Answer, Broken>;

pub(in crate::data_layer) struct Session {
    pub(in crate::data_layer) ports: Ports,
    pub(in crate::data_layer) now: Millis,
    policy: Policy,
    uploads: u128,
    repositories: usize,
    collected: Collected,
}

impl Session {
    /// Over a fresh store, at the start of the clock. `window` is in milliseconds.
    pub(in crate::data_layer) fn new(ports: Ports, window: i64, references: References) -> Self {
        let policy = Policy {
            references,
            pin_on_untag: false,
            history_window: window,
            collection_grace: 0,
            create_on_push: false,
            ..Policy::default()
        };
        Self { ports, now: START, policy, uploads: 0, repositories: 0, collected: Collected::default() }
    }

    /// Does what is asked.
    pub(in crate::data_layer) async fn run(&mut self, op: &Op) -> Outcome {
        match op {
            Op::CreateRepo { repo } => self.create_repository(repo).await,
            Op::Advance { ms } => {
                self.now = after(self.now, *ms);
                done(self.now - START)
            }
            Op::PutBlob(op) => self.put_blob(op).await,
            Op::MountBlob(op) => self.mount(op).await,
            Op::GetOrCreate(op) => self.get_or_create(op).await,
            Op::Push(op) => self.push(op).await,
            Op::RetargetExisting(op) => self.retarget(op).await,
            Op::Lookup(op) => self.look_up(op).await,
            Op::GetTag { repo, tag } => done(self.tag(repo, tag).await?),
            Op::HasExpiredTag { repo, tag } => self.has_expired(repo, tag).await,
            Op::ListAlive { repo } => self.list(repo, None, 1_000).await.map(|(names, _)| Answer::Done(names)),
            Op::ListPage(op) => {
                let (names, more) = self.list(&op.repo, op.last.as_deref().cloned(), op.limit).await?;
                done(json!({"names": names, "has_more": more}))
            }
            Op::History(op) => self.history(op).await,
            Op::DeleteTag { repo, tag } => match self.registry().delete_tag(&self.cx(), repo, tag, Guard::Any).await {
                Ok(()) => done(tag.as_str()),
                Err(error) => error.answer(),
            },
            Op::DeleteTagsForManifest { repo, digest } => self.delete_tags_of(repo, digest).await,
            Op::TempTag(op) => self.temp_tag(op).await,
            Op::ChangeExpiration { repo, tag, in_seconds } => self.change_expiration(repo, tag, *in_seconds).await,
            Op::SetImmutable { repo, tag, immutable } => {
                match self.registry().set_immutable(&self.cx(), repo, tag, *immutable).await {
                    Ok(amended) => done(json!({"previous": amended.was_immutable, "ok": true})),
                    Err(error) => error.answer(),
                }
            }
            Op::CreateLabel(op) => self.create_label(op).await,
            Op::ListLabels { repo, digest, prefix } => self.list_labels(repo, digest, prefix.as_deref()).await,
            Op::DeleteLabel { repo, digest, key } => self.delete_label(repo, digest, key).await,
            Op::Referrers { repo, digest, artifact_type } => self.referrers(repo, digest, artifact_type.as_ref()).await,
            Op::BlobInRepo(op) => self.blobs_in(op).await,
            Op::RetrieverBlob { repo, digest } => self.blob_length(repo, digest).await,
            Op::DropObject { digest } => self.drop_object(digest).await,
            Op::EnsureSharedEmptyLayer => {
                done(json!({"digest": empty_layer::digest().to_string(), "size": empty_layer::blob().size}))
            }
            Op::Gc { repo } => {
                let removed = self.collect(repo).await?;
                self.collected.at(repo, self.now);
                done(removed)
            }
            Op::Purge { repo } => match self.registry().delete_repository(&self.cx(), repo).await {
                Ok(()) => {
                    self.collect(repo).await?;
                    self.repositories = self.repositories.saturating_sub(1);
                    done(true)
                }
                Err(error) => error.answer(),
            },
            Op::State => done(Rows::of(&self.ports).await?.state(&self.ports, &self.collected).await?),
        }
    }

    fn cx(&self) -> Context {
        Context::anonymous(self.now)
    }

    fn registry(&self) -> Registry {
        self.strict(self.policy.clone(), true)
    }

    /// The use cases in the strict profile.
    fn strict(&self, policy: Policy, pins: bool) -> Registry {
        let mut ports = self.ports.clone();
        ports.manifests = Arc::new(StrictManifests { inner: ports.manifests, pins });
        ports.blobs = Arc::new(StrictBlobs(ports.blobs));
        Registry::new(ports, policy)
    }

    async fn create_repository(&mut self, repo: &RepositoryName) -> Outcome {
        match self.registry().create_repository(&self.cx(), repo, Visibility::Private).await {
            Ok(()) => {
                self.repositories += 1;
                done(true)
            }
            Err(error) => error.answer(),
        }
    }

    async fn put_blob(&mut self, op: &op::PutBlob) -> Outcome {
        self.uploads += 1;
        let registry = self.strict(Policy { lease: seconds(op.link_s), ..self.policy.clone() }, true);
        let digest = Digest::of(Algorithm::Sha256, &op.content);
        let (id, body) = (UploadId::from_bits(self.uploads), body(op.content.clone()));
        match registry.upload_whole(&self.cx(), &op.repo, id, &digest, body).await {
            Ok(blob) => {
                if op.no_content {
                    self.ports.bytes.delete(&blob.location).await?;
                }
                done(digest.to_string())
            }
            Err(error) => error.answer(),
        }
    }

    async fn mount(&self, op: &op::MountBlob) -> Outcome {
        let registry = self.strict(Policy { lease: seconds(op.link_s), ..self.policy.clone() }, true);
        match registry.mount(&self.cx(), &op.repo, None, &op.digest).await {
            Ok(blob) => done(blob.is_some()),
            Err(error) => error.answer(),
        }
    }

    async fn get_or_create(&self, op: &op::GetOrCreate) -> Outcome {
        let policy = Policy { untagged_ttl: seconds(op.temp_tag_expiration_sec), ..self.policy.clone() };
        let registry = self.strict(policy, !op.for_tagging);
        let content_type = MediaType::from_content_type(&op.media_type).ok();
        let bytes = Bytes::from(op.manifest.clone());
        // What cannot be read is refused under any digest.
        let read = document::Document::parse(content_type.as_ref(), bytes.clone(), &registry.policy().limits);
        let digest = read.map_or_else(|_| empty_layer::digest(), |document| document.digest(Algorithm::Sha256));
        let target = PushTarget::Digest { digest, tags: std::collections::BTreeSet::new() };
        let push = Push { repository: RepositoryName::clone(&op.repo), target, content_type, bytes };
        match registry.push(&self.cx(), &push).await {
            Ok(pushed) => done(json!({
                "digest": pushed.digest.to_string(),
                "newly_created": pushed.created,
                "labels_to_apply": pushed.created.then_some(pushed.labels_to_apply),
            })),
            Err(error) => error.answer(),
        }
    }

    async fn push(&self, op: &op::Push) -> Outcome {
        let push = Push {
            repository: RepositoryName::clone(&op.repo),
            target: PushTarget::Tag { name: TagName::clone(&op.tag), guard: Guard::Any },
            content_type: MediaType::from_content_type(&op.media_type).ok(),
            bytes: Bytes::from(op.manifest.clone()),
        };
        match self.registry().push(&self.cx(), &push).await {
            Ok(pushed) => done(json!({"digest": pushed.digest.to_string(), "tag": self.tag(&op.repo, &op.tag).await?})),
            Err(error) => error.answer(),
        }
    }

    async fn look_up(&self, op: &op::LookUp) -> Outcome {
        let lookup = match (op.allow_dead, op.allow_hidden) {
            (true, _) => Lookup::Any,
            (false, true) => Lookup::Visible,
            (false, false) => Lookup::Tagged,
        };
        let (registry, cx) = (self.registry(), self.cx());
        let found = if op.require_available {
            let until = after(self.now, seconds(op.temp_tag_expiration_sec));
            registry.require_available(&cx, &op.repo, &op.digest, lookup, until).await.map_err(Refused::answer)
        } else {
            registry.lookup(&cx, &op.repo, &op.digest, lookup).await.map_err(Refused::answer)
        };
        match found {
            Ok(manifest) => done(manifest.digest.to_string()),
            Err(answer) => answer,
        }
    }

    async fn temp_tag(&self, op: &op::TempTag) -> Outcome {
        let until = if op.skip_expiration { NEVER } else { after(self.now, seconds(op.sec)) };
        let before = self.pinned_until(&op.repo, &op.digest).await?;
        let (registry, cx) = (self.registry(), self.cx());
        if let Err(error) = registry.require_available(&cx, &op.repo, &op.digest, Lookup::Undeleted, until).await {
            return error.answer();
        }
        let pinned = self.pinned_until(&op.repo, &op.digest).await?;
        if pinned == before {
            return done(Value::Null);
        }
        let name = json!("$temp");
        done(json!({
            "name": name, "manifest": op.digest.to_string(), "start": self.now - START, "end": json_end(pinned),
            "hidden": true, "reversion": false, "immutable": false,
        }))
    }

    async fn pinned_until(&self, repo: &RepositoryName, digest: &Digest) -> Result<Millis, Broken> {
        let rows = Rows::of(&self.ports).await?;
        Ok(rows.manifest(repo, digest).map_or(0, |row| moment(row, "pinned_until")))
    }

    async fn referrers(&self, repo: &RepositoryName, digest: &Digest, artifact_type: Option<&String>) -> Outcome {
        let types = artifact_type.into_iter().cloned().collect();
        match self.registry().referrers(&self.cx(), repo, digest, types, None, None).await {
            Ok(page) => done(page.items.iter().map(|row| row.digest.to_string()).collect::<Value>()),
            Err(error) => error.answer(),
        }
    }

    async fn blobs_in(&self, op: &op::BlobInRepo) -> Outcome {
        let (registry, cx) = (self.registry(), self.cx());
        let mut found = Vec::new();
        for digest in &op.digests {
            let is_there = if op.with_uploads {
                registry.blob(&cx, &op.repo, digest).await.is_ok()
            } else {
                // No lease lasts that long: what is left is what a manifest links.
                self.ports.blobs.find(&op.repo, digest, NEVER).await?.is_some()
            };
            found.extend(is_there.then(|| digest.to_string()));
        }
        found.sort_unstable();
        done(json!(found))
    }

    async fn blob_length(&self, repo: &RepositoryName, digest: &Digest) -> Outcome {
        let registry = self.registry();
        let blob = match registry.blob(&self.cx(), repo, digest).await {
            Ok(blob) => blob,
            Err(error) => return error.answer(),
        };
        let mut stream = registry.read_blob(&blob, None).await?;
        let mut length = 0;
        while let Some(chunk) = stream.next().await {
            length += chunk?.len();
        }
        done(length)
    }

    async fn drop_object(&self, digest: &Digest) -> Outcome {
        let rows = Rows::of(&self.ports).await?;
        let Some(location) = rows.location(digest) else { return done(false) };
        self.ports.bytes.delete(location).await?;
        done(true)
    }

    /// Collects a repository; whether any row of it went.
    async fn collect(&self, repo: &RepositoryName) -> Result<bool, Broken> {
        let only = (self.repositories > 1).then_some(repo);
        Ok(collect(&self.ports, only, self.policy.history_window, self.now).await? > 0)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is what every operation ends with")]
fn done(value: impl Into<Value>) -> Outcome {
    Ok(Answer::Done(value.into()))
}

fn seconds(count: i64) -> i64 {
    count.saturating_mul(SECOND)
}

fn body(content: Vec<u8>) -> BodyStream {
    Box::pin(stream::once(async move { Ok(Bytes::from(content)) }))
}
