//! The operations that have a budget, as calls of ports.

use super::data::{self, Kind, MOVES, NOW, Size};
use anyhow::{Context, Result, ensure};
use manifest_core::access::ReadScope;
use manifest_core::facts::{Acting, PushAsk, RepositoryState};
use manifest_core::plan::{Applied, Guard, ManifestChange, Need, NewManifest, Plan, TagChange};
use manifest_core::ports::{
    Begun, Blobs, FetchAsk, Fetched, FinishUpload, Finished, HistoryAsk, HistoryCursor, Listings, Liveness, Manifests,
    MountAsk, Mounted, NewUpload, PageAsk, PublishPart, Published, ReferrersAsk, Uploads,
};
use manifest_core::time::NEVER;
use oci_types::{Algorithm, Digest, MediaType, Reference, RepositoryName, TagName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Rows of a page that both sizes can fill.
const PAGE: u32 = 25;

/// The ports of an adapter.
#[derive(Clone)]
pub(super) struct Ports {
    manifests: Arc<dyn Manifests>,
    listings: Arc<dyn Listings>,
    blobs: Arc<dyn Blobs>,
    uploads: Arc<dyn Uploads>,
}

impl Ports {
    pub(super) fn of<S: Manifests + Listings + Blobs + Uploads + Clone + 'static>(store: &S) -> Self {
        let store = Arc::new(store.clone());
        Self {
            manifests: Arc::clone(&store) as _,
            listings: Arc::clone(&store) as _,
            blobs: Arc::clone(&store) as _,
            uploads: store,
        }
    }
}

/// An operation with a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    ManifestByTag,
    ManifestByDigest,
    BlobHead,
    TagsPage,
    HistoryPage,
    HistoryOfTag,
    ReferrersPage,
    CataloguePage,
    PushFacts,
    Apply,
    UploadBegin,
    UploadAppend,
    UploadFinish,
    Mount,
}

impl Operation {
    pub(super) const ALL: [Self; 14] = [
        Self::ManifestByTag,
        Self::ManifestByDigest,
        Self::BlobHead,
        Self::TagsPage,
        Self::HistoryPage,
        Self::HistoryOfTag,
        Self::ReferrersPage,
        Self::CataloguePage,
        Self::PushFacts,
        Self::Apply,
        Self::UploadBegin,
        Self::UploadAppend,
        Self::UploadFinish,
        Self::Mount,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ManifestByTag => "manifest by tag",
            Self::ManifestByDigest => "manifest by digest",
            Self::BlobHead => "HEAD blob",
            Self::TagsPage => "tags page",
            Self::HistoryPage => "history page",
            Self::HistoryOfTag => "history of a tag",
            Self::ReferrersPage => "referrers page",
            Self::CataloguePage => "catalogue page",
            Self::PushFacts => "push facts",
            Self::Apply => "apply, new manifest",
            Self::UploadBegin => "upload begin",
            Self::UploadAppend => "upload append",
            Self::UploadFinish => "upload finish",
            Self::Mount => "mount",
        }
    }
}

/// A question that is ready to be asked, so that only the asking is measured.
#[derive(Debug)]
pub(super) enum Ask {
    Fetch(FetchAsk),
    Blob(RepositoryName, Digest),
    Tags(RepositoryName, PageAsk<TagName>),
    History(HistoryAsk),
    Referrers(ReferrersAsk),
    Catalogue(PageAsk<RepositoryName>),
    Facts(PushAsk),
    Apply(Box<Plan>),
    Begin(NewUpload),
    /// To an upload that [`Ask::prepare`] begins.
    Append(PublishPart),
    /// The same.
    Finish(Box<FinishUpload>),
    Mount(MountAsk),
}

/// Makes questions about rows here and there.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) size: Size,
    random: u64,
    /// Distinguishes what is written.
    pub(super) run: u64,
}

impl Asker {
    pub(super) fn new(size: Size) -> Self {
        Self { size, random: 0x9e37_79b9_7f4a_7c15, run: 0 }
    }

