use oci_types::Platform;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A stored text that does not say what its column should.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a stored {what}")]
pub struct StoredFormError {
    what: &'static str,
    text: String,
    #[source]
    source: serde_json::Error,
}

/// A platform as a JSON object of the members that are set, named as in an OCI index.
#[must_use]
pub fn platform_to_text(platform: &Platform) -> String {
    let mut members = serde_json::Map::new();
    members.insert("architecture".into(), platform.architecture.clone().into());
    members.insert("os".into(), platform.os.clone().into());
    if let Some(version) = &platform.os_version {
        members.insert("os.version".into(), version.clone().into());
    }
    if !platform.os_features.is_empty() {
        members.insert("os.features".into(), platform.os_features.clone().into());
    }
    if let Some(variant) = &platform.variant {
        members.insert("variant".into(), variant.clone().into());
    }
    if !platform.features.is_empty() {
        members.insert("features".into(), platform.features.clone().into());
    }
    serde_json::Value::Object(members).to_string()
}

/// Reads what [`platform_to_text`] writes.
///
/// # Errors
///
/// [`StoredFormError`] if the text is anything else.
pub fn platform_from_text(text: &str) -> Result<Platform, StoredFormError> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        architecture: String,
        os: String,
        #[serde(rename = "os.version")]
        os_version: Option<String>,
        #[serde(rename = "os.features", default)]
        os_features: Vec<String>,
        variant: Option<String>,
        #[serde(default)]
        features: Vec<String>,
    }
    let Form { architecture, os, os_version, os_features, variant, features } = read(text, "platform")?;
    Ok(Platform { architecture, os, os_version, os_features, variant, features })
}

/// Annotations as a JSON object, keys sorted.
#[must_use]
pub fn annotations_to_text(annotations: &BTreeMap<String, String>) -> String {
    let members = annotations.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
    serde_json::Value::Object(members).to_string()
}

/// Reads what [`annotations_to_text`] writes.
///
/// # Errors
///
/// [`StoredFormError`] if the text is anything else.
pub fn annotations_from_text(text: &str) -> Result<BTreeMap<String, String>, StoredFormError> {
    read(text, "set of annotations")
}

/// A text without NUL, which not every database holds: U+001A stands before a `0` for NUL, and before itself for itself. All that is
/// stored of [legacy images](crate::legacy::LegacyImage) as text has this form.
#[must_use]
pub fn nul_free(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', SUBSTITUTE]) {
        return Cow::Borrowed(text);
    }
    let mut stored = String::with_capacity(text.len() + 1);
    for found in text.chars() {
        match found {
            '\0' => stored.extend([SUBSTITUTE, '0']),
            SUBSTITUTE => stored.extend([SUBSTITUTE, SUBSTITUTE]),
            other => stored.push(other),
        }
    }
    Cow::Owned(stored)
}

/// Reads what [`nul_free`] writes; `None` if the text is anything else.
#[must_use]
pub fn with_nul(stored: &str) -> Option<String> {
    let mut text = String::with_capacity(stored.len());
    let mut rest = stored.chars();
    while let Some(found) = rest.next() {
        text.push(match found {
            '\0' => return None,
            SUBSTITUTE => match rest.next()? {
                '0' => '\0',
                SUBSTITUTE => SUBSTITUTE,
                _ => return None,
            },
            other => other,
        });
    }
    Some(text)
}

const SUBSTITUTE: char = '\u{1a}';

fn read<'a, T: serde::Deserialize<'a>>(text: &'a str, what: &'static str) -> Result<T, StoredFormError> {
    serde_json::from_str(text).map_err(|source| StoredFormError { what, text: text.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::{annotations_from_text, annotations_to_text, nul_free, platform_from_text, platform_to_text, with_nul};
    use oci_types::Platform;
    use std::collections::BTreeMap;

    #[test]
    fn platforms_read_what_they_write() {
        let check =
            |platform: Platform| assert_eq!(platform_from_text(&platform_to_text(&platform)).unwrap(), platform);
        check(Platform::new("linux", "amd64"));
        check(Platform {
            os_version: Some("10.0.1\"\\".into()),
            os_features: vec!["win32k".into()],
            variant: Some("v8".into()),
            features: vec!["sse4".into()],
            ..Platform::new("windows", "amd64")
        });
        assert!(platform_from_text("{}").is_err());
        assert!(platform_from_text("").is_err());
    }

    #[test]
    fn annotations_read_what_they_write() {
        let annotations = BTreeMap::from([("a".to_owned(), "é\n".to_owned()), ("b".to_owned(), String::new())]);
        assert_eq!(annotations_from_text(&annotations_to_text(&annotations)).unwrap(), annotations);
        assert!(annotations_from_text("[]").is_err());
    }

    #[test]
    fn texts_without_nul_read_what_they_write() {
        let check = |text: &str, stored: &str| {
            assert_eq!(nul_free(text), stored);
            assert_eq!(with_nul(stored).as_deref(), Some(text));
        };
        check("", "");
        check("é\n\\", "é\n\\");
        check("a\0b\0", "a\u{1a}0b\u{1a}0");
        check("\u{1a}0\0", "\u{1a}\u{1a}0\u{1a}0");
        for spoilt in ["\0", "\u{1a}", "\u{1a}1"] {
            assert_eq!(with_nul(spoilt), None, "{spoilt:?}");
        }
    }
}
