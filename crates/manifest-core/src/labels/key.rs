use oci_types::Quoted;

/// Starts of keys that only manifests may use.
const RESERVED: [&str; 12] = [
    "com.docker.",
    "io.docker.",
    "org.dockerproject.",
    "org.opencontainers.",
    "io.cncf.",
    "io.kubernetes.",
    "io.k8s.",
    "io.quay",
    "com.coreos",
    "com.tectonic",
    "internal",
    "quay",
];

/// Why a label of that key cannot be added through the API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelKeyError {
    /// Nothing was given.
    #[error("a label's key is empty")]
    Empty,
    /// There are more than [`MAX_KEY_BYTES`](super::MAX_KEY_BYTES) bytes.
    #[error("label key {} has more than {} bytes", Quoted(key), super::MAX_KEY_BYTES)]
    TooLong {
        /// What was given.
        key: Box<str>,
    },
    /// The key is not of the form.
    #[error("label key {} is not of a-z and 0-9 with single `.` or `-` between them", Quoted(key))]
    Form {
        /// What was given.
        key: Box<str>,
    },
    /// The key belongs to somebody.
    #[error("label key {} starts with `{prefix}`, which is reserved", Quoted(key))]
    Reserved {
        /// What was given.
        key: Box<str>,
        /// What it starts with.
        prefix: &'static str,
    },
}

/// Whether a label of that key may be added through the API; labels that manifests bring have any key.
///
/// A key has 1 to 255 bytes: runs of `a`–`z` and `0`–`9`, joined by single `.` or `-`, not starting with a reserved
/// prefix. Quay's pattern also lets one line feed stand at the end, which its own rule forbids (quay-semantics, section
/// 6.1).
///
/// ```
/// # use manifest_core::labels::check_api_key;
/// assert!(check_api_key("team.cost-centre").is_ok());
/// assert_eq!(check_api_key("quay.x").unwrap_err().to_string(), "label key `quay.x` starts with `quay`, which is reserved");
/// ```
pub fn check_api_key(key: &str) -> Result<(), LabelKeyError> {
    check_form(key)?;
    match RESERVED.into_iter().find(|prefix| key.starts_with(prefix)) {
        Some(prefix) => Err(LabelKeyError::Reserved { key: key.into(), prefix }),
        None => Ok(()),
    }
}

pub(super) fn check_form(key: &str) -> Result<(), LabelKeyError> {
    if key.is_empty() {
        return Err(LabelKeyError::Empty);
    }
    if key.len() > super::MAX_KEY_BYTES {
        return Err(LabelKeyError::TooLong { key: key.into() });
    }
    let is_run = |run: &str| !run.is_empty() && run.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if key.split(['.', '-']).all(is_run) { Ok(()) } else { Err(LabelKeyError::Form { key: key.into() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let check = |key: &str, accepted: bool| assert_eq!(check_api_key(key).is_ok(), accepted, "{key:?}");
        check("a", true);
        check("0", true);
        check("a.b-c.1", true);
        check(&"a".repeat(255), true);
        check(&"a".repeat(256), false);
        check("", false);
        check("a..b", false);
        check("a-.b", false);
        check(".a", false);
        check("a-", false);
        check("A", false);
        check("a b", false);
        check("a_b", false);
        check("a\n", false);
        check("é", false);
        check("com.docker.x", false);
        check("com.dockerx", true);
        check("io.quayx", false);
        check("internal", false);
        check("org.opencontainers.image.title", false);
    }
}
