//! The suite of `BlobStore`.
//!
//! An adapter's tests call [`bytes!`](crate::bytes!) with a function whose future makes a fresh, empty store.

mod fixture;
mod listing;
mod parts;
mod reading;
mod sealing;

use crate::clause::Clause;
use std::future::Future;

pub use fixture::Fixture;

/// Every clause of the suite.
pub const CLAUSES: &[Clause<Fixture>] = crate::each_bytes_clause!(clause_table);

/// Runs one clause on a fresh store, as its test does.
///
/// # Panics
///
/// If the adapter breaks the promise, or the suite has no such clause.
pub fn check<F: Into<Fixture>>(clause: &str, fresh: impl Future<Output = F>) {
    crate::clause::check(CLAUSES, clause, fresh);
}

/// Stamps one test for each clause about bytes. `$fresh` is a function without arguments whose future makes an empty store: an
/// `Arc<dyn BlobStore>`, a [`Fixture`], or whole [`Ports`](manifest_core::Ports).
#[macro_export]
macro_rules! bytes {
    ($fresh:expr) => {
        $crate::each_bytes_clause!(clause_tests bytes $fresh);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! each_bytes_clause {
    ($then:ident $($with:tt)*) => {
        $crate::$then! { [$($with)*]
            S1 parts::s1_a_part_holds_its_body
            S1 parts::s1_pieces_may_have_any_size
            S1 parts::s1_each_part_has_a_place_of_its_own
            S1 parts::s1_parts_of_one_upload_may_be_written_at_once
            S1 parts::s1_a_body_that_breaks_off_makes_no_part
            S1 parts::s1_a_write_may_be_dropped
            S1 parts::s1_parts_are_there_after_the_store_is_opened_again
            S2 sealing::s2_a_sealed_blob_is_its_parts_in_order
            S2 sealing::s2_large_and_small_parts_mix
            S2 sealing::s2_parts_are_joined_in_the_order_that_is_asked_for
            S2 sealing::s2_each_seal_makes_a_fresh_location
            S2 sealing::s2_seals_at_once_make_a_location_each
            S2 sealing::s2_a_seal_moves_nothing
            S2 sealing::s2_a_part_that_is_gone_is_not_sealed
            S2 sealing::s2_the_upload_is_read_from_every_key
            S2 sealing::s2_sealed_blobs_are_there_after_the_store_is_opened_again
            S3 reading::s3_a_read_gives_exactly_its_range
            S3 reading::s3_a_read_comes_in_small_pieces
            S3 reading::s3_where_nothing_is_nothing_is_found
            S3 reading::s3_readers_do_not_disturb_each_other
            S4 reading::s4_a_delete_succeeds_where_nothing_is
            S5 listing::s5_parts_and_sealed_blobs_are_listed_in_byte_order
            S5 listing::s5_pages_follow_each_other
            S5 listing::s5_a_page_may_start_behind_what_was_deleted
            S5 listing::s5_the_list_says_who_wrote_what_and_when
            S6 parts::s6_a_full_store_says_so_and_goes_on_reading_and_deleting
            S6 parts::s6_a_store_says_how_much_room_it_has
            S7 reading::s7_a_key_that_is_not_the_stores_own_is_refused
            S8 sealing::s8_a_last_part_ends_the_blob_and_is_used_up
            S8 sealing::s8_a_last_part_that_is_gone_is_not_sealed
            S8 sealing::s8_a_last_part_that_is_not_sealed_is_listed_and_deleted_like_any_other
            S8 sealing::s8_last_parts_at_once_end_a_blob_each
            S8 sealing::s8_what_was_sealed_of_a_last_part_is_there_after_the_store_is_opened_again
        }
    };
}
