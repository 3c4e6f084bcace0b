//! Locks that last until the end of a transaction, and who waits for whom.

/// What can be locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lock {
    /// The advisory lock of a repository.
    Repository(u8),
    /// The row (or the key of the row to be) of an upload.
    Upload(u8),
    /// Of a blob.
    Blob(u8),
    /// Of a repository's access to a blob.
    Access(u8, u8),
    /// Of the tag of a repository.
    Tag(u8),
    /// Of a manifest in a repository.
    Manifest(u8, u8),
}

/// How.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// With others that share: the shared repository lock, `FOR KEY SHARE`.
    Shared,
    /// Alone: the exclusive repository lock, a written row, `FOR UPDATE`.
    Exclusive,
}

/// A lock that somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Want {
    /// Which.
    pub lock: Lock,
    /// How.
    pub mode: Mode,
}

/// The locks that a transaction has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Held {
    shared: u32,
    exclusive: u32,
}

impl Lock {
    fn bit(self) -> u32 {
        let place = match self {
            Self::Repository(r) => r,
            Self::Upload(u) => 2 + u,
            Self::Blob(b) => 6 + b,
            Self::Access(r, b) => 8 + 2 * r + b,
            Self::Tag(r) => 12 + r,
            Self::Manifest(r, m) => 14 + 2 * r + m,
        };
        1 << place
    }
}

impl Held {
    /// Whether somebody else must wait for these.
    #[must_use]
    pub fn bars(&self, want: Want) -> bool {
        let barring = match want.mode {
            Mode::Shared => self.exclusive,
            Mode::Exclusive => self.exclusive | self.shared,
        };
        barring & want.lock.bit() != 0
    }

    /// Adds one.
    pub fn take(&mut self, want: Want) {
        match want.mode {
            Mode::Shared => self.shared |= want.lock.bit(),
            Mode::Exclusive => self.exclusive |= want.lock.bit(),
        }
    }
}

/// Whether somebody waits for himself, through others. `waits_for` holds, by process, the set of those it waits for.
#[must_use]
pub fn deadlocked(waits_for: &[u8]) -> bool {
    (0..waits_for.len()).any(|first| {
        let mut reached = waits_for[first];
        for _ in waits_for {
            for (next, others) in waits_for.iter().enumerate() {
                if reached & (1 << next) != 0 {
                    reached |= others;
                }
            }
        }
        reached & (1 << first) != 0
    })
}

#[cfg(test)]
mod tests {
    use super::{Held, Lock, Mode, Want, deadlocked};

    #[test]
    fn sharing_is_for_those_who_share() {
        let want = |mode| Want { lock: Lock::Blob(1), mode };
        let mut held = Held::default();
        assert!(!held.bars(want(Mode::Exclusive)));
        held.take(want(Mode::Shared));
        assert!(!held.bars(want(Mode::Shared)));
        assert!(held.bars(want(Mode::Exclusive)));
        assert!(!held.bars(Want { lock: Lock::Blob(0), mode: Mode::Exclusive }));
        held.take(want(Mode::Exclusive));
        assert!(held.bars(want(Mode::Shared)));
    }

    #[test]
    fn cycles_are_found() {
        assert!(!deadlocked(&[0, 0, 0]));
        assert!(!deadlocked(&[0b010, 0b100, 0]));
        assert!(deadlocked(&[0b010, 0b001, 0]));
        assert!(deadlocked(&[0b010, 0b100, 0b001]));
        assert!(deadlocked(&[0, 0b100, 0b010]));
    }
}
