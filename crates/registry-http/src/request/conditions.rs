use http::header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE};
use http::{HeaderMap, HeaderName};
use oci_types::Digest;

/// The preconditions of a request (RFC 9110, section 13). Dates are ignored: nothing here has one.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    /// `If-Match`.
    pub(crate) matches: Option<EntityTags>,
    /// `If-None-Match`.
    pub(crate) none_match: Option<EntityTags>,
}

/// A list of entity tags. Ours are digests in quotation marks; a bare digest reads the same, as some clients send it so.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum EntityTags {
    /// `*`
    Any,
    /// Those that name a digest. Any other tag matches nothing that we have.
    Of(Vec<Digest>),
}

impl Conditions {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        Self { matches: tags(headers, &IF_MATCH), none_match: tags(headers, &IF_NONE_MATCH) }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.matches.is_none() && self.none_match.is_none()
    }
}

impl EntityTags {
    /// Whether the list names a digest.
    pub(crate) fn contain(&self, digest: &Digest) -> bool {
        match self {
            Self::Any => true,
            Self::Of(digests) => digests.contains(digest),
        }
    }
}

/// Whether `If-Range` lets a range of these bytes be sent: there is none, or it names them by a strong tag.
pub(crate) fn range_applies(headers: &HeaderMap, digest: &Digest) -> bool {
    headers.get(IF_RANGE).is_none_or(|value| {
        value.to_str().ok().map(str::trim).filter(|tag| !tag.starts_with("W/")).and_then(digest_of) == Some(*digest)
    })
}

fn tags(headers: &HeaderMap, name: &HeaderName) -> Option<EntityTags> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    let mut digests = Vec::new();
    for tag in values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim) {
        if tag == "*" {
            return Some(EntityTags::Any);
        }
        digests.extend(digest_of(tag.strip_prefix("W/").unwrap_or(tag)));
    }
    Some(EntityTags::Of(digests))
}

fn digest_of(tag: &str) -> Option<Digest> {
    let inner = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag);
    inner.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Conditions, EntityTags, range_applies};
    use http::HeaderMap;
    use http::header::{IF_NONE_MATCH, IF_RANGE};
    use oci_types::{Algorithm, Digest};

    #[test]
    fn lists() {
        let (a, b) = (Digest::of(Algorithm::Sha256, b"a"), Digest::of(Algorithm::Sha512, b"b"));
        let check = |lines: &[String], expected: Option<EntityTags>| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(IF_NONE_MATCH, line.parse().unwrap());
            }
            assert_eq!(Conditions::read(&headers).none_match, expected, "{lines:?}");
        };
        check(&[], None);
        check(&["*".into()], Some(EntityTags::Any));
        check(&[format!("\"{a}\"")], Some(EntityTags::Of(vec![a])));
        check(&[a.to_string()], Some(EntityTags::Of(vec![a])));
        check(&[format!("W/\"{a}\" , \"{b}\"")], Some(EntityTags::Of(vec![a, b])));
        check(&[format!("\"{a}\""), format!("\"{b}\"")], Some(EntityTags::Of(vec![a, b])));
        check(&["\"other\"".into()], Some(EntityTags::Of(vec![])));
        check(&[String::new()], Some(EntityTags::Of(vec![])));
    }

    #[test]
    fn ranges_apply_to_the_bytes_that_the_client_has_seen() {
        let digest = Digest::of(Algorithm::Sha256, b"a");
        let check = |value: Option<String>, expected: bool| {
            let headers = value.iter().map(|value| (IF_RANGE, value.parse().unwrap())).collect();
            assert_eq!(range_applies(&headers, &digest), expected, "{value:?}");
        };
        check(None, true);
        check(Some(format!("\"{digest}\"")), true);
        check(Some(format!("W/\"{digest}\"")), false);
        check(Some("\"other\"".into()), false);
        check(Some("Wed, 21 Oct 2015 07:28:00 GMT".into()), false);
    }
}
