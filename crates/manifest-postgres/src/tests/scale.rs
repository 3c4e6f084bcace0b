//! A manifest with very many parents, one with very many referrers, and a cycle: walks end, and their answers are right.

use super::world::{World, digest};
use manifest_core::ports::{
    Collection, FetchAsk, Fetched, Liveness, Manifests, ReferrersAsk, SupportAsk, SweepAsk, SweepCursor, SweepKind,
};
use oci_types::{Digest, Reference};

/// A repository in which a child has 100,000 parents, a subject 100,000 referrers, and two indexes list one another. Nothing is tagged
/// or pinned but the last of the referrers, and the parents and referrers have no kin of their own.
pub(super) const CROWD: &str = "
    INSERT INTO repository (name, visibility, state, created_ms) VALUES ('crowd', 1, 0, 0);
    CREATE FUNCTION pg_temp.here() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT id FROM repository WHERE name = 'crowd' $$;
    CREATE FUNCTION pg_temp.named(name text) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT '\\x01'::bytea || sha256(name::bytea) $$;
    INSERT INTO manifest (repository_id, digest, media_type, immutable, created_ms, bytes)
        SELECT (SELECT pg_temp.here()), pg_temp.named(name), 'a/b', false, 0, '' FROM unnest(ARRAY['child', 'subject', 'one', 'other']) name;
    INSERT INTO manifest (repository_id, digest, media_type, immutable, created_ms, bytes)
        SELECT (SELECT pg_temp.here()), pg_temp.named('parent ' || n), 'a/b', false, 0, '' FROM generate_series(1, 100000) n;
    INSERT INTO manifest_child SELECT repository_id, id, 0, pg_temp.named('child'), true, NULL
        FROM manifest WHERE repository_id = (SELECT pg_temp.here()) AND digest NOT IN (SELECT pg_temp.named(name) FROM unnest(ARRAY['child', 'subject', 'one', 'other']) name);
    INSERT INTO manifest (repository_id, digest, media_type, subject, immutable, created_ms, bytes, pinned_until_ms)
        SELECT (SELECT pg_temp.here()), pg_temp.named('referrer ' || n), 'a/b', pg_temp.named('subject'), false, 0, '', CASE n WHEN 100000 THEN 100 ELSE 0 END
        FROM generate_series(1, 100000) n;
    INSERT INTO manifest_child SELECT repository_id, id, 0, pg_temp.named('other'), true, NULL FROM manifest
        WHERE repository_id = (SELECT pg_temp.here()) AND digest = pg_temp.named('one');
    INSERT INTO manifest_child SELECT repository_id, id, 0, pg_temp.named('one'), true, NULL FROM manifest
        WHERE repository_id = (SELECT pg_temp.here()) AND digest = pg_temp.named('other');
";

async fn sees(world: &World, digest: Digest) -> bool {
    let ask = FetchAsk {
        repository: "crowd".parse().unwrap(),
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
    let world = World::new().await;
    world.sql(CROWD).await;
    world.sql("ANALYZE").await;
    assert!(sees(&world, digest("child")).await, "after 1,000 ancestors it is visible");
    assert!(!sees(&world, digest("subject")).await, "referrers keep nothing");
    assert!(!sees(&world, digest("one")).await && !sees(&world, digest("other")).await, "a cycle keeps nothing");

    let why = |name| SupportAsk { repository: "crowd".parse().unwrap(), digest: digest(name), now: 20, window: 10 };
    let support = world.store.support(&why("child")).await.unwrap().unwrap();
    assert!(support.more && support.nodes.len() == 1_001);
    let support = world.store.support(&why("one")).await.unwrap().unwrap();
    assert!(!support.more && support.nodes.len() == 2);

    let about = ReferrersAsk {
        repository: "crowd".parse().unwrap(),
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
    assert_eq!((doomed.len(), next.clone()), (199, Some(SweepCursor("1:200".to_owned()))), "all but the child");
    let done = world.store.sweep(&ask(None)).await.unwrap();
    assert_eq!((done.removed, done.next), (199, next));
    assert!(sees(&world, digest("child")).await);
}
