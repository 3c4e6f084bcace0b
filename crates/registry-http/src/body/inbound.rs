use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt;
use http_body::Body as _;
use hyper::body::Incoming;
use manifest_core::ports::{BodyError, BodyStream};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// The body of a request, not read yet, or handed on.
///
/// Nothing is read, and no `100 Continue` is sent, before somebody polls it; so refusals come first.
pub(crate) struct Inbound {
    state: State,
    announced: Option<u64>,
    idle: Duration,
}

enum State {
    Unread(Incoming),
    /// With somebody else; set once its end was seen.
    Taken(Arc<AtomicBool>),
    Empty,
}

impl Inbound {
    /// A body that may pause for `idle` between two pieces.
    pub(crate) fn new(incoming: Incoming, idle: Duration) -> Self {
        let announced = incoming.size_hint().exact();
        let state = if incoming.is_end_stream() { State::Empty } else { State::Unread(incoming) };
        Self { state, announced, idle }
    }

    /// How many bytes the client announced (0 for no body); none if it sends chunks of a length that it does not know.
    pub(crate) fn announced(&self) -> Option<u64> {
        self.announced
    }

    /// Whether its end was seen. The connection can be used again only then.
    pub(crate) fn is_finished(&self) -> bool {
        match &self.state {
            State::Unread(_) => false,
            State::Taken(finished) => finished.load(Ordering::Acquire),
            State::Empty => true,
        }
    }

    /// The body as the core reads it. If `exactly` is given, fewer or more bytes are an error. A second call gives an empty
    /// body.
    pub(crate) fn stream(&mut self, exactly: Option<u64>) -> BodyStream {
        match std::mem::replace(&mut self.state, State::Empty) {
            State::Unread(incoming) => {
                let finished = Arc::new(AtomicBool::new(false));
                self.state = State::Taken(Arc::clone(&finished));
                Box::pin(Pieces {
                    incoming: Some(incoming),
                    deadline: Box::pin(sleep(self.idle)),
                    idle: self.idle,
                    taken: 0,
                    exactly,
                    finished,
                })
            }
            State::Taken(finished) => {
                self.state = State::Taken(finished);
                Box::pin(futures_util::stream::empty())
            }
            State::Empty => match exactly {
                Some(bytes) if bytes > 0 => {
                    Box::pin(futures_util::stream::once(async { Err(BodyError::Incomplete(None)) }))
                }
                Some(_) | None => Box::pin(futures_util::stream::empty()),
            },
        }
    }

    /// The whole body, which must not have more than `limit` bytes. One that announces more is refused unread.
    pub(crate) async fn read_to_end(&mut self, limit: u64) -> Result<Bytes, BodyError> {
        if self.announced.is_some_and(|length| length > limit) {
            return Err(BodyError::TooLarge { limit });
        }
        let mut stream = self.stream(None);
        let Some(first) = stream.next().await.transpose()? else { return Ok(Bytes::new()) };
        let mut whole = Joined::One(first);
        loop {
            if whole.len() > limit {
                return Err(BodyError::TooLarge { limit });
            }
            match stream.next().await.transpose()? {
                None => return Ok(whole.into_bytes()),
                Some(piece) => whole = whole.and(&piece),
            }
        }
    }
}

/// Pieces that are copied together from the second one on.
enum Joined {
    One(Bytes),
    Several(BytesMut),
}

impl Joined {
    fn len(&self) -> u64 {
        let length = match self {
            Self::One(bytes) => bytes.len(),
            Self::Several(bytes) => bytes.len(),
        };
        length as u64
    }

    fn and(self, piece: &[u8]) -> Self {
        let mut bytes = match self {
            Self::One(first) => first.into(),
            Self::Several(bytes) => bytes,
        };
        bytes.extend_from_slice(piece);
        Self::Several(bytes)
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::One(bytes) => bytes,
            Self::Several(bytes) => bytes.freeze(),
        }
    }
}

struct Pieces {
    /// None once it ended, well or not.
    incoming: Option<Incoming>,
    deadline: Pin<Box<Sleep>>,
    idle: Duration,
    taken: u64,
    exactly: Option<u64>,
    finished: Arc<AtomicBool>,
}

impl Pieces {
    fn fail(&mut self, error: BodyError) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.incoming = None;
        Poll::Ready(Some(Err(error)))
    }

    fn end(&mut self) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.incoming = None;
        self.finished.store(true, Ordering::Release);
        if self.exactly.is_some_and(|bytes| bytes != self.taken) {
            return Poll::Ready(Some(Err(BodyError::Incomplete(None))));
        }
        Poll::Ready(None)
    }
}

impl Stream for Pieces {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
            match Pin::new(incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers say nothing that we ask for.
                    let Ok(piece) = frame.into_data() else { continue };
                    if piece.is_empty() {
                        continue;
                    }
                    self.taken += piece.len() as u64;
                    if let Some(limit) = self.exactly.filter(|&bytes| self.taken > bytes) {
                        return self.fail(BodyError::TooLarge { limit });
                    }
                    let idle = self.idle;
                    self.deadline.as_mut().reset(Instant::now() + idle);
                    return Poll::Ready(Some(Ok(piece)));
                }
                Poll::Ready(Some(Err(error))) => return self.fail(BodyError::Incomplete(Some(error.into()))),
                Poll::Ready(None) => return self.end(),
                Poll::Pending => {
                    return match self.deadline.as_mut().poll(cx) {
                        Poll::Ready(()) => self.fail(BodyError::Stalled),
                        Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
    }
}
