use super::{Repo, names::repository};
use manifest_core::Ports;
use manifest_core::ports::{Blobs, Collection, LegacyImages, Listings, Manifests, Records, Repositories, Uploads};
use oci_types::{Digest, RepositoryName};
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// The ports that hold rows, of one empty store.
#[derive(Clone)]
pub struct Rows {
    /// Manifests and tags.
    pub manifests: Arc<dyn Manifests>,
    /// Pages.
    pub listings: Arc<dyn Listings>,
    /// Repositories.
    pub repositories: Arc<dyn Repositories>,
    /// Which repository may read which blob.
    pub blobs: Arc<dyn Blobs>,
    /// Uploads under way.
    pub uploads: Arc<dyn Uploads>,
    /// What sweepers need.
    pub collection: Arc<dyn Collection>,
    /// Legacy images.
    pub legacy_images: Arc<dyn LegacyImages>,
    /// Every row, for checks and copies.
    pub records: Arc<dyn Records>,
}

impl Rows {
    /// All of them from one value that implements all of them.
    #[must_use]
    pub fn of<S>(store: Arc<S>) -> Self
    where
        S: Manifests + Listings + Repositories + Blobs + Uploads + Collection + LegacyImages + Records + 'static,
    {
        Self {
            manifests: Arc::<S>::clone(&store),
            listings: Arc::<S>::clone(&store),
            repositories: Arc::<S>::clone(&store),
            blobs: Arc::<S>::clone(&store),
            uploads: Arc::<S>::clone(&store),
            collection: Arc::<S>::clone(&store),
            legacy_images: Arc::<S>::clone(&store),
            records: store,
        }
    }
}

impl From<Ports> for Rows {
    fn from(ports: Ports) -> Self {
        Self {
            manifests: ports.manifests,
            listings: ports.listings,
            repositories: ports.repositories,
            blobs: ports.blobs,
            uploads: ports.uploads,
            collection: ports.collection,
            legacy_images: ports.legacy_images,
            records: ports.records,
        }
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}

type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Reopen = Box<dyn FnOnce() -> Answer<Rows> + Send>;
type Spoil = Box<dyn FnOnce(RepositoryName, Digest) -> Answer<(String, String)> + Send>;

/// What a clause about rows runs on: an empty store, and what only its adapter can do to it.
pub struct Fixture {
    pub(crate) rows: Rows,
    reopen: Option<Reopen>,
    pub(crate) spoil: Option<Spoil>,
    kept: Vec<Box<dyn Any + Send>>,
}

impl Fixture {
    /// An empty store.
    #[must_use]
    pub fn new(rows: Rows) -> Self {
        Self { rows, reopen: None, spoil: None, kept: Vec::new() }
    }

    /// The same; `guard` (a temporary directory, a database) lives until the clause ends.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any + Send) -> Self {
        self.kept.push(Box::new(guard));
        self
    }

    /// The same, for a store that outlives its handles: `reopen` opens it again after every handle was dropped.
    #[must_use]
    pub fn reopening<F>(mut self, reopen: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Rows> + Send + 'static,
    {
        self.reopen = Some(Box::new(|| Box::pin(reopen())));
        self
    }

    /// The same, for a store whose values can be spoilt: `spoil` overwrites a value in the row of that manifest, one that a fetch
    /// by digest reads, by something that does not parse, and answers the table and the column.
    #[must_use]
    pub fn spoiling<F>(mut self, spoil: impl FnOnce(RepositoryName, Digest) -> F + Send + 'static) -> Self
    where
        F: Future<Output = (String, String)> + Send + 'static,
    {
        self.spoil = Some(Box::new(|repository, digest| Box::pin(spoil(repository, digest))));
        self
    }

    /// A repository, whether it exists or not.
    pub(crate) fn repo(&self, name: &str) -> Repo {
        Repo { rows: self.rows.clone(), name: repository(name) }
    }

    /// The store after every handle was dropped, if it outlives them. Let go of every [`Repo`] before.
    pub(crate) async fn reopened(self) -> Option<Self> {
        let Self { rows, reopen, kept, .. } = self;
        drop(rows);
        let rows = reopen?().await;
        Some(Self { rows, reopen: None, spoil: None, kept })
    }
}

impl From<Rows> for Fixture {
    fn from(rows: Rows) -> Self {
        Self::new(rows)
    }
}

impl From<Ports> for Fixture {
    fn from(ports: Ports) -> Self {
        Self::new(ports.into())
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").finish_non_exhaustive()
    }
}
