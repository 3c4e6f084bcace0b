//! The suite of signing keys bites: each store here breaks one promise, and the clauses that ask for it find that.

use async_trait::async_trait;
use manifest_contract::keys::{self, Fixture};
use manifest_core::Port;
use manifest_core::ports::{PrivateKey, Retired, SigningKeys};
use manifest_memory::MemorySigningKeys;
use std::future::ready;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// The guard is not looked at.
    Unguarded,
    /// Whoever loses is answered the own key.
    LoserGetsItsOwn,
    /// The key is cut off at its first zero.
    CutOff,
    /// What was in use is forgotten.
    Forgets,
    /// The newest stands first.
    NewestFirst,
    /// What fails its guard is listed all the same.
    ListsLosers,
}

struct Faulty {
    keys: MemorySigningKeys,
    fault: Fault,
    listed: std::sync::Mutex<Vec<Vec<u8>>>,
}

#[async_trait]
impl SigningKeys for Faulty {
    async fn current(&self) -> Port<Option<PrivateKey>> {
        let current = self.keys.current().await?;
        let cut = |key: PrivateKey| {
            let end = key.der().iter().position(|byte| *byte == 0).unwrap_or(key.der().len());
            PrivateKey::from_der(key.der().get(..end).unwrap_or_default().to_vec())
        };
        Ok(if self.fault == Fault::CutOff { current.map(cut) } else { current })
    }

    async fn replace(&self, expected: Option<Retired>, key: &PrivateKey) -> Port<Option<PrivateKey>> {
        let mut expected = expected;
        if self.fault == Fault::Unguarded {
            let private = self.keys.current().await?;
            let public = expected.map(|retired| retired.public).unwrap_or_default();
            expected = private.map(|private| Retired { private, public });
        }
        if self.fault == Fault::ListsLosers
            && let (Some(retired), Ok(mut listed)) = (&expected, self.listed.lock())
        {
            listed.push(retired.public.clone());
        }
        let answer = self.keys.replace(expected, key).await?;
        Ok(if self.fault == Fault::LoserGetsItsOwn { Some(key.clone()) } else { answer })
    }

    async fn earlier(&self) -> Port<Vec<Vec<u8>>> {
        let mut earlier = self.keys.earlier().await?;
        match self.fault {
            Fault::Forgets => earlier.clear(),
            Fault::NewestFirst => earlier.reverse(),
            Fault::ListsLosers => earlier = self.listed.lock().map(|listed| listed.clone()).unwrap_or_default(),
            Fault::Unguarded | Fault::LoserGetsItsOwn | Fault::CutOff => {}
        }
        Ok(earlier)
    }
}

#[test]
fn each_fault_is_found() {
    let check = |fault: Fault, clause: &str| {
        let broken: Arc<dyn SigningKeys> =
            Arc::new(Faulty { keys: MemorySigningKeys::new(), fault, listed: std::sync::Mutex::default() });
        let outcome = catch_unwind(AssertUnwindSafe(|| keys::check(clause, ready(Fixture::new(broken)))));
        assert!(outcome.is_err(), "{clause} did not find {fault:?}");
    };
    check(Fault::Unguarded, "k1_a_key_that_is_not_in_use_is_not_replaced");
    check(Fault::LoserGetsItsOwn, "k1_of_first_keys_at_once_one_wins_and_all_get_it");
    check(Fault::LoserGetsItsOwn, "k1_of_rotations_at_once_one_wins_and_all_get_it");
    check(Fault::CutOff, "k2_a_key_comes_back_to_the_byte");
    check(Fault::Forgets, "k3_what_was_in_use_is_listed_oldest_first");
    check(Fault::NewestFirst, "k3_what_was_in_use_is_listed_oldest_first");
    check(Fault::ListsLosers, "k3_a_failed_guard_changes_nothing");
}
