use super::entry::{Entry, HEADER};
use super::head::{HEAD, Head};
use super::writer::Refusal;
use crate::batch::Batch;
use crate::clock::now;
use crate::key::{PackedKey, room};
use manifest_core::ports::UploadId;
use oci_types::Digest;
use std::io::IoSlice;
use tokio::sync::oneshot;

/// A small blob that is to be appended to a pack, and who waits for it.
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) upload: UploadId,
    pub(crate) digest: Digest,
    /// At most [`LIMIT`](super::LIMIT) bytes.
    pub(crate) batch: Batch,
    pub(crate) answer: oneshot::Sender<Result<PackedKey, Refusal>>,
}

impl Append {
    /// How many bytes it takes of a pack.
    pub(crate) fn room(&self) -> u64 {
        room(self.batch.len() as u64)
    }
}

/// What is appended together.
#[derive(Debug)]
pub(crate) struct Group(pub(crate) Vec<Append>);

/// What stands behind a blob up to the end of its block.
static ZEROS: [u8; 4096] = [0; 4096];

impl Group {
    /// The entries of all, the first at an offset and each behind the one before.
    pub(crate) fn entries(&self, head: &Head, first: u64) -> Vec<Entry> {
        let (mut at, written) = (first, now());
        let mut place = |append: &Append| {
            let key = PackedKey::new(head.id(), at, append.batch.len() as u64, append.upload);
            at += append.room();
            key.map(|key| Entry { key, digest: append.digest, written })
        };
        self.0.iter().filter_map(&mut place).collect()
    }

    /// Everything that is written: the head if the pack is new, and each blob between its header and zeros up to the next block.
    pub(crate) fn slices<'a>(
        &'a mut self,
        head: Option<&'a [u8; HEAD]>,
        headers: &'a [[u8; HEADER]],
    ) -> Vec<IoSlice<'a>> {
        let mut slices = Vec::with_capacity(2 + 4 * headers.len());
        if let Some(head) = head {
            slices.extend([IoSlice::new(head), IoSlice::new(&ZEROS[HEAD..])]);
        }
        for (append, header) in self.0.iter_mut().zip(headers) {
            let filled = (HEADER + append.batch.len()) % ZEROS.len();
            slices.push(IoSlice::new(header));
            slices.extend(append.batch.slices());
            if filled > 0 {
                slices.push(IoSlice::new(&ZEROS[filled..]));
            }
        }
        slices
    }
}

// What is left of a block is never longer than this.
const _: () = assert!(ZEROS.len() as u64 == super::BLOCK);
