//! Where the database is, as operators write it.

use std::fmt;
use std::str::FromStr;

/// Where a database is: `postgres://user:password@host:port/name?sslmode=…`.
///
/// Neither `Display` nor `Debug` prints the password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    text: String,
    config: tokio_postgres::Config,
}

/// Why a text is no [`DatabaseUrl`]. Never holds the text, which may hold a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseDatabaseUrlError {
    /// It is the URL of something else, or no URL.
    #[error("a database URL starts with postgres:// or postgresql://")]
    Scheme,
    /// The driver does not understand it.
    #[error("the database URL cannot be understood")]
    Driver(#[source] tokio_postgres::Error),
    /// It names no database.
    #[error("the database URL names no database: postgres://user@host:port/NAME")]
    NoDatabase,
}

impl DatabaseUrl {
    /// The same place, with that password instead of the one in the URL.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.config.password(password);
        self
    }

    /// Whether a password was given, in the URL or apart from it.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    pub(crate) fn config(&self) -> &tokio_postgres::Config {
        &self.config
    }
}

impl FromStr for DatabaseUrl {
    type Err = ParseDatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !(text.starts_with("postgres://") || text.starts_with("postgresql://")) {
            return Err(ParseDatabaseUrlError::Scheme);
        }
        let config: tokio_postgres::Config = text.parse().map_err(ParseDatabaseUrlError::Driver)?;
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(ParseDatabaseUrlError::NoDatabase);
        }
        Ok(Self { text: redacted(text), config })
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({})", self.text)
    }
}

/// The text without its password, whether that stands before the host or among the parameters.
fn redacted(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let (place, parameters) = rest.split_once('?').map_or((rest, None), |(place, all)| (place, Some(all)));
    let place = match place.rsplit_once('@') {
        Some((who, at)) => match who.split_once(':') {
            Some((user, _)) => format!("{user}:***@{at}"),
            None => place.to_owned(),
        },
        None => place.to_owned(),
    };
    let mut url = format!("{scheme}://{place}");
    for (index, parameter) in parameters.into_iter().flat_map(|all| all.split('&')).enumerate() {
        let secret = parameter.split('=').next().is_some_and(|key| key == "password");
        url.push(if index == 0 { '?' } else { '&' });
        url.push_str(if secret { "password=***" } else { parameter });
    }
    url
}
