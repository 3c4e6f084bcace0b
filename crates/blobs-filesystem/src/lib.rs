#![doc = include_str!("../README.md")]

mod batch;
mod blocking;
mod clock;
mod disk;
#[cfg(test)]
mod double;
mod error;
#[cfg(test)]
mod faults;
mod fresh;
mod held;
mod key;
mod list;
mod new_file;
mod open;
mod pack;
mod read;
mod seal;
mod store;
mod store_id;
mod tree;
mod write;

pub use key::{Key, ParseKeyError};
pub use open::{OpenError, Options};
pub use store::FilesystemBlobs;
pub use store_id::{ParseStoreIdError, StoreId};
