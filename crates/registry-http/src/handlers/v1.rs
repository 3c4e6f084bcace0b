//! Docker's first registry protocol, for reading. Source: quay-semantics, section 10; the docker registry v1 API.

use super::{Exchange, blobs};
use crate::answer::{self, Answer, JSON, bytes_of, json, value};
use crate::body::Body;
use crate::errors::{Code, Refusal};
use crate::request::{COOKIE, V1, named_repository};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, HOST, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, SET_COOKIE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use manifest_core::ports::ImageTag;
use manifest_core::service::{LegacyImageError, PlacedImage};
use oci_types::{RepositoryName, TagName};
use serde_json::{Map, Value};

const VERSION: HeaderName = HeaderName::from_static("x-docker-registry-version");
const STANDALONE: HeaderName = HeaderName::from_static("x-docker-registry-standalone");
const TOKEN: HeaderName = HeaderName::from_static("x-docker-token");
const ENDPOINTS: HeaderName = HeaderName::from_static("x-docker-endpoints");
const SIZE: HeaderName = HeaderName::from_static("x-docker-size");

/// The time of an image: what an id names in a repository does not change, so any will do.
const EPOCH: HeaderValue = HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT");

/// How many repositories a search answers where it is not said, and at most.
const FOUND: u32 = 25;
const MOST_FOUND: u32 = 100;

pub(super) async fn handle(x: &Exchange<'_>, what: V1) -> Answer {
    let mut response = match what {
        V1::Ping => Ok(ping()),
        V1::Images(name) => images(x, &name).await,
        V1::Tags(name) => tags(x, &name).await,
        V1::Tag(name, tag) => tag_or_listing(x, &name, &tag).await,
        V1::Json(id) => metadata(x, &id).await,
        V1::Ancestry(id) => ancestry(x, &id).await,
        V1::Layer(id) => layer(x, &id).await,
        V1::Search { text, limit } => search(x, &text, limit).await,
    }?;
    response.headers_mut().insert(VERSION, HeaderValue::from_static("0.9.1"));
    Ok(response)
}

fn ping() -> Response<Body> {
    let mut response = bytes_of(StatusCode::OK, JSON, Bytes::from_static(b"true"));
    // There is no index beside this registry that knows users and names.
    response.headers_mut().insert(STANDALONE, HeaderValue::from_static("True"));
    response
}

