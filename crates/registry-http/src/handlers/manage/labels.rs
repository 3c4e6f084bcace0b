use super::{Exchange, body, ok};
use crate::answer::{self, Answer, JSON, json, label_source, value};
use crate::request::wishes;
use http::StatusCode;
use http::header::LOCATION;
use manifest_core::plan::{LabelId, LabelRow};
use oci_types::{Digest, MediaType, RepositoryName, TagName};
use serde::Serialize;

pub(super) async fn list(x: &Exchange<'_>, repository: &RepositoryName, digest: &Digest, prefix: &str) -> Answer {
    #[derive(Serialize)]
    struct Labels<'a> {
        digest: String,
        labels: Vec<Label<'a>>,
    }
    let rows = x.registry.labels(&x.cx, repository, digest, prefix).await?;
    Ok(ok(&Labels { digest: digest.to_string(), labels: rows.iter().map(Label::of).collect() }))
}

pub(super) async fn add(x: &mut Exchange<'_>, repository: &RepositoryName, digest: &Digest) -> Answer {
    #[derive(Serialize)]
    struct Added<'a> {
        label: Option<Label<'a>>,
        tags: Vec<&'a str>,
    }
    let new = wishes::label(&body(x).await?)?;
    let added = x.registry.add_label(&x.cx, repository, digest, &new).await?;
    let tags = added.tags.iter().map(TagName::as_str).collect();
    let mut response = json(StatusCode::CREATED, JSON, &Added { label: added.row.as_ref().map(Label::of), tags });
    if let Some(row) = &added.row {
        let at = format!("/v2/{repository}/_manifestd/manifests/{digest}/labels/{}", row.id.0);
        response.headers_mut().insert(LOCATION, value(at));
    }
    Ok(response)
}

pub(super) async fn delete(x: &Exchange<'_>, repository: &RepositoryName, digest: &Digest, id: LabelId) -> Answer {
    x.registry.delete_label(&x.cx, repository, digest, id).await?;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Label<'a> {
    id: u64,
    key: &'a str,
    value: &'a str,
    media_type: &'static str,
    source: &'static str,
}

impl<'a> Label<'a> {
    fn of(row: &'a LabelRow) -> Self {
        Self {
            id: row.id.0,
            key: &row.label.key,
            value: &row.label.value,
            media_type: if row.label.json { MediaType::JSON } else { MediaType::TEXT },
            source: label_source(row.label.source),
        }
    }
}
