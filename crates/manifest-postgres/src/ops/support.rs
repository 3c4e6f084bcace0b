use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text};
use manifest_core::error::Port;
use manifest_core::ports::{Support, SupportAsk, SupportLink, SupportNode};
use manifest_core::stored::Column;
use manifest_core::time::Millis;
use oci_types::Digest;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A manifest and so many ancestors are listed.
const NODES: usize = 1_001;

/// What keeps a manifest. One statement, so one state of the store.
pub(crate) async fn support(store: &PostgresStore, ask: &SupportAsk) -> Port<Option<Support>> {
    let time = ask.now.saturating_sub(ask.window);
    let statement = Kin { repository: ask.repository.as_str(), digest: ask.digest.as_bytes(), time };
    let mut rows: Vec<Row> = store.rows(statement, "looking up what keeps a manifest").await?;
    // Manifests first, then what belongs to them; the latest ends of tags first, then by name.
    rows.sort_by(|a, b| (a.0, Reverse(a.3), &a.5).cmp(&(b.0, Reverse(b.3), &b.5)));
    let mut graph = Graph::default();
    for row in rows {
        graph.add(row)?;
    }
    let Some(start) = graph.nodes.get(&ask.digest) else {
        return Ok(None);
    };
    let is_dead = start.row.deleted.is_some_and(|deleted| deleted <= time);
    // What was dead at that time nothing can keep, whatever is above it.
    Ok(Some(graph.walk(ask.digest, if is_dead { 1 } else { NODES }, is_dead)))
}

statement! {
    /// Rows of three kinds: the manifest and its ancestors (0), which of them list them (1), and their tags with the latest end of each (2). The
    /// columns behind the kind are a digest, the digest of its subject or of the one that lists it, two times, and a tag.
    struct Kin<'a> { repository: &'a str => Text, digest: &'a [u8] => Binary, time: Millis => BigInt }
    -> (Integer, Binary, Nullable<Binary>, Nullable<BigInt>, Nullable<BigInt>, Nullable<Text>);
    concat!(
        "WITH RECURSIVE here (id) AS MATERIALIZED (SELECT id FROM repository WHERE name = $1 AND state <> 2), \
         kin (id, digest, subject, pinned_until_ms, deleted_ms) AS (\
         SELECT m.id, m.digest, m.subject, m.pinned_until_ms, m.deleted_ms FROM here JOIN manifest m ON m.repository_id = here.id \
         WHERE m.digest = $2 UNION SELECT up.* FROM kin CROSS JOIN LATERAL ",
        up!("(SELECT id FROM here)", "$3"),
        " up), \
         near AS MATERIALIZED (SELECT * FROM kin LIMIT 1002) \
         SELECT 0, near.digest, near.subject, near.deleted_ms, near.pinned_until_ms, NULL::text FROM near \
         UNION ALL \
         SELECT 1, near.digest, parent.digest, NULL, NULL, NULL FROM near CROSS JOIN LATERAL \
         (SELECT DISTINCT c.manifest_id FROM manifest_child c \
         WHERE c.repository_id = (SELECT id FROM here) AND c.digest = near.digest) lists \
         JOIN near parent ON parent.id = lists.manifest_id \
         UNION ALL \
         SELECT 2, near.digest, NULL, t.end_ms, NULL, t.name FROM near CROSS JOIN LATERAL \
         (SELECT i.name, max(i.end_ms) AS end_ms FROM (\
         SELECT name, expires_ms AS end_ms FROM tag \
         WHERE repository_id = (SELECT id FROM here) AND manifest_id = near.id AND expires_ms > $3 \
         UNION ALL SELECT name, end_ms FROM tag_history \
         WHERE repository_id = (SELECT id FROM here) AND manifest_id = near.id AND end_ms > $3) i \
         GROUP BY i.name ORDER BY 2 DESC, 1 LIMIT 100) t"
    )
}

type Row = (i32, Vec<u8>, Option<Vec<u8>>, Option<Millis>, Option<Millis>, Option<String>);

/// The manifest and its ancestors, by digest.
#[derive(Debug, Default)]
struct Graph {
    nodes: BTreeMap<Digest, Node>,
    parents: BTreeMap<Digest, BTreeSet<Digest>>,
}

#[derive(Debug)]
struct Node {
    row: SupportNode,
    subject: Option<Digest>,
}

impl Graph {
    fn add(&mut self, (kind, digest, other, time, pinned_until, tag): Row) -> Port<()> {
        let column = Column("manifest", "digest");
        let digest = column.digest(&digest)?;
        if kind == 1 {
            let parent = column.digest(&column.present(other)?)?;
            self.parents.entry(digest).or_default().insert(parent);
            return Ok(());
        }
        if let Some(tag) = tag {
            let tag = (Column("tag", "name").text(&tag)?, time.unwrap_or_default());
            self.nodes.entry(digest).and_modify(|node| node.row.tags.push(tag));
            return Ok(());
        }
        let subject = Column("manifest", "subject").optional_digest(other)?;
        let (pinned_until, tags) = (pinned_until.unwrap_or_default(), Vec::new());
        let row = SupportNode { digest, via: None, deleted: time, pinned_until, tags };
        self.nodes.insert(digest, Node { row, subject });
        Ok(())
    }

    /// Breadth first, parents in the order of their digests before the subject, at most so many.
    fn walk(mut self, from: Digest, most: usize, is_whole: bool) -> Support {
        let mut steps = vec![(from, None)];
        let mut seen = BTreeSet::from([from]);
        let mut nodes: Vec<SupportNode> = Vec::new();
        while nodes.len() < most
            && let Some((digest, via)) = steps.get(nodes.len()).copied()
        {
            let Some(Node { row, subject }) = self.nodes.remove(&digest) else { break };
            let parents = self.parents.remove(&digest).unwrap_or_default();
            let up = parents.into_iter().map(|parent| (parent, SupportLink::Parent));
            for (digest, link) in up.chain(subject.map(|subject| (subject, SupportLink::Subject))) {
                if self.nodes.contains_key(&digest) && seen.insert(digest) {
                    steps.push((digest, Some((nodes.len(), link))));
                }
            }
            nodes.push(SupportNode { via, ..row });
        }
        Support { more: !is_whole && steps.len() > nodes.len(), nodes }
    }
}
