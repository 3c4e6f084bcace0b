use crate::connect::{ConnectError, explain};
use crate::connection::Opener;
use crate::driver::{Doing, Failure, failure};
use crate::language::foreign_messages;
use crate::migrate::{self, Migrations};
use crate::pool::{Connection, Connections, PoolState};
use crate::pooler::refuse_forgetful;
use crate::retry::Retries;
use crate::url::DatabaseUrl;
use diesel::QueryResult;
use diesel_async::methods::LoadQuery;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::BoxFuture;
use manifest_core::error::{Port, PortError, PortErrorKind};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Every port of `manifest-core` that holds rows, on one Postgres database. Clones are the same store.
#[derive(Clone)]
pub struct PostgresStore {
    connections: Connections,
    /// How long an answer is awaited: behind a pooler the server may not know how long it may work.
    patience: Duration,
    found: Arc<Found>,
}

/// What was found when the store was opened.
struct Found {
    migrations: Migrations,
    foreign: Option<String>,
    url: DatabaseUrl,
}

/// What an operator may choose about a [`PostgresStore`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresOptions {
    /// Where the database is.
    pub url: DatabaseUrl,
    /// Whether to run the migrations that the database lacks; else it is refused.
    pub migrate: bool,
    /// How many connections this node holds at most.
    pub pool_size: u32,
    /// How long a request waits for one of them.
    pub acquire_timeout: Duration,
    /// How long the server works on one statement before it gives up.
    pub statement_timeout: Duration,
    /// How long a connection is kept that nobody uses; `None`: for ever.
    pub idle_timeout: Option<Duration>,
    /// How old a connection becomes; `None`: as old as it likes.
    pub max_lifetime: Option<Duration>,
    /// What the server calls the connections of this node, in `pg_stat_activity`; `None`: what the URL says, else `manifestd`.
    pub application_name: Option<String>,
}

impl PostgresOptions {
    /// The defaults for that database: it is migrated, and 16 connections are held at most.
    #[must_use]
    pub fn new(url: DatabaseUrl) -> Self {
        Self {
            url,
            migrate: true,
            pool_size: 16,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            idle_timeout: Some(Duration::from_mins(10)),
            max_lifetime: Some(Duration::from_mins(30)),
            application_name: None,
        }
    }
}

impl PostgresStore {
    /// Connects to the database and checks that it can be used. Runs the migrations that it lacks, if the options say so.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], which says what is in the way.
    pub async fn connect(options: PostgresOptions) -> Result<Self, ConnectError> {
        let opener = Opener::new(&options)?;
        let looking = opener.open().await.map_err(|error| explain(error, &options.url))?;
        // Opening takes as long as looking, so what is needed later is opened meanwhile. Where connections are scarce, one after
        // the other has to do.
        let (found, first, other) = tokio::join!(migrate::status(looking), opener.open(), opener.open());
        let found = found?;
        let migrations = if found.missing.is_empty() {
            found
        } else if options.migrate {
            Migrations::up(&options).await?
        } else {
            return Err(ConnectError::Older { missing: found.missing });
        };
        let patience = options.statement_timeout + Duration::from_secs(1);
        let mut first = match first {
            Ok(first) => first,
            Err(_) => opener.open().await.map_err(|error| explain(error, &options.url))?,
        };
        let foreign = foreign_messages(&mut first).await?;
        refuse_forgetful(&mut first, other.ok(), &opener).await?;
        let connections = Connections::new(opener, &options);
        connections.adopt(first);
        Ok(Self { connections, patience, found: Arc::new(Found { migrations, foreign, url: options.url }) })
    }

    /// The migrations that the database had, and those that connecting ran.
    #[must_use]
    pub fn opened(&self) -> &Migrations {
        &self.found.migrations
    }

    /// Where the database is.
    #[must_use]
    pub fn url(&self) -> &DatabaseUrl {
        &self.found.url
    }

    /// The locale of the server's messages (`lc_messages`), if they are not in English and the user may not ask for English. Then
    /// deadlocks, time-outs and a full disk are not told apart from errors that nobody expects.
    #[must_use]
    pub fn foreign_messages(&self) -> Option<&str> {
        self.found.foreign.as_deref()
    }

    /// How many connections are used now, and what was.
    #[must_use]
    pub fn pool(&self) -> PoolState {
        self.connections.state()
    }

