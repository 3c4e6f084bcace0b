use super::acting::acts;
use super::value::is_json;
use crate::plan::{Label, LabelSource};
use std::collections::BTreeMap;

/// The most labels that one manifest's row keeps.
pub const MAX_COUNT: usize = 1_000;

/// The most bytes of a stored key.
pub const MAX_KEY_BYTES: usize = 255;

/// The most bytes of a stored value.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;

/// The labels of a manifest that are stored with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Storable {
    /// Those, by key.
    pub labels: Vec<Label>,
    /// How many are not stored. The manifest is accepted all the same (semantics 22).
    pub dropped: usize,
}

/// Which of a manifest's own labels are stored: those that have a key of 1 to [`MAX_KEY_BYTES`] bytes, a value of at
/// most [`MAX_VALUE_BYTES`], and no NUL, which Postgres cannot hold. Of more than [`MAX_COUNT`], those that act on
/// tags and then the first in the order of their keys: what a manifest does to tags is computed anew from the stored
/// ones when a label is removed.
///
/// A label that is not stored still acts at push: see [`acting`](super::acting()).
#[must_use]
pub fn storable(own: &BTreeMap<String, String>) -> Storable {
    let fits = |(key, value): &(&String, &String)| {
        let sized = (1..=MAX_KEY_BYTES).contains(&key.len()) && value.len() <= MAX_VALUE_BYTES;
        sized && !key.contains('\0') && !value.contains('\0')
    };
    let room = MAX_COUNT - own.iter().filter(fits).filter(|(key, _)| acts(key)).count();
    let mut inert = 0;
    let labels: Vec<Label> = own
        .iter()
        .filter(fits)
        .filter(|(key, _)| {
            inert += usize::from(!acts(key));
            acts(key) || inert <= room
        })
        .map(|(key, value)| Label {
            key: key.clone(),
            value: value.clone(),
            json: is_json(value),
            source: LabelSource::Manifest,
        })
        .collect();
    Storable { dropped: own.len() - labels.len(), labels }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        let check = |key: &str, value: &str, stored: bool| {
            let own = BTreeMap::from([(key.to_owned(), value.to_owned())]);
            let Storable { labels, dropped } = storable(&own);
            assert_eq!((labels.len(), dropped), if stored { (1, 0) } else { (0, 1) }, "{key:.9} {value:.9}");
        };
        check("a", "", true);
        check("..UPPER é", "x", true);
        check("", "x", false);
        check(&"a".repeat(255), "x", true);
        check(&"a".repeat(256), "x", false);
        check(&"é".repeat(128), "x", false);
        check("a", &"x".repeat(65_536), true);
        check("a", &"x".repeat(65_537), false);
        check("a\0", "x", false);
        check("a", "x\0", false);
    }

    #[test]
    fn the_first_thousand_keys() {
        let own: BTreeMap<String, String> = (0..1_003).map(|n| (format!("{n:04}"), "{}".to_owned())).collect();
        let Storable { labels, dropped } = storable(&own);
        assert_eq!((labels.len(), dropped), (1_000, 3));
        assert_eq!(labels.last().map(|label| (label.key.as_str(), label.json)), Some(("0999", true)));
    }

    #[test]
    fn labels_that_act_are_stored_first() {
        let mut own: BTreeMap<String, String> = (0..1_003).map(|n| (format!("{n:04}"), String::new())).collect();
        own.insert("quay.immutable".to_owned(), "true".to_owned());
        let Storable { labels, dropped } = storable(&own);
        assert_eq!((labels.len(), dropped), (1_000, 4));
        let last: Vec<&str> = labels.iter().rev().take(2).map(|label| label.key.as_str()).collect();
        assert_eq!(last, ["quay.immutable", "0998"]);
    }
}
