use super::{Exchange, body};
use crate::answer::{self, Answer, JSON, json, rfc3339, value};
use crate::request::wishes;
use http::StatusCode;
use http::header::LOCATION;
use manifest_core::facts::{RepositoryState, Visibility};
use oci_types::RepositoryName;
use serde::Serialize;

pub(super) async fn get(x: &Exchange<'_>, repository: &RepositoryName) -> Answer {
    show(x, repository, StatusCode::OK).await
}

pub(super) async fn create(x: &mut Exchange<'_>, repository: &RepositoryName) -> Answer {
    let visibility = wishes::visibility(&body(x).await?)?;
    let visibility = visibility.unwrap_or(x.registry.policy().default_visibility);
    x.registry.create_repository(&x.cx, repository, visibility).await?;
    let mut response = show(x, repository, StatusCode::CREATED).await?;
    response.headers_mut().insert(LOCATION, value(format!("/v2/{repository}/_manifestd/repository")));
    Ok(response)
}

pub(super) async fn set_state(x: &mut Exchange<'_>, repository: &RepositoryName) -> Answer {
    let read_only = wishes::read_only(&body(x).await?)?;
    x.registry.set_read_only(&x.cx, repository, read_only).await?;
    show(x, repository, StatusCode::OK).await
}

/// 202: it is gone for everybody, and what it held goes with the next collections.
pub(super) async fn delete(x: &Exchange<'_>, repository: &RepositoryName) -> Answer {
    x.registry.delete_repository(&x.cx, repository).await?;
    Ok(answer::empty(StatusCode::ACCEPTED))
}

async fn show(x: &Exchange<'_>, repository: &RepositoryName, status: StatusCode) -> Answer {
    let row = x.registry.repository(&x.cx, repository).await?;
    let body = Repository {
        name: row.name.as_str(),
        state: match row.state {
            RepositoryState::Open => "open",
            RepositoryState::ReadOnly => "readOnly",
            RepositoryState::Absent => "absent",
        },
        visibility: match row.visibility {
            Visibility::Public => "public",
            Visibility::Private => "private",
        },
        created: rfc3339(row.created),
    };
    Ok(json(status, JSON, &body))
}

#[derive(Serialize)]
struct Repository<'a> {
    name: &'a str,
    state: &'static str,
    visibility: &'static str,
    created: Option<String>,
}
