use crate::driver::Doing;
use crate::pool::Connections;
use diesel_async::methods::LoadQuery;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use manifest_core::error::Port;
use std::fmt;
use std::time::Duration;

/// Every port of `manifest-core` that holds rows, on one Postgres database. Clones are the same store.
#[derive(Clone)]
pub struct PostgresStore {
    connections: Connections,
}

/// What an operator may choose about a [`PostgresStore`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresOptions {
    /// Where the database is: `postgres://user:password@host:port/name?sslmode=…`.
    pub url: String,
    /// How many connections this node holds at most.
    pub pool_size: u32,
    /// How long a request waits for one of them.
    pub acquire_timeout: Duration,
    /// How long the server works on one statement before it gives up.
    pub statement_timeout: Duration,
}

impl PostgresStore {
    /// Rows of a statement that reads. A connection that turns out to be gone is replaced, once: reading twice changes nothing.
    pub(crate) async fn rows<'query, Q, T>(&self, statement: Q, what: &'static str) -> Port<Vec<T>>
    where
        Q: LoadQuery<'query, AsyncPgConnection, T> + Copy + Send + 'query,
        T: Send,
    {
        let mut connection = self.connections.get().await?;
        let answer = statement.load(&mut *connection).await;
        answer.doing(what)
    }

    /// The row of a statement that reads at most one.
    pub(crate) async fn row<'query, Q, T>(&self, statement: Q, what: &'static str) -> Port<Option<T>>
    where
        Q: LoadQuery<'query, AsyncPgConnection, T> + Copy + Send + 'query,
        T: Send,
    {
        Ok(self.rows(statement, what).await?.pop())
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresStore")
    }
}
