use crate::time::Millis;
use std::fmt;
use std::str::FromStr;

/// The name under which a write is recorded: a user, a robot, a service.
///
/// Held from construction on: 1 to 255 bytes, no control characters. It is shown and stored, never interpreted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Actor(Box<str>);

/// Why a text is no [`Actor`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseActorError {
    /// Nothing at all.
    #[error("a caller's name is empty")]
    Empty,
    /// More than 255 bytes.
    #[error("a caller's name has {0} bytes, more than 255")]
    TooLong(usize),
    /// A control character, which would garble a log.
    #[error("a caller's name contains the control character {0:?}")]
    Control(char),
}

impl Actor {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Actor {
    type Err = ParseActorError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name.is_empty() {
            return Err(ParseActorError::Empty);
        }
        if name.len() > 255 {
            return Err(ParseActorError::TooLong(name.len()));
        }
        match name.chars().find(|c| c.is_control()) {
            Some(found) => Err(ParseActorError::Control(found)),
            None => Ok(Self(name.into())),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who makes a request, as the edge established it. What they may do is the [`Authorizer`](super::Authorizer)'s answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Caller {
    /// Nobody said who they are.
    #[default]
    Anonymous,
    /// Somebody whose name was proven at the edge.
    Named(Actor),
}

impl Caller {
    /// The name to record with a write, if there is one.
    #[must_use]
    pub fn actor(&self) -> Option<&Actor> {
        match self {
            Self::Anonymous => None,
            Self::Named(actor) => Some(actor),
        }
    }
}

/// What every use case is told about a request beside its own arguments: who asks, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Who asks.
    pub caller: Caller,
    /// The time of the request, read once at the edge.
    pub now: Millis,
}

impl Context {
    /// A request by nobody in particular at that time.
    #[must_use]
    pub fn anonymous(now: Millis) -> Self {
        Self { caller: Caller::Anonymous, now }
    }
}
