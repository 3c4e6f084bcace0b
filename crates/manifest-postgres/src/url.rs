//! Where the database is, as operators write it.

use crate::tls::{SslMode, Tls};
use percent_encoding::percent_decode_str;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use tokio_postgres::config::Host;

/// Where a database is: `postgres://user:password@host:port/name?sslmode=…`, as libpq has it.
///
/// The parameters are those of libpq where it matters: `sslmode` (`disable`, `allow`, `prefer`, which is the default,
/// `require`, `verify-ca`, `verify-full`), `sslrootcert` (a PEM file, or `system`: then the mode is `verify-full`, and a weaker one is
/// refused; without it `verify-ca` and `verify-full` trust the system's too), `host` (also a directory of a Unix socket), several
/// hosts with `target_session_attrs`, `connect_timeout`, `keepalives`, `application_name` and `options`.
///
/// Neither `Display` nor `Debug` prints the password.
///
/// ```
/// # use manifest_postgres::DatabaseUrl;
/// let url: DatabaseUrl = "postgres://registry:secret@db.example/manifests?sslmode=verify-full".parse()?;
/// assert_eq!(url.to_string(), "postgres://registry:***@db.example/manifests?sslmode=verify-full");
/// assert!("mysql://db.example/manifests".parse::<DatabaseUrl>().is_err());
/// # Ok::<(), manifest_postgres::ParseDatabaseUrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    text: String,
    config: tokio_postgres::Config,
    tls: Tls,
}

/// Why a text is no [`DatabaseUrl`]. Never holds the whole text, which may hold a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseDatabaseUrlError {
    /// It is the URL of something else, or no URL.
    #[error("a database URL starts with postgres:// or postgresql://")]
    Scheme,
    /// A `?` before an `@`: the driver would take it for a part of the password, and everybody else for its end.
    #[error("in the user, password and parameters of a database URL, `?` is written %3F and `@` is written %40")]
    Ambiguous,
    /// The driver does not understand it.
    #[error("the database URL cannot be understood{}", detail(.0))]
    Driver(tokio_postgres::Error),
    /// It names no host.
    #[error("the database URL names no host: postgres://user@HOST:port/name")]
    NoHost,
    /// It names no database.
    #[error("the database URL names no database: postgres://user@host:port/NAME")]
    NoDatabase,
    /// There is no such `sslmode`.
    #[error("`{0}` is no sslmode (disable, allow, prefer, require, verify-ca, verify-full)")]
    SslMode(String),
    /// The system's roots are trusted with less than the name of the host.
    #[error(
        "sslrootcert=system needs sslmode=verify-full, not {0}: whoever the system trusts vouches for millions of hosts"
    )]
    WeakSystem(String),
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

    /// The server, as an error names it: `db.example:5432`.
    #[must_use]
    pub fn server(&self) -> String {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate().map(|(index, host)| {
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) if name.contains(':') => format!("[{name}]:{port}"),
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(directory) => format!("{}/.s.PGSQL.{port}", directory.display()),
            }
        });
        hosts.collect::<Vec<_>>().join(", ")
    }

    /// The name of the database.
    #[must_use]
    pub fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or_default()
    }

    /// The user, if the URL names one; else it is the one that runs the process.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.config.get_user()
    }

    pub(crate) fn config(&self) -> &tokio_postgres::Config {
        &self.config
    }

    pub(crate) fn tls(&self) -> &Tls {
        &self.tls
    }
}

impl FromStr for DatabaseUrl {
    type Err = ParseDatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !(text.starts_with("postgres://") || text.starts_with("postgresql://")) {
            return Err(ParseDatabaseUrlError::Scheme);
        }
        if text.find('@').is_some_and(|at| text.find('?').is_some_and(|parameters| parameters < at)) {
            return Err(ParseDatabaseUrlError::Ambiguous);
        }
        // The driver knows neither all modes of TLS nor the file of the root certificates.
        let (place, parameters) = text.split_once('?').unwrap_or((text, ""));
        let (mut mode, mut roots, mut others) = (None, None, Vec::new());
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => {
                    let named =
                        SslMode::named(value).ok_or_else(|| ParseDatabaseUrlError::SslMode(value.to_owned()))?;
                    mode = Some((named, value));
                }
                Some(("sslrootcert", value)) => roots = Some(decoded(value)),
                _ => others.push(parameter),
            }
        }
        let mut mode = match (roots.as_deref(), mode) {
            (Some("system"), None) => SslMode::VerifyFull,
            (Some("system"), Some((mode, named))) if mode != SslMode::VerifyFull => {
                return Err(ParseDatabaseUrlError::WeakSystem(named.to_owned()));
            }
            (_, Some((mode, _))) => mode,
            (_, None) => SslMode::Prefer,
        };
        let roots = roots.filter(|file| file != "system");
        let joint = if others.is_empty() { "" } else { "?" };
        let url = format!("{place}{joint}{}", others.join("&"));
        let mut config: tokio_postgres::Config = url.parse().map_err(ParseDatabaseUrlError::Driver)?;
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(ParseDatabaseUrlError::NoDatabase);
        }
        if config.get_hosts().is_empty() {
            return Err(ParseDatabaseUrlError::NoHost);
        }
        // A socket of this machine is not encrypted, as with libpq, whatever the mode.
        if config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_))) {
            mode = SslMode::Disable;
        }
        config.ssl_mode(mode.of_driver());
        Ok(Self { text: redacted(text), config, tls: Tls { mode, roots: roots.map(PathBuf::from) } })
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

