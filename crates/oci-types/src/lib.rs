#![doc = include_str!("../README.md")]

mod algorithm;
mod descriptor;
mod digest;
mod hasher;
mod media_type;
mod platform;
mod quoted;
mod reference;
mod repository_name;
mod tag_name;

pub use algorithm::{Algorithm, ParseAlgorithmError};
pub use descriptor::Descriptor;
pub use digest::{Digest, ParseDigestError};
pub use hasher::{Hasher, HasherStateError};
pub use media_type::{MediaType, ParseMediaTypeError};
pub use platform::Platform;
pub use quoted::Quoted;
pub use reference::{ParseReferenceError, Reference};
pub use repository_name::{ParseRepositoryNameError, RepositoryName};
pub use tag_name::{ParseTagNameError, TagName};
