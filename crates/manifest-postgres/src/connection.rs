//! How one connection is opened.

use crate::store::PostgresOptions;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use std::time::Duration;
use tokio_postgres::NoTls;

/// Opens connections, all alike.
#[derive(Clone)]
pub(crate) struct Opener {
    config: tokio_postgres::Config,
    settings: String,
}

/// Why a connection was not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenConnectionError {
    /// The server could not be reached, or turned us away.
    #[error("connecting to the server")]
    Connect(#[source] tokio_postgres::Error),
    /// The driver could not be set up.
    #[error("setting the connection up")]
    Setup(#[source] diesel::ConnectionError),
    /// The settings were refused.
    #[error("making the settings of the connection")]
    Settings(#[source] diesel::result::Error),
}

impl Opener {
    pub(crate) fn new(options: &PostgresOptions) -> Self {
        let mut config = options.url.config().clone();
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        config.application_name(&options.application_name);
        // A setting rather than a parameter of the start-up, which poolers refuse. Behind one it may not be kept: waiting ends here too.
        let settings = format!("SET statement_timeout = {}", options.statement_timeout.as_millis());
        Self { config, settings }
    }

    pub(crate) async fn open(&self) -> Result<AsyncPgConnection, OpenConnectionError> {
        let (client, connection) = self.config.connect(NoTls).await.map_err(OpenConnectionError::Connect)?;
        let mut connection = AsyncPgConnection::try_from_client_and_connection(client, connection)
            .await
            .map_err(OpenConnectionError::Setup)?;
        connection.batch_execute(&self.settings).await.map_err(OpenConnectionError::Settings)?;
        Ok(connection)
    }
}

/// How long a server may take to answer a connection, unless the URL says otherwise.
const CONNECT: Duration = Duration::from_secs(5);
