//! Reading, piece by piece. What the kernel has in memory is read where it is asked for, as fast as a copy; a thread that may block is
//! used only for what has to come from the disk.
//!
//! A client that takes its time costs one piece of memory and an open file, never a thread, so slow clients cannot use up the threads
//! that everybody needs.

use crate::blocking;
use crate::error::{Doing as _, corrupt};
use crate::key::{FileKey, Key, Place};
use crate::pack;
use crate::store::Shared;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, future, stream};
use manifest_core::ports::ByteStream;
use manifest_core::{Port, PortError, PortErrorKind};
use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

/// How many bytes are read at once: some 30 µs where they are in memory, in which nothing else runs on the thread.
const PIECE: usize = 256 * 1024;

/// The bytes of a range, or all.
pub(crate) async fn range(store: &Arc<Shared>, key: Key, range: Option<Range<u64>>) -> Port<ByteStream> {
    match key.0 {
        Place::Packed(key) => {
            let range = within(&key, key.size(), range)?;
            Ok(whole(pack::range(store, key, range).await?))
        }
        Place::File(key) => match store.held.get(&key) {
            Some(batch) => {
                let range = within(&key, batch.len() as u64, range)?;
                let at = |end: u64| usize::try_from(end).unwrap_or(usize::MAX);
                Ok(whole(batch.to_bytes().slice(at(range.start)..at(range.end))))
            }
            None => file(store, key, range).await,
        },
    }
}

fn whole(bytes: Bytes) -> ByteStream {
    stream::once(future::ready(Ok(bytes))).boxed()
}

async fn file(store: &Arc<Shared>, key: FileKey, range: Option<Range<u64>>) -> Port<ByteStream> {
    let (file, size) = if let Some(opened) = store.tree.open_at_once(&key) {
        opened
    } else {
        let store = Arc::clone(store);
        blocking::run(move || store.tree.open(&key)).await?
    };
    let range = within(&key, size, range)?;
    // The first piece now, so that what is wrong is known before an answer begins.
    let (first, rest) = Reader { store: Arc::clone(store), key, file, range, spare: Bytes::new() }.piece().await?;
    Ok(match rest {
        None => whole(first),
        Some(rest) => stream::once(future::ready(Ok(first))).chain(pieces(rest)).boxed(),
    })
}

fn within(key: &impl fmt::Display, size: u64, range: Option<Range<u64>>) -> Port<Range<u64>> {
    let Range { start, end } = range.unwrap_or(0..size);
    if start > end {
        let what = format!("the range {start}..{end} of {key} ends before it starts");
        return Err(PortError::new(PortErrorKind::Internal, what));
    }
    if end > size { Err(short(key, size, end)) } else { Ok(start..end) }
}

/// What is left of a range.
struct Reader {
    store: Arc<Shared>,
    key: FileKey,
    file: File,
    range: Range<u64>,
    /// The memory of the piece before, which serves again once nobody has that piece any more.
    spare: Bytes,
}

impl Reader {
    /// The next piece, and what is left behind it.
    async fn piece(mut self) -> Port<(Bytes, Option<Self>)> {
        let wanted = usize::try_from(self.range.end - self.range.start).unwrap_or(usize::MAX).min(PIECE);
        let mut buffer = self.buffer(wanted);
        let at = self.range.start;
        let mut filled = self.store.tree.disk.read_at_once(&self.file, &mut buffer, at);
        if filled == 0 && wanted > 0 {
            (self, buffer, filled) = blocking::run(move || {
                let read = self.store.tree.disk.read(&self.file, &mut buffer, at);
                let filled = read.doing(|| format!("reading {}", self.key))?;
                Ok((self, buffer, filled))
            })
            .await?;
            if filled < wanted {
                return Err(short(&self.key, filled as u64, wanted as u64));
            }
        }
        let buffer = buffer.freeze();
        let piece = buffer.slice(..filled);
        self.range.start += filled as u64;
        if self.range.is_empty() {
            return Ok((piece, None));
        }
        self.spare = buffer;
        Ok((piece, Some(self)))
    }

    fn buffer(&mut self, len: usize) -> BytesMut {
        match std::mem::take(&mut self.spare).try_into_mut() {
            Ok(mut buffer) if buffer.len() >= len => {
                buffer.truncate(len);
                buffer
            }
            Ok(_) | Err(_) => BytesMut::zeroed(len),
        }
    }
}

/// The pieces of a reader. Dropped, it reads no more than the piece under way.
fn pieces(reader: Reader) -> impl futures_util::Stream<Item = Port<Bytes>> + Send {
    stream::unfold(Some(reader), |reader| async move {
        match reader?.piece().await {
            Ok((bytes, rest)) => Some((Ok(bytes), rest)),
            Err(error) => Some((Err(error), None)),
        }
    })
}

pub(crate) fn short(key: &impl fmt::Display, found: u64, wanted: u64) -> PortError {
    corrupt(format!("{key} ends after {found} bytes where {wanted} are asked for"))
}
