//! A write whose answer is lost is made once, whatever others do before its caller finds out.

use crate::retries::session;
use crate::script::until_so_many_wait;
use crate::wire::Wire;
use crate::world::{create, digest, end, finish, label, manifest, open, plan, points, repository, upload};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use manifest_core::error::PortErrorKind;
use manifest_core::facts::{Acting, RepositoryState, Visibility};
use manifest_core::plan::{Applied, LabelSource, LabelsChange, ManifestChange, Plan};
use manifest_core::ports::{Blobs, Manifests, Repositories, Uploads};
use manifest_postgres::PostgresStore;
use postgres_fixture::Database;
use std::collections::BTreeSet;

type Act = for<'a> fn(&'a PostgresStore) -> BoxFuture<'a, String>;

macro_rules! act {
    ($store:ident => $call:expr) => {
        |$store| async move { format!("{:?}", $call.await.unwrap()) }.boxed()
    };
}

/// A write, what somebody else does behind it, and a question that finds one row while what that made is there.
struct Case {
    what: &'static str,
    write: Act,
    other: Act,
    still: &'static str,
}

const UNDELETED: &str = "SELECT count(*) FROM manifest m JOIN tag t ON t.manifest_id = m.id WHERE m.deleted_ms IS NULL AND t.name = 'again'";

const CASES: &[Case] = &[
    Case {
        what: "the deletion of a repository",
        write: act!(store => store.delete(&repository("app"), 20)),
        other: act!(store => store.create(&repository("app"), Visibility::Public, 20)),
        still: "SELECT count(*) FROM repository WHERE name = 'app' AND state = 0 AND visibility = 0",
    },
    Case {
        what: "the creation of a repository",
        write: act!(store => store.create(&repository("new"), Visibility::Private, 20)),
        other: act!(store => store.delete(&repository("new"), 20)),
        still: "SELECT count(*) FROM repository WHERE name = 'new' AND state = 2",
    },
    Case {
        what: "the closing of a repository",
        write: act!(store => store.set_state(&repository("app"), RepositoryState::ReadOnly)),
        other: act!(store => store.set_state(&repository("app"), RepositoryState::Open)),
        still: "SELECT count(*) FROM repository WHERE name = 'app' AND state = 0",
    },
    Case {
        what: "the removal of access",
        write: act!(store => store.remove(&repository("app"), &digest("layer"), 2)),
        other: act!(store => bring(store)),
        still: "SELECT count(*) FROM repository_blob",
    },
    Case {
        what: "a deletion",
        write: act!(store => store.apply(&Plan { delete: Some(digest("image")), ..plan(20) })),
        other: act!(store => store.apply(&again(20))),
        still: UNDELETED,
    },
    Case {
        what: "a purge",
        write: act!(store => store.apply(&Plan { purge: BTreeSet::from([digest("image")]), ..plan(20) })),
        other: act!(store => store.apply(&again(20))),
        still: UNDELETED,
    },
    Case {
        what: "the end of a tag",
        write: act!(store => store.apply(&Plan { tags: vec![end("latest")], ..plan(20) })),
        other: act!(store => store.apply(&Plan { tags: points(&["latest"], "image"), ..plan(20) })),
        still: "SELECT count(*) FROM tag WHERE name = 'latest'",
    },
    Case {
        what: "a change of labels",
        write: act!(store => store.apply(&relabelling(Some(5)))),
        other: act!(store => store.apply(&relabelling(Some(7)))),
        still: "SELECT count(*) FROM manifest m WHERE expires_after_ms = 7 AND 2 = (SELECT count(*) FROM label l WHERE l.manifest_id = m.id)",
    },
];

async fn bring(store: &PostgresStore) -> manifest_core::Port<manifest_core::ports::Finished> {
    store.begin(&upload("app", 7)).await?;
    store.finish(&finish("app", 7, "layer")).await
}

fn again(now: i64) -> Plan {
    Plan { manifest: Some(create(manifest("image"))), tags: points(&["again"], "image"), ..plan(now) }
}

fn relabelling(expires_after: Option<i64>) -> Plan {
    let add = vec![label("k", LabelSource::Api)];
    let acting = Acting { expires_after, immutable: false };
    Plan { labels: Some(LabelsChange { manifest: digest("image"), add, remove: None, acting }), ..plan(20) }
}

