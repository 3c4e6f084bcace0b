//! The extension's own endpoints: `/v2/<name>/_manifestd/…`.

mod history;
mod labels;
mod manifests;
mod page;
mod purge;
mod repository;
mod tags;
mod why;

use super::Exchange;
use crate::answer::{Answer, JSON, bytes_of, json};
use crate::body::Body;
use crate::errors::{Refusal, body_of_json};
use crate::request::{ENDPOINTS, Manage};
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use oci_types::RepositoryName;
use serde::Serialize;

/// The largest body of a request: 64 KiB.
const LARGEST: u64 = 64 << 10;

pub(super) async fn handle(x: &mut Exchange<'_>, repository: &RepositoryName, what: Manage) -> Answer {
    match what {
        Manage::Tags(query) => tags::list(x, repository, query).await,
        Manage::PointTag(tag) => tags::point(x, repository, &tag).await,
        Manage::RestoreTag(tag) => tags::restore(x, repository, &tag).await,
        Manage::SetExpiry(tag) => tags::set_expiry(x, repository, &tag).await,
        Manage::ClearExpiry(tag) => tags::clear_expiry(x, repository, &tag).await,
        Manage::SetImmutable(tag) => tags::set_immutable(x, repository, &tag, true).await,
        Manage::ClearImmutable(tag) => tags::set_immutable(x, repository, &tag, false).await,
        Manage::History(query) => history::list(x, repository, query).await,
        Manage::Manifests { state, after, limit } => manifests::list(x, repository, state, after, limit).await,
        Manage::Why(digest) => why::why(x, repository, &digest).await,
        Manage::EndTags(digest) => manifests::end_tags(x, repository, &digest).await,
        Manage::Labels { digest, prefix } => labels::list(x, repository, &digest, &prefix).await,
        Manage::AddLabel(digest) => labels::add(x, repository, &digest).await,
        Manage::DeleteLabel { digest, id } => labels::delete(x, repository, &digest, id).await,
        Manage::Repository => repository::get(x, repository).await,
        Manage::CreateRepository => repository::create(x, repository).await,
        Manage::SetState => repository::set_state(x, repository).await,
        Manage::DeleteRepository => repository::delete(x, repository).await,
        Manage::PlanPurge => purge::plan(x, repository).await,
        Manage::Purge => purge::purge(x, repository).await,
    }
}

/// Which extensions there are (OCI distribution spec, "Extensions"): the same ones everywhere, so that nothing is learnt of a name.
pub(super) fn discover() -> Response<Body> {
    #[derive(Serialize)]
    struct Extension {
        name: &'static str,
        /// Relative to the registry: whoever runs it has the description that fits.
        url: &'static str,
        description: &'static str,
        endpoints: [&'static str; ENDPOINTS.len()],
    }
    #[derive(Serialize)]
    struct Extensions {
        extensions: [Extension; 1],
    }
    let manifestd = Extension {
        name: "_manifestd",
        url: "/v2/_manifestd/api",
        description: "Tags with what they point at, their history, manifests by state, labels, repositories, and purges",
        endpoints: ENDPOINTS,
    };
    json(StatusCode::OK, JSON, &Extensions { extensions: [manifestd] })
}

/// The description of the extension.
pub(super) fn api() -> Response<Body> {
    let markdown = HeaderValue::from_static("text/markdown; charset=utf-8");
    bytes_of(StatusCode::OK, markdown, Bytes::from_static(include_bytes!("../../../../../docs/api.md")))
}

/// The whole body. Its content type is not looked at: it is JSON or refused.
async fn body(x: &mut Exchange<'_>) -> Result<Bytes, Refusal> {
    x.body.read_to_end(LARGEST).await.map_err(|error| body_of_json(&error))
}

fn ok(body: &impl Serialize) -> Response<Body> {
    json(StatusCode::OK, JSON, body)
}
