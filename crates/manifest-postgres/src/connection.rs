//! How one connection is opened.

use crate::store::PostgresOptions;
use crate::tls::{SslMode, TlsError};
use crate::{language, planning};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use std::time::Duration;
use tokio_postgres::config::SslMode as DriverMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Opens connections, all alike.
#[derive(Clone)]
pub(crate) struct Opener {
    config: Config,
    mode: SslMode,
    tls: Option<MakeRustlsConnect>,
    settings: String,
}

/// Why a connection was not opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenConnectionError {
    /// The server could not be reached, or turned us away.
    #[error("connecting to the server")]
    Connect(#[source] tokio_postgres::Error),
    /// The server took the connection, and then said nothing.
    #[error("the server says nothing")]
    Silent(#[source] tokio::time::error::Elapsed),
    /// The server is older than our statements need.
    #[error("the server has version {0}")]
    Old(String),
    /// The driver could not be set up.
    #[error("setting the connection up")]
    Setup(#[source] diesel::ConnectionError),
    /// The settings were refused.
    #[error("making the settings of the connection")]
    Settings(#[source] diesel::result::Error),
}

impl Opener {
    pub(crate) fn new(options: &PostgresOptions) -> Result<Self, TlsError> {
        let mut config = options.url.config().clone();
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        let name = options.application_name.as_deref().or(options.url.config().get_application_name());
        config.application_name(name.unwrap_or("manifestd"));
        let tls = options.url.tls();
        // Statements rather than parameters of the start-up, which poolers refuse. Behind one they may not be kept, and nothing
        // depends on it: waiting for an answer ends here too.
        let timeout = options.statement_timeout.as_millis();
        let settings = format!("{}; SET statement_timeout = {timeout}; {}", planning::SETTINGS, language::ASK);
        Ok(Self { config, mode: tls.mode, tls: tls.connector()?, settings })
    }

    pub(crate) async fn open(&self) -> Result<AsyncPgConnection, OpenConnectionError> {
        // The driver's own limit ends where the server has taken the connection.
        let patience = self.config.get_connect_timeout().map_or(CONNECT, |limit| *limit * 2);
        tokio::time::timeout(patience, self.begin()).await.map_err(OpenConnectionError::Silent)?
    }

    async fn begin(&self) -> Result<AsyncPgConnection, OpenConnectionError> {
        let mut connection = match self.connect(&self.config).await {
            // What the server says where it takes only encrypted connections.
            Err(OpenConnectionError::Connect(error))
                if self.mode == SslMode::Allow
                    && error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION) =>
            {
                self.connect(self.config.clone().ssl_mode(DriverMode::Require)).await?
            }
            connected => connected?,
        };
        connection.batch_execute(&self.settings).await.map_err(OpenConnectionError::Settings)?;
        Ok(connection)
    }

    async fn connect(&self, config: &Config) -> Result<AsyncPgConnection, OpenConnectionError> {
        let connection = match &self.tls {
            None => {
                let (client, connection) = config.connect(NoTls).await.map_err(OpenConnectionError::Connect)?;
                refuse_old(connection.parameter("server_version"))?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
            Some(tls) => {
                let (client, connection) = config.connect(tls.clone()).await.map_err(OpenConnectionError::Connect)?;
                refuse_old(connection.parameter("server_version"))?;
                AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
        };
        connection.map_err(OpenConnectionError::Setup)
    }
}

/// The oldest server that will do: what statements and functions use is in all that are still maintained, and tested on 15.
pub(crate) const OLDEST: u32 = 13;

/// Servers say their version in their greeting: `9.6.24`, `15.4 (Debian 15.4-1)`. It is looked at before anything is asked, because
/// what is asked first is too new for an old one. What is no version says nothing against a server.
fn refuse_old(version: Option<&str>) -> Result<(), OpenConnectionError> {
    let version = version.unwrap_or_default();
    let digits = version.find(|one: char| !one.is_ascii_digit()).unwrap_or(version.len());
    match version.get(..digits).and_then(|major| major.parse::<u32>().ok()) {
        Some(major) if major < OLDEST => Err(OpenConnectionError::Old(version.to_owned())),
        Some(_) | None => Ok(()),
    }
}

/// How long a server may take to answer a connection, unless the URL says otherwise.
const CONNECT: Duration = Duration::from_secs(5);