/// A repository with a blob, and a manifest with a tag.
async fn furnish(store: &PostgresStore) {
    bring(store).await.unwrap();
    let image = Plan { manifest: Some(create(manifest("image"))), tags: points(&["latest"], "image"), ..plan(10) };
    store.apply(&image).await.unwrap();
}

fn one(database: &Database, question: &str) -> String {
    database.psql(question).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_made_again_stays() {
    for Case { what, write, other, still } in CASES {
        let (plain, lossy) = (Database::fresh().await, Database::fresh().await);
        let wire = Wire::before(lossy.url()).await;
        let (plain_store, store, others) =
            (open(plain.url(), 1).await, open(wire.url(), 1).await, open(lossy.url(), 1).await);
        furnish(&plain_store).await;
        furnish(&store).await;
        // Its upload is over, so that the blob can be brought again.
        lossy.psql("DELETE FROM upload").unwrap();
        let expected = write(&plain_store).await;
        wire.lose_next_after(async move {
            other(&others).await;
        });
        assert_eq!(write(&store).await, expected, "{what}");
        assert_eq!(wire.lost(), 1, "{what}");
        assert_eq!(one(&lossy, still), "1", "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_still_runs_when_its_client_is_gone_is_waited_for() {
    let push = Plan { manifest: Some(create(manifest("other"))), tags: points(&["latest"], "other"), ..plan(20) };
    for write in [push, Plan { tags: vec![end("latest")], ..plan(20) }] {
        let database = Database::fresh().await;
        let wire = Wire::before(database.url()).await;
        let store = open(wire.url(), 1).await;
        furnish(&store).await;
        let (pushing, watcher, other) = (session(&database).await, session(&database).await, session(&database).await);
        pushing.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(id) FROM repository").await.unwrap();
        wire.cut_next_after(async move { until_so_many_wait(&other, 1).await });
        let writing = tokio::spawn(async move { store.apply(&write).await });
        // The call whose client is gone, and whoever settles it.
        until_so_many_wait(&watcher, 2).await;
        pushing.batch_execute("COMMIT").await.unwrap();
        let applied = writing.await.unwrap().unwrap();
        let Applied::Done { displaced, .. } = &applied else { panic!("{applied:?}") };
        assert_eq!(displaced.values().copied().collect::<Vec<_>>(), [digest("image")], "{applied:?}");
        assert_eq!(one(&database, "SELECT count(*) FROM tag_history"), "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_comes_when_it_was_given_up_is_not_made() {
    let database = Database::fresh().await;
    let store = open(database.url(), 1).await;
    furnish(&store).await;
    assert_eq!(one(&database, "SELECT write_settle_1(-5) IS NULL, write_settle_1(-5) IS NULL"), "t|t");
    for call in ["repository_delete_1('app', 20, -5)", "access_remove_2('app', '\\x01', 20, -5)"] {
        let error = database.psql(&format!("SELECT {call}")).unwrap_err().to_string();
        assert!(error.contains("the write was given up by its caller"), "{error}");
    }
    assert_eq!(one(&database, "SELECT count(*) FROM repository WHERE state = 0"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_kept_for_a_day_and_of_pushes_not_at_all() {
    let database = Database::fresh().await;
    let store = open(database.url(), 1).await;
    furnish(&store).await;
    assert_eq!(one(&database, "SELECT count(*) FROM write_token"), "0");
    let keep = Plan { manifest: Some(ManifestChange::Keep(digest("image"))), ..plan(20) };
    store.apply(&Plan { tags: vec![end("latest")], ..keep }).await.unwrap();
    assert_eq!(one(&database, "SELECT count(*) FROM write_token WHERE answer IS NOT NULL"), "1");
    database.psql("UPDATE write_token SET written_ms = written_ms - 90000000").unwrap();
    store.set_state(&repository("app"), RepositoryState::ReadOnly).await.unwrap();
    assert_eq!(one(&database, "SELECT count(*), min(answer::text) FROM write_token"), "1|0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_settled_is_unknown() {
    let database = Database::fresh().await;
    let wire = Wire::before(database.url()).await;
    let store = open(wire.url(), 1).await;
    furnish(&store).await;
    database.psql("ALTER TABLE write_token ADD CHECK (answer IS NOT NULL)").unwrap();
    let given_up = "CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
        PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; \
        CREATE TRIGGER away AFTER UPDATE ON repository FOR EACH STATEMENT EXECUTE FUNCTION away()";
    database.psql(given_up).unwrap();
    let error = store.delete(&repository("app"), 20).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome_unknown()), (PortErrorKind::Internal, true), "{error:?}");
}
