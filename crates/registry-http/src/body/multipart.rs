use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::HeaderValue;
use manifest_core::facts::Blob;
use manifest_core::ports::ByteStream;
use manifest_core::{Port, Registry};
use std::future::ready;
use std::ops::Range;
use uuid::Uuid;

/// Several ranges of a blob as `multipart/byteranges` (RFC 9110, section 14.6), in the order in which they were asked for.
pub(crate) struct Multipart {
    boundary: String,
    parts: Vec<(Bytes, Range<u64>)>,
}

impl Multipart {
    pub(crate) fn new(ranges: Vec<Range<u64>>, size: u64) -> Self {
        // Drawn at random, so that no blob can be made to hold it.
        let boundary = Uuid::new_v4().simple().to_string();
        let parts = ranges.into_iter().map(|range| (head(&boundary, &range, size), range)).collect();
        Self { boundary, parts }
    }

    pub(crate) fn content_type(&self) -> HeaderValue {
        crate::answer::value(format!("multipart/byteranges; boundary={}", self.boundary))
    }

    /// How many bytes the whole body has.
    pub(crate) fn length(&self) -> u64 {
        let parts = self.parts.iter().map(|(head, range)| head.len() as u64 + range.end - range.start);
        parts.sum::<u64>() + self.tail().len() as u64
    }

    /// The body. The store is asked for a range when the one before it was sent.
    pub(crate) fn stream(self, registry: Registry, blob: Blob) -> ByteStream {
        let tail = stream::once(ready(Port::Ok(self.tail())));
        let parts = stream::iter(self.parts).then(move |(head, range)| {
            let (registry, blob) = (registry.clone(), blob.clone());
            async move {
                let content = registry.read_blob(&blob, Some(range)).await?;
                Port::Ok(stream::once(ready(Ok(head))).chain(content))
            }
        });
        Box::pin(parts.try_flatten().chain(tail))
    }

    fn tail(&self) -> Bytes {
        format!("\r\n--{}--\r\n", self.boundary).into()
    }
}

fn head(boundary: &str, range: &Range<u64>, size: u64) -> Bytes {
    let content_range = format!("bytes {}-{}/{size}", range.start, range.end - 1);
    format!("\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: {content_range}\r\n\r\n")
        .into()
}
