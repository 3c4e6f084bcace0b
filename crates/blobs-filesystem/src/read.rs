//! Reading: a small range in one piece, a large one in pieces of which the next is read while the last is sent.
//!
//! A thread that may block is used only while a piece is read. A client that takes its time costs two pieces of memory and an
//! open file, never a thread, so slow clients cannot use up the threads that everybody needs.

use crate::blocking::{self, Job};
use crate::error::{Doing as _, corrupt};
use crate::key::Key;
use crate::store::Shared;
use bytes::Bytes;
use futures_util::{StreamExt as _, future, stream};
use manifest_core::ports::ByteStream;
use manifest_core::{Port, PortError, PortErrorKind};
use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

/// How many bytes are read at once.
const PIECE: u64 = 256 * 1024;

/// The bytes of a range, or all.
pub(crate) async fn range(store: &Arc<Shared>, key: Key, range: Option<Range<u64>>) -> Port<ByteStream> {
    let opening = Arc::clone(store);
    let (first, rest) = blocking::run(move || Reader::open(opening, key, range)?.piece()).await?;
    let first = stream::once(future::ready(Ok(first)));
    Ok(match rest {
        None => first.boxed(),
        Some(rest) => first.chain(pieces(rest)).boxed(),
    })
}

/// What is left of a range.
struct Reader {
    store: Arc<Shared>,
    key: Key,
    file: File,
    left: u64,
}

impl Reader {
    fn open(store: Arc<Shared>, key: Key, range: Option<Range<u64>>) -> Port<Self> {
        let (mut file, size) = store.tree.open(&key)?;
        let Range { start, end } = range.unwrap_or(0..size);
        if start > end {
            let what = format!("the range {start}..{end} of {key} ends before it starts");
            return Err(PortError::new(PortErrorKind::Internal, what));
        }
        if end > size {
            return Err(short(&key, size, end));
        }
        if start > 0 {
            file.seek(SeekFrom::Start(start)).doing(|| format!("reading {key}"))?;
        }
        Ok(Self { store, key, file, left: end - start })
    }

    /// The next piece, and what is left behind it.
    fn piece(mut self) -> Port<(Bytes, Option<Self>)> {
        let wanted = self.left.min(PIECE);
        let limit = usize::try_from(wanted).unwrap_or(usize::MAX);
        let bytes = (self.store.tree.disk.read(&self.file, limit)).doing(|| format!("reading {}", self.key))?;
        if bytes.len() < limit {
            return Err(short(&self.key, bytes.len() as u64, wanted));
        }
        self.left -= wanted;
        let rest = (self.left > 0).then_some(self);
        Ok((bytes.into(), rest))
    }
}

/// The pieces of a reader. Dropped, it reads no more than the piece under way.
fn pieces(reader: Reader) -> impl futures_util::Stream<Item = Port<Bytes>> + Send {
    stream::unfold(Some(read_ahead(reader)), |ahead| async move {
        match blocking::end(ahead?).await {
            Ok((bytes, rest)) => Some((Ok(bytes), rest.map(read_ahead))),
            Err(error) => Some((Err(error), None)),
        }
    })
}

fn read_ahead(reader: Reader) -> Job<(Bytes, Option<Reader>)> {
    blocking::start(move || reader.piece())
}

fn short(key: &Key, found: u64, wanted: u64) -> PortError {
    corrupt(format!("{key} ends after {found} bytes where {wanted} are asked for"))
}
