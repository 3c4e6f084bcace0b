use bytes::Bytes;
use http_body::{Frame, SizeHint};
use manifest_core::ports::ByteStream;
use manifest_core::{PortError, PortErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of an answer. Its length is always known before it is sent.
pub struct Body(Inner);

/// An answer broke off after its head was sent: the connection ends, so that the client sees it. The reason is in the log.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off")]
pub struct BodyFailed(#[source] PortError);

enum Inner {
    Empty,
    Full(Bytes),
    Stream(Box<Streaming>),
}

struct Streaming {
    bytes: ByteStream,
    left: u64,
    ended: Ended,
}

/// Called once, when a streamed body was sent (`Ok`) or broke off: because of the store, or (`None`) because the client left.
type Ended = Option<Box<dyn FnOnce(Result<(), Option<&PortError>>) + Send>>;

impl Body {
    /// Nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self(Inner::Empty)
    }

    /// These bytes.
    #[must_use]
    pub fn full(bytes: Bytes) -> Self {
        Self(if bytes.is_empty() { Inner::Empty } else { Inner::Full(bytes) })
    }

    /// A stream that gives exactly `length` bytes. One that gives fewer or more breaks the answer off.
    #[must_use]
    pub fn stream(bytes: ByteStream, length: u64) -> Self {
        Self(if length == 0 {
            Inner::Empty
        } else {
            Inner::Stream(Box::new(Streaming { bytes, left: length, ended: None }))
        })
    }

    /// Calls back when the body has left: at once where it is at hand.
    pub(crate) fn on_end(&mut self, ended: impl FnOnce(Result<(), Option<&PortError>>) + Send + 'static) {
        match &mut self.0 {
            Inner::Empty | Inner::Full(_) => ended(Ok(())),
            Inner::Stream(stream) => stream.ended = Some(Box::new(ended)),
        }
    }
}

impl Streaming {
    fn take(&mut self, piece: Option<Result<Bytes, PortError>>) -> Result<Bytes, PortError> {
        match piece {
            None => Err(wrong_length("the store has fewer bytes of the blob than its row says")),
            Some(Err(error)) => Err(error),
            Some(Ok(piece)) if piece.len() as u64 > self.left => {
                Err(wrong_length("the store has more bytes of the blob than its row says"))
            }
            Some(Ok(piece)) => {
                self.left -= piece.len() as u64;
                Ok(piece)
            }
        }
    }

    fn end(&mut self, how: Result<(), Option<&PortError>>) {
        if let Some(ended) = self.ended.take() {
            ended(how);
        }
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.end(if self.left == 0 { Ok(()) } else { Err(None) });
    }
}

fn wrong_length(context: &'static str) -> PortError {
    PortError::new(PortErrorKind::Corrupt, context)
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyFailed;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFailed>>> {
        match &mut self.0 {
            Inner::Empty => Poll::Ready(None),
            Inner::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Inner::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Inner::Stream(stream) if stream.left == 0 => {
                self.0 = Inner::Empty;
                Poll::Ready(None)
            }
            Inner::Stream(stream) => match stream.bytes.as_mut().poll_next(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(piece) => match stream.take(piece) {
                    Ok(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
                    Err(error) => {
                        stream.end(Err(Some(&error)));
                        self.0 = Inner::Empty;
                        Poll::Ready(Some(Err(BodyFailed(error))))
                    }
                },
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Empty => true,
            Inner::Full(_) => false,
            Inner::Stream(stream) => stream.left == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Empty => SizeHint::with_exact(0),
            Inner::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Stream(stream) => SizeHint::with_exact(stream.left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Body;
    use bytes::Bytes;
    use futures_util::{StreamExt, stream};
    use http_body::Body as _;
    use manifest_core::Port;
    use manifest_core::ports::ByteStream;
    use std::pin::Pin;
    use std::sync::{Arc, Mutex};

    fn pieces(pieces: &[&'static str]) -> ByteStream {
        let pieces: Vec<Port<Bytes>> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        Box::pin(stream::iter(pieces))
    }

    async fn read(body: &mut Body) -> Result<String, String> {
        let mut text = String::new();
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
            let data = frame.map_err(|error| error.to_string())?.into_data().unwrap();
            text.push_str(str::from_utf8(&data).unwrap());
        }
        Ok(text)
    }

    #[tokio::test]
    async fn a_stream_gives_what_was_announced_or_breaks_off() {
        let check = async |items: &[&'static str], length: u64, whole: bool| {
            let ends = Arc::new(Mutex::new(Vec::new()));
            let mut body = Body::stream(pieces(items), length);
            let seen = Arc::clone(&ends);
            body.on_end(move |how| seen.lock().unwrap().push(how.is_ok()));
            assert_eq!(body.size_hint().exact(), Some(length));
            assert_eq!(read(&mut body).await.is_ok(), whole, "{items:?} {length}");
            drop(body);
            assert_eq!(*ends.lock().unwrap(), [whole], "{items:?} {length}");
        };
        check(&["ab", "c"], 3, true).await;
        check(&[], 0, true).await;
        check(&["ab"], 3, false).await;
        check(&["abcd"], 3, false).await;
    }

    #[tokio::test]
    async fn a_stream_that_nobody_reads_to_its_end_says_so() {
        let left = Arc::new(Mutex::new(None));
        let mut body = Body::stream(pieces(&["ab"]).chain(stream::pending()).boxed(), 3);
        let seen = Arc::clone(&left);
        body.on_end(move |how| *seen.lock().unwrap() = Some(matches!(how, Err(None))));
        drop(body);
        assert_eq!(*left.lock().unwrap(), Some(true));
    }
}
