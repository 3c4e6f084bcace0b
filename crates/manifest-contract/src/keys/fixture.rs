use manifest_core::ports::SigningKeys;
use std::any::Any;
use std::fmt;
use std::sync::Arc;

type Reopen = Box<dyn FnOnce() -> Arc<dyn SigningKeys> + Send>;

/// What a clause about signing keys runs on: an empty store, and what only its adapter can do to it.
pub struct Fixture {
    pub(super) keys: Arc<dyn SigningKeys>,
    reopen: Option<Reopen>,
    kept: Vec<Box<dyn Any + Send>>,
}

impl Fixture {
    /// An empty store.
    #[must_use]
    pub fn new(keys: Arc<dyn SigningKeys>) -> Self {
        Self { keys, reopen: None, kept: Vec::new() }
    }

    /// The same; `guard` (a temporary directory) lives until the clause ends.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any + Send) -> Self {
        self.kept.push(Box::new(guard));
        self
    }

    /// The same, for a store that outlives its handles: `reopen` opens it again after every handle was dropped.
    #[must_use]
    pub fn reopening(mut self, reopen: impl FnOnce() -> Arc<dyn SigningKeys> + Send + 'static) -> Self {
        self.reopen = Some(Box::new(reopen));
        self
    }

    /// The store after every handle was dropped, if it outlives them.
    pub(super) fn reopened(self) -> Option<Self> {
        let Self { keys, reopen, kept } = self;
        drop(keys);
        Some(Self { kept, ..Self::new(reopen?()) })
    }
}

impl From<Arc<dyn SigningKeys>> for Fixture {
    fn from(keys: Arc<dyn SigningKeys>) -> Self {
        Self::new(keys)
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").finish_non_exhaustive()
    }
}
