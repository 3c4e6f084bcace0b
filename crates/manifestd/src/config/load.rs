use super::keys::{Key, Shown};
use super::problem::Problem;
use super::setting::{Flag, Origin, Setting};
use super::show::number_text;
use super::{AdminListen, Config, environment, file};
use figment::Figment;
use figment::error::Kind;
use figment::providers::Serialized;
use figment::value::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

/// A configuration with the origin of each value.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    figment: Figment,
    origins: BTreeMap<&'static str, Origin>,
}

/// Layers defaults, the file if there is one, the environment and the flags.
///
/// # Errors
///
/// Every [`Problem`] of the first layer that has one; then the first value that its key does not take.
pub(crate) fn load(
    path: Option<&Path>,
    variables: impl Iterator<Item = (OsString, OsString)>,
    flags: Vec<Flag>,
) -> Result<Loaded, Vec<Problem>> {
    let mut settings = match path {
        Some(path) => file::read(path)?,
        None => Vec::new(),
    };
    settings.extend(environment::read(variables)?);
    settings.extend(flags.into_iter().filter_map(|flag| {
        let origin = Origin::Flag(flag.name);
        Key::find(flag.key).map(|key| Setting { key, value: flag.value, origin })
    }));
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    let mut origins = BTreeMap::new();
    for setting in settings {
        origins.insert(setting.key.path, setting.origin.clone());
        figment = figment.merge(setting);
    }
    let config = figment.extract().map_err(|error| vec![bad_value(&error, &figment, &origins)])?;
    let loaded = Loaded { config, figment, origins };
    loaded.check().map_err(|problem| vec![problem])?;
    Ok(loaded)
}

impl Loaded {
    /// Where the value of that key came from.
    pub(crate) fn origin(&self, path: &str) -> Origin {
        self.origins.get(path).cloned().unwrap_or(Origin::Default)
    }

    /// The value of that key, as it was given.
    pub(super) fn value(&self, path: &str) -> Option<Value> {
        self.figment.find_value(path).ok()
    }

    /// What no single value shows.
    fn check(&self) -> Result<(), Problem> {
        let Config { server, storage, metadata, manifests, tags, blobs, uploads, listings, collection, .. } =
            &self.config;
        let together = |path: &str, reason: &str| {
            Err(Problem::Together { origin: self.origin(path), reason: format!("`{path}` {reason}") })
        };
        if blobs.head_lease_floor > blobs.lease {
            return together("blobs.head_lease_floor", "is longer than `blobs.lease`");
        }
        if tags.min_life > tags.max_life {
            return together("tags.min_life", "is longer than `tags.max_life`");
        }
        if server.listen.port() != 0 && server.admin_listen == AdminListen::At(server.listen) {
            return together("server.admin_listen", "is the address of `server.listen`");
        }
        if storage.ephemeral && metadata.url.is_postgres() {
            return together("storage.ephemeral", "keeps nothing, and `metadata.url` names a database");
        }
        let above_zero = [
            ("metadata.pool_size", metadata.pool_size > 0),
            ("metadata.acquire_timeout", metadata.acquire_timeout.as_millis() > 0),
            ("metadata.statement_timeout", metadata.statement_timeout.as_millis() > 0),
            ("metadata.idle_timeout", metadata.idle_timeout.as_millis() > 0),
            ("metadata.max_lifetime", metadata.max_lifetime.as_millis() > 0),
            ("server.head_timeout", server.head_timeout.as_millis() > 0),
            ("server.idle_timeout", server.idle_timeout.as_millis() > 0),
            ("server.max_connections", server.max_connections > 0),
            ("uploads.ttl", uploads.ttl.as_millis() > 0),
            ("blobs.lease", blobs.lease.as_millis() > 0),
            ("collection.interval", collection.interval.as_millis() > 0),
            ("manifests.max_bytes", manifests.max_bytes.0 > 0),
            ("listings.max_page", listings.max_page > 0),
        ];
        if let Some((path, _)) = above_zero.iter().find(|(_, fits)| !fits) {
            return together(path, "must be more than zero");
        }
        Ok(())
    }
}

fn bad_value(error: &figment::Error, figment: &Figment, origins: &BTreeMap<&'static str, Origin>) -> Problem {
    let path = error.path.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(".");
    let origin = origins.get(path.as_str()).cloned().unwrap_or(Origin::Default);
    let Some(key) = Key::find(&path) else {
        return Problem::Together { origin, reason: error.to_string() };
    };
    // A message comes from the value's own parser; the other kinds only repeat what `expects` says better.
    let reason = match &error.kind {
        Kind::Message(message) if !message.contains("untagged enum") => Some(message.clone()),
        Kind::Message(_)
        | Kind::InvalidType(..)
        | Kind::InvalidValue(..)
        | Kind::InvalidLength(..)
        | Kind::UnknownVariant(..)
        | Kind::UnknownField(..)
        | Kind::MissingField(_)
        | Kind::DuplicateField(_)
        | Kind::ISizeOutOfRange(_)
        | Kind::USizeOutOfRange(_)
        | Kind::Unsupported(_)
        | Kind::UnsupportedKey(..) => None,
    };
    let value = figment.find_value(&path).unwrap_or_else(|_| Value::from(""));
    let found = match value {
        _ if key.shown != Shown::Whole => "not usable".to_owned(),
        Value::String(_, text) => format!("{text:?}"),
        Value::Char(_, one) => format!("{:?}", one.to_string()),
        Value::Bool(_, flag) => flag.to_string(),
        Value::Num(_, number) => number_text(number),
        Value::Array(..) => "a list".to_owned(),
        Value::Dict(..) => "a table".to_owned(),
        Value::Empty(..) => "nothing".to_owned(),
    };
    Problem::BadValue { origin, key: key.path, found, expects: key.expects, reason }
}

