//! One registry of those that are compared, and what it has to remember between operations.

use crate::op::{Kind, Op};
use crate::pool::Pool;
use crate::text::Texts;
use bytes::Bytes;
use futures_util::stream;
use manifest_core::plan::{LabelId, PlanId};
use manifest_core::ports::{BodyStream, UploadId};
use manifest_core::service::{Purge, Push};
use manifest_core::{Context, Millis, Ports, Registry};
use oci_types::{Digest, RepositoryName};

/// A registry with what an earlier operation left for a later one.
pub(crate) struct Side {
    /// The adapter's.
    pub(crate) name: String,
    pub(crate) registry: Registry,
    pub(crate) texts: Texts,
    /// How many locations were emptied so far.
    pub(crate) emptied: u64,
    pub(crate) upload: Option<Open>,
    /// The label that was added last.
    pub(crate) label: Option<(RepositoryName, Digest, LabelId)>,
    pub(crate) push: Option<(Push, PlanId, Millis)>,
    pub(crate) purge: Option<(RepositoryName, Purge, PlanId, Millis)>,
}

/// The upload that appends and finishes go to.
#[derive(Clone)]
pub(crate) struct Open {
    pub(crate) repository: RepositoryName,
    pub(crate) id: UploadId,
    pub(crate) written: Vec<u8>,
}

/// What an operation is done with: the same for all sides.
pub(crate) struct Ask<'a> {
    pub(crate) op: Op,
    pub(crate) pool: &'a Pool,
    pub(crate) cx: &'a Context,
    /// For an upload that the operation opens; several are counted up from here.
    pub(crate) fresh: u128,
}

impl Ask<'_> {
    pub(crate) fn repository(&self) -> &RepositoryName {
        self.pool.repository(self.op.repository)
    }

    pub(crate) fn manifest(&self) -> Digest {
        self.pool.digest(self.op.manifest)
    }

    /// One of the spans that a sequence moves in, in milliseconds.
    pub(crate) fn span(&self) -> i64 {
        const SPANS: [i64; 8] = [0, 1, 1_000, 60_000, 60_000, 20 * 60_000, 3_600_000, 4 * 3_600_000];
        SPANS[usize::from(self.op.pick) % SPANS.len()]
    }

    /// A page's size: small enough that there are others.
    pub(crate) fn limit(&self) -> Option<u32> {
        match self.op.pick % 4 {
            0 => None,
            wish => Some(u32::from(wish)),
        }
    }
}

impl Side {
    pub(crate) fn new(name: &str, ports: Ports, policy: manifest_core::Policy) -> Self {
        let registry = Registry::new(ports, policy);
        Self {
            name: name.to_owned(),
            registry,
            texts: Texts::default(),
            emptied: 0,
            upload: None,
            label: None,
            push: None,
            purge: None,
        }
    }

    /// Does it, and says what came of it.
    pub(crate) async fn run(&mut self, ask: &Ask<'_>) -> String {
        match ask.op.kind {
            Kind::Bytes(kind) => self.bytes(kind, ask).await,
            Kind::Push(kind) => self.pushes(kind, ask).await,
            Kind::Tags(kind) => self.tags(kind, ask).await,
            Kind::Labels(kind) => self.labels(kind, ask).await,
            Kind::Manage(kind) => self.manage(kind, ask).await,
            Kind::Look(kind) => self.look(kind, ask).await,
            Kind::Pages(kind) => self.pages(kind, ask).await,
        }
    }
}

pub(crate) fn body(bytes: Bytes) -> BodyStream {
    Box::pin(stream::once(async move { Ok(bytes) }))
}
