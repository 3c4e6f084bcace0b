use bytes::Bytes;
use std::ops::Range;
use std::sync::Arc;

/// How many bytes a chunk has at most. A body that comes in crumbs costs no more than one that does not.
const CHUNK: usize = 64 * 1024;

/// Bytes that are written once, in pieces. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Chunks {
    chunks: Arc<[Bytes]>,
    size: u64,
}

impl Chunks {
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The bytes of all parts, in their order, without copying them.
    pub(crate) fn join(parts: &[Self]) -> Self {
        Self {
            chunks: parts.iter().flat_map(|part| part.chunks.iter().cloned()).collect(),
            size: parts.iter().map(Self::size).sum(),
        }
    }

    /// The bytes of a range, piece by piece.
    pub(crate) fn range(self, range: Range<u64>) -> impl Iterator<Item = Bytes> {
        let (mut index, mut end) = (0, 0);
        std::iter::from_fn(move || {
            loop {
                let chunk = self.chunks.get(index)?;
                let start = end;
                end += chunk.len() as u64;
                index += 1;
                if start >= range.end {
                    return None;
                }
                if end > range.start {
                    let from = range.start.saturating_sub(start);
                    let to = range.end.min(end) - start;
                    return Some(chunk.slice(usize::try_from(from).ok()?..usize::try_from(to).ok()?));
                }
            }
        })
    }
}

/// Chunks that are being made. Pieces are copied, as a piece may hold the much larger buffer alive that it was read into.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    full: Vec<Bytes>,
    open: Vec<u8>,
    size: u64,
}

impl Gathering {
    pub(crate) fn push(&mut self, mut piece: &[u8]) {
        self.size += piece.len() as u64;
        while !piece.is_empty() {
            let (now, later) = piece.split_at(piece.len().min(CHUNK - self.open.len()));
            self.open.extend_from_slice(now);
            piece = later;
            if self.open.len() == CHUNK {
                self.full.push(std::mem::take(&mut self.open).into());
            }
        }
    }

    pub(crate) fn finish(mut self) -> Chunks {
        if !self.open.is_empty() {
            self.full.push(self.open.into_boxed_slice().into());
        }
        Chunks { chunks: self.full.into(), size: self.size }
    }
}

#[cfg(test)]
mod tests {
    use super::{CHUNK, Chunks, Gathering};

    fn gathered(pieces: &[&[u8]]) -> Chunks {
        let mut gathering = Gathering::default();
        for piece in pieces {
            gathering.push(piece);
        }
        gathering.finish()
    }

    #[test]
    fn ranges_cross_chunks() {
        let bytes: Vec<u8> = (0..=250).cycle().take(2 * CHUNK + 100).collect();
        let (head, tail) = bytes.split_at(CHUNK - 1);
        let chunks = Chunks::join(&[gathered(&[head, tail]), gathered(&[]), gathered(&[b"end"])]);
        let bytes = [&bytes, &b"end"[..]].concat();
        assert_eq!(chunks.size(), bytes.len() as u64);
        let check = |start: usize, end: usize| {
            let read: Vec<u8> = chunks.clone().range(start as u64..end as u64).flatten().collect();
            assert_eq!(read, &bytes[start..end], "{start}..{end}");
        };
        check(0, bytes.len());
        check(0, 0);
        check(bytes.len(), bytes.len());
        check(CHUNK - 1, CHUNK + 1);
        check(CHUNK, 2 * CHUNK);
        check(2 * CHUNK + 99, bytes.len());
    }
}
