//! Operations on tags.

use super::{Outcome, START, Session, done, seconds};
use crate::data_layer::answer::{Broken, Refused};
use crate::data_layer::op;
use crate::data_layer::rows::json_end;
use manifest_core::Millis;
use manifest_core::oci_types::{Digest, Reference, RepositoryName, TagName};
use manifest_core::plan::Guard;
use manifest_core::ports::HistoryCursor;
use manifest_core::service::{FetchError, HistoryQuery};
use manifest_core::time::after;
use serde_json::{Value, json};

impl Session {
    pub(super) async fn retarget(&self, op: &op::RetargetExisting) -> Outcome {
        let (registry, cx) = (self.registry(), self.cx());
        let done_so = if op.is_reversion {
            registry.restore(&cx, &op.repo, &op.tag, &op.digest, Guard::Any).await
        } else {
            registry.retag(&cx, &op.repo, &op.tag, &op.digest, Guard::Any).await
        };
        match done_so {
            Ok(_) => done(self.tag(&op.repo, &op.tag).await?),
            Err(error) => error.answer(),
        }
    }

    /// The alive tag of that name as Quay shows one, or null.
    pub(super) async fn tag(&self, repo: &RepositoryName, tag: &TagName) -> Result<Value, Broken> {
        let (registry, cx) = (self.registry(), self.cx());
        let state = match registry.manifest(&cx, repo, &Reference::Tag(tag.clone())).await {
            Ok(manifest) => manifest.tag.ok_or_else(|| Broken(format!("{tag}: found without its tag")))?,
            Err(error) => return error.answer().map(|_| Value::Null),
        };
        let query = HistoryQuery { name: Some(tag.clone()), active_only: true, ..HistoryQuery::default() };
        let rows = registry.history(&cx, repo, &query).await.map_err(|error| Broken(error.to_string()))?.items;
        match rows.as_slice() {
            [row] if (row.target, row.start, row.end) == (state.target, state.start, state.expires) => {
                Ok(quay_tag(tag, &state.target, (state.start, state.expires), (row.reversion, state.immutable)))
            }
            rows => Err(Broken(format!("{tag}: is {state:?}, and its history says {rows:?}"))),
        }
    }

    pub(super) async fn has_expired(&self, repo: &RepositoryName, tag: &TagName) -> Outcome {
        let (registry, cx) = (self.registry(), self.cx());
        match registry.manifest(&cx, repo, &Reference::Tag(tag.clone())).await {
            // It was there before, if something older is in its history.
            Ok(_) => {
                let query = HistoryQuery { name: Some(tag.clone()), ..HistoryQuery::default() };
                match registry.history(&cx, repo, &query).await {
                    Ok(rows) => done(rows.items.iter().any(|row| row.end <= self.now)),
                    Err(error) => error.answer(),
                }
            }
            Err(FetchError::TagExpired { .. }) => done(true),
            Err(error) => error.answer().and_then(|_| done(false)),
        }
    }

    pub(super) async fn list(
        &self,
        repo: &RepositoryName,
        last: Option<TagName>,
        limit: u32,
    ) -> Result<(Value, bool), Broken> {
        let page = self.registry().tag_names(&self.cx(), repo, last, Some(limit)).await;
        let page = page.map_err(|error| Broken(error.to_string()))?;
        Ok((page.items.iter().map(TagName::as_str).collect(), page.more))
    }

    /// Pages have numbers there and keys here, so the pages before are read as well.
    pub(super) async fn history(&self, op: &op::HistoryOp) -> Outcome {
        let (registry, cx) = (self.registry(), self.cx());
        let name = op.tag.as_deref().cloned();
        let mut query =
            HistoryQuery { name, active_only: op.active_only, limit: Some(op.size), ..HistoryQuery::default() };
        let mut page = 1;
        loop {
            let rows = match registry.history(&cx, &op.repo, &query).await {
                Ok(rows) => rows,
                Err(error) => return error.answer(),
            };
            if page >= op.page {
                let shown = rows.items.iter().map(|row| {
                    // What is over cannot be immutable; what is not has a row of its own that says so.
                    let flags = (row.reversion, false);
                    quay_tag(&row.name, &row.target, (row.start, row.end), flags)
                });
                let mut shown: Vec<Value> = shown.collect();
                for tag in &mut shown {
                    self.fill_immutable(&op.repo, tag).await?;
                }
                return done(json!({"rows": shown, "has_more": rows.more}));
            }
            let Some(last) = rows.items.last().filter(|_| rows.more) else {
                return done(json!({"rows": [], "has_more": false}));
            };
            query.after = Some(HistoryCursor { start: last.start, name: last.name.clone() });
            page += 1;
        }
    }

    /// The history does not say which present intervals are immutable; the tag's row does.
    async fn fill_immutable(&self, repo: &RepositoryName, shown: &mut Value) -> Result<(), Broken> {
        let name = shown["name"].as_str().and_then(|name| name.parse::<TagName>().ok());
        let Some(name) = name else { return Ok(()) };
        let now = self.tag(repo, &name).await?;
        if now["start"] == shown["start"] {
            shown["immutable"] = now["immutable"].clone();
        }
        Ok(())
    }

    pub(super) async fn delete_tags_of(&self, repo: &RepositoryName, digest: &Digest) -> Outcome {
        match self.registry().delete_tags_of(&self.cx(), repo, digest).await {
            Ok(mut tags) => {
                tags.sort_unstable();
                done(tags.iter().map(TagName::as_str).collect::<Value>())
            }
            Err(error) => error.answer(),
        }
    }

    pub(super) async fn change_expiration(
        &self,
        repo: &RepositoryName,
        tag: &TagName,
        in_seconds: Option<i64>,
    ) -> Outcome {
        let wish = in_seconds.map(|count| after(self.now, seconds(count)));
        match self.registry().set_expiry(&self.cx(), repo, tag, wish).await {
            Ok(amended) => done(json!({"previous": json_end(amended.previous_expires), "ok": true})),
            Err(error) => error.answer(),
        }
    }
}

/// A tag as Quay shows one.
fn quay_tag(
    name: &TagName,
    manifest: &Digest,
    (start, end): (Millis, Millis),
    (reversion, immutable): (bool, bool),
) -> Value {
    json!({
        "name": name.as_str(), "manifest": manifest.to_string(), "start": start - START, "end": json_end(end),
        "hidden": false, "reversion": reversion, "immutable": immutable,
    })
}