async fn images(x: &Exchange<'_>, name: &RepositoryName) -> Answer {
    let (name, tags) = all_tags(x, name).await?;
    let mut ids: Vec<&str> = tags.iter().map(|tag| tag.image.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let images: Vec<Value> = ids.into_iter().map(|id| serde_json::json!({ "id": id })).collect();
    let mut response = json(StatusCode::OK, JSON, &images);
    let headers = response.headers_mut();
    // Both prove nothing: they say which repository the next requests are about, and access is asked for each of them.
    headers.insert(TOKEN, value(format!("signature=none,repository=\"{name}\",access=read")));
    headers.insert(SET_COOKIE, value(format!("{COOKIE}={name}; Path=/v1/images; HttpOnly; SameSite=Strict")));
    if let Some(host) = x.parts.headers.get(HOST) {
        headers.insert(ENDPOINTS, host.clone());
    }
    Ok(response)
}

async fn tags(x: &Exchange<'_>, name: &RepositoryName) -> Answer {
    let (_, tags) = all_tags(x, name).await?;
    let tags: Map<String, Value> = tags.into_iter().map(|tag| (tag.name.to_string(), tag.image.into())).collect();
    Ok(json(StatusCode::OK, JSON, &tags))
}

/// The tag `images` or `tags` of a repository; where there is none, what the path says of a repository whose name ends in `/tags`.
async fn tag_or_listing(x: &Exchange<'_>, name: &RepositoryName, tag: &TagName) -> Answer {
    let refused = match tag_image(x, name, tag).await {
        Err(refused @ (Refusal::Said(_) | Refusal::Challenge { .. })) => refused,
        answered => return answered,
    };
    let Ok(name) = format!("{name}/tags").parse() else { return Err(refused) };
    let listing = match tag.as_str() {
        "images" => images(x, &name).await,
        "tags" => tags(x, &name).await,
        _ => return Err(refused),
    };
    match listing {
        // Then the first reading is what was meant.
        Err(Refusal::Said(said)) if said.status == StatusCode::NOT_FOUND => Err(refused),
        answered => answered,
    }
}

async fn tag_image(x: &Exchange<'_>, name: &RepositoryName, tag: &TagName) -> Answer {
    let image = match x.registry.legacy_tag(&x.cx, name, tag).await {
        Err(LegacyImageError::RepositoryUnknown(unknown)) => match without_library(name) {
            Some(short) => x.registry.legacy_tag(&x.cx, &short, tag).await?,
            None => return Err(LegacyImageError::RepositoryUnknown(unknown).into()),
        },
        answered => answered?,
    };
    Ok(json(StatusCode::OK, JSON, &image))
}

/// All tags that stand for images: the protocol has no pages. And the name under which they are.
async fn all_tags(x: &Exchange<'_>, name: &RepositoryName) -> Result<(RepositoryName, Vec<ImageTag>), Refusal> {
    match x.registry.all_legacy_tags(&x.cx, name).await {
        Err(LegacyImageError::RepositoryUnknown(unknown)) => match without_library(name) {
            Some(short) => {
                let tags = x.registry.all_legacy_tags(&x.cx, &short).await?;
                Ok((short, tags))
            }
            None => Err(LegacyImageError::RepositoryUnknown(unknown).into()),
        },
        answered => Ok((name.clone(), answered?)),
    }
}

/// Old clients put `library/` before a name of one component, whichever registry they ask.
fn without_library(name: &RepositoryName) -> Option<RepositoryName> {
    name.as_str().strip_prefix("library/").filter(|short| !short.contains('/')).and_then(|short| short.parse().ok())
}

async fn metadata(x: &Exchange<'_>, id: &str) -> Answer {
    let found = match named_repository(&x.parts.headers) {
        Some(name) => x.registry.legacy_image(&x.cx, &name, id).await?,
        None => anywhere(x, id).await?.found,
    };
    let mut response = cached(x, || bytes_of(StatusCode::OK, JSON, found.image.metadata.into()));
    if let Some(layer) = found.layer {
        response.headers_mut().insert(SIZE, HeaderValue::from(layer.size));
    }
    Ok(response)
}

async fn ancestry(x: &Exchange<'_>, id: &str) -> Answer {
    let ids = match named_repository(&x.parts.headers) {
        Some(name) => x.registry.legacy_ancestry(&x.cx, &name, id).await?,
        None => anywhere(x, id).await?.ancestry,
    };
    Ok(cached(x, || json(StatusCode::OK, JSON, &ids)))
}

async fn layer(x: &Exchange<'_>, id: &str) -> Answer {
    let (digest, blob) = if let Some(name) = named_repository(&x.parts.headers) {
        x.registry.legacy_layer(&x.cx, &name, id).await?
    } else {
        let PlacedImage { repository, found, .. } = anywhere(x, id).await?;
        let unknown = LegacyImageError::LayerUnknown { repository, id: id.to_owned() };
        (found.image.blob, found.layer.ok_or(unknown)?)
    };
    let mut response = if is_known(x) {
        answer::empty(StatusCode::NOT_MODIFIED)
    } else if x.parts.method == Method::HEAD {
        blobs::describe(x, &digest, &blob)?
    } else {
        blobs::send(x, &digest, blob).await?
    };
    cacheable(x, response.headers_mut());
    Ok(response)
}

/// The image of whichever repositories the caller may read, if they have only one of that id.
async fn anywhere(x: &Exchange<'_>, id: &str) -> Result<PlacedImage, Refusal> {
    let found = x.registry.find_legacy_image(&x.cx, id).await?;
    found.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, Code::ManifestUnknown, "no repository has such an image"))
}

/// The answer, or 304 for whoever has it.
fn cached(x: &Exchange<'_>, response: impl FnOnce() -> Response<Body>) -> Response<Body> {
    let mut response = if is_known(x) { answer::empty(StatusCode::NOT_MODIFIED) } else { response() };
    cacheable(x, response.headers_mut());
    response
}

/// Whether the client has the answer, of whatever time: what an id names in a repository does not change. Not so where the
/// request names none: another repository may answer than the last time.
fn is_known(x: &Exchange<'_>) -> bool {
    let headers = &x.parts.headers;
    // Entity tags go before dates (RFC 9110, section 13.1.3).
    let has_date = headers.contains_key(IF_MODIFIED_SINCE) && !headers.contains_key(IF_NONE_MATCH);
    has_date && named_repository(headers).is_some()
}

/// `private`, because access was asked for.
fn cacheable(x: &Exchange<'_>, headers: &mut HeaderMap) {
    if named_repository(&x.parts.headers).is_some() {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000"));
        headers.insert(LAST_MODIFIED, EPOCH);
    } else {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    // The token or the cookie decides of which repository the image is.
    headers.insert(VARY, HeaderValue::from_static("authorization, cookie"));
}

async fn search(x: &Exchange<'_>, text: &str, limit: Option<u32>) -> Answer {
    let limit = limit.filter(|limit| *limit > 0).unwrap_or(FOUND).min(MOST_FOUND);
    let names = x.registry.search(&x.cx, text, limit).await?;
    let results = names.iter().map(|name| {
        serde_json::json!({
            "name": name.as_str(),
            "description": "",
            "star_count": 0,
            "is_official": false,
            "is_automated": false,
        })
    });
    let results: Vec<Value> = results.collect();
    let found = serde_json::json!({
        "query": text,
        "num_results": results.len(),
        "num_pages": 1,
        "page": 1,
        "page_size": limit,
        "results": results,
    });
    Ok(json(StatusCode::OK, JSON, &found))
}
