use super::wish::Schema1Wish;
use crate::legacy::Signer;
use bytes::Bytes;
use oci_types::{Digest, MediaType, RepositoryName, TagName};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

/// How many bytes of conversions are kept.
const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// What a key costs beside its form, about: names, a digest, and its place in two tables.
const KEY_BYTES: usize = 1_024;

/// How many conversions may be under way at once; those of one key never.
const TURNS: usize = 32;

/// A manifest in schema 1, as it is sent to a client that takes nothing newer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema1Form {
    /// Of the text without its signatures, so that it is the same whoever signed when.
    pub digest: Digest,
    /// Whether it is signed.
    pub media_type: MediaType,
    /// What is sent.
    pub bytes: Bytes,
}

/// What a conversion depends on, beside the key: that stays the same while the process runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) digest: Digest,
    pub(super) repository: RepositoryName,
    pub(super) tag: TagName,
    pub(super) wish: Schema1Wish,
}

/// The key that signs, and what was built with it, the newest first to stay; also that of something nothing can be built.
pub(in crate::service) struct Schema1Forms {
    signer: Option<Arc<dyn Signer>>,
    kept: Mutex<Kept>,
    turns: [Turn; TURNS],
    hasher: RandomState,
}

/// What came of a conversion: a form, or that there is none.
pub(super) struct Converted(pub(super) Option<Schema1Form>);

/// Whoever holds it converts, and the others wait to find what came of it.
type Turn = futures_util::lock::Mutex<()>;

#[derive(Default)]
struct Kept {
    forms: HashMap<Key, Option<Schema1Form>>,
    order: VecDeque<Key>,
    bytes: usize,
}

impl Schema1Forms {
    pub(in crate::service) fn new(signer: Option<Arc<dyn Signer>>) -> Self {
        let turns = std::array::from_fn(|_| Turn::default());
        Self { signer, kept: Mutex::default(), turns, hasher: RandomState::new() }
    }

    pub(super) fn signer(&self) -> Option<&Arc<dyn Signer>> {
        self.signer.as_ref()
    }

    /// What came of it, if that is known.
    pub(super) fn get(&self, key: &Key) -> Option<Converted> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).forms.get(key).cloned().map(Converted)
    }

    /// Nothing kept may be what could be built later.
    pub(super) fn keep(&self, key: Key, form: Option<&Schema1Form>) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).keep(key, form, KEPT_BYTES);
    }

    /// Waits until nobody else converts this.
    pub(super) async fn turn(&self, key: &Key) -> futures_util::lock::MutexGuard<'_, ()> {
        let at = usize::try_from(self.hasher.hash_one(key)).unwrap_or_default() % TURNS;
        self.turns[at].lock().await
    }
}

impl Kept {
    /// Forgets the oldest until the new one has room.
    fn keep(&mut self, key: Key, form: Option<&Schema1Form>, most: usize) {
        let size = size(form);
        if size > most || self.forms.contains_key(&key) {
            return;
        }
        while self.bytes + size > most {
            let Some(oldest) = self.order.pop_front() else { break };
            self.bytes -= self.forms.remove(&oldest).map_or(0, |form| self::size(form.as_ref()));
        }
        self.bytes += size;
        self.order.push_back(key.clone());
        self.forms.insert(key, form.cloned());
    }
}

fn size(form: Option<&Schema1Form>) -> usize {
    KEY_BYTES + form.map_or(0, |form| form.bytes.len())
}

#[cfg(test)]
mod tests {
    use super::{KEY_BYTES, Kept, Key, Schema1Form, Schema1Wish};
    use oci_types::{Algorithm, Digest, MediaType};

    #[test]
    fn the_oldest_make_room() {
        let mut kept = Kept::default();
        let form = |size: usize| Schema1Form {
            digest: Digest::of(Algorithm::Sha256, b"x"),
            media_type: MediaType::DOCKER_SCHEMA1.parse().unwrap(),
            bytes: vec![0; size].into(),
        };
        let key = |tag: &str| Key {
            digest: Digest::of(Algorithm::Sha256, b"x"),
            repository: "a".parse().unwrap(),
            tag: tag.parse().unwrap(),
            wish: Schema1Wish::Both,
        };
        let tags = |kept: &Kept| kept.order.iter().map(|key| key.tag.to_string()).collect::<Vec<_>>();
        let keep = |kept: &mut Kept, tag: &str, size: usize| {
            kept.keep(key(tag), Some(&form(size)), 10 + 2 * KEY_BYTES);
            kept.bytes - kept.forms.len() * KEY_BYTES
        };
        assert_eq!(keep(&mut kept, "a", 4), 4);
        assert_eq!(keep(&mut kept, "b", 4), 8);
        assert_eq!((keep(&mut kept, "a", 4), tags(&kept)), (8, vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!((keep(&mut kept, "c", 6), tags(&kept)), (10, vec!["b".to_owned(), "c".to_owned()]));
        assert_eq!((keep(&mut kept, "d", 11 + 2 * KEY_BYTES), kept.forms.len()), (10, 2));
        // Of nothing, a key is kept.
        kept.keep(key("e"), None, 10 + 2 * KEY_BYTES);
        assert_eq!((kept.bytes, tags(&kept)), (6 + 2 * KEY_BYTES, vec!["c".to_owned(), "e".to_owned()]));
        assert_eq!(kept.forms[&key("e")], None);
    }
}
