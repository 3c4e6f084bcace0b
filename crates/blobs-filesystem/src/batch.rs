use bytes::{Bytes, BytesMut};
use std::io::IoSlice;

/// Pieces of a body that are written together, so that a large body does not change threads for each piece.
///
/// Pieces are kept as they came, without a copy, but for small ones, which are gathered: a client that sends one byte at a time
/// costs no more memory than any other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch {
    pieces: Vec<Bytes>,
    small: BytesMut,
    len: usize,
}

/// How many bytes make a batch.
pub(crate) const FULL: usize = 512 * 1024;

/// Pieces below this many bytes are copied.
const SMALL: usize = 8 * 1024;

impl Batch {
    pub(crate) fn push(&mut self, piece: Bytes) {
        self.len += piece.len();
        if piece.len() < SMALL {
            self.small.extend_from_slice(&piece);
        } else {
            self.close_small();
            self.pieces.push(piece);
        }
    }

    /// Whether it is time to write.
    pub(crate) fn is_full(&self) -> bool {
        self.len >= FULL
    }

    /// In bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// All bytes in order.
    pub(crate) fn slices(&mut self) -> Vec<IoSlice<'_>> {
        self.close_small();
        self.pieces.iter().map(|piece| IoSlice::new(piece)).collect()
    }

    /// All bytes in order, in one piece.
    pub(crate) fn to_bytes(&self) -> Bytes {
        match (self.pieces.as_slice(), self.small.as_ref()) {
            ([piece], []) => piece.clone(),
            (pieces, small) => {
                let mut whole = BytesMut::with_capacity(self.len);
                for piece in pieces {
                    whole.extend_from_slice(piece);
                }
                whole.extend_from_slice(small);
                whole.freeze()
            }
        }
    }

    fn close_small(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push(self.small.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stay_in_order_and_pieces_are_few() {
        let check = |sizes: &[usize], pieces: usize| {
            let mut batch = Batch::default();
            let mut expected = Vec::new();
            for (n, &size) in (0_u8..).zip(sizes) {
                batch.push(vec![n; size].into());
                expected.resize(expected.len() + size, n);
            }
            assert_eq!(batch.len(), expected.len());
            assert_eq!(batch.to_bytes(), expected, "{sizes:?}");
            let slices: Vec<Vec<u8>> = batch.slices().iter().map(|slice| slice.to_vec()).collect();
            assert_eq!(slices.len(), pieces, "{sizes:?}");
            assert_eq!(slices.concat(), expected, "{sizes:?}");
        };
        check(&[], 0);
        check(&[0], 0);
        check(&[1, 2, 3], 1);
        check(&[SMALL], 1);
        check(&[1, SMALL, 1, 1, SMALL, SMALL, 0], 5);
        check(&[1; 200], 1);
    }

    #[test]
    fn a_full_batch_is_at_most_128_pieces() {
        let mut batch = Batch::default();
        while !batch.is_full() {
            batch.push(vec![0; SMALL].into());
            batch.push(vec![0; 1].into());
        }
        assert!(batch.slices().len() <= 128);
    }
}
