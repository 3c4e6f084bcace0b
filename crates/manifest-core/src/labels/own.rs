use crate::document::{Body, ConfigKind, Document, ImageConfig, Schema1};
use crate::facts::PushFacts;
use std::collections::BTreeMap;

/// The labels that a manifest itself has.
///
/// - Docker schema 2: those of its config.
/// - An OCI image: those of its config; where an annotation has the same key, the annotation.
/// - An artifact, and any OCI manifest without `config` at hand: its annotations.
/// - Docker schema 1: those of its last layer.
/// - An index: none, its annotations are no labels; see [`common`].
///
/// `config` is the document's config, where it is one that we look into and is there.
#[must_use]
pub fn own(document: &Document, config: Option<&ImageConfig>) -> BTreeMap<String, String> {
    let annotations = document.annotations();
    match document.body() {
        Body::Image { config: reference, .. } => {
            let interpreted = config.filter(|_| reference.kind != ConfigKind::Other);
            let mut labels = interpreted.map(ImageConfig::labels).cloned().unwrap_or_default();
            labels.extend(annotations.iter().map(|(key, value)| (key.clone(), value.clone())));
            labels
        }
        Body::Artifact(_) => annotations.clone(),
        Body::Schema1(schema1) => Schema1::labels(schema1).clone(),
        Body::Index(_) => BTreeMap::new(),
    }
}

/// The labels on which all children of an index agree, key and value; they act on tags as an image's own labels do.
///
/// Counted are the children that the facts know, by their stored labels; a child that may be absent and is, and an entry
/// that is a blob, say nothing. A nested index has no stored labels, so nothing is agreed with it. Empty for what is no
/// index. Source: quay-semantics, section 3.1.
#[must_use]
pub fn common(document: &Document, facts: &PushFacts) -> BTreeMap<String, String> {
    let children = document.children().iter().filter_map(|child| facts.children.get(&child.digest));
    intersection(children.map(|child| &child.labels))
}

fn intersection<'a>(sets: impl IntoIterator<Item = &'a BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let mut sets = sets.into_iter();
    let mut common = sets.next().cloned().unwrap_or_default();
    for set in sets {
        common.retain(|key, value| set.get(key) == Some(value));
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intersections() {
        let set = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
        };
        let check = |sets: &[BTreeMap<String, String>], expected: &[(&str, &str)]| {
            assert_eq!(intersection(sets), set(expected));
        };
        check(&[], &[]);
        check(&[set(&[("a", "1"), ("b", "2")])], &[("a", "1"), ("b", "2")]);
        check(&[set(&[("a", "1"), ("b", "2")]), set(&[("b", "2"), ("a", "2"), ("c", "3")])], &[("b", "2")]);
        check(&[set(&[("a", "1")]), set(&[]), set(&[("a", "1")])], &[]);
    }
}
