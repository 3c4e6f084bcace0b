use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// A query string, read as forms write it: `+` is a space, `%xx` a byte. Parameters that nobody asks for are ignored.
///
/// Clients send digests and names both raw and escaped, so both read the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(super) fn new(query: Option<&'a str>) -> Self {
        Self(query.unwrap_or_default())
    }

    /// The names of all parameters, in order, each as often as it occurs.
    pub(super) fn names(self) -> impl Iterator<Item = Cow<'a, str>> {
        let pairs = self.0.split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| decode(pair.split_once('=').map_or(pair, |(name, _)| name)))
    }

    /// All values of a parameter, in order.
    pub(super) fn all(self, name: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
        self.0.split('&').filter_map(move |pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key) == name).then(|| decode(value))
        })
    }

    /// The last value of a parameter: where a client added to a query that we gave it, its own counts.
    pub(super) fn last(self, name: &'a str) -> Option<Cow<'a, str>> {
        self.all(name).last()
    }
}

fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| matches!(b, b'+' | b'%')) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    // What is no UTF-8 becomes U+FFFD, which no name, tag or digest takes: it is refused where it is parsed.
    Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::Query;

    #[test]
    fn values() {
        let check = |query: &str, name: &str, expected: &[&str]| {
            let found: Vec<_> = Query::new(Some(query)).all(name).collect();
            assert_eq!(found, expected, "{name} in {query:?}");
        };
        check("", "a", &[]);
        check("a=1", "a", &["1"]);
        check("a=1&b=2&a=3", "a", &["1", "3"]);
        check("a", "a", &[""]);
        check("a=b=c", "a", &["b=c"]);
        check("digest=sha256%3Aab&x", "digest", &["sha256:ab"]);
        check("digest=sha256:ab", "digest", &["sha256:ab"]);
        check("from=a/b&mount=c", "from", &["a/b"]);
        check("from=a%2Fb", "from", &["a/b"]);
        check("a=x+y%2Bz", "a", &["x y+z"]);
        check("%61=1", "a", &["1"]);
        check("a=%zz%", "a", &["%zz%"]);
        check("a=%ff", "a", &["\u{fffd}"]);
        check("&&a=1&", "a", &["1"]);
        check("A=1", "a", &[]);
    }

    #[test]
    fn names() {
        let check = |query: &str, expected: &[&str]| {
            assert_eq!(Query::new(Some(query)).names().collect::<Vec<_>>(), expected, "{query:?}");
        };
        check("", &[]);
        check("&", &[]);
        check("a=1&b&%61=2", &["a", "b", "a"]);
        check("=1", &[""]);
    }

    #[test]
    fn the_last_value_counts() {
        assert_eq!(Query::new(Some("digest=a&digest=b")).last("digest").as_deref(), Some("b"));
        assert_eq!(Query::new(None).last("digest"), None);
    }
}
