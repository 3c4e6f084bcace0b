//! Images for tests, made here and always the same: no test needs the internet.

mod archive;
pub(crate) mod digest;
mod fixtures;
mod layout;

pub(crate) use archive::{noise, single_file_tar};
pub(crate) use fixtures::{Fixtures, Image, PLATFORMS, loaded_name};
pub(crate) use layout::Descriptor;
