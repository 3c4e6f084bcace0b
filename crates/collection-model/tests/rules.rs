//! Takes rules away: what they are for comes back.

#![expect(clippy::print_stdout, reason = "traces are for whoever reads the output of the tests")]

use Rule::{
    BlobFirst, DeletesAlone, ForeignKey, FreshLocations, LookAgain, NextStatement, RepositoryLock, RowsNameUntilTheyGo,
    WritesTest,
};
use collection_model::{Model, Protocol, Rule, World, explore, worlds};

/// Explores a world without some rules; the violation must say so.
fn check(rules: &[Rule], world: World, expected: &str) {
    let model = Model::new(world, Protocol::without(rules));
    let report = explore(&model);
    let name = model.name();
    let violation = report.violation.unwrap_or_else(|| panic!("{name} without {rules:?}: nothing is violated"));
    println!("{name} without {rules:?}, after {} states\n{violation}", report.states);
    assert!(violation.what.contains(expected), "{name} without {rules:?}: {}", violation.what);
    assert!(violation.trace.len() > 3, "a trace leads there");
}

#[test]
fn the_lock_and_the_second_look_keep_what_is_pushed_meanwhile() {
    for rules in [&[RepositoryLock], &[LookAgain]] {
        check(rules, worlds::retag(), "points at manifest 0, which is not there");
        check(rules, worlds::uploads(), "manifest 0 has lost its access to blob 0");
        check(rules, worlds::mount(), "manifest 0 has lost its access to blob 0");
    }
    check(&[RepositoryLock], worlds::blob_deletes(), "the deletion of a blob was acknowledged");
}

#[test]
fn the_next_statement_sees_the_access_rows_that_the_lock_waited_for() {
    check(&[NextStatement], worlds::mount_and_upload(), "ended with a foreign-key error");
    check(&[NextStatement, ForeignKey], worlds::mount_and_upload(), "no blob row says so");
}

#[test]
fn fresh_locations_keep_the_sweeper_away_from_what_is_uploaded_again() {
    check(&[FreshLocations], worlds::mount_and_upload(), "whose bytes are deleted");
    check(&[FreshLocations], worlds::blob_deletes(), "whose bytes are deleted");
}

#[test]
fn a_deletion_that_shares_the_lock_misses_what_is_written_beside_it() {
    check(
        &[DeletesAlone],
        worlds::deletes_untagged(),
        "the tag of repository 0 is Some((0, 255)), acknowledged was None",
    );
    check(&[DeletesAlone], worlds::index(), "an index was acknowledged whose child is deleted");
}

#[test]
fn blob_rows_before_access_rows_in_mount_as_in_finish() {
    check(&[BlobFirst], worlds::mount_and_upload(), "a deadlock of writer 1 at ForeignKey and writer 2 at WriteAccess");
}

#[test]
fn an_upload_that_expires_while_it_is_finished_names_its_bytes() {
    check(&[RowsNameUntilTheyGo], worlds::uploads(), "whose bytes are deleted");
}

#[test]
fn what_is_only_looked_at_can_change_before_it_is_written() {
    check(&[WritesTest], worlds::guarded(), "guard");
    check(&[WritesTest], worlds::retag(), "is hidden though it is kept");
}
