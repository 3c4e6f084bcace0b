use super::keys::KEYS;
use strsim::jaro_winkler;

/// Below this likeness a suggestion would be a guess.
const ALIKE: f64 = 0.8;

/// The key that somebody who wrote `unknown` most likely meant.
///
/// A key may be misspelt, or right but in another section: the whole and the last part are compared, and the better of the two
/// counts, the last part a little less.
pub(crate) fn nearest_key(unknown: &str) -> Option<&'static str> {
    let scores = KEYS.iter().map(|key| {
        let whole = jaro_winkler(unknown, key.path);
        let last = jaro_winkler(last_part(unknown), key.parts().1) * 0.99;
        (whole.max(last), key.path)
    });
    scores.filter(|(score, _)| *score >= ALIKE).max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, path)| path)
}

fn last_part(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::nearest_key;

    #[test]
    fn the_nearest_key() {
        let check = |unknown: &str, expected: Option<&str>| assert_eq!(nearest_key(unknown), expected, "{unknown}");
        check("server.lisen", Some("server.listen"));
        check("sever.listen", Some("server.listen"));
        check("listen", Some("server.listen"));
        check("manifests.lease", Some("blobs.lease"));
        check("manifest.untaged_ttl", Some("manifests.untagged_ttl"));
        check("storage.datadir", Some("storage.data_dir"));
        check("uploads.expiry", Some("uploads.ttl"));
        check("quux", None);
        check("", None);
    }
}
