//! What can be in the way of using a database.

use crate::connection::{OLDEST, OpenConnectionError};
use crate::pooler::is_forgetful;
use crate::tls::TlsError;
use crate::url::DatabaseUrl;
use std::error::Error;
use tokio_postgres::error::SqlState;

type Source = Box<dyn Error + Send + Sync>;

/// Why a database is not used. Nothing was changed in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The connection cannot be encrypted as the URL asks.
    #[error("the connection to the database cannot be encrypted as asked")]
    Tls(#[from] TlsError),
    /// The server's certificate is not trusted, or the server does not encrypt.
    #[error("the database server {server} cannot be spoken to as `sslmode` asks")]
    Handshake {
        /// Where it is.
        server: String,
        /// What the driver says.
        source: Source,
    },
    /// No server answers there, or it turns everybody away just now.
    #[error("the database server {server} cannot be reached")]
    Unreachable {
        /// Where it should be.
        server: String,
        /// What the driver says.
        source: Source,
    },
    /// The server does not let this user in.
    #[error("the database server {server} does not let {user} in")]
    Refused {
        /// Where it is.
        server: String,
        /// Who asked: the user of the URL, or of the process.
        user: String,
        /// What the server says.
        source: Source,
    },
    /// The server has no such database.
    #[error("the database server {server} has no database `{database}`")]
    NoDatabase {
        /// Where it is.
        server: String,
        /// The name.
        database: String,
        /// What the server says.
        source: Source,
    },
    /// The server is older than our statements need.
    #[error("the database server has version {found}, and at least {needed} is needed")]
    OldServer {
        /// Its version.
        found: String,
        /// The oldest that will do.
        needed: u32,
    },
    /// What is between here and the server gives each transaction another connection, and does not make prepared statements known there.
    #[error("the pooler in front of the database keeps no prepared statements")]
    Pooler {
        /// What the server says.
        source: Source,
    },
    /// The schema in which the tables should be does not exist.
    #[error("the search path of the user names no schema that exists and may be used")]
    NoSchema,
    /// The user may not do what a node does.
    #[error("the user `{user}` of the database lacks the privilege {privilege} on the {on}")]
    NoPrivilege {
        /// Who.
        user: String,
        /// What: `CREATE`, `SELECT`, …
        privilege: String,
        /// On what: `schema public`, `table tag`.
        on: String,
    },
    /// The database has tables of some other program.
    #[error("the database belongs to another program: it has `{table}`, and is none of ours")]
    Foreign {
        /// One of the tables.
        table: String,
    },
    /// The database is ours, and somebody removed a table.
    #[error("the database lacks the table `{table}`, which its version should have: somebody changed it by hand")]
    Lacks {
        /// The table.
        table: &'static str,
    },
    /// A newer program has migrated the database; this one does not know its tables.
    #[error(
        "the database has version {database}, and this program knows none newer than {program}: use a newer program"
    )]
    Newer {
        /// The newest migration that ran.
        database: String,
        /// The newest migration that this program has.
        program: String,
    },
    /// Migrations are missing, and were not to be run.
    #[error("the database lacks the migrations {}: run `manifestd migrate up`", missing.join(", "))]
    Older {
        /// The versions that are missing.
        missing: Vec<String>,
    },
    /// A migration failed, and none was kept.
    #[error("migration {version} failed, and none was kept")]
    Migration {
        /// Which one.
        version: String,
        /// What the server says.
        source: Source,
    },
    /// Anything else.
    #[error("the database cannot be used")]
    Other(#[source] Source),
}

/// What it means that no connection could be opened there.
pub(crate) fn explain(error: OpenConnectionError, url: &DatabaseUrl) -> ConnectError {
    let server = url.server();
    let driver = match &error {
        OpenConnectionError::Connect(driver) => driver,
        OpenConnectionError::Silent(_) => return ConnectError::Unreachable { server, source: error.into() },
        OpenConnectionError::Old(found) => {
            return ConnectError::OldServer { found: found.clone(), needed: OLDEST };
        }
        OpenConnectionError::Setup(diesel::ConnectionError::CouldntSetupConfiguration(said))
        | OpenConnectionError::Settings(said)
            if is_forgetful(said) =>
        {
            return ConnectError::Pooler { source: error.into() };
        }
        OpenConnectionError::Setup(_) | OpenConnectionError::Settings(_) => return ConnectError::Other(error.into()),
    };
    let Some(code) = driver.code() else {
        return if concerns_tls(driver) {
            ConnectError::Handshake { server, source: error.into() }
        } else if concerns_password(driver) {
            let user = url.user().unwrap_or("the user of this process").to_owned();
            ConnectError::Refused { server, user, source: error.into() }
        } else {
            ConnectError::Unreachable { server, source: error.into() }
        };
    };
    if *code == SqlState::INVALID_CATALOG_NAME {
        return ConnectError::NoDatabase { server, database: url.database().to_owned(), source: error.into() };
    }
    match code.code().get(..2) {
        // A user who may not connect to this database is refused by a privilege: 42501.
        Some("28" | "42") => {
            let user = url.user().unwrap_or("the user of this process").to_owned();
            ConnectError::Refused { server, user, source: error.into() }
        }
        Some("08" | "53" | "57") => ConnectError::Unreachable { server, source: error.into() },
        _ => ConnectError::Other(error.into()),
    }
}

/// The driver says of a failed handshake no more than its text.
fn concerns_tls(error: &tokio_postgres::Error) -> bool {
    error.to_string().contains("TLS")
}

/// As the driver says that the server wants a password and none was given.
fn concerns_password(error: &tokio_postgres::Error) -> bool {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    cause.contains("password") || error.to_string().contains("authentication")
}

// A transaction of diesel's ends in one of its own errors.
impl From<diesel::result::Error> for ConnectError {
    fn from(error: diesel::result::Error) -> Self {
        if is_forgetful(&error) { Self::Pooler { source: error.into() } } else { Self::Other(error.into()) }
    }
}
