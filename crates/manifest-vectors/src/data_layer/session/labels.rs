//! Operations on labels.

use super::{Outcome, Session, done};
use crate::data_layer::answer::{Broken, Refused};
use crate::data_layer::op;
use manifest_core::oci_types::{Digest, MediaType, RepositoryName};
use manifest_core::plan::LabelSource;
use manifest_core::service::NewLabel;
use serde_json::{Value, json};

impl Session {
    pub(super) async fn create_label(&self, op: &op::CreateLabel) -> Outcome {
        let source = match op.source {
            op::Source::Manifest => LabelSource::Manifest,
            op::Source::Api => LabelSource::Api,
            op::Source::Internal => LabelSource::Internal,
        };
        let media_type = match &op.media_type {
            Some(given) => Some(MediaType::from_content_type(given).map_err(|error| Broken(error.to_string()))?),
            None => None,
        };
        let new = NewLabel { key: op.key.clone(), value: op.value.clone(), media_type, source };
        match self.registry().add_label(&self.cx(), &op.repo, &op.digest, &new).await {
            Ok(_) if op.via_api => done(true),
            Ok(added) => {
                let row = added.row.ok_or_else(|| Broken("the label that was added is gone".to_owned()))?;
                let media_type = if row.label.json { MediaType::JSON } else { MediaType::TEXT };
                let source = format!("{:?}", row.label.source).to_lowercase();
                done(json!({"key": row.label.key, "media_type": media_type, "source": source}))
            }
            Err(error) => error.answer(),
        }
    }

    pub(super) async fn list_labels(&self, repo: &RepositoryName, digest: &Digest, prefix: Option<&str>) -> Outcome {
        match self.registry().labels(&self.cx(), repo, digest, prefix.unwrap_or_default()).await {
            Ok(rows) => {
                let media_type = |json: bool| if json { MediaType::JSON } else { MediaType::TEXT };
                let mut labels: Vec<[String; 3]> = rows
                    .into_iter()
                    .map(|row| [row.label.key, row.label.value, media_type(row.label.json).to_owned()])
                    .collect();
                labels.sort_unstable();
                done(json!(labels))
            }
            Err(error) => error.answer(),
        }
    }

    pub(super) async fn delete_label(&self, repo: &RepositoryName, digest: &Digest, key: &str) -> Outcome {
        let (registry, cx) = (self.registry(), self.cx());
        let rows = match registry.labels(&cx, repo, digest, key).await {
            Ok(rows) => rows,
            Err(error) => return error.answer(),
        };
        let Some(row) = rows.iter().find(|row| row.label.key == key) else {
            return done(Value::Null);
        };
        match registry.delete_label(&cx, repo, digest, row.id).await {
            Ok(()) => done(key),
            Err(error) => error.answer(),
        }
    }
}
