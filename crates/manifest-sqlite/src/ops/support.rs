use crate::driver::Doing;
use crate::rows::Column;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use diesel::{RunQueryDsl, SqliteConnection};
use manifest_core::error::Port;
use manifest_core::ports::{Support, SupportAsk, SupportLink, SupportNode};
use manifest_core::time::Millis;
use oci_types::{Digest, TagName};
use std::collections::{BTreeMap, BTreeSet};

/// A manifest and so many ancestors are listed.
const NODES: usize = 1_001;

/// What keeps a manifest. One statement, so one state of the store.
pub(crate) fn support(connection: &mut SqliteConnection, ask: &SupportAsk) -> Port<Option<Support>> {
    let time = ask.now.saturating_sub(ask.window);
    let statement = Kin { repository: ask.repository.as_str(), digest: ask.digest.as_bytes(), time };
    let rows: Vec<Row> = statement.load(connection).doing("looking up what keeps a manifest")?;
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
    /// Rows of two kinds: the manifest and its ancestors (0), and who lists them (1). The columns behind the kind are a digest, the
    /// digest of its subject or of the one that lists it, two times, and the tags with their latest ends, `[["name", end], …]`.
    struct Kin<'a> { repository: &'a str => Text, digest: &'a [u8] => Binary, time: Millis => BigInt }
    -> (BigInt, Binary, Nullable<Binary>, Nullable<BigInt>, Nullable<BigInt>, Nullable<Text>);
    concat!(
        "WITH RECURSIVE here (id) AS MATERIALIZED (SELECT id FROM repository INDEXED BY repository_name WHERE name = +?1 AND state <> 2), \
         kin (id, digest, subject, pinned_until_ms, deleted_ms) AS MATERIALIZED (\
         SELECT m.id, m.digest, m.subject, m.pinned_until_ms, m.deleted_ms FROM here CROSS JOIN manifest m INDEXED BY manifest_digest \
         WHERE m.repository_id = here.id AND m.digest = +?2",
        climb!("(SELECT id FROM here)", "+?3"),
        " LIMIT 1002) \
         SELECT 0, kin.digest, kin.subject, kin.deleted_ms, kin.pinned_until_ms, \
         (SELECT json_group_array(json_array(name, end_ms)) FROM (SELECT name, max(end_ms) AS end_ms FROM (\
         SELECT name, expires_ms AS end_ms FROM tag INDEXED BY tag_manifest \
         WHERE repository_id = (SELECT id FROM here) AND manifest_id = kin.id AND expires_ms > +?3 \
         UNION ALL SELECT name, end_ms FROM tag_history INDEXED BY tag_history_manifest \
         WHERE repository_id = (SELECT id FROM here) AND manifest_id = kin.id AND end_ms > +?3) \
         GROUP BY name ORDER BY 2 DESC, 1 LIMIT 100)) FROM kin \
         UNION ALL \
         SELECT 1, kin.digest, up.digest, NULL, NULL, NULL \
         FROM kin CROSS JOIN manifest_child c INDEXED BY manifest_child_digest CROSS JOIN manifest up \
         WHERE c.repository_id = (SELECT id FROM here) AND c.digest = kin.digest AND up.id = c.manifest_id AND ",
        not_dead!("up", "+?3")
    )
}

type Row = (i64, Vec<u8>, Option<Vec<u8>>, Option<Millis>, Option<Millis>, Option<String>);

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
    fn add(&mut self, (kind, digest, other, deleted, pinned_until, tags): Row) -> Port<()> {
        let column = Column("manifest", "digest");
        let digest = column.digest(&digest)?;
        if kind == 1 {
            let parent = column.digest(&column.present(other)?)?;
            self.parents.entry(digest).or_default().insert(parent);
            return Ok(());
        }
        let subject = Column("manifest", "subject").optional_digest(other)?;
        let name = Column("tag", "name");
        let named: Vec<(String, Millis)> = name.json(tags.as_deref().unwrap_or("[]"))?;
        let tags: Vec<(TagName, Millis)> =
            named.into_iter().map(|(text, end)| Ok((name.text(&text)?, end))).collect::<Port<_>>()?;
        let pinned_until = pinned_until.unwrap_or_default();
        let row = SupportNode { digest, via: None, deleted, pinned_until, tags };
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
