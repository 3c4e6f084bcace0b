#![doc = include_str!("../README.md")]

pub mod access;
pub mod document;
pub mod empty_layer;
pub mod error;
pub mod facts;
#[cfg_attr(not(doctest), doc = include_str!("../../../docs/embedding.md"))]
pub mod guide {}
mod json;
pub mod labels;
pub mod plan;
pub mod policy;
pub mod ports;
pub mod service;
pub mod stored;
pub mod tags;
pub mod time;

pub use access::{Action, Actor, AllowAll, Caller, Context, ReadScope};
pub use error::{Port, PortError, PortErrorKind};
pub use oci_types;
pub use policy::Policy;
pub use ports::Ports;
pub use service::Registry;
pub use time::{Millis, NEVER};
