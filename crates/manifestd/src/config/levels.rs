use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;
use std::str::FromStr;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// How much is logged: a level for everything, levels by module, or both, with commas between: `info,registry_http=debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Levels {
    text: String,
    parts: Vec<(Option<String>, LevelFilter)>,
}

/// Why a text is no [`Levels`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not one of off, error, warn, info, debug, trace")]
pub(crate) struct ParseLevelsError(String);

impl Levels {
    pub(crate) fn targets(&self) -> Targets {
        self.parts.iter().fold(Targets::new(), |targets, (module, level)| match module {
            Some(module) => targets.with_target(module.as_str(), *level),
            None => targets.with_default(*level),
        })
    }
}

impl Default for Levels {
    fn default() -> Self {
        Self { text: "info".to_owned(), parts: vec![(None, LevelFilter::INFO)] }
    }
}

impl FromStr for Levels {
    type Err = ParseLevelsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let part = |part: &str| {
            // A word alone is a level here; tracing's own grammar would take it for a module and log all of it.
            let (module, level) = match part.split_once('=') {
                Some((module, level)) => (Some(module.trim().to_owned()), level.trim()),
                None => (None, part),
            };
            let level = level_named(level).ok_or_else(|| ParseLevelsError(level.to_owned()))?;
            Ok((module, level))
        };
        let parts: Result<Vec<_>, Self::Err> = text.split(',').map(str::trim).map(part).collect();
        Ok(Self { text: text.to_owned(), parts: parts? })
    }
}

fn level_named(name: &str) -> Option<LevelFilter> {
    let levels = [
        ("off", LevelFilter::OFF),
        ("error", LevelFilter::ERROR),
        ("warn", LevelFilter::WARN),
        ("info", LevelFilter::INFO),
        ("debug", LevelFilter::DEBUG),
        ("trace", LevelFilter::TRACE),
    ];
    levels.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, level)| *level)
}

impl fmt::Display for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Levels {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Levels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Levels;
    use tracing_subscriber::filter::LevelFilter;

    #[test]
    fn levels() {
        let check = |text: &str, module: &str, expected: LevelFilter| {
            let targets = text.parse::<Levels>().unwrap().targets();
            let level = expected.into_level().unwrap();
            assert!(targets.would_enable(module, &level), "{text}");
            assert_eq!(text.parse::<Levels>().unwrap().to_string(), text);
        };
        check("info", "registry_http", LevelFilter::INFO);
        check("WARN", "registry_http", LevelFilter::WARN);
        check("info, registry_http=debug", "registry_http::uploads", LevelFilter::DEBUG);
        check("registry_http=trace", "registry_http", LevelFilter::TRACE);
        let refused = |text: &str, expected: &str| {
            assert_eq!(text.parse::<Levels>().unwrap_err().to_string(), expected);
        };
        refused("loud", "`loud` is not one of off, error, warn, info, debug, trace");
        refused("registry_http", "`registry_http` is not one of off, error, warn, info, debug, trace");
        refused("a=loud", "`loud` is not one of off, error, warn, info, debug, trace");
        refused("", "`` is not one of off, error, warn, info, debug, trace");
    }
}
