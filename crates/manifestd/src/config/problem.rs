use super::setting::Origin;
use std::fmt;

/// Something wrong in a configuration, in words that say where it is and what would be right.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// The file cannot be read.
    #[error("the configuration file {path} cannot be read: {reason}")]
    Unreadable { path: String, reason: String },
    /// The file is not TOML.
    #[error("{path}:{line}: this is not TOML: {reason}")]
    Syntax { path: String, line: usize, reason: String },
    /// A key that does not exist.
    #[error("{origin}: there is no key `{key}`{}", did_you_mean(nearest.as_deref()))]
    UnknownKey { origin: Origin, key: String, nearest: Option<String> },
    /// A variable with our prefix that sets nothing.
    #[error("environment variable {name} sets nothing{}", did_you_mean(nearest.as_deref()))]
    UnknownVariable { name: String, nearest: Option<String> },
    /// A variable whose value is not UTF-8.
    #[error("environment variable {name} is not UTF-8")]
    VariableEncoding { name: String },
    /// A section where a value was written, or the reverse.
    #[error("{origin}: `{key}` is a section; write its keys below `[{key}]`")]
    NotASection { origin: Origin, key: String },
    /// A value of the wrong type or form.
    #[error("{origin}: `{key}` is {found}, but {expects} is expected{}", because(reason.as_deref()))]
    BadValue { origin: Origin, key: &'static str, found: String, expects: &'static str, reason: Option<String> },
    /// Values that are fine alone and not together.
    #[error("{}{reason}", place(origin))]
    Together { origin: Origin, reason: String },
}

fn place(origin: &Origin) -> impl fmt::Display {
    match origin {
        Origin::Default => "by default, ".to_owned(),
        Origin::File { .. } | Origin::Environment(_) | Origin::Flag(_) => format!("{origin}: "),
    }
}

fn did_you_mean(nearest: Option<&str>) -> impl fmt::Display {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

fn because(reason: Option<&str>) -> impl fmt::Display {
    reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
}
