//! Which manifests are kept and which blobs are granted: semantics, "How a manifest lives", word for word, over plain rows.
//!
//! The core leaves this rule to its adapters (promises M9 and B1), which share one query fragment for lookup and collection; here it is a pure
//! function that the steps of writers and collector share in the same way.

use crate::rows::{MANIFESTS, Manifest, Repository, Time};

/// What a manifest names. It never changes: a digest stands for its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Definition {
    /// The blobs that it requires, as a set.
    pub blobs: u8,
    /// The manifest that it lists, for an index.
    pub child: Option<u8>,
    /// The manifest that it is about.
    pub subject: Option<u8>,
}

/// The manifests of a world.
pub type Definitions = [Definition; MANIFESTS];

/// "A row is *dead at t* if `deleted_ms ≤ t`."
fn dead(row: Manifest, t: Time) -> bool {
    row.deleted <= t
}

/// "`Kept(m, t)`: m is not dead at t, and m or an ancestor (child → parent, referrer → subject, any depth, through rows not dead at t) has a
/// `tag` or `tag_history` interval that ends after t, a pin later than now, or `deleted_ms > t`."
#[must_use]
pub fn kept(repository: &Repository, definitions: &Definitions, m: u8, t: Time, now: Time) -> bool {
    let counts = |m: u8| {
        let row = repository.manifests[usize::from(m)];
        row.there && !dead(row, t)
    };
    if !counts(m) {
        return false;
    }
    let mut seen = 1_u8 << m;
    let mut walk = vec![m];
    while let Some(here) = walk.pop() {
        if supported(repository, here, t, now) {
            return true;
        }
        let lists = |parent: &u8| definitions[usize::from(*parent)].child == Some(here);
        let parents = (0..).take(MANIFESTS).filter(lists);
        for up in parents.chain(definitions[usize::from(here)].subject) {
            if seen & (1 << up) == 0 && counts(up) {
                seen |= 1 << up;
                walk.push(up);
            }
        }
    }
    false
}

/// Whether a row has support of its own.
fn supported(repository: &Repository, m: u8, t: Time, now: Time) -> bool {
    let row = &repository.manifests[usize::from(m)];
    let tagged = repository.tag.is_some_and(|tag| tag.to == m && tag.expires > t);
    let deleted_later = row.deleted != crate::rows::NEVER && row.deleted > t;
    tagged || row.history > t || row.pinned > now || deleted_later
}

/// "*Visible* = undeleted and Kept(now)."
#[must_use]
pub fn visible(repository: &Repository, definitions: &Definitions, m: u8, now: Time) -> bool {
    undeleted(repository, m) && kept(repository, definitions, m, now, now)
}

/// "*Retained* = Kept(now − `history_window`)."
#[must_use]
pub fn retained(repository: &Repository, definitions: &Definitions, m: u8, now: Time, window: Time) -> bool {
    kept(repository, definitions, m, now.saturating_sub(window), now)
}

/// Whether there is a row that is not deleted.
#[must_use]
pub fn undeleted(repository: &Repository, m: u8) -> bool {
    let row = &repository.manifests[usize::from(m)];
    row.there && row.deleted == crate::rows::NEVER
}

/// "Access ⇔ that row exists and (lease unexpired or an undeleted manifest links the digest)."
#[must_use]
pub fn granted(repository: &Repository, definitions: &Definitions, b: u8, now: Time) -> bool {
    let Some(access) = repository.access[usize::from(b)] else { return false };
    access.lease > now || linked(definitions, b, |m| undeleted(repository, m))
}

/// "The row is collected when its lease ended more than" the grace "ago and no manifest *row*, deleted or not, links the digest."
#[must_use]
pub fn access_ended(repository: &Repository, definitions: &Definitions, b: u8, now: Time, grace: Time) -> bool {
    let Some(access) = repository.access[usize::from(b)] else { return false };
    lease_ended(access.lease, now, grace) && !linked(definitions, b, |m| repository.manifests[usize::from(m)].there)
}

/// The part of [`access_ended`] that is about the access row itself.
#[must_use]
pub fn lease_ended(lease: Time, now: Time, grace: Time) -> bool {
    lease.saturating_add(grace) <= now
}

/// Whether one of the manifests that count links the blob.
#[must_use]
pub fn linked(definitions: &Definitions, b: u8, counts: impl Fn(u8) -> bool) -> bool {
    (0..).take(MANIFESTS).any(|m| definitions[usize::from(m)].blobs & (1 << b) != 0 && counts(m))
}

#[cfg(test)]
mod tests {
    use super::{Definition, kept, retained, visible};
    use crate::rows::{ABSENT, Manifest, NEVER, Repository, Tag};

    const THERE: Manifest = Manifest { there: true, ..ABSENT };

    fn repository(first: Manifest, second: Manifest, tag: Option<Tag>) -> Repository {
        Repository { manifests: [first, second], tag, access: [None; 2] }
    }

    #[test]
    fn each_support_ends_where_it_says() {
        let check = |row: Manifest, tag: Option<Tag>, ends: u8, window: u8| {
            let world = repository(row, ABSENT, tag);
            let definitions = [Definition::default(); 2];
            assert!(visible(&world, &definitions, 0, ends - 1), "{world:?}");
            assert!(!visible(&world, &definitions, 0, ends), "{world:?}");
            assert!(retained(&world, &definitions, 0, ends + window - 1, 3), "{world:?}");
            assert!(!retained(&world, &definitions, 0, ends + window, 3), "{world:?}");
        };
        check(THERE, Some(Tag { to: 0, start: 5, expires: 9 }), 9, 3);
        check(Manifest { history: 9, ..THERE }, None, 9, 3);
        // A pin is later than now or nothing: the window does not prolong it.
        check(Manifest { pinned: 9, ..THERE }, None, 9, 0);
    }

    #[test]
    fn what_is_deleted_is_hidden_at_once_and_stays_for_the_window() {
        let world = repository(Manifest { deleted: 9, ..THERE }, ABSENT, None);
        let definitions = [Definition::default(); 2];
        assert!(!visible(&world, &definitions, 0, 9));
        assert!(retained(&world, &definitions, 0, 11, 3));
        assert!(!retained(&world, &definitions, 0, 12, 3));
    }

    #[test]
    fn support_comes_down_from_indexes_and_subjects_that_are_not_dead() {
        let tag = Some(Tag { to: 1, start: 5, expires: NEVER });
        let index = [Definition::default(), Definition { child: Some(0), ..Definition::default() }];
        let referrer = [Definition { subject: Some(1), ..Definition::default() }, Definition::default()];
        for definitions in [index, referrer] {
            assert!(kept(&repository(THERE, THERE, tag), &definitions, 0, 9, 9));
            assert!(!kept(&repository(THERE, THERE, None), &definitions, 0, 9, 9));
            let dead = Manifest { deleted: 9, ..THERE };
            assert!(!kept(&repository(THERE, dead, tag), &definitions, 0, 9, 9));
        }
    }

    #[test]
    fn a_cycle_ends() {
        let definitions = [
            Definition { subject: Some(1), ..Definition::default() },
            Definition { subject: Some(0), ..Definition::default() },
        ];
        assert!(!kept(&repository(THERE, THERE, None), &definitions, 0, 9, 9));
    }
}
