use super::Room;
use crate::pack::{BLOCK, HEADER, LIMIT};
use manifest_core::ports::UploadId;
use std::fmt;
use uuid::Uuid;

/// Where an entry of a pack is.
///
/// Held from construction on: the offset is that of a block, and not of the first, and no more than [`LIMIT`] bytes follow the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PackedKey {
    // In the order of the text, so that keys compare as their texts do.
    pack: PackId,
    offset: u32,
    size: u32,
    upload: UploadId,
}

/// The name of a pack: 128 random bits in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PackId(u128);

impl PackedKey {
    /// None if it cannot be the place of an entry.
    pub(crate) fn new(pack: PackId, offset: u64, size: u64, upload: UploadId) -> Option<Self> {
        let (offset, size) = (u32::try_from(offset).ok()?, u32::try_from(size).ok()?);
        let fits = u64::from(offset) >= BLOCK && u64::from(offset).is_multiple_of(BLOCK) && u64::from(size) <= LIMIT;
        fits.then_some(Self { pack, offset, size, upload })
    }

    pub(crate) fn pack(&self) -> PackId {
        self.pack
    }

    /// Where the header begins, in bytes from the beginning of the pack.
    pub(crate) fn offset(&self) -> u64 {
        u64::from(self.offset)
    }

    /// Where the bytes of the blob begin.
    pub(crate) fn start(&self) -> u64 {
        self.offset() + HEADER as u64
    }

    /// How many bytes the blob has.
    pub(crate) fn size(&self) -> u64 {
        u64::from(self.size)
    }

    /// How many bytes the entry takes: whole blocks.
    pub(crate) fn room(&self) -> u64 {
        room(self.size())
    }

    /// Where the next entry begins.
    pub(crate) fn end(&self) -> u64 {
        self.offset() + self.room()
    }

    pub(crate) fn upload(&self) -> UploadId {
        self.upload
    }
}

/// How many bytes an entry of a blob of that size takes.
pub(crate) fn room(size: u64) -> u64 {
    (HEADER as u64 + size).next_multiple_of(BLOCK)
}

impl PackId {
    /// A new one, at random.
    pub(crate) fn draw() -> Self {
        Self(Uuid::new_v4().as_u128())
    }

    pub(crate) fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The pack of that file name, if it is one.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let id = Self(u128::from_str_radix(name, 16).ok()?);
        (id.to_string() == name).then_some(id)
    }
}

/// The key of a text, read leniently.
pub(super) fn read_fields(text: &str) -> Option<PackedKey> {
    let (pack, entry) = text.strip_prefix(Room::Packs.name())?.strip_prefix('/')?.split_once('/')?;
    let mut fields = entry.splitn(3, '.');
    let offset = u64::from_str_radix(fields.next()?, 16).ok()?;
    let size = u64::from_str_radix(fields.next()?, 16).ok()?;
    PackedKey::new(PackId::of_name(pack)?, offset, size, fields.next()?.parse().ok()?)
}

impl fmt::Display for PackedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pack, offset, size, upload } = self;
        write!(f, "{}/{pack}/{offset:08x}.{size:05x}.{upload}", Room::Packs.name())
    }
}

impl fmt::Display for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