    /// The next question for an operation.
    pub(super) fn next(&mut self, operation: Operation) -> Result<Ask> {
        let number = self.manifest();
        let repository = self.size.repository(number)?;
        let tag = |number| -> Result<TagName> {
            // The manifest before a referrer or a child has a tag.
            let tag = data::tag(number).or_else(|| data::tag(number - 1));
            Ok(tag.context("neither of two neighbours has a tag")?.parse()?)
        };
        Ok(match operation {
            Operation::ManifestByTag => Ask::Fetch(fetch(repository, Reference::Tag(tag(number)?))),
            Operation::ManifestByDigest => {
                Ask::Fetch(fetch(repository, Reference::Digest(data::digest(Kind::Manifest, number)?)))
            }
            Operation::BlobHead => Ask::Blob(repository, data::digest(Kind::Config, number)?),
            Operation::TagsPage => {
                // Far enough from the end of the large repository to fill the page.
                let after = tag(number % (self.size.0 / 4) + 1)?;
                Ask::Tags(data::large()?, PageAsk { after: Some(after), limit: PAGE })
            }
            Operation::HistoryPage => {
                let number = number % (self.size.0 / 4) + 1_000;
                let start = 1_000_000 + i64::try_from(number)?;
                Ask::History(history(None, Some(HistoryCursor { start, name: tag(number)? }))?)
            }
            Operation::HistoryOfTag => {
                let start = i64::try_from(number % (MOVES / 2) * 10 + MOVES * 5)?;
                let name: TagName = "moving".parse()?;
                Ask::History(history(Some(name.clone()), Some(HistoryCursor { start, name }))?)
            }
            Operation::ReferrersPage => Ask::Referrers(ReferrersAsk {
                repository: data::large()?,
                subject: data::digest(Kind::Manifest, 1)?,
                artifact_types: Vec::new(),
                after: None,
                limit: PAGE,
                max_bytes: 1 << 20,
                now: NOW,
            }),
            Operation::CataloguePage => {
                let last = self.size.small_repositories().saturating_sub(u64::from(PAGE));
                Ask::Catalogue(PageAsk { after: Some(data::small(number % last.max(1))?), limit: PAGE })
            }
            Operation::PushFacts => Ask::Facts(PushAsk {
                repository,
                now: NOW,
                digest: Some(Digest::of(Algorithm::Sha256, &number.to_be_bytes())),
                blobs: data::blobs(number)?.into(),
                children: BTreeSet::new(),
                tags: BTreeSet::from([tag(number)?]),
                tags_of: None,
                labels: false,
                visibility: false,
                legacy_images: BTreeSet::new(),
            }),
            Operation::Apply => Ask::Apply(Box::new(self.plan(repository, number)?)),
            Operation::UploadBegin => self.begin(repository),
            Operation::UploadAppend => self.append(repository)?,
            Operation::UploadFinish => self.finish(repository)?,
            Operation::Mount => self.mount(repository, number)?,
        })
    }

    /// The number of a manifest, of those that have a neighbour before them.
    fn manifest(&mut self) -> u64 {
        // Xorshift: the same questions in each run.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % (self.size.0 - 1) + 2
    }

    /// A push of a manifest that is not there, over blobs that are, under a new tag.
    fn plan(&mut self, repository: RepositoryName, number: u64) -> Result<Plan> {
        self.run += 1;
        let bytes = format!("{:0700}", self.run);
        let digest = Digest::of(Algorithm::Sha256, bytes.as_bytes());
        let manifest = NewManifest {
            digest,
            media_type: MediaType::from_static(MediaType::OCI_MANIFEST),
            bytes: bytes.into(),
            subject: None,
            artifact_type: None,
            annotations: BTreeMap::new(),
            platform: None,
            image_created: None,
            layers_size: Some(2_000),
            acting: Acting::default(),
            labels: Vec::new(),
            blobs: data::blobs(number)?.into_iter().map(|blob| (blob, Need::Required)).collect(),
            children: Vec::new(),
            empty_layer: false,
            legacy_images: Vec::new(),
            legacy_image: None,
        };
        let point = TagChange::Point {
            name: format!("pushed-{}", self.run).parse()?,
            to: digest,
            expires: NEVER,
            immutable: false,
            reversion: false,
            guard: Guard::Any,
        };
        Ok(Plan {
            repository,
            create_repository: None,
            now: NOW,
            actor: None,
            manifest: Some(ManifestChange::Create(Arc::new(manifest))),
            tags: vec![point],
            pin: None,
            displaced_until: Some(NOW + 1_000),
            delete: None,
            labels: None,
            purge: BTreeSet::new(),
        })
    }
}

impl Ask {
    /// Asks, and fails unless the answer is the one that the data has: what is not there is found quickly.
    pub(super) async fn ask(&self, ports: &Ports) -> Result<()> {
        let right = match self {
            Self::Fetch(ask) => matches!(ports.manifests.fetch(ask).await?, Fetched::Found(_)),
            Self::Blob(repository, digest) => ports.blobs.find(repository, digest, NOW).await?.is_some(),
            Self::Tags(repository, page) => {
                ports.listings.tag_names(repository, page, NOW).await?.is_some_and(|page| is_full(page.items.len()))
            }
            Self::History(ask) => ports.listings.history(ask).await?.is_some_and(|page| is_full(page.items.len())),
            Self::Referrers(ask) => is_full(ports.manifests.referrers(ask).await?.items.len()),
            Self::Catalogue(page) => is_full(ports.listings.repositories(&ReadScope::All, page).await?.items.len()),
            Self::Facts(ask) => {
                let facts = ports.manifests.push_facts(ask).await?;
                facts.repository != RepositoryState::Absent && facts.blobs.len() == 3 && facts.tags.len() == 1
            }
            Self::Apply(plan) => {
                matches!(ports.manifests.apply(plan).await?, Applied::Done { created: true, .. })
            }
            Self::Begin(upload) => ports.uploads.begin(upload).await? == Begun::Done,
            Self::Append(part) => ports.uploads.publish(part).await? == Published::Done,
            Self::Finish(finish) => matches!(ports.uploads.finish(finish).await?, Finished::Done(_)),
            Self::Mount(ask) => matches!(ports.blobs.mount(ask).await?, Mounted::Done(_)),
        };
        ensure!(right, "the answer is not what the data has: {self:?}");
        Ok(())
    }
}

fn is_full(rows: usize) -> bool {
    u32::try_from(rows) == Ok(PAGE)
}

fn fetch(repository: RepositoryName, reference: Reference) -> FetchAsk {
    FetchAsk { repository, reference, now: NOW, liveness: Liveness::Visible, have: None, at: None }
}

fn history(name: Option<TagName>, after: Option<HistoryCursor>) -> Result<HistoryAsk> {
    Ok(HistoryAsk { repository: data::large()?, name, active_only: false, since: None, after, limit: PAGE, now: NOW })
}
