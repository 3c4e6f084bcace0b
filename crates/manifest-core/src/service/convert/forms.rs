use super::wish::Schema1Wish;
use crate::legacy::Signer;
use bytes::Bytes;
use oci_types::{Digest, MediaType, RepositoryName, TagName};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// How many bytes of conversions are kept.
const KEPT_BYTES: usize = 16 * 1024 * 1024;

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

/// The key that signs, and what was built with it, the newest first to stay.
pub(in crate::service) struct Schema1Forms {
    signer: Option<Arc<dyn Signer>>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    forms: HashMap<Key, Schema1Form>,
    order: VecDeque<Key>,
    bytes: usize,
}

impl Schema1Forms {
    pub(in crate::service) fn new(signer: Option<Arc<dyn Signer>>) -> Self {
        Self { signer, kept: Mutex::default() }
    }

    pub(super) fn signer(&self) -> Option<&dyn Signer> {
        self.signer.as_deref()
    }

    pub(super) fn get(&self, key: &Key) -> Option<Schema1Form> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).forms.get(key).cloned()
    }

    pub(super) fn keep(&self, key: Key, form: &Schema1Form) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).keep(key, form, KEPT_BYTES);
    }
}

impl Kept {
    /// Forgets the oldest until the new one has room.
    fn keep(&mut self, key: Key, form: &Schema1Form, most: usize) {
        let size = form.bytes.len();
        if size > most || self.forms.contains_key(&key) {
            return;
        }
        while self.bytes + size > most {
            let Some(oldest) = self.order.pop_front() else { break };
            self.bytes -= self.forms.remove(&oldest).map_or(0, |form| form.bytes.len());
        }
        self.bytes += size;
        self.order.push_back(key.clone());
        self.forms.insert(key, form.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, Key, Schema1Form, Schema1Wish};
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
        kept.keep(key("a"), &form(4), 10);
        kept.keep(key("b"), &form(4), 10);
        kept.keep(key("a"), &form(4), 10);
        assert_eq!((tags(&kept), kept.bytes), (vec!["a".to_owned(), "b".to_owned()], 8));
        kept.keep(key("c"), &form(6), 10);
        assert_eq!((tags(&kept), kept.bytes, kept.forms.len()), (vec!["b".to_owned(), "c".to_owned()], 10, 2));
        kept.keep(key("d"), &form(11), 10);
        assert_eq!(kept.bytes, 10);
    }
}
