//! Which legacy images are stored for sure, so that a push over a shared base writes its own and does not ask for the others.
//!
//! Rows of images never change, and only this process writes, on one thread. So an image that a write which was committed found, or
//! stored, is there until a write removes images; each of those has all forgotten before it removes any ([`KnownImages::forget`]). Nothing is
//! learned from a write behind which images were removed ([`KnownImages::learn`]).

use manifest_core::legacy::LegacyImage;
use oci_types::Digest;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The images that are stored for sure, of all repositories: at least the last few thousand that were pushed.
#[derive(Debug, Default)]
pub(crate) struct KnownImages(Mutex<Known>);

/// What a write saw of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    repository: i64,
    removals: u64,
}

/// How many images are kept before those go that were not pushed since as many others were: a megabyte or two.
const ENOUGH: usize = 4_096;

#[derive(Debug, Default)]
struct Known {
    /// How often images may have been removed.
    removals: u64,
    young: Images,
    /// The young ones of before.
    old: Images,
}

/// Images by repository and id.
#[derive(Debug, Default)]
struct Images {
    by_repository: HashMap<i64, HashMap<Box<str>, Row>>,
    count: usize,
}

/// What an image stands for.
#[derive(Debug)]
struct Row {
    parent: Option<Box<str>>,
    blob: Digest,
    aggregate_size: Option<u64>,
}

impl KnownImages {
    /// Those images that may have to be stored, as a write sees it; on the writer's thread.
    pub(crate) fn unknown<'i>(&self, repository: i64, images: &'i [LegacyImage]) -> (Vec<&'i LegacyImage>, Seen) {
        let known = self.lock();
        let of = [&known.young, &known.old].map(|images| images.by_repository.get(&repository));
        let is_unknown = |image: &&LegacyImage| !of.iter().flatten().any(|rows| has(rows, image));
        (images.iter().filter(is_unknown).collect(), Seen { repository, removals: known.removals })
    }

    /// Takes it that a repository has those images, which a write that is committed has found or stored.
    pub(crate) fn learn(&self, seen: Seen, images: &[LegacyImage]) {
        let mut known = self.lock();
        if known.removals != seen.removals {
            return;
        }
        if known.young.count >= ENOUGH {
            known.old = std::mem::take(&mut known.young);
        }
        let Images { by_repository, count } = &mut known.young;
        let rows = by_repository.entry(seen.repository).or_default();
        for image in images {
            if !has(rows, image) {
                rows.insert(image.id.as_str().into(), Row::of(image));
                *count += 1;
            }
        }
    }

    /// Says that the write which runs is about to remove images; on the writer's thread.
    pub(crate) fn forget(&self) {
        let mut known = self.lock();
        *known = Known { removals: known.removals + 1, ..Known::default() };
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Row {
    fn of(image: &LegacyImage) -> Self {
        let (blob, aggregate_size) = (image.blob, image.aggregate_size);
        Self { parent: image.parent.as_deref().map(Into::into), blob, aggregate_size }
    }
}

/// Whether that very image is among them: what `apply` compares with a row (I7).
fn has(rows: &HashMap<Box<str>, Row>, image: &LegacyImage) -> bool {
    rows.get(image.id.as_str()).is_some_and(|row| {
        row.blob == image.blob
            && row.parent.as_deref() == image.parent.as_deref()
            && row.aggregate_size == image.aggregate_size
    })
}

#[cfg(test)]
mod tests {
    use super::{ENOUGH, KnownImages};
    use manifest_core::legacy::LegacyImage;
    use oci_types::{Algorithm, Digest};

    fn image(id: &str) -> LegacyImage {
        LegacyImage {
            id: id.to_owned(),
            parent: Some("base".to_owned()),
            blob: Digest::of(Algorithm::Sha256, b"layer"),
            created: None,
            command: None,
            comment: None,
            aggregate_size: Some(7),
            metadata: String::new(),
        }
    }

    fn is_known(known: &KnownImages, repository: i64, image: &LegacyImage) -> bool {
        known.unknown(repository, std::slice::from_ref(image)).0.is_empty()
    }

    #[test]
    fn what_is_known_is_the_same_image_of_the_same_repository() {
        let (known, one) = (KnownImages::default(), image("one"));
        let (_, seen) = known.unknown(1, &[]);
        assert!(!is_known(&known, 1, &one));
        known.learn(seen, std::slice::from_ref(&one));
        assert!(is_known(&known, 1, &one) && !is_known(&known, 2, &one) && !is_known(&known, 1, &image("two")));
        let others = [
            LegacyImage { parent: None, ..one.clone() },
            LegacyImage { blob: Digest::of(Algorithm::Sha256, b"else"), ..one.clone() },
            LegacyImage { aggregate_size: None, ..one.clone() },
        ];
        assert!(others.iter().all(|other| !is_known(&known, 1, other)));
        assert!(
            is_known(&known, 1, &LegacyImage { metadata: "more".to_owned(), ..one }),
            "only what it stands for counts"
        );
    }

    #[test]
    fn nothing_is_known_behind_a_removal() {
        let (known, one) = (KnownImages::default(), image("one"));
        let (_, before) = known.unknown(1, &[]);
        known.learn(before, std::slice::from_ref(&one));
        known.forget();
        assert!(!is_known(&known, 1, &one));
        known.learn(before, std::slice::from_ref(&one));
        assert!(!is_known(&known, 1, &one), "the write was before the removal");
    }

    #[test]
    fn those_that_are_pushed_again_and_again_stay_and_others_go() {
        let (known, base) = (KnownImages::default(), image("base"));
        let (_, seen) = known.unknown(1, &[]);
        for number in 0..4 * ENOUGH {
            known.learn(seen, &[base.clone(), image(&number.to_string())]);
            assert!(is_known(&known, 1, &base));
        }
        assert!(is_known(&known, 1, &image(&(4 * ENOUGH - 1).to_string())));
        assert!(!is_known(&known, 1, &image("0")));
        let locked = known.lock();
        assert!(locked.young.count <= ENOUGH + 1 && locked.old.count <= ENOUGH + 1);
    }
}
