use crate::ports::{BodyError, BodyStream};
use bytes::Bytes;
use futures_core::Stream;
use oci_types::Hasher;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// The most that is hashed before other requests get their turn: tens of microseconds.
const SLICE: usize = 64 * 1024;

/// A body that is hashed while a store reads it.
pub(super) struct HashingBody {
    hasher: Option<Hasher>,
    pending: Bytes,
    rest: BodyStream,
    hashed: Hashed,
}

/// Where the hasher is found once the body was read to its end.
#[derive(Clone, Default)]
pub(super) struct Hashed(Arc<Mutex<Option<Hasher>>>);

impl Hashed {
    /// The hasher over the whole body; none if it was not read to its end.
    pub(super) fn take(&self) -> Option<Hasher> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, hasher: Option<Hasher>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = hasher;
    }
}

impl HashingBody {
    /// A body that starts with `first` and goes on with `rest`.
    pub(super) fn new(hasher: Hasher, first: Bytes, rest: BodyStream) -> (Self, Hashed) {
        let outcome = Hashed::default();
        (Self { hasher: Some(hasher), pending: first, rest, hashed: outcome.clone() }, outcome)
    }

    fn slice(&mut self) -> Bytes {
        let slice = self.pending.split_to(self.pending.len().min(SLICE));
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&slice);
        }
        slice
    }
}

impl Stream for HashingBody {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while self.pending.is_empty() {
            match self.rest.as_mut().poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(chunk))) => self.pending = chunk,
                Poll::Ready(Some(Err(error))) => {
                    self.hasher = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => {
                    let hasher = self.hasher.take();
                    if hasher.is_some() {
                        self.hashed.put(hasher);
                    }
                    return Poll::Ready(None);
                }
            }
        }
        Poll::Ready(Some(Ok(self.slice())))
    }
}

#[cfg(test)]
mod tests {
    use super::{HashingBody, SLICE};
    use crate::ports::{BodyError, BodyStream};
    use bytes::Bytes;
    use futures_util::{StreamExt, stream};
    use oci_types::{Algorithm, Digest, Hasher};

    fn body(chunks: Vec<Result<Bytes, BodyError>>) -> BodyStream {
        Box::pin(stream::iter(chunks))
    }

    #[tokio::test]
    async fn large_chunks_are_cut_and_all_is_hashed() {
        let first = Bytes::from(vec![1; 3 * SLICE + 1]);
        let rest = Bytes::from_static(b"rest");
        let whole = [first.as_ref(), rest.as_ref()].concat();
        let (body, outcome) =
            HashingBody::new(Hasher::new(Algorithm::Sha256), first, body(vec![Ok(Bytes::new()), Ok(rest)]));
        let slices: Vec<Bytes> = body.map(Result::unwrap).collect().await;
        assert!(slices.iter().all(|slice| slice.len() <= SLICE));
        assert_eq!(slices.concat(), whole);
        assert_eq!(outcome.take().unwrap().finish(), Digest::of(Algorithm::Sha256, &whole));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_has_no_hash() {
        let broken = body(vec![Err(BodyError::Incomplete(None))]);
        let (body, outcome) = HashingBody::new(Hasher::new(Algorithm::Sha256), Bytes::from_static(b"a"), broken);
        let items: Vec<_> = body.collect().await;
        assert!(items[0].is_ok() && items[1].is_err());
        assert!(outcome.take().is_none());
    }
}
