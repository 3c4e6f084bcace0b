use super::acting::acts;
use super::key::{LabelKeyError, check_api_key, check_form};
use super::{MAX_KEY_BYTES, MAX_VALUE_BYTES};
use crate::plan::{Label, LabelSource};

/// Why a label cannot be added to a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// The key may not be used.
    #[error(transparent)]
    Key(#[from] LabelKeyError),
    /// The value is larger than what is stored.
    #[error("a label's value has {size} bytes, more than {MAX_VALUE_BYTES}")]
    ValueTooLong {
        /// How large.
        size: usize,
    },
    /// Key or value contains NUL, which not every store can hold.
    #[error("a label contains NUL")]
    Nul,
}

/// Whether a label may be added to a manifest that is there: by its source, a manifest's own labels have any key,
/// others only ones of the form, and those of the API none that is reserved, except the two that act on tags.
///
/// # Errors
///
/// [`LabelError`].
pub fn check_new(label: &Label) -> Result<(), LabelError> {
    let key = label.key.as_str();
    match label.source {
        LabelSource::Api if acts(key) => {}
        LabelSource::Api => check_api_key(key)?,
        LabelSource::Internal => check_form(key)?,
        LabelSource::Manifest if key.is_empty() => return Err(LabelKeyError::Empty.into()),
        LabelSource::Manifest if key.len() > MAX_KEY_BYTES => {
            return Err(LabelKeyError::TooLong { key: key.into() }.into());
        }
        LabelSource::Manifest => {}
    }
    if label.value.len() > MAX_VALUE_BYTES {
        return Err(LabelError::ValueTooLong { size: label.value.len() });
    }
    if key.contains('\0') || label.value.contains('\0') {
        return Err(LabelError::Nul);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{LabelError, check_new};
    use crate::plan::{Label, LabelSource};

    #[test]
    fn keys_by_source_and_values_by_size() {
        let check = |source: LabelSource, key: &str, value: &str, accepted: bool| {
            let label = Label { key: key.to_owned(), value: value.to_owned(), json: false, source };
            assert_eq!(check_new(&label).is_ok(), accepted, "{source:?} {key:.20} {value:.20}");
        };
        check(LabelSource::Api, "team", "", true);
        check(LabelSource::Api, "quay.expires-after", "1h", true);
        check(LabelSource::Api, "quay.immutable", "true", true);
        check(LabelSource::Api, "quay.other", "", false);
        check(LabelSource::Api, "..a", "", false);
        check(LabelSource::Internal, "quay.other", "", true);
        check(LabelSource::Internal, "..a", "", false);
        check(LabelSource::Internal, "", "", false);
        check(LabelSource::Manifest, "..a", "", true);
        check(LabelSource::Manifest, "", "", false);
        check(LabelSource::Manifest, &"a".repeat(255), "", true);
        check(LabelSource::Manifest, &"a".repeat(256), "", false);
        check(LabelSource::Manifest, "a\0", "", false);
        check(LabelSource::Api, "a", "b\0", false);
        check(LabelSource::Api, "a", &"x".repeat(65_536), true);
        check(LabelSource::Api, "a", &"x".repeat(65_537), false);
    }

    #[test]
    fn the_answer_says_how_large() {
        let value = "x".repeat(70_000);
        let label = Label { key: "a".to_owned(), value, json: false, source: LabelSource::Api };
        assert_eq!(check_new(&label), Err(LabelError::ValueTooLong { size: 70_000 }));
    }
}
