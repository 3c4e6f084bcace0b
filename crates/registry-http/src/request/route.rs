use super::manage::manage;
use super::operation::{MountSource, Operation, PutTarget};
use super::paging::Paging;
use super::query::Query;
use super::time::parse_time;
use super::v1::v1;
use http::Method;
use manifest_core::ports::UploadId;
use oci_types::{
    Algorithm, Digest, ParseAlgorithmError, ParseDigestError, ParseReferenceError, ParseRepositoryNameError,
    ParseTagNameError, Quoted, Reference, RepositoryName,
};
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Why a method, path and query ask for nothing that we do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadRequest {
    #[error("there is no such endpoint")]
    NoSuchEndpoint,
    #[error("the path is no UTF-8")]
    PathEncoding,
    #[error("the endpoint takes {allow} only")]
    Method { allow: &'static str },
    #[error(transparent)]
    Name(#[from] ParseRepositoryNameError),
    #[error(transparent)]
    Digest(#[from] ParseDigestError),
    #[error("the parameter `digest` is missing")]
    DigestMissing,
    #[error(transparent)]
    Algorithm(#[from] ParseAlgorithmError),
    #[error(transparent)]
    Tag(#[from] ParseTagNameError),
    /// What is asked for by a name that no tag can have: it is not there.
    #[error(transparent)]
    TagUnknown(ParseTagNameError),
    #[error("{0}")]
    Upload(String),
    #[error("page size {} is not a number of items", Quoted(.0))]
    PageSize(Box<str>),
    #[error("{}", unknown(name, known))]
    ParameterUnknown { name: Box<str>, known: String },
    #[error("the parameter `{0}` occurs more than once")]
    ParameterTwice(&'static str),
    #[error("the parameter `{name}` is missing: it is {expected}")]
    ParameterMissing { name: &'static str, expected: &'static str },
    #[error("`{name}` is {}, not {expected}", Quoted(found))]
    Value { name: &'static str, found: Box<str>, expected: &'static str },
    #[error("`after` is no cursor that a page ended with")]
    Cursor,
    #[error("`at` is for reading what a tag pointed at, with GET or HEAD")]
    At,
    #[error("images cannot be pushed over docker's v1 protocol, nor anything else changed: push over /v2/")]
    V1Write,
    #[error("there is no label {}", Quoted(.0))]
    LabelUnknown(Box<str>),
}

fn unknown(name: &str, known: &str) -> String {
    let name = Quoted(name);
    if known.is_empty() {
        format!("the endpoint takes no parameters, and so no {name}")
    } else {
        format!("the endpoint takes the parameters {known}, not {name}")
    }
}

/// What a request asks for. Says what is wrong with a name before what is wrong with anything else.
pub(crate) fn parse(method: &Method, path: &str, query: Option<&str>) -> Result<Operation, BadRequest> {
    let path = if path.contains('%') {
        percent_decode_str(path).decode_utf8().map_err(|_| BadRequest::PathEncoding)?
    } else {
        Cow::Borrowed(path)
    };
    let query = Query::new(query);
    match endpoint(&path).ok_or(BadRequest::NoSuchEndpoint)? {
        Endpoint::V1(rest) => Ok(Operation::V1(v1(method, rest, query)?)),
        Endpoint::Fixed(operation) => readable(method).map(|()| operation),
        Endpoint::Extensions(name) => {
            if let Some(name) = name {
                name.parse::<RepositoryName>()?;
            }
            readable(method).map(|()| Operation::Extensions)
        }
        Endpoint::Catalogue => {
            readable(method)?;
            Ok(Operation::Catalogue { page: Paging::read(query)? })
        }
        Endpoint::Tags(name) => {
            let repository = name.parse()?;
            readable(method)?;
            Ok(Operation::Tags { repository, page: Paging::read(query)? })
        }
        Endpoint::Referrers(name, digest) => {
            let repository = name.parse()?;
            readable(method)?;
            referrers(repository, digest, query)
        }
        Endpoint::Manifest(name, reference) => manifest(method, name.parse()?, reference, query),
        Endpoint::Blob(name, digest) => blob(method, name.parse()?, digest),
        Endpoint::Uploads(name) => {
            let repository = name.parse()?;
            match *method {
                Method::POST => begin(repository, query),
                _ => Err(BadRequest::Method { allow: "POST" }),
            }
        }
        Endpoint::Upload(name, id) => upload(method, name.parse()?, id, query),
        Endpoint::Manage(name, rest) => {
            let repository = name.parse()?;
            Ok(Operation::Manage { repository, what: manage(method, rest, query)? })
        }
    }
}

/// A path, taken apart but not parsed.
enum Endpoint<'a> {
    Fixed(Operation),
    Extensions(Option<&'a str>),
    Catalogue,
    Tags(&'a str),
    Referrers(&'a str, &'a str),
    Manifest(&'a str, &'a str),
    Blob(&'a str, &'a str),
    Uploads(&'a str),
    Upload(&'a str, &'a str),
    Manage(&'a str, &'a str),
    V1(&'a str),
}

/// Names contain slashes, and may contain components called `blobs`, `manifests` or `tags`: so paths are matched from the
/// right.
fn endpoint(path: &str) -> Option<Endpoint<'_>> {
    let Some(rest) = path.strip_prefix("/v2") else {
        return match path {
            "/healthz" => Some(Endpoint::Fixed(Operation::Alive)),
            "/readyz" => Some(Endpoint::Fixed(Operation::Ready)),
            _ => path.strip_prefix("/v1/").map(Endpoint::V1),
        };
    };
    let rest = match rest {
        "" | "/" => return Some(Endpoint::Fixed(Operation::Ping)),
        "/_catalog" => return Some(Endpoint::Catalogue),
        "/_oci/ext/discover" => return Some(Endpoint::Extensions(None)),
        "/_manifestd/api" => return Some(Endpoint::Fixed(Operation::ManageApi)),
        rest => rest.strip_prefix('/')?,
    };
    // No name has a component with a leading `_`. A tag may, but nothing follows it.
    if let Some((name, rest)) = rest.split_once("/_manifestd/") {
        return Some(Endpoint::Manage(name, rest));
    }
    if let Some(name) = rest.strip_suffix("/_oci/ext/discover") {
        return Some(Endpoint::Extensions(Some(name)));
    }
    let (head, last) = rest.rsplit_once('/')?;
    let (name, kind) = head.rsplit_once('/').unwrap_or(("", head));
    match kind {
        "manifests" => Some(Endpoint::Manifest(name, last)),
        "blobs" if last == "uploads" => Some(Endpoint::Uploads(name)),
        "blobs" => Some(Endpoint::Blob(name, last)),
        "referrers" => Some(Endpoint::Referrers(name, last)),
        "tags" if last == "list" => Some(Endpoint::Tags(name)),
        "uploads" => {
            let name = if name == "blobs" { "" } else { name.strip_suffix("/blobs")? };
            Some(if last.is_empty() { Endpoint::Uploads(name) } else { Endpoint::Upload(name, last) })
        }
        _ => None,
    }
}

fn readable(method: &Method) -> Result<(), BadRequest> {
    match *method {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(BadRequest::Method { allow: "GET, HEAD" }),
    }
}

fn manifest(
    method: &Method,
    repository: RepositoryName,
    reference: &str,
    query: Query<'_>,
) -> Result<Operation, BadRequest> {
    let reference = reference.parse();
    // A tag that cannot be is unknown to those who look for it, and an error of those who want to make it.
    let known = |reference: Result<Reference, ParseReferenceError>| {
        reference.map_err(|error| match error {
            ParseReferenceError::Tag(error) => BadRequest::TagUnknown(error),
            ParseReferenceError::Digest(error) => BadRequest::Digest(error),
        })
    };
    if let Some(at) = query.last("at") {
        return manifest_at(method, repository, known(reference)?, &at);
    }
    match *method {
        Method::GET => Ok(Operation::GetManifest { repository, reference: known(reference)? }),
        Method::HEAD => Ok(Operation::HeadManifest { repository, reference: known(reference)? }),
        Method::DELETE => Ok(Operation::DeleteManifest { repository, reference: known(reference)? }),
        Method::PUT => {
            let target = match reference {
                Ok(Reference::Tag(name)) => {
                    PutTarget::Tag { name, digest: query.last("digest").map(|digest| digest.parse()).transpose()? }
                }
                Ok(Reference::Digest(digest)) => PutTarget::Digest {
                    digest,
                    tags: query.all("tag").map(|tag| tag.parse()).collect::<Result<BTreeSet<_>, _>>()?,
                },
                Err(ParseReferenceError::Tag(error)) => return Err(error.into()),
                Err(ParseReferenceError::Digest(error)) => return Err(error.into()),
            };
            Ok(Operation::PutManifest { repository, target })
        }
        _ => Err(BadRequest::Method { allow: "GET, HEAD, PUT, DELETE" }),
    }
}

fn manifest_at(
    method: &Method,
    repository: RepositoryName,
    reference: Reference,
    at: &str,
) -> Result<Operation, BadRequest> {
    let tag = match reference {
        Reference::Tag(tag) => Ok(tag),
        Reference::Digest(_) => Err(BadRequest::At),
    };
    let at = parse_time("at", at);
    match *method {
        Method::GET => Ok(Operation::GetManifestAt { repository, tag: tag?, at: at? }),
        Method::HEAD => Ok(Operation::HeadManifestAt { repository, tag: tag?, at: at? }),
        // Nobody changes the past; to ignore the parameter would be to change the present.
        Method::PUT | Method::DELETE => Err(BadRequest::At),
        _ => Err(BadRequest::Method { allow: "GET, HEAD, PUT, DELETE" }),
    }
}

fn blob(method: &Method, repository: RepositoryName, digest: &str) -> Result<Operation, BadRequest> {
    let digest = digest.parse();
    match *method {
        Method::GET => Ok(Operation::GetBlob { repository, digest: digest? }),
        Method::HEAD => Ok(Operation::HeadBlob { repository, digest: digest? }),
        Method::DELETE => Ok(Operation::DeleteBlob { repository, digest: digest? }),
        _ => Err(BadRequest::Method { allow: "GET, HEAD, DELETE" }),
    }
}

fn begin(repository: RepositoryName, query: Query<'_>) -> Result<Operation, BadRequest> {
    let algorithm: Option<Algorithm> = query.last("digest-algorithm").map(|name| name.parse()).transpose()?;
    if let Some(digest) = query.last("mount") {
        let digest: Digest = digest.parse()?;
        let from = match query.last("from") {
            None => MountSource::Anywhere,
            Some(name) => name.parse().map_or(MountSource::Nowhere, MountSource::Repository),
        };
        // If it cannot be mounted, the blob that will be uploaded is the one that was asked for.
        let algorithm = algorithm.unwrap_or_else(|| digest.algorithm());
        return Ok(Operation::MountBlob { repository, digest, from, algorithm });
    }
    if let Some(digest) = query.last("digest") {
        return Ok(Operation::UploadWhole { repository, digest: digest.parse()? });
    }
    Ok(Operation::BeginUpload { repository, algorithm: algorithm.unwrap_or(Algorithm::Sha256) })
}

fn upload(method: &Method, repository: RepositoryName, id: &str, query: Query<'_>) -> Result<Operation, BadRequest> {
    let id = id.parse::<UploadId>().map_err(|error| BadRequest::Upload(error.to_string()));
    match *method {
        Method::PATCH => Ok(Operation::AppendUpload { repository, id: id? }),
        Method::PUT => {
            let id = id?;
            let digest = query.last("digest").ok_or(BadRequest::DigestMissing)?.parse()?;
            Ok(Operation::FinishUpload { repository, id, digest })
        }
        Method::GET | Method::HEAD => Ok(Operation::UploadStatus { repository, id: id? }),
        Method::DELETE => Ok(Operation::CancelUpload { repository, id: id? }),
        _ => Err(BadRequest::Method { allow: "GET, HEAD, PATCH, PUT, DELETE" }),
    }
}

fn referrers(repository: RepositoryName, digest: &str, query: Query<'_>) -> Result<Operation, BadRequest> {
    // A media type has no spaces: one that reads so was sent with a raw `+`.
    let types = query.all("artifactType").filter(|wanted| !wanted.is_empty()).map(|wanted| wanted.replace(' ', "+"));
    let types = types.collect();
    Ok(Operation::Referrers { repository, subject: digest.parse()?, types, page: Paging::read(query)? })
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
