//! Bodies: of requests on their way to the core, of answers on their way out.

mod inbound;
mod multipart;
mod outbound;

pub(crate) use inbound::Inbound;
pub(crate) use multipart::Multipart;
pub use outbound::{Body, BodyFailed};
