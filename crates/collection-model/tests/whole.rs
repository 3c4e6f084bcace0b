//! Under the whole protocol nothing is ever lost, left behind, or deadlocked; and everything that the model is about does happen.

#![expect(clippy::print_stdout, reason = "the sizes are for whoever reads the output of the tests")]

use collection_model::{Model, Protocol, Report, World, explore, worlds};
use std::collections::BTreeSet;

type Labels = BTreeSet<(&'static str, &'static str)>;

/// Steps without which the model would prove nothing about them.
const HAPPEN: [(&str, &[&str]); 4] = [
    (
        "collector",
        &[
            "is not given the lock: busy",
            "looks again, and nothing is left to do",
            "deletes a manifest with its links",
            "deletes an access row",
            "locks no blob row",
            "deletes blob rows without access rows",
            "deletes an expired upload and discards its parts",
            "discards bytes that nobody names",
            "finds that the bytes are named",
            "is killed",
        ],
    ),
    ("sweeper", &["deletes the bytes", "deletes the trash row", "is killed"]),
    (
        "writer 1",
        &[
            "takes facts and is refused by the plan",
            "finds no manifest row any more and rolls back",
            "inserts the manifest and its links",
            "misses a blob or child and rolls back",
            "revives the manifest",
            "points the tag",
            "ends the tag",
            "pins a manifest",
            "finds nothing to mount",
            "finds that the blob row is gone and starts again",
            "inserts the access row",
            "prolongs the lease",
            "finds no upload any more and discards the sealed copy",
            "finds no upload for its part and discards it",
            "commits and answers",
            "is killed",
        ],
    ),
    (
        "writer 2",
        &[
            "finds that the guard does not hold and rolls back",
            "finds an index that lists the manifest: 405",
            "finds a manifest that links the blob: 405",
            "gives up waiting for the lock: 503",
            "has the repository lock alone",
            "ends the tag of what it deletes",
            "marks the manifest deleted",
            "deletes the access row",
        ],
    ),
];

/// Explores a world and says how large it is.
fn clean(world: World) -> (usize, Labels) {
    let model = Model::new(world, Protocol::whole());
    let Report { states, steps, depth, taken, violation } = explore(&model);
    println!("{}: {states} states, {steps} steps, {depth} deep", model.name());
    if let Some(violation) = violation {
        panic!("in {}: {violation}", model.name());
    }
    (states, taken.into_keys().map(|label| (label.who, label.what)).collect())
}

/// Two tests, so that they run beside one another.
#[test]
fn one_blob_shared_by_two_uploads() {
    let (states, _) = clean(worlds::share());
    assert!(states > 250_000, "{states}");
}

#[test]
fn every_other_small_world() {
    let mut all = Labels::new();
    let mut sum = 0;
    for world in worlds::small().into_iter().filter(|world| world.name != "share") {
        let (states, taken) = clean(world);
        sum += states;
        all.extend(taken);
    }
    println!("{sum} states");
    assert!(sum > 250_000, "{sum}");
    for (who, steps) in HAPPEN {
        for what in steps {
            assert!(all.contains(&(who, *what)), "never: {who} {what}");
        }
    }
}
