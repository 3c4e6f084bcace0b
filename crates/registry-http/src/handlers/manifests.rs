use super::{Exchange, schema1};
use crate::answer::{
    self, Answer, CONTENT_DIGEST, OCI_SUBJECT, OCI_TAG, digest_value, etag, not_modified, value, weak_etag,
};
use crate::body::Body;
use crate::errors::{Code, Refusal, body_of_manifest};
use crate::request::{Conditions, EntityTags, PutTarget};
use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderValue, Response, StatusCode};
use manifest_core::Millis;
use manifest_core::plan::{Guard, PushTarget};
use manifest_core::service::{FetchError, Manifest, Push, Schema1Form};
use oci_types::{Digest, MediaType, Reference, RepositoryName, TagName};

pub(super) async fn get(x: &Exchange<'_>, repository: &RepositoryName, reference: &Reference) -> Answer {
    let found = x.registry.manifest(&x.cx, repository, reference).await?;
    match schema1::instead(x, repository, reference, &found).await? {
        None => answer(x, reference, &Sent::stored(&found), Body::full(found.bytes.clone())),
        Some(form) => answer(x, reference, &Sent::converted(&form), Body::full(form.bytes.clone())),
    }
}

pub(super) async fn head(x: &Exchange<'_>, repository: &RepositoryName, reference: &Reference) -> Answer {
    let found = x.registry.manifest(&x.cx, repository, reference).await?;
    match schema1::instead(x, repository, reference, &found).await? {
        None => answer(x, reference, &Sent::stored(&found), Body::empty()),
        Some(form) => answer(x, reference, &Sent::converted(&form), Body::empty()),
    }
}

/// What a tag pointed at, at a time.
pub(super) async fn get_at(x: &Exchange<'_>, repository: &RepositoryName, tag: &TagName, at: Millis) -> Answer {
    let found = x.registry.manifest_at(&x.cx, repository, tag, at).await?;
    answer(x, &Reference::Tag(tag.clone()), &Sent::stored(&found), Body::full(found.bytes.clone())).map(not_current)
}

pub(super) async fn head_at(x: &Exchange<'_>, repository: &RepositoryName, tag: &TagName, at: Millis) -> Answer {
    let found = x.registry.manifest_at(&x.cx, repository, tag, at).await?;
    answer(x, &Reference::Tag(tag.clone()), &Sent::stored(&found), Body::empty()).map(not_current)
}

/// A cache that drops queries would serve the past as the present.
fn not_current(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A manifest in the form in which it is sent.
struct Sent<'a> {
    digest: &'a Digest,
    media_type: &'a MediaType,
    length: usize,
    /// Whether another conversion may have other bytes under the same digest: signatures differ.
    is_converted: bool,
}

impl<'a> Sent<'a> {
    fn stored(found: &'a Manifest) -> Self {
        let Manifest { digest, media_type, bytes, .. } = found;
        Self { digest, media_type, length: bytes.len(), is_converted: false }
    }

    fn converted(form: &'a Schema1Form) -> Self {
        let Schema1Form { digest, media_type, bytes } = form;
        Self { digest, media_type, length: bytes.len(), is_converted: true }
    }

    fn etag(&self) -> HeaderValue {
        if self.is_converted { weak_etag(self.digest) } else { etag(self.digest) }
    }
}

fn answer(x: &Exchange<'_>, reference: &Reference, sent: &Sent<'_>, body: Body) -> Answer {
    let conditions = Conditions::read(&x.parts.headers);
    // What a weak tag names is never certain to be the bytes that the client has seen.
    let expected = |tags: &EntityTags| tags.contain(sent.digest) && (*tags == EntityTags::Any || !sent.is_converted);
    if conditions.matches.is_some_and(|tags| !expected(&tags)) {
        return Err(precondition_failed("the manifest is another one than the request expects"));
    }
    let mut response = if conditions.none_match.is_some_and(|tags| tags.contain(sent.digest)) {
        not_modified(sent.digest)
    } else {
        manifest(sent, body)
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, sent.etag());
    if matches!(reference, Reference::Tag(_)) {
        // By tag, `Accept` decides between the stored manifest and its schema 1 form.
        headers.insert(VARY, HeaderValue::from(ACCEPT));
    }
    Ok(response)
}

fn manifest(sent: &Sent<'_>, body: Body) -> Response<Body> {
    let mut response = answer::empty(StatusCode::OK);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, value(sent.media_type.as_str().to_owned()));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(sent.length));
    headers.insert(CONTENT_DIGEST, digest_value(sent.digest));
    *response.body_mut() = body;
    response
}

