//! From operations to use cases and back to answers: translation, no decisions.

mod blobs;
mod health;
mod listings;
mod manage;
mod manifests;
mod mounts;
mod schema1;
mod uploads;
mod v1;

pub(crate) use health::{alive, ready, text};
pub(crate) use listings::ESCAPED;
pub(crate) use uploads::UploadPlace;

use crate::answer::{Answer, JSON, bytes_of};
use crate::body::Inbound;
use crate::metrics::Metrics;
use crate::request::Operation;
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use manifest_core::{Context, Registry};

/// A request under way, with what it takes to answer it.
pub(crate) struct Exchange<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) cx: Context,
    pub(crate) parts: &'a Parts,
    pub(crate) body: &'a mut Inbound,
    pub(crate) metrics: &'a Metrics,
}

impl Exchange<'_> {
    /// How many items a page holds at most, if the client wants that many.
    fn page_size(&self, wish: Option<u32>) -> u32 {
        let most = self.registry.policy().max_page;
        wish.map_or(most, |limit| limit.min(most))
    }
}

/// Does what is asked for.
pub(crate) async fn handle(mut exchange: Exchange<'_>, operation: Operation) -> Answer {
    let x = &mut exchange;
    match operation {
        Operation::GetManifest { repository, reference } => manifests::get(x, &repository, &reference).await,
        Operation::HeadManifest { repository, reference } => manifests::head(x, &repository, &reference).await,
        Operation::GetManifestAt { repository, tag, at } => manifests::get_at(x, &repository, &tag, at).await,
        Operation::HeadManifestAt { repository, tag, at } => manifests::head_at(x, &repository, &tag, at).await,
        Operation::PutManifest { repository, target } => manifests::put(x, repository, target).await,
        Operation::DeleteManifest { repository, reference } => manifests::delete(x, &repository, &reference).await,
        Operation::GetBlob { repository, digest } => blobs::get(x, &repository, &digest).await,
        Operation::HeadBlob { repository, digest } => blobs::head(x, &repository, &digest).await,
        Operation::DeleteBlob { repository, digest } => blobs::delete(x, &repository, &digest).await,
        Operation::BeginUpload { repository, algorithm } => uploads::begin(x, &repository, algorithm).await,
        Operation::UploadWhole { repository, digest } => uploads::whole(x, &repository, &digest).await,
        Operation::MountBlob { repository, digest, from, algorithm } => {
            mounts::mount(x, &repository, &digest, &from, algorithm).await
        }
        Operation::AppendUpload { repository, id } => uploads::append(x, &repository, id).await,
        Operation::FinishUpload { repository, id, digest } => uploads::finish(x, &repository, id, &digest).await,
        Operation::UploadStatus { repository, id } => uploads::status(x, &repository, id).await,
        Operation::CancelUpload { repository, id } => uploads::cancel(x, &repository, id).await,
        Operation::Tags { repository, page } => listings::tags(x, &repository, page).await,
        Operation::Referrers { repository, subject, types, page } => {
            listings::referrers(x, &repository, &subject, types, page).await
        }
        Operation::Catalogue { page } => listings::catalogue(x, page).await,
        Operation::Ping => Ok(bytes_of(StatusCode::OK, JSON, Bytes::from_static(b"{}"))),
        Operation::Extensions => Ok(manage::discover()),
        Operation::ManageApi => Ok(manage::api()),
        Operation::V1(what) => v1::handle(x, what).await,
        Operation::Manage { repository, what } => manage::handle(x, &repository, what).await,
        // Answered before anybody asks who the caller is.
        Operation::Alive | Operation::Ready => Ok(alive()),
    }
}