fn decoded(value: &str) -> String {
    percent_decode_str(value).decode_utf8_lossy().into_owned()
}

/// The driver names the parameter that it does not know, or does not understand; never its value.
fn detail(error: &tokio_postgres::Error) -> String {
    std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::DatabaseUrl;
    use crate::tls::SslMode;

    fn url(text: &str) -> DatabaseUrl {
        text.parse().unwrap()
    }

    #[test]
    fn a_password_is_never_printed() {
        let check = |text: &str, expected: &str| {
            let url = url(text);
            assert_eq!(url.to_string(), expected);
            assert!(!format!("{url:?}").contains("pa@s"), "{url:?}");
            assert!(url.has_password());
        };
        check("postgres://me:pa%40s@h/d", "postgres://me:***@h/d");
        check("postgres://me:pa@s@h/d", "postgres://me:***@h/d");
        check("postgres://me@h/d?password=pa@s&sslmode=disable", "postgres://me@h/d?password=***&sslmode=disable");
        let apart = url("postgres://me@h/d").with_password("pa@s");
        assert_eq!(format!("{apart} {apart:?}"), "postgres://me@h/d DatabaseUrl(postgres://me@h/d)");
    }

    #[test]
    fn what_is_no_url_is_refused_without_its_password() {
        let refused = |text: &str, expected: &str| {
            let error = text.parse::<DatabaseUrl>().unwrap_err();
            assert_eq!(error.to_string(), expected, "{text}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        };
        let ambiguous =
            "in the user, password and parameters of a database URL, `?` is written %3F and `@` is written %40";
        refused("postgres://me:hunter2?x@h/d?sslmode=require", ambiguous);
        refused("postgres://h/d?password=hunter2@x", ambiguous);
        refused("sqlite:x", "a database URL starts with postgres:// or postgresql://");
        refused("host=h password=hunter2", "a database URL starts with postgres:// or postgresql://");
        refused("postgres://me:hunter2@h", "the database URL names no database: postgres://user@host:port/NAME");
        refused("postgres:///d", "the database URL names no host: postgres://user@HOST:port/name");
        refused(
            "postgres://me:hunter2@h/d?sslmode=yes",
            "`yes` is no sslmode (disable, allow, prefer, require, verify-ca, verify-full)",
        );
        for weak in ["disable", "allow", "prefer", "require", "verify-ca"] {
            let expected = format!(
                "sslrootcert=system needs sslmode=verify-full, not {weak}: whoever the system trusts vouches for millions of hosts"
            );
            refused(&format!("postgres://me:hunter2@h/d?sslmode={weak}&sslrootcert=system"), &expected);
            refused(&format!("postgres://me:hunter2@h/d?sslrootcert=system&sslmode={weak}"), &expected);
        }
        refused("postgres://me:hunter2@h/d?color=red", "the database URL cannot be understood: unknown option `color`");
        refused(
            "postgres://me:hunter2@h:x/d",
            "the database URL cannot be understood: invalid value for option `port`",
        );
    }

    #[test]
    fn places() {
        let check = |text: &str, server: &str, mode: SslMode| {
            let url = url(text);
            assert_eq!((url.server().as_str(), url.tls().mode), (server, mode), "{text}");
        };
        check("postgres://h/d", "h:5432", SslMode::Prefer);
        check("postgresql://u@h:6432/d?sslmode=verify-ca", "h:6432", SslMode::VerifyCa);
        check("postgres://a,b:1/d?sslmode=require", "a:5432, b:1", SslMode::Require);
        check("postgres://u@/d?host=/run/postgresql", "/run/postgresql/.s.PGSQL.5432", SslMode::Disable);
        check("postgres://u@%2Frun%2Fpg/d?sslmode=require", "/run/pg/.s.PGSQL.5432", SslMode::Disable);
        check("postgres://u@h/d?sslrootcert=system", "h:5432", SslMode::VerifyFull);
        check("postgres://u@h/d?sslmode=verify-full&sslrootcert=system", "h:5432", SslMode::VerifyFull);
        check("postgres://u@h/d?sslrootcert=a.pem", "h:5432", SslMode::Prefer);
        assert_eq!(url("postgres://u@h/d?sslrootcert=/a%20b.pem").tls().roots, Some("/a b.pem".into()));
        assert_eq!(url("postgres://u@h/d?sslrootcert=system").tls().roots, None);
    }
}
