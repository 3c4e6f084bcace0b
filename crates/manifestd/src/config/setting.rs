use super::keys::Key;
use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider};
use std::fmt;

/// One value for one key, and who said it.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) key: &'static Key,
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody said otherwise.
    Default,
    /// A line of the configuration file.
    File { path: String, line: usize },
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(&'static str),
}

/// A flag that was given, as the command line hands it over.
#[derive(Clone, Debug)]
pub(crate) struct Flag {
    /// The key that it sets.
    pub(crate) key: &'static str,
    /// The flag as it is written.
    pub(crate) name: &'static str,
    /// What it sets the key to.
    pub(crate) value: Value,
}

impl Flag {
    pub(crate) fn new(key: &'static str, name: &'static str, value: impl Into<Value>) -> Self {
        Self { key, name, value: value.into() }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

// Each setting is a layer of its own, so that figment remembers the origin of each value and not only of its layer.
impl Provider for Setting {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.to_string())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let (section, name) = self.key.parts();
        let section = Dict::from([(section.to_owned(), Dict::from([(name.to_owned(), self.value.clone())]).into())]);
        Ok(Map::from([(Profile::Default, section)]))
    }
}