    /// Rows of a statement that reads. A connection that turns out to be gone is replaced, once: reading twice changes nothing.
    ///
    /// The future is boxed, since of one that is not the compiler cannot see within a port's method that threads may pass it on.
    pub(crate) fn rows<'a, Q, T>(&'a self, statement: Q, what: &'static str) -> BoxFuture<'a, Port<Vec<T>>>
    where
        Q: LoadQuery<'a, AsyncPgConnection, T> + Copy + Send + 'a,
        T: Send + 'a,
    {
        Box::pin(async move {
            match self.ask(statement, what).await? {
                Err(error) if failure(&error) == Failure::Lost => self.ask(statement, what).await?.doing(what),
                answer => answer.doing(what),
            }
        })
    }

    /// The row of a statement that reads at most one.
    pub(crate) async fn row<'a, Q, T>(&'a self, statement: Q, what: &'static str) -> Port<Option<T>>
    where
        Q: LoadQuery<'a, AsyncPgConnection, T> + Copy + Send + 'a,
        T: Send + 'a,
    {
        Ok(self.rows(statement, what).await?.pop())
    }

    /// Rows of a call that writes, whole or not at all.
    ///
    /// A call that another transaction was in the way of is made again, a bounded number of times: a deadlock, a serialisation
    /// failure, or a foreign key to a row that went meanwhile. If the connection goes before the answer came, the error says
    /// that the outcome is unknown.
    pub(crate) fn write<'a, Q, T>(&'a self, statement: Q, what: &'static str) -> BoxFuture<'a, Port<Vec<T>>>
    where
        Q: LoadQuery<'a, AsyncPgConnection, T> + Copy + Send + 'a,
        T: Send + 'a,
    {
        Box::pin(async move {
            let mut retries = Retries::default();
            loop {
                let error = match self.ask(statement, what).await? {
                    Ok(rows) => return Ok(rows),
                    Err(error) => error,
                };
                match failure(&error) {
                    Failure::Conflict | Failure::Reference if retries.wait().await => {}
                    Failure::Lost => return Err(error).doing(what).map_err(PortError::with_unknown_outcome),
                    Failure::Conflict
                    | Failure::Reference
                    | Failure::Down
                    | Failure::Busy
                    | Failure::Slow
                    | Failure::Full
                    | Failure::Other => return Err(error).doing(what),
                }
            }
        })
    }

    /// A connection for statements that are made up as they are needed.
    pub(crate) async fn connection(&self) -> Port<Connection<'_>> {
        self.connections.get().await
    }

    /// Asks once, or once more where the server turns out to take no writes and another connection may lead to one that does: then
    /// nothing was done. The outer error is of the pool, or of nobody answering; the inner one is the driver's.
    async fn ask<'query, Q, T>(&self, statement: Q, what: &'static str) -> Port<QueryResult<Vec<T>>>
    where
        Q: LoadQuery<'query, AsyncPgConnection, T> + Copy + Send + 'query,
        T: Send,
    {
        let is_down =
            |answer: &QueryResult<Vec<T>>| answer.as_ref().is_err_and(|error| failure(error) == Failure::Down);
        self.ask_of(statement, what, is_down).await
    }

    /// Like [`Self::ask`], for whom an answer says that the server takes no writes.
    pub(crate) async fn ask_of<'query, Q, T>(
        &self,
        statement: Q,
        what: &'static str,
        takes_no_writes: impl Fn(&QueryResult<Vec<T>>) -> bool + Send,
    ) -> Port<QueryResult<Vec<T>>>
    where
        Q: LoadQuery<'query, AsyncPgConnection, T> + Copy + Send + 'query,
        T: Send,
    {
        loop {
            let mut link = self.connections.get().await?;
            // Until the answer is there: whoever asked may be gone before, and the next to have this connection would wait behind
            // a statement of somebody else's.
            link.spent = true;
            let answer = match tokio::time::timeout(self.patience, statement.load(&mut link.connection)).await {
                Ok(answer) => answer,
                Err(late) => {
                    return Err(PortError::new(PortErrorKind::Timeout, what).with_source(late).with_unknown_outcome());
                }
            };
            link.spent = false;
            if !takes_no_writes(&answer) || !self.connections.renounce(&link) {
                return Ok(answer);
            }
        }
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresStore")
    }
}
