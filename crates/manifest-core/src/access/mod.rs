//! Who asks, and what they may do: [`Caller`], the [`Authorizer`] port, and the [`ReadScope`] of listings.

mod authorizer;
mod caller;
mod scope;

#[cfg(any(test, feature = "mock"))]
pub use authorizer::MockAuthorizer;
pub use authorizer::{AccessAsk, AccessRefusal, Action, AllowAll, Authorizer, Decision};
pub use caller::{Actor, Caller, Context, ParseActorError};
pub use scope::{NameRange, ReadScope};
