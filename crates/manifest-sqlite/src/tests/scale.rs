//! A manifest with very many parents, one with very many referrers, and a cycle: walks end, and their answers are right.

use super::world::{World, digest};
use manifest_core::ports::{
    Collection, FetchAsk, Fetched, Liveness, Manifests, ReferrersAsk, SupportAsk, SweepAsk, SweepCursor, SweepKind,
};
use oci_types::{Digest, Reference};

/// A repository in which a child has 100,000 parents, a subject 100,000 referrers, and two indexes list one another. Nothing is tagged
/// or pinned but the last of the referrers, and the parents and referrers have no kin of their own.
const CROWD: &str = "
    CREATE TEMP TABLE number (n INTEGER PRIMARY KEY);
    INSERT INTO number WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 100000) SELECT n FROM n;
    INSERT INTO manifest (repository_id, digest, media_type, immutable, created_ms, bytes)
        SELECT 1, unhex(printf('01%064x', n)), 'a/b', 0, 0, x'00' FROM number;
    INSERT INTO manifest (repository_id, digest, media_type, subject, immutable, created_ms, bytes)
        SELECT 1, unhex(printf('01%064x', 1000000 + n)), 'a/b', (SELECT digest FROM manifest WHERE id = 2), 0, 0, x'00' FROM number;
    INSERT INTO manifest_child SELECT 1, id, 0, (SELECT digest FROM manifest WHERE id = 1), 1, NULL FROM manifest
        WHERE digest <= unhex(printf('01%064x', 100000)) AND id > 4;
    INSERT INTO manifest_child SELECT 1, 3, 0, digest, 1, NULL FROM manifest WHERE id = 4;
    INSERT INTO manifest_child SELECT 1, 4, 0, digest, 1, NULL FROM manifest WHERE id = 3;
    UPDATE manifest SET pinned_until_ms = 100 WHERE digest = unhex(printf('01%064x', 1100000));
    DROP TABLE number;
    ANALYZE;
";

async fn sees(world: &World, digest: Digest) -> bool {
    let ask = FetchAsk {
        repository: "app".parse().unwrap(),
        reference: Reference::Digest(digest),
        now: 20,
        liveness: Liveness::Visible,
        have: None,
        at: None,
    };
    matches!(world.store.fetch(&ask).await.unwrap(), Fetched::Found(_))
}

#[tokio::test]
async fn a_crowd_of_kin_is_no_burden() {
    let world = World::new();
    for name in ["child", "subject", "one", "other"] {
        world.push("app", name, &[]).await;
    }
    world.sql("UPDATE manifest SET pinned_until_ms = 0");
    world.sql(CROWD);
    assert!(sees(&world, digest("child")).await, "after 1,000 ancestors it is visible");
    assert!(!sees(&world, digest("subject")).await, "referrers keep nothing");
    assert!(!sees(&world, digest("one")).await && !sees(&world, digest("other")).await, "a cycle keeps nothing");

    let why = |name| SupportAsk { repository: "app".parse().unwrap(), digest: digest(name), now: 20, window: 10 };
    let support = world.store.support(&why("child")).await.unwrap().unwrap();
    assert!(support.more && support.nodes.len() == 1_001);
    let support = world.store.support(&why("one")).await.unwrap().unwrap();
    assert!(!support.more && support.nodes.len() == 2);

    let about = ReferrersAsk {
        repository: "app".parse().unwrap(),
        subject: digest("subject"),
        artifact_types: Vec::new(),
        after: None,
        limit: 10,
        max_bytes: 1 << 20,
        now: 20,
    };
    let page = world.store.referrers(&about).await.unwrap();
    assert!(!page.more && page.items.len() == 1, "only what is kept by itself, since the subject is not");

    let ask = |after| SweepAsk { kind: SweepKind::Manifests, after, limit: 200, now: 20, window: 10, grace: 0 };
    let (doomed, next) = world.store.doomed(&ask(None)).await.unwrap();
    assert_eq!((doomed.len(), next.clone()), (199, Some(SweepCursor("200".to_owned()))), "all but the child");
    let done = world.store.sweep(&ask(None)).await.unwrap();
    assert_eq!((done.removed, done.next), (199, next));
    assert!(sees(&world, digest("child")).await);
}
