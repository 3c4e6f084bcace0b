use super::{Chain, Hold};
use crate::ports::{Support, SupportLink, SupportNode};
use crate::time::{Millis, NEVER, after};
use oci_types::Digest;
use std::cmp::Reverse;

/// The chains of a [`Support`] that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weighed {
    /// The one with the fewest links; among those, the one that lasts longest.
    pub shortest: Option<Chain>,
    /// The one that lasts longest; among those, the one with the fewest links.
    pub longest: Option<Chain>,
}

/// Which chains keep a manifest at `now − window` (semantics 4).
///
/// A tag's interval and a deletion keep for `window` after their end; a pin ends when it says; a chain ends no later than any deleted
/// manifest in it drops out. With a window of 0 that is what serves the manifest, provided that it is undeleted.
#[must_use]
pub fn weigh(support: &Support, now: Millis, window: i64) -> Weighed {
    let mut weighed = Weighed::default();
    if path(support, 0, window).is_none_or(|(_, limit)| limit <= now) {
        // What was dead at that time nothing keeps, whatever is above it.
        return weighed;
    }
    for (index, node) in support.nodes.iter().enumerate() {
        let Some((links, limit)) = path(support, index, window) else { continue };
        for (hold, until) in holds(node, now, window) {
            let chain = Chain { links: links.clone(), hold, until: until.min(limit) };
            if chain.until > now {
                weighed.offer(chain);
            }
        }
    }
    if support.more {
        // Nobody looked further, so nobody may say that it goes.
        let many = Chain { links: Vec::new(), hold: Hold::ManyAncestors, until: NEVER };
        if weighed.longest.as_ref().is_none_or(|chain| chain.until < NEVER) {
            weighed.longest = Some(many.clone());
        }
        weighed.shortest.get_or_insert(many);
    }
    weighed
}

impl Weighed {
    fn offer(&mut self, chain: Chain) {
        let (links, until) = (chain.links.len(), Reverse(chain.until));
        let longest = self.longest.as_ref().is_none_or(|old| (until, links) < (Reverse(old.until), old.links.len()));
        let shortest = self.shortest.as_ref().is_none_or(|old| (links, until) < (old.links.len(), Reverse(old.until)));
        if longest {
            self.longest = Some(chain.clone());
        }
        if shortest {
            self.shortest = Some(chain);
        }
    }
}

/// The way from the manifest to that node, and when the first deleted manifest on it drops out. None if it leads nowhere, which only
/// a support that is no tree has.
fn path(support: &Support, index: usize, window: i64) -> Option<(Vec<(SupportLink, Digest)>, Millis)> {
    let (mut links, mut limit, mut at) = (Vec::new(), NEVER, index);
    loop {
        let node = support.nodes.get(at)?;
        if let Some(deleted) = node.deleted {
            limit = limit.min(after(deleted, window));
        }
        match node.via {
            None => break,
            // Ancestors follow those that they keep.
            Some((from, link)) if from < at => {
                links.push((link, node.digest));
                at = from;
            }
            Some(_) => return None,
        }
    }
    links.reverse();
    Some((links, limit))
}

/// What holds a node by itself, and until when.
fn holds(node: &SupportNode, now: Millis, window: i64) -> Vec<(Hold, Millis)> {
    let tags = node.tags.iter().map(|(name, end)| {
        let (name, end) = (name.clone(), *end);
        let hold = if end > now { Hold::Tag { name, expires: end } } else { Hold::History { name, ended: end } };
        (hold, after(end, window))
    });
    let pin = (node.pinned_until > now).then_some((Hold::Pin { until: node.pinned_until }, node.pinned_until));
    let deletion = node.deleted.map(|deleted| (Hold::Deletion { deleted }, after(deleted, window)));
    // Of several that end together the first counts: that it was deleted says more than the tag that it had.
    deletion.into_iter().chain(tags).chain(pin).collect()
}

#[cfg(test)]
mod tests {
    use super::weigh;
    use crate::ports::{Support, SupportLink, SupportNode};
    use crate::service::why::{Chain, Hold};
    use crate::time::{Millis, NEVER};
    use oci_types::{Algorithm, Digest};

    const NOW: Millis = 1_000;
    const WINDOW: i64 = 100;

    fn digest(number: u8) -> Digest {
        Digest::of(Algorithm::Sha256, &[number])
    }

    /// A node by its number, which is its place too.
    fn node(number: u8, via: Option<(usize, SupportLink)>) -> SupportNode {
        SupportNode { digest: digest(number), via, deleted: None, pinned_until: 0, tags: Vec::new() }
    }

    fn tagged(mut node: SupportNode, tags: &[(&str, Millis)]) -> SupportNode {
        node.tags = tags.iter().map(|(name, end)| (name.parse().unwrap(), *end)).collect();
        node
    }

    fn pinned(node: SupportNode, pinned_until: Millis) -> SupportNode {
        SupportNode { pinned_until, ..node }
    }

    fn deleted(node: SupportNode, at: Millis) -> SupportNode {
        SupportNode { deleted: Some(at), ..node }
    }

    fn tag(name: &str, expires: Millis) -> Hold {
        Hold::Tag { name: name.parse().unwrap(), expires }
    }

    fn history(name: &str, ended: Millis) -> Hold {
        Hold::History { name: name.parse().unwrap(), ended }
    }

