use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// What a bucket asks of every part of an object but the last.
pub(crate) const LEAST_PART: usize = 5 << 20;

/// Objects by key, with the rules of S3: an object is there whole or not at all and never changes, and what is uploaded in parts
/// is nowhere to be seen before it is completed.
#[derive(Default)]
pub(crate) struct Bucket {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    objects: BTreeMap<String, (Bytes, i64)>,
    uploads: BTreeMap<u64, Vec<Bytes>>,
    next: u64,
}

/// Why a bucket refuses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    QuotaExceeded,
    EntityTooSmall,
    NoSuchUpload,
}

impl Bucket {
    /// Begins an object, and gives it an id that no other one had.
    pub(crate) fn begin(&self) -> u64 {
        let mut inner = self.lock();
        inner.next += 1;
        let id = inner.next;
        inner.uploads.insert(id, Vec::new());
        id
    }

    pub(crate) fn upload_part(&self, id: u64, part: Bytes, quota: u64) -> Result<(), Refusal> {
        let mut inner = self.lock();
        if inner.used() + part.len() as u64 > quota {
            return Err(Refusal::QuotaExceeded);
        }
        inner.uploads.get_mut(&id).ok_or(Refusal::NoSuchUpload)?.push(part);
        Ok(())
    }

    pub(crate) fn complete(&self, id: u64, key: String) -> Result<(), Refusal> {
        let mut inner = self.lock();
        let parts = inner.uploads.remove(&id).ok_or(Refusal::NoSuchUpload)?;
        let (_, full) = parts.split_last().map_or((None, &[][..]), |(last, full)| (Some(last), full));
        if full.iter().any(|part| part.len() < LEAST_PART) {
            return Err(Refusal::EntityTooSmall);
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let modified = i64::try_from(since.as_millis()).unwrap_or_default();
        inner.objects.insert(key, (parts.concat().into(), modified));
        Ok(())
    }

    pub(crate) fn abort(&self, id: u64) {
        self.lock().uploads.remove(&id);
    }

    pub(crate) fn size(&self, key: &str) -> Option<u64> {
        self.lock().objects.get(key).map(|(bytes, _)| bytes.len() as u64)
    }

    /// A range that lies within an object.
    pub(crate) fn get(&self, key: &str, range: Range<u64>) -> Option<Bytes> {
        let within = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
        let inner = self.lock();
        let (bytes, _) = inner.objects.get(key)?;
        (within.end <= bytes.len()).then(|| bytes.slice(within))
    }

    pub(crate) fn delete(&self, key: &str) {
        self.lock().objects.remove(key);
    }

    /// Key, size and time of the objects behind a key.
    pub(crate) fn list(&self, after: &str, limit: usize) -> Vec<(String, u64, i64)> {
        let inner = self.lock();
        let behind = inner.objects.iter().filter(|(key, _)| key.as_str() > after).take(limit);
        behind.map(|(key, (bytes, modified))| (key.clone(), bytes.len() as u64, *modified)).collect()
    }

    pub(crate) fn used(&self) -> u64 {
        self.lock().used()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn used(&self) -> u64 {
        let whole = self.objects.values().map(|(bytes, _)| bytes.len() as u64);
        whole.chain(self.uploads.values().flatten().map(|part| part.len() as u64)).sum()
    }
}

#[test]
fn a_small_part_is_taken_only_at_the_end() {
    let bucket = Bucket::default();
    let complete = |sizes: &[usize]| {
        let id = bucket.begin();
        for size in sizes {
            assert_eq!(bucket.upload_part(id, vec![0; *size].into(), u64::MAX), Ok(()));
        }
        bucket.complete(id, "key".to_owned())
    };
    assert_eq!(complete(&[LEAST_PART, 1]), Ok(()));
    assert_eq!(complete(&[1]), Ok(()));
    assert_eq!(complete(&[]), Ok(()));
    assert_eq!(complete(&[LEAST_PART - 1, 1]), Err(Refusal::EntityTooSmall));
}
