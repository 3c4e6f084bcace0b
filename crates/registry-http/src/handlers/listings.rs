use super::Exchange;
use crate::answer::{Answer, JSON, OCI_FILTERS, json};
use crate::body::Body;
use crate::request::{Paging, link};
use http::header::LINK;
use http::{HeaderValue, Response, StatusCode};
use manifest_core::ports::{Page, Referrer};
use oci_types::{Digest, MediaType, RepositoryName, TagName};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Display;

/// What stands for itself in a query (RFC 3986, "unreserved").
pub(crate) const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) async fn tags(x: &Exchange<'_>, repository: &RepositoryName, page: Paging<TagName>) -> Answer {
    #[derive(Serialize)]
    struct TagList<'a> {
        name: &'a str,
        tags: Vec<&'a str>,
    }
    let size = page.size(x.registry.policy().max_page);
    let tags = x.registry.tag_names(&x.cx, repository, page.after, Some(size)).await?;
    let list = TagList { name: repository.as_str(), tags: tags.items.iter().map(TagName::as_str).collect() };
    let mut response = json(StatusCode::OK, JSON, &list);
    let path = format_args!("/v2/{repository}/tags/list").to_string();
    next(&mut response, &tags, path, size, "", |tag| tag);
    Ok(response)
}

pub(super) async fn catalogue(x: &Exchange<'_>, page: Paging<RepositoryName>) -> Answer {
    #[derive(Serialize)]
    struct Catalogue<'a> {
        repositories: Vec<&'a str>,
    }
    let size = page.size(x.registry.policy().max_page);
    let names = x.registry.catalogue(&x.cx, page.after, Some(size)).await?;
    let list = Catalogue { repositories: names.items.iter().map(RepositoryName::as_str).collect() };
    let mut response = json(StatusCode::OK, JSON, &list);
    next(&mut response, &names, "/v2/_catalog", size, "", |name| name);
    Ok(response)
}

pub(super) async fn referrers(
    x: &Exchange<'_>,
    repository: &RepositoryName,
    subject: &Digest,
    types: Vec<String>,
    page: Paging<Digest>,
) -> Answer {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Index<'a> {
        schema_version: u8,
        media_type: &'static str,
        manifests: Vec<Descriptor<'a>>,
    }
    let size = page.size(x.registry.policy().max_page);
    let filter = types.iter().map(|wanted| format!("artifactType={}", utf8_percent_encode(wanted, ESCAPED)));
    let filter = filter.collect::<Vec<_>>().join("&");
    let found = x.registry.referrers(&x.cx, repository, subject, types, page.after, Some(size)).await?;
    let manifests = found.items.iter().map(Descriptor::of).collect();
    let index = Index { schema_version: 2, media_type: MediaType::OCI_INDEX, manifests };
    let mut response = json(StatusCode::OK, HeaderValue::from_static(MediaType::OCI_INDEX), &index);
    if !filter.is_empty() {
        response.headers_mut().insert(OCI_FILTERS, HeaderValue::from_static("artifactType"));
    }
    let path = format!("/v2/{repository}/referrers/{subject}");
    next(&mut response, &found, path, size, &filter, |referrer| &referrer.digest);
    Ok(response)
}

/// Links to the page behind this one, if there is one.
fn next<T, K: Display>(
    response: &mut Response<Body>,
    page: &Page<T>,
    path: impl Display,
    size: u32,
    filter: &str,
    key: impl Fn(&T) -> &K,
) {
    if let Some(last) = page.items.last()
        && page.more
    {
        response.headers_mut().insert(LINK, link(path, size, key(last), filter));
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    media_type: &'a str,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
}

impl<'a> Descriptor<'a> {
    fn of(referrer: &'a Referrer) -> Self {
        Self {
            media_type: referrer.media_type.as_str(),
            digest: referrer.digest.to_string(),
            size: referrer.size,
            annotations: &referrer.annotations,
            artifact_type: referrer.artifact_type.as_deref(),
        }
    }
}