    fn chain(links: &[(SupportLink, u8)], hold: Hold, until: Millis) -> Chain {
        Chain { links: links.iter().map(|(link, number)| (*link, digest(*number))).collect(), hold, until }
    }

    fn parent(from: usize) -> (usize, SupportLink) {
        (from, SupportLink::Parent)
    }

    #[test]
    fn one_manifest_alone() {
        let check = |node: SupportNode, expected: Option<Chain>| {
            let support = Support { nodes: vec![node.clone()], more: false };
            let weighed = weigh(&support, NOW, WINDOW);
            assert_eq!(weighed.longest, expected, "{node:?}");
        };
        let bare = || node(0, None);
        check(bare(), None);
        check(tagged(bare(), &[("v1", NEVER)]), Some(chain(&[], tag("v1", NEVER), NEVER)));
        check(tagged(bare(), &[("v1", 1_001)]), Some(chain(&[], tag("v1", 1_001), 1_101)));
        check(tagged(bare(), &[("v1", 1_000)]), Some(chain(&[], history("v1", 1_000), 1_100)));
        check(tagged(bare(), &[("v1", 901)]), Some(chain(&[], history("v1", 901), 1_001)));
        check(tagged(bare(), &[("v1", 900)]), None);
        check(tagged(bare(), &[("a", 950), ("b", 960)]), Some(chain(&[], history("b", 960), 1_060)));
        check(pinned(bare(), 1_001), Some(chain(&[], Hold::Pin { until: 1_001 }, 1_001)));
        check(pinned(bare(), 1_000), None);
        check(pinned(tagged(bare(), &[("v1", 910)]), 1_005), Some(chain(&[], history("v1", 910), 1_010)));
        check(deleted(bare(), 950), Some(chain(&[], Hold::Deletion { deleted: 950 }, 1_050)));
        check(deleted(bare(), 900), None);
        // A tag that was alive when the manifest was deleted cannot outlast the deletion.
        let deletion = Some(chain(&[], Hold::Deletion { deleted: 950 }, 1_050));
        check(deleted(tagged(bare(), &[("v1", NEVER)]), 950), deletion);
    }

    #[test]
    fn what_serves_has_no_window() {
        let check = |node: SupportNode, expected: Option<Chain>| {
            assert_eq!(weigh(&Support { nodes: vec![node], more: false }, NOW, 0).shortest, expected);
        };
        check(tagged(node(0, None), &[("v1", 999)]), None);
        check(tagged(node(0, None), &[("v1", 1_000)]), None);
        check(tagged(node(0, None), &[("v1", 1_001)]), Some(chain(&[], tag("v1", 1_001), 1_001)));
    }

    #[test]
    fn ancestors() {
        let check = |nodes: Vec<SupportNode>, shortest: Option<Chain>, longest: Option<Chain>| {
            let weighed = weigh(&Support { nodes: nodes.clone(), more: false }, NOW, WINDOW);
            assert_eq!((weighed.shortest, weighed.longest), (shortest, longest), "{nodes:?}");
        };
        let up = SupportLink::Parent;
        let about = SupportLink::Subject;
        let by_parent = Some(chain(&[(up, 1)], tag("v1", NEVER), NEVER));
        check(
            vec![node(0, None), tagged(node(1, Some(parent(0))), &[("v1", NEVER)])],
            by_parent.clone(),
            by_parent.clone(),
        );
        // The shortest chain is not the one that lasts.
        check(
            vec![pinned(node(0, None), 1_001), tagged(node(1, Some(parent(0))), &[("v1", NEVER)])],
            Some(chain(&[], Hold::Pin { until: 1_001 }, 1_001)),
            by_parent,
        );
        let far = Some(chain(&[(about, 1), (up, 2)], tag("v1", NEVER), NEVER));
        check(
            vec![node(0, None), node(1, Some((0, about))), tagged(node(2, Some(parent(1))), &[("v1", NEVER)])],
            far.clone(),
            far,
        );
        // A chain through a deleted manifest ends with the window behind its deletion.
        let by_deletion = Some(chain(&[(up, 1)], Hold::Deletion { deleted: 920 }, 1_020));
        check(
            vec![
                node(0, None),
                deleted(node(1, Some(parent(0))), 920),
                tagged(node(2, Some(parent(1))), &[("v1", NEVER)]),
            ],
            by_deletion.clone(),
            by_deletion,
        );
        // What points forward is no tree, and keeps nothing.
        check(vec![node(0, None), tagged(node(1, Some(parent(1))), &[("v1", NEVER)])], None, None);
    }

    #[test]
    fn too_many_ancestors_count_as_kept() {
        let support = Support { nodes: vec![node(0, None)], more: true };
        assert_eq!(weigh(&support, NOW, WINDOW).longest, Some(chain(&[], Hold::ManyAncestors, NEVER)));
        // But not for what was dead by then.
        let support = Support { nodes: vec![deleted(node(0, None), 900)], more: true };
        assert_eq!(weigh(&support, NOW, WINDOW).longest, None);
        let support = Support { nodes: vec![pinned(node(0, None), 1_001)], more: true };
        let weighed = weigh(&support, NOW, WINDOW);
        assert_eq!(weighed.longest, Some(chain(&[], Hold::ManyAncestors, NEVER)));
        assert_eq!(weighed.shortest, Some(chain(&[], Hold::Pin { until: 1_001 }, 1_001)));
    }
}
