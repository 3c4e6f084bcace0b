//! The Postgres adapter, on a database of the caller's that is emptied for each sequence.

use crate::adapter::{Adapter, Store};
use async_trait::async_trait;
use manifest_postgres::{PostgresOptions, PostgresStore};
use postgres_fixture::CLEAR;
use std::error::Error;
use std::sync::Arc;
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

/// The Postgres adapter, for one call of [`check`](fn@crate::check): its connections belong to the runtime that they were opened in.
pub struct Postgres {
    url: String,
    opened: OnceCell<Opened>,
}

/// Kept from one sequence to the next, for a connection that is new has to prepare every statement first.
struct Opened {
    rows: Arc<PostgresStore>,
    emptier: Client,
}

impl Postgres {
    /// On that database, **all rows of which will be deleted**, by a superuser and without TLS: `postgres://user@host:port/name`.
    #[must_use]
    pub fn emptying(url: &str) -> Self {
        Self { url: url.to_owned(), opened: OnceCell::new() }
    }

    async fn open(&self) -> Result<Opened, Box<dyn Error>> {
        let rows = Arc::new(PostgresStore::connect(PostgresOptions::new(self.url.parse()?)).await?);
        let (emptier, connection) = tokio_postgres::connect(&self.url, NoTls).await?;
        // It ends with its client, and an error of it is what the client's next call says.
        tokio::spawn(connection);
        Ok(Opened { rows, emptier })
    }
}

#[async_trait(?Send)]
impl Adapter for Postgres {
    fn name(&self) -> &'static str {
        "Postgres"
    }

    async fn fresh(&self) -> Result<Store, Box<dyn Error>> {
        let opened = self.opened.get_or_try_init(|| self.open()).await?;
        opened.emptier.batch_execute(CLEAR).await?;
        Ok(Store::of(Arc::clone(&opened.rows)))
    }
}
