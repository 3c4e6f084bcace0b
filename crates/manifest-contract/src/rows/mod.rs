//! The suite of the ports that hold rows: `Manifests`, `Listings`, `Repositories`, `Blobs`, `Uploads`, `Collection`,
//! `LegacyImages` and `Records`.
//!
//! An adapter's tests call [`rows!`](crate::rows!) with a function whose future makes a fresh, empty store.

mod amending;
mod atomic;
mod blobs;
mod conditions;
mod creation;
mod deleting;
mod deletion;
mod dry_runs;
mod empty_layer;
mod facts;
mod fetching;
mod history;
mod images;
mod intervals;
mod labels;
mod listings;
mod pins;
mod purging;
mod racing;
mod records;
mod referrers;
mod repositories;
mod states;
mod support;
mod sweeping;
mod time_travel;
mod trash;
mod uploads;
mod visibility;

use crate::clause::Clause;
use std::future::Future;

pub use crate::world::{Fixture, Rows};

/// Every clause of the suite.
pub const CLAUSES: &[Clause<Fixture>] = crate::each_rows_clause!(clause_table);

/// Runs one clause on a fresh store, as its test does.
///
/// # Panics
///
/// If the adapter breaks the promise, or the suite has no such clause.
pub fn check<F: Into<Fixture>>(clause: &str, fresh: impl Future<Output = F>) {
    crate::clause::check(CLAUSES, clause, fresh);
}

