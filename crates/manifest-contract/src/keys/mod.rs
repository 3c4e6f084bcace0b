//! The suite of `SigningKeys`.
//!
//! An adapter's tests call [`keys!`](crate::keys!) with a function whose future makes a fresh, empty store.

mod fixture;
mod replacing;

use crate::clause::Clause;
use std::future::Future;

pub use fixture::Fixture;

/// Every clause of the suite.
pub const CLAUSES: &[Clause<Fixture>] = crate::each_keys_clause!(clause_table);

/// Runs one clause on a fresh store, as its test does.
///
/// # Panics
///
/// If the adapter breaks the promise, or the suite has no such clause.
pub fn check<F: Into<Fixture>>(clause: &str, fresh: impl Future<Output = F>) {
    crate::clause::check(CLAUSES, clause, fresh);
}

/// Stamps one test for each clause about signing keys. `$fresh` is a function without arguments whose future makes an empty store:
/// an `Arc<dyn SigningKeys>` or a [`Fixture`].
#[macro_export]
macro_rules! keys {
    ($fresh:expr) => {
        $crate::each_keys_clause!(clause_tests keys $fresh);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! each_keys_clause {
    ($then:ident $($with:tt)*) => {
        $crate::$then! { [$($with)*]
            K1 replacing::k1_of_first_keys_at_once_one_wins_and_all_get_it
            K1 replacing::k1_of_rotations_at_once_one_wins_and_all_get_it
            K1 replacing::k1_a_key_that_is_not_in_use_is_not_replaced
            K2 replacing::k2_a_key_comes_back_to_the_byte
            K2 replacing::k2_a_key_is_there_after_the_store_is_opened_again
            K3 replacing::k3_what_was_in_use_is_listed_oldest_first
            K3 replacing::k3_a_failed_guard_changes_nothing
        }
    };
}
