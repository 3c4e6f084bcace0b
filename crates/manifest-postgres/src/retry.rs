//! How often a write is tried again that another one was in the way of.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The tries that are left.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    done: u32,
}

impl Retries {
    /// Waits before the next try, each time longer and never the same, so that those who met do not meet again. `false`: no
    /// try is left.
    pub(crate) async fn wait(&mut self) -> bool {
        if self.done == MOST {
            return false;
        }
        let longest = SHORTEST * 2_u32.pow(self.done);
        self.done += 1;
        // A hasher of the standard library is seeded at random, which is random enough for this.
        let part = u32::from(RandomState::new().hash_one(()).to_le_bytes()[0]);
        tokio::time::sleep(longest * (part + 1) / 256).await;
        true
    }
}

/// How often at most: with the longest wait of 640 ms, 1.3 s in all.
const MOST: u32 = 8;

/// The longest wait before the first of them.
const SHORTEST: Duration = Duration::from_millis(5);
