//! What can be in the way of using a database.

use crate::connection::OpenConnectionError;
use std::error::Error;
use tokio_postgres::error::SqlState;

/// Why a database is not used. Nothing was changed in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No server answers there, or it turns everybody away just now.
    #[error("the database server cannot be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// The server does not let this user in.
    #[error("the database server refuses the user or the password")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// The server has no such database.
    #[error("the server has no such database")]
    NoDatabase(#[source] Box<dyn Error + Send + Sync>),
    /// The schema in which the tables should be does not exist.
    #[error("the search path of the user names no schema that exists")]
    NoSchema,
    /// The database has tables of some other program.
    #[error("the database belongs to another program: it has a table `{table}`, and none of ours")]
    Foreign {
        /// One of the tables.
        table: String,
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
    #[error("migration {version} failed")]
    Migration {
        /// Which one.
        version: String,
        /// What the server says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Anything else.
    #[error("the database cannot be used")]
    Other(#[source] Box<dyn Error + Send + Sync>),
}

impl From<OpenConnectionError> for ConnectError {
    fn from(error: OpenConnectionError) -> Self {
        let OpenConnectionError::Connect(driver) = &error else { return Self::Other(error.into()) };
        match driver.code() {
            None => Self::Unreachable(error.into()),
            Some(code) if *code == SqlState::INVALID_CATALOG_NAME => Self::NoDatabase(error.into()),
            Some(code) if code.code().starts_with("28") => Self::Refused(error.into()),
            Some(code) if ["08", "53", "57"].iter().any(|class| code.code().starts_with(class)) => {
                Self::Unreachable(error.into())
            }
            Some(_) => Self::Other(error.into()),
        }
    }
}

// A transaction of diesel's ends in one of its own errors.
impl From<diesel::result::Error> for ConnectError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Other(error.into())
    }
}