pub(super) async fn put(x: &mut Exchange<'_>, repository: RepositoryName, target: PutTarget) -> Answer {
    let content_type = content_type(x)?;
    // Before the body: nobody sends four megabytes, or gets a 100, for nothing.
    x.registry.authorize_push(&x.cx, &repository).await?;
    let bytes = body(x).await?;
    let target = match target {
        PutTarget::Digest { digest, tags } => PushTarget::Digest { digest, tags },
        PutTarget::Tag { name, digest: None } => {
            let guard = guard(x, &repository, &name).await?;
            PushTarget::Tag { name, guard }
        }
        PutTarget::Tag { name, digest: Some(digest) } => {
            if !Conditions::read(&x.parts.headers).is_empty() {
                let message = "a push to a tag with `digest` takes no conditions";
                return Err(Refusal::new(StatusCode::BAD_REQUEST, Code::Unsupported, message));
            }
            PushTarget::Digest { digest, tags: [name].into() }
        }
    };
    let by_digest = matches!(target, PushTarget::Digest { .. });
    let push = Push { repository, target, content_type, bytes };
    let pushed = x.registry.push(&x.cx, &push).await?;
    let mut response = answer::created(&push.repository, "manifests", &pushed.digest);
    let headers = response.headers_mut();
    if let Some(subject) = &pushed.subject {
        // Clients that do not see this write the fallback tag.
        headers.insert(OCI_SUBJECT, digest_value(subject));
    }
    if by_digest {
        for tag in &pushed.tags {
            headers.append(OCI_TAG, value(tag.to_string()));
        }
    }
    Ok(response)
}

pub(super) async fn delete(x: &Exchange<'_>, repository: &RepositoryName, reference: &Reference) -> Answer {
    match reference {
        Reference::Tag(tag) => {
            let guard = guard(x, repository, tag).await?;
            x.registry.delete_tag(&x.cx, repository, tag, guard).await?;
        }
        Reference::Digest(digest) => x.registry.delete_manifest(&x.cx, repository, digest).await?,
    }
    Ok(answer::empty(StatusCode::ACCEPTED))
}

fn content_type(x: &Exchange<'_>) -> Result<Option<MediaType>, Refusal> {
    let Some(header) = x.parts.headers.get(CONTENT_TYPE) else { return Ok(None) };
    let media_type = MediaType::from_content_type(&String::from_utf8_lossy(header.as_bytes()));
    let media_type =
        media_type.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, Code::ManifestInvalid, error.to_string()))?;
    Ok(Some(media_type))
}

async fn body(x: &mut Exchange<'_>) -> Result<Bytes, Refusal> {
    let limit = x.registry.policy().max_manifest_bytes;
    x.body.read_to_end(limit).await.map_err(|error| body_of_manifest(&error))
}

/// What the preconditions of a write ask of its tag. Those that a guard cannot say are checked here, and then the tag is
/// guarded to be what it was.
pub(super) async fn guard(x: &Exchange<'_>, repository: &RepositoryName, tag: &TagName) -> Result<Guard, Refusal> {
    let conditions = Conditions::read(&x.parts.headers);
    match (&conditions.matches, &conditions.none_match) {
        (None, None) => return Ok(Guard::Any),
        (None, Some(EntityTags::Any)) => return Ok(Guard::Absent),
        (Some(EntityTags::Of(digests)), None) if digests.len() == 1 => return Ok(Guard::Is(digests[0])),
        (Some(_), _) | (None, Some(EntityTags::Of(_))) => {}
    }
    let current = current(x, repository, tag).await?;
    let names = |tags: &EntityTags| current.is_some_and(|digest| tags.contain(&digest));
    let holds = conditions.matches.as_ref().is_none_or(names) && !conditions.none_match.as_ref().is_some_and(names);
    if !holds {
        return Err(precondition_failed("the tag is not what the request expects"));
    }
    Ok(current.map_or(Guard::Absent, Guard::Is))
}

async fn current(x: &Exchange<'_>, repository: &RepositoryName, tag: &TagName) -> Result<Option<Digest>, Refusal> {
    match x.registry.manifest(&x.cx, repository, &Reference::Tag(tag.clone())).await {
        Ok(found) => Ok(Some(found.digest)),
        Err(FetchError::RepositoryUnknown(_) | FetchError::ManifestUnknown { .. } | FetchError::TagExpired { .. }) => {
            Ok(None)
        }
        Err(error @ (FetchError::Access(_) | FetchError::Port(_))) => Err(error.into()),
    }
}

fn precondition_failed(message: &str) -> Refusal {
    Refusal::new(StatusCode::PRECONDITION_FAILED, Code::Denied, message)
}
