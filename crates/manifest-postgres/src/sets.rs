//! Sets as one value: what statements read with `unnest`, or compare with `= ANY`.

use manifest_core::access::ReadScope;
use oci_types::Digest;

/// Digests in their stored form.
pub(crate) fn digests<'a>(digests: impl IntoIterator<Item = &'a Digest>) -> Vec<&'a [u8]> {
    digests.into_iter().map(Digest::as_bytes).collect()
}

/// A scope as the statements that compile it take it: everything, or the ranges from each start to before its stop, and whether public
/// repositories are in it.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) everything: bool,
    pub(crate) public: bool,
    pub(crate) starts: Vec<String>,
    pub(crate) stops: Vec<String>,
}

impl From<&ReadScope> for Scope {
    fn from(scope: &ReadScope) -> Self {
        match scope {
            ReadScope::All => Self { everything: true, public: true, starts: Vec::new(), stops: Vec::new() },
            ReadScope::Ranges { public, names } => Self {
                everything: false,
                public: *public,
                starts: names.iter().map(|range| bound(&range.start)).collect(),
                stops: names.iter().map(|range| bound(&range.end)).collect(),
            },
        }
    }
}

/// A bound of a range without NUL, which text cannot hold. Names have none of the first characters, so they compare with this one as
/// with the other.
fn bound(text: &str) -> String {
    text.replace('\0', "\u{1}")
}

#[cfg(test)]
mod tests {
    use super::Scope;
    use manifest_core::access::{NameRange, ReadScope};

    #[test]
    fn bounds_are_text_that_compares_alike() {
        let name = "a/b".parse().unwrap();
        let Scope { starts, stops, .. } = Scope::from(&ReadScope::ranges(false, [NameRange::repository(&name)]));
        let range = NameRange { start: starts[0].clone(), end: stops[0].clone() };
        assert!(!range.end.contains('\0'));
        assert!(range.contains("a/b") && !range.contains("a/b-") && !range.contains("a/a"));
    }
}
