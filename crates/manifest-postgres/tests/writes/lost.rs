//! A write whose answer is lost after its commit answers what it would have answered, and happens once.

use crate::script::STEPS;
use crate::wire::Wire;
use crate::world::{open, rows};
use postgres_fixture::Database;

/// What `finish` says of an upload that is finished: it is told so by what there is.
fn answer(text: &str) -> String {
    text.replace("AlreadyDone", "Done")
}

/// Whether the answer is how much was done, which the second call does not know of the first.
fn counts(name: &str) -> bool {
    name.starts_with("sweep") || name == "discard what is unnamed"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_settled() {
    let (plain, lossy) = (Database::fresh().await, Database::fresh().await);
    let wire = Wire::before(lossy.url()).await;
    let (plain_store, store) = (open(plain.url(), 1).await, open(wire.url(), 1).await);
    for ((name, run), lost) in STEPS.iter().zip(1..) {
        let expected = run(&plain_store).await.unwrap();
        // (The first question of some is a read, which is asked again.)
        wire.lose_next();
        let found = run(&store).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        if !counts(name) {
            assert_eq!(answer(&found), answer(&expected), "{name}");
        }
        assert_eq!(wire.lost(), lost, "{name}");
        assert_eq!(rows(&lossy), rows(&plain), "{name}");
    }
}
