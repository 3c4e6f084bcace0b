use async_trait::async_trait;
use manifest_core::Port;
use manifest_core::ports::{PrivateKey, Retired, SigningKeys};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// [`SigningKeys`] in memory: gone with the process.
#[derive(Default)]
pub struct MemorySigningKeys(Mutex<Keys>);

#[derive(Default)]
struct Keys {
    current: Option<PrivateKey>,
    earlier: Vec<Vec<u8>>,
}

impl MemorySigningKeys {
    /// A store without a key.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        // Each change is one assignment or two that cannot fail: a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SigningKeys for MemorySigningKeys {
    async fn current(&self) -> Port<Option<PrivateKey>> {
        Ok(self.keys().current.clone())
    }

    async fn replace(&self, expected: Option<Retired>, key: &PrivateKey) -> Port<Option<PrivateKey>> {
        let mut keys = self.keys();
        if keys.current.as_ref() == expected.as_ref().map(|retired| &retired.private) {
            keys.earlier.extend(expected.map(|retired| retired.public));
            keys.current = Some(key.clone());
        }
        Ok(keys.current.clone())
    }

    async fn earlier(&self) -> Port<Vec<Vec<u8>>> {
        Ok(self.keys().earlier.clone())
    }
}

impl fmt::Debug for MemorySigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySigningKeys").finish_non_exhaustive()
    }
}
