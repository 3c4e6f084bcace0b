//! The contract suites bite: each adapter here is the memory adapter with one promise broken, and the clauses that ask for the
//! promise find it.

mod access_faults;
mod blob_faults;
mod caught;
mod change_faults;
mod faulty;
mod image_faults;
mod listing_faults;
mod page_faults;
mod read_faults;
mod sweep_faults;
mod upload_faults;
mod write_faults;

use manifest_contract::{bytes, rows};

#[test]
fn every_promise_is_broken_by_somebody() {
    let faults = [
        include_str!("access_faults.rs"),
        include_str!("blob_faults.rs"),
        include_str!("change_faults.rs"),
        include_str!("image_faults.rs"),
        include_str!("listing_faults.rs"),
        include_str!("page_faults.rs"),
        include_str!("read_faults.rs"),
        include_str!("sweep_faults.rs"),
        include_str!("upload_faults.rs"),
        include_str!("write_faults.rs"),
    ]
    .concat();
    let rows = rows::CLAUSES.iter().map(|clause| clause.promise);
    for promise in rows.chain(bytes::CLAUSES.iter().map(|clause| clause.promise)) {
        let clause = format!("\"{}_", promise.to_lowercase());
        assert!(
            faults.contains(&clause),
            "no adapter here breaks {promise}, so nobody knows whether a clause would find it"
        );
    }
}