/// Stamps one test for each clause about rows. `$fresh` is a function without arguments whose future makes an empty store:
/// [`Rows`], a [`Fixture`], or whole [`Ports`](manifest_core::Ports). The crate's README shows one.
#[macro_export]
macro_rules! rows {
    ($fresh:expr) => {
        $crate::each_rows_clause!(clause_tests rows $fresh);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! each_rows_clause {
    ($then:ident $($with:tt)*) => {
        $crate::$then! { [$($with)*]
            M1 atomic::m1_after_done_all_of_the_plan_is_there
            M1 atomic::m1_after_a_refusal_nothing_of_the_plan_is_there
            M1 atomic::m1_what_was_done_is_there_after_the_store_is_opened_again
            M1 atomic::m1_a_dropped_write_happens_whole_or_not_at_all
            M1 atomic::m1_a_tag_that_moves_is_never_gone
            M2 conditions::m2_missing_blobs_are_all_named
            M2 conditions::m2_missing_children_are_all_named
            M2 conditions::m2_an_access_row_is_enough_though_its_lease_ended
            M2 conditions::m2_the_stored_links_of_a_manifest_that_exists_are_checked
            M2 conditions::m2_guards_hold_or_refuse
            M2 conditions::m2_guards_hold_or_refuse_the_end_of_a_tag
            M2 conditions::m2_immutable_tags_stay
            M2 conditions::m2_what_is_gone_is_said
            M2 conditions::m2_of_many_that_want_a_tag_to_be_absent_one_gets_it
            M2 conditions::m2_of_many_that_make_a_tag_immutable_one_gets_it
            M2 conditions::m2_a_blob_is_linked_or_removed_but_never_both
            M2 conditions::m2_a_child_is_listed_or_deleted_but_never_both
            M3 creation::m3_of_many_that_create_a_manifest_one_does
            M3 creation::m3_those_who_are_not_first_pin_all_the_same
            M3 creation::m3_what_exists_is_not_created_again
            M4 intervals::m4_a_move_closes_the_old_interval_where_the_new_one_starts
            M4 intervals::m4_intervals_never_overlap_though_the_clock_falls_back
            M4 intervals::m4_an_end_closes_at_its_time_or_at_the_expiry_that_came_first
            M4 intervals::m4_a_tag_that_comes_back_starts_behind_its_last_interval
            M4 intervals::m4_an_interval_does_not_invert_though_its_expiry_lies_before_its_start
            M4 intervals::m4_many_moves_leave_one_alive_tag_and_a_gapless_history
            M4 intervals::m4_moves_and_ends_at_once_leave_a_sound_history
            M5 intervals::m5_the_history_keeps_who_what_and_why
            M5 intervals::m5_intervals_of_no_length_are_kept
            M5 intervals::m5_pointing_at_the_same_manifest_again_starts_a_new_interval
            M5 intervals::m5_tags_that_a_deletion_ends_are_in_the_history
            M6 pins::m6_a_move_pins_what_it_leaves_behind
            M6 pins::m6_an_end_pins_what_it_leaves_behind
            M6 pins::m6_a_tag_that_had_expired_pins_nothing
            M6 pins::m6_nothing_is_pinned_where_the_plan_does_not_say_so
            M6 pins::m6_a_tag_that_stays_pins_nothing
            M6 pins::m6_the_greatest_pin_wins
            M6 pins::m6_of_many_pins_at_once_the_greatest_wins
            M6 pins::m6_every_tag_that_leaves_is_named
            M7 deletion::m7_a_deletion_ends_tags_and_pin_and_hides_at_once
            M7 deletion::m7_a_deletion_clears_the_pin_for_good
            M7 deletion::m7_an_expired_tag_neither_stops_a_deletion_nor_is_ended_by_it
            M7 deletion::m7_an_immutable_tag_stops_a_deletion
            M7 deletion::m7_visible_parents_stop_a_deletion_and_are_all_named
            M7 deletion::m7_parents_that_are_deleted_or_not_kept_stop_nothing
            M7 deletion::m7_a_deletion_is_judged_by_what_the_plan_makes_of_tags_and_pins
            M7 deletion::m7_a_subject_is_deleted_though_it_has_referrers
            M8 deletion::m8_creating_or_keeping_revives
            M8 deletion::m8_nothing_is_revived_without_what_it_needs
            M8 deletion::m8_a_tag_of_a_deleted_manifest_does_not_come_back_with_it
            M9 visibility::m9_a_tag_that_is_alive_keeps
            M9 visibility::m9_a_pin_keeps_until_it_is_over
            M9 visibility::m9_an_interval_that_ends_later_keeps
            M9 visibility::m9_what_nothing_keeps_is_found_only_by_those_who_ask_for_it
            M9 visibility::m9_ancestors_keep_at_any_depth
            M9 visibility::m9_descendants_keep_nothing
            M9 visibility::m9_deleted_ancestors_keep_nothing
            M9 visibility::m9_what_is_deleted_is_not_visible_whatever_keeps_it
            M9 visibility::m9_a_cycle_ends
            M9 visibility::m9_other_repositories_keep_nothing
            M9 visibility::m9_after_a_thousand_ancestors_the_answer_is_visible
            M10 fetching::m10_a_tag_leads_to_its_manifest_until_it_expires
            M10 fetching::m10_a_name_that_was_is_told_from_one_that_never_was
            M10 fetching::m10_a_tag_leads_nowhere_in_another_repository
            M11 fetching::m11_bytes_are_left_out_for_those_who_have_them
            M12 referrers::m12_referrers_are_listed_whether_or_not_the_subject_exists
            M12 referrers::m12_only_visible_manifests_are_listed
            M12 referrers::m12_any_of_the_types_passes_the_filter
            M12 referrers::m12_pages_follow_each_other_in_byte_order
            M12 referrers::m12_a_page_stops_when_it_is_large_enough
            M13 creation::m13_a_repository_is_created_once
            M13 creation::m13_a_repository_that_exists_keeps_its_visibility
            M14 creation::m14_a_deleted_child_is_missing_to_new_links
            M14 creation::m14_a_child_that_comes_later_is_a_child
            M14 creation::m14_a_child_may_be_listed_more_than_once
            M15 facts::m15_what_does_not_parse_is_corrupt_and_named
            M16 facts::m16_facts_say_what_is_there
            M16 facts::m16_the_tags_of_a_manifest_are_those_that_are_alive
            M16 facts::m16_nothing_is_known_of_a_repository_that_does_not_exist
            M16 facts::m16_facts_are_about_one_state
            M17 empty_layer::m17_an_empty_store_has_the_empty_layer
            M17 empty_layer::m17_a_manifest_brings_access_to_the_empty_layer
            M17 empty_layer::m17_a_manifest_that_comes_back_brings_access_again
            M18 amending::m18_an_amended_tag_stays_in_its_interval
            M18 amending::m18_only_the_interval_that_was_seen_is_amended
            M18 amending::m18_an_amended_interval_does_not_invert
            M18 amending::m18_of_many_that_amend_one_interval_one_does
            M19 labels::m19_labels_are_added_and_removed_with_what_they_make_of_tags
            M19 labels::m19_labels_are_found_by_the_start_of_their_keys
            M19 labels::m19_what_is_gone_is_said
            M19 labels::m19_of_many_that_remove_a_label_one_does
            M20 purging::m20_a_purge_leaves_nothing
            M20 purging::m20_what_is_not_there_is_purged_already
            M20 purging::m20_what_a_visible_manifest_lists_stays
            M20 purging::m20_a_deleted_manifest_stays_while_a_visible_one_lists_it
            M20 purging::m20_a_tag_that_the_plan_ends_shows_no_list
            M20 purging::m20_what_the_plan_makes_visible_or_immutable_stops_its_purge
            M20 purging::m20_what_goes_shows_nothing_any_more
            M20 purging::m20_an_alive_immutable_tag_stops_a_purge
            M20 purging::m20_deleted_manifests_are_purged
            M20 purging::m20_access_goes_with_the_last_link_if_its_lease_is_over
            M21 time_travel::m21_the_interval_that_held_the_time_is_followed
            M21 time_travel::m21_the_interval_is_told
            M21 time_travel::m21_what_was_is_found_while_its_manifest_is_undeleted
            M21 time_travel::m21_a_digest_is_followed_whatever_the_time
            M22 support::m22_tags_pins_and_deletions_are_named
            M22 support::m22_a_tag_is_named_once_with_its_latest_end
            M22 support::m22_ancestors_are_reached_through_their_links
            M22 support::m22_ancestors_count_until_their_deletion_is_older_than_the_window
            M22 support::m22_cycles_and_crowds_end
            L1 listings::l1_pages_of_tags_follow_each_other_in_byte_order
            L1 listings::l1_a_page_may_start_behind_a_name_that_does_not_exist
            L1 listings::l1_expired_tags_take_no_room_on_a_page
            L1 listings::l1_pages_of_repositories_follow_each_other_in_byte_order
            L1 history::l1_pages_of_a_history_follow_each_other
            L2 listings::l2_only_alive_tags_are_listed
            L2 listings::l2_an_unknown_repository_has_no_list
            L3 listings::l3_a_scope_holds_its_ranges_and_public_repositories
            L4 history::l4_a_history_is_newest_first_then_by_name
            L4 history::l4_only_open_intervals_of_alive_tags_are_listed_if_asked_for
            L4 history::l4_only_what_starts_or_ends_after_a_time_is_listed_if_asked_for
            L5 states::l5_the_newest_start_is_first_if_asked_for
            L5 states::l5_a_filter_shortens_no_page
            L6 states::l6_manifests_are_listed_by_what_holds_them
            L6 states::l6_a_row_says_what_is_known_of_the_manifest
            L7 states::l7_an_index_shows_what_its_entries_run_on
            L7 states::l7_only_the_first_entries_are_looked_at
            R1 repositories::r1_a_repository_is_found_once_it_exists
            R1 repositories::r1_a_refused_write_brings_no_repository_into_being
            R2 repositories::r2_a_read_only_repository_takes_no_writes
            R2 repositories::r2_a_state_is_set_only_where_there_is_a_repository
            R3 repositories::r3_a_repository_is_made_once
            R3 repositories::r3_what_exists_stays_as_it_is
            R4 deleting::r4_a_deleted_repository_is_unknown_to_every_call
            R4 deleting::r4_the_name_is_free_for_another_one
            R4 deleting::r4_its_rows_go_with_the_sweep
            R4 deleting::r4_a_repository_is_deleted_once_and_what_is_written_meanwhile_goes_with_it
            B1 blobs::b1_access_lasts_as_long_as_its_lease
            B1 blobs::b1_a_link_of_an_undeleted_manifest_grants_access_without_end
            B1 blobs::b1_a_link_alone_grants_nothing
            B2 blobs::b2_a_mount_gives_access_to_what_its_source_has
            B2 blobs::b2_a_mount_shortens_no_lease
            B2 blobs::b2_only_what_the_source_grants_now_is_mounted
            B2 blobs::b2_a_mount_creates_its_repository_only_if_it_may
            B2 blobs::b2_many_mounts_at_once_all_succeed
            B2 blobs::b2_any_repository_of_the_scope_is_a_source
            B2 blobs::b2_a_source_out_of_the_scope_does_not_hide_one_in_it
            B3 blobs::b3_what_is_out_of_the_scope_looks_like_what_does_not_exist
            B4 blobs::b4_a_blob_that_a_manifest_links_stays
            B4 blobs::b4_other_repositories_keep_their_access
            B5 empty_layer::b5_the_empty_layer_is_said_to_be_in_the_program
            U1 uploads::u1_of_many_parts_at_one_offset_one_is_published
            U1 uploads::u1_a_part_is_published_where_the_upload_ends_and_nowhere_else
            U1 uploads::u1_of_many_that_finish_one_makes_the_blob
            U1 uploads::u1_of_many_that_finish_with_different_digests_one_makes_a_blob
            U1 uploads::u1_a_chunk_that_races_the_finish_is_in_or_out
            U1 uploads::u1_a_dropped_finish_happens_whole_or_not_at_all
            U2 trash::u2_a_part_that_is_not_published_is_trash
            U2 trash::u2_a_part_that_is_kept_is_no_trash_though_it_is_published_again
            U2 trash::u2_a_finish_leaves_its_parts_and_keeps_its_copy
            U2 trash::u2_a_refused_finish_leaves_what_it_brought
            U2 trash::u2_a_stored_blob_is_no_trash_though_its_finish_comes_again
            U2 trash::u2_a_cancelled_upload_leaves_all_its_parts
            U3 uploads::u3_a_finished_upload_grants_access_until_its_lease_ends
            U3 uploads::u3_a_blob_that_is_known_stays_where_it_is
            U3 uploads::u3_two_uploads_of_one_blob_at_once_agree_where_it_is
            U4 uploads::u4_finishing_again_with_the_same_digest_is_done_already
            U5 uploads::u5_an_upload_is_unknown_from_another_repository
            U5 uploads::u5_an_expired_upload_is_unknown
            U5 uploads::u5_an_upload_is_opened_in_a_repository_that_takes_it
            U5 uploads::u5_many_uploads_at_once_create_their_repository_once
            U6 uploads::u6_parts_are_in_order_and_the_hash_state_is_the_last
            U7 uploads::u7_a_repository_that_was_closed_takes_no_parts_and_makes_no_blobs
            U8 uploads::u8_an_upload_that_has_moved_on_is_not_dropped
            C1 trash::c1_expired_uploads_are_swept_with_their_parts
            C1 trash::c1_a_sweep_takes_no_more_than_it_is_told
            C2 trash::c2_trash_is_listed_up_to_a_limit
            C2 trash::c2_trash_lists_no_location_that_a_blob_row_names
            C3 trash::c3_what_was_deleted_is_forgotten_and_nothing_else
            C4 trash::c4_bytes_that_nobody_names_are_discarded
            C9 trash::c9_what_cannot_be_deleted_now_is_postponed
            C4 trash::c4_a_part_that_is_published_is_named_though_its_key_does_not_say_by_whom
            C4 trash::c4_a_blob_that_is_just_being_made_is_not_discarded
            C5 sweeping::c5_intervals_go_when_the_window_is_over
            C5 sweeping::c5_manifests_go_when_nothing_keeps_them_any_more
            C5 sweeping::c5_ancestors_retain_what_they_hold
            C5 sweeping::c5_access_goes_when_nothing_needs_it
            C5 sweeping::c5_blobs_that_nobody_may_read_go_to_the_trash
            C5 sweeping::c5_what_goes_is_gone_for_later_writes
            C5 racing::c5_a_manifest_that_is_tagged_in_time_survives
            C5 racing::c5_a_manifest_that_is_pushed_or_revived_in_time_survives
            C5 racing::c5_a_manifest_that_is_pinned_in_time_survives
            C5 racing::c5_a_child_that_is_listed_in_time_survives
            C5 racing::c5_what_a_moved_tag_leaves_behind_survives_by_its_pin
            C5 racing::c5_a_history_that_is_swept_while_its_tag_moves_stays_sound
            C5 racing::c5_a_blob_that_is_linked_in_time_survives
            C5 racing::c5_a_blob_that_is_mounted_in_time_survives
            C5 racing::c5_a_blob_that_is_uploaded_again_in_time_survives
            C5 racing::c5_everything_that_is_acknowledged_under_constant_sweeps_is_there
            C6 sweeping::c6_steps_of_every_size_look_at_every_row
            C6 sweeping::c6_rows_that_come_and_go_meanwhile_hide_none
            C7 dry_runs::c7_a_dry_run_names_what_the_sweep_removes
            C7 dry_runs::c7_each_step_names_what_the_same_step_removes
            C7 dry_runs::c7_a_dry_run_says_since_when
            C8 dry_runs::c8_a_purge_frees_what_only_it_holds
            C8 dry_runs::c8_what_is_reclaimable_is_what_a_collection_frees
            C8 dry_runs::c8_what_a_deleted_repository_held_is_reclaimable
            I1 images::i1_images_are_stored_with_their_manifest_and_shared
            I1 images::i1_many_pushes_of_one_base_leave_one_row_of_it
            I1 images::i1_images_that_went_are_stored_again
            I2 images::i2_an_image_is_the_row_that_was_stored
            I2 images::i2_an_image_is_served_by_a_visible_manifest_that_has_it_or_one_above
            I2 images::i2_below_a_thousand_images_the_answer_is_served
            I7 images::i7_an_id_that_stands_for_something_else_is_refused_and_named
            I7 images::i7_of_many_that_call_different_images_alike_one_does
            I3 images::i3_the_layer_is_there_while_access_to_it_is
            I4 images::i4_the_ancestry_begins_with_the_image_and_ends_with_its_base
            I5 images::i5_tags_with_images_are_listed_in_order
            I6 images::i6_images_go_after_the_last_manifest_that_reaches_them
            D1 records::d1_records_are_the_rows_in_the_forms_of_the_port
            D1 images::d1_records_of_images_have_their_columns
            D1 records::d1_records_of_tags_are_their_intervals
            D1 records::d1_pages_of_records_follow_each_other_in_byte_order
        }
    };
}