#[cfg(test)]
mod tests {
    use super::{Flag, Loaded, Problem, load};
    use crate::config::{HostName, Origin, ReferencesRule, Size};
    use std::ffi::OsString;
    use std::io::Write;

    fn layered(text: &str, variables: &[(&str, &str)], flags: Vec<Flag>) -> Result<Loaded, Vec<Problem>> {
        let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let variables: Vec<(OsString, OsString)> =
            variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect();
        load(Some(file.path()), variables.into_iter(), flags)
    }

    #[test]
    fn the_last_layer_wins_and_is_remembered() {
        let text = "[manifests]\nmax_bytes = \"1MiB\"\nreferences = \"sparse-index\"\n[storage]\nmin_free = \"5GiB\"\n";
        let variables = [("MANIFESTD_MANIFESTS__MAX_BYTES", "2MiB"), ("MANIFESTD_STORAGE__MIN_FREE", "6GiB")];
        let flags = vec![Flag::new("storage.min_free", "--min-free", "7GiB")];
        let loaded = layered(text, &variables, flags).unwrap();
        assert_eq!(loaded.config.manifests.references, ReferencesRule::SparseIndex);
        assert_eq!(loaded.config.manifests.max_bytes, Size::mib(2));
        assert_eq!(loaded.config.storage.min_free, Size::mib(7 * 1024));
        assert!(matches!(loaded.origin("manifests.references"), Origin::File { line: 3, .. }));
        assert_eq!(
            loaded.origin("manifests.max_bytes"),
            Origin::Environment("MANIFESTD_MANIFESTS__MAX_BYTES".to_owned())
        );
        assert_eq!(loaded.origin("storage.min_free"), Origin::Flag("--min-free"));
        assert_eq!(loaded.origin("server.listen"), Origin::Default);
    }

    #[test]
    fn a_bad_value_says_where_it_is_and_what_is_expected() {
        let check = |text: &str, variables: &[(&str, &str)], expected: &str| {
            let problem = layered(text, variables, Vec::new()).unwrap_err().remove(0).to_string();
            assert!(problem.ends_with(expected), "{problem}");
        };
        check(
            "[uploads]\nttl = \"14 days\"",
            &[],
            ".toml:2: `uploads.ttl` is \"14 days\", but a length of time such as \"24h\" or \"14d\" is expected \
             (` days` is not a unit of time (ms, s, m, h, d, w))",
        );
        check(
            "[uploads]\nttl = 14",
            &[],
            ".toml:2: `uploads.ttl` is 14, but a length of time such as \"24h\" or \"14d\" is expected",
        );
        check(
            "[manifests]\nmax_bytes = true",
            &[],
            ".toml:2: `manifests.max_bytes` is true, but a size such as \"4MiB\" is expected",
        );
        check(
            "",
            &[("MANIFESTD_MANIFESTS__REFERENCES", "none")],
            "environment variable MANIFESTD_MANIFESTS__REFERENCES: `manifests.references` is \"none\", but \"required\", \
             \"sparse-index\" or \"unchecked\" is expected",
        );
        check("[blobs]\nlease = \"1h\"", &[], "by default, `blobs.head_lease_floor` is longer than `blobs.lease`");
        check(
            "[server]\nlisten = \"127.0.0.1:5001\"",
            &[],
            "by default, `server.admin_listen` is the address of `server.listen`",
        );
        check("[tags]\nmin_life = \"200w\"", &[], ".toml:2: `tags.min_life` is longer than `tags.max_life`");
        check(
            "[tags]\nimmutable = [\"v 1\"]",
            &[],
            "but a list of patterns such as [\"v*\", \"release-?\"] is expected (tag pattern `v 1` contains ' ', which no tag has)",
        );
        check("[collection]\ninterval = \"0s\"", &[], ".toml:2: `collection.interval` must be more than zero");
        check(
            "",
            &[("MANIFESTD_LOG__LEVEL", "loud")],
            "is expected (`loud` is not one of off, error, warn, info, debug, trace)",
        );
    }

    #[test]
    fn lists_may_be_text() {
        let loaded = layered("", &[("MANIFESTD_SERVER__HOSTS", "a.example, B:80")], Vec::new()).unwrap();
        let hosts: Vec<&str> = loaded.config.server.hosts.iter().map(HostName::as_str).collect();
        assert_eq!(hosts, ["a.example", "b:80"]);
        let loaded = layered("", &[("MANIFESTD_TAGS__IMMUTABLE", "v*, release-?")], Vec::new()).unwrap();
        let patterns: Vec<&str> = loaded.config.tags.immutable.iter().map(|pattern| pattern.0.as_str()).collect();
        assert_eq!(patterns, ["v*", "release-?"]);
    }
}
