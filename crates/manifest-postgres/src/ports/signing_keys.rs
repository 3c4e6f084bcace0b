use crate::ops::signing_keys;
use crate::store::PostgresStore;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::ports::{PrivateKey, Retired, SigningKeys};

#[async_trait]
impl SigningKeys for PostgresStore {
    async fn current(&self) -> Port<Option<PrivateKey>> {
        signing_keys::current(self).await
    }

    async fn replace(&self, expected: Option<Retired>, key: &PrivateKey) -> Port<Option<PrivateKey>> {
        signing_keys::replace(self, expected.as_ref(), key).await
    }

    async fn earlier(&self) -> Port<Vec<Vec<u8>>> {
        signing_keys::earlier(self).await
    }
}
