use super::Exchange;
use crate::errors::Refusal;
use crate::request::accepted;
use http::header::ACCEPT;
use manifest_core::service::{Manifest, Schema1Form, schema1_wish};
use oci_types::{Reference, RepositoryName};

/// What a client that takes nothing but schema 1 gets instead of the manifest that its tag leads to. By digest, nobody gets
/// anything else than what has that digest.
pub(super) async fn instead(
    x: &Exchange<'_>,
    repository: &RepositoryName,
    reference: &Reference,
    found: &Manifest,
) -> Result<Option<Schema1Form>, Refusal> {
    let headers = &x.parts.headers;
    let Reference::Tag(tag) = reference else { return Ok(None) };
    if !headers.contains_key(ACCEPT) {
        return Ok(None);
    }
    let Some(wish) = schema1_wish(accepted(headers), &found.media_type) else { return Ok(None) };
    // Nearly every pull ends above: only those that go on pay for what the conversion has to remember while it waits.
    Ok(Box::pin(x.registry.schema1_form(&x.cx, repository, tag, found, wish)).await?)
}
