//! Where connections come from.

use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::bb8::{Pool, PooledConnection};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use manifest_core::error::{Port, PortError, PortErrorKind};
use std::time::Duration;

/// Connections that are open, and those that may still be opened.
#[derive(Clone)]
pub(crate) struct Connections(Pool<AsyncPgConnection>);

impl Connections {
    /// Opens none yet.
    pub(crate) fn new(url: &str, size: u32, acquire: Duration) -> Self {
        let mut config = ManagerConfig::default();
        // No question before each use: a connection that is gone says so by itself, and the read is asked again on another.
        config.recycling_method = RecyclingMethod::Fast;
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let pool = Pool::builder().max_size(size).connection_timeout(acquire).test_on_check_out(false);
        Self(pool.build_unchecked(manager))
    }

    /// A connection, within the time that callers wait for one.
    pub(crate) async fn get(&self) -> Port<PooledConnection<'_, AsyncPgConnection>> {
        self.0.get().await.map_err(|error| {
            PortError::new(PortErrorKind::Unavailable, "getting a connection to the database").with_source(error)
        })
    }
}
