//! What a port answers when it cannot answer.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// What a port method returns: a value (refusals are values too), or the reason why there is none.
pub type Port<T> = Result<T, PortError>;

/// Which of the few things that a caller can react to went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortErrorKind {
    /// The store cannot be reached, or is too busy. Asking again later may work.
    Unavailable,
    /// The store did not answer in time. Asking again later may work.
    Timeout,
    /// There is no room: a full disk, a quota, a cap. Reads and deletes may still work.
    Full,
    /// Something that a row names does not exist, such as the bytes of a blob.
    NotFound,
    /// Something stored is not what it must be. The context names table and column, or the location.
    Corrupt,
    /// Anything else: a bug, or an answer nobody expected.
    Internal,
}

/// An error of an adapter: its kind for the core, its context and source for the log.
///
/// `Display` prints kind and context, never the source: whoever logs the chain prints each link once.
#[derive(Debug)]
pub struct PortError {
    kind: PortErrorKind,
    context: Cow<'static, str>,
    outcome_unknown: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl PortError {
    /// An error of that kind; `context` says what was being done, in words for an operator.
    #[must_use]
    pub fn new(kind: PortErrorKind, context: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, context: context.into(), outcome_unknown: false, source: None }
    }

    /// A stored value that cannot be believed, by the table and column that hold it.
    #[must_use]
    pub fn corrupt(table: &str, column: &str, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(PortErrorKind::Corrupt, format!("{table}.{column}")).with_source(source)
    }

    /// The same error with the driver's error behind it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error, marked: the write may have happened (the answer to COMMIT was lost).
    #[must_use]
    pub fn with_unknown_outcome(mut self) -> Self {
        self.outcome_unknown = true;
        self
    }

    /// What a caller can react to.
    #[must_use]
    pub fn kind(&self) -> PortErrorKind {
        self.kind
    }

    /// Whether the same call may succeed later without anybody changing anything else.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.kind {
            PortErrorKind::Unavailable | PortErrorKind::Timeout => true,
            PortErrorKind::Full | PortErrorKind::NotFound | PortErrorKind::Corrupt | PortErrorKind::Internal => false,
        }
    }

    /// Whether a write may have happened although it was not confirmed. Look before you write again.
    #[must_use]
    pub fn outcome_unknown(&self) -> bool {
        self.outcome_unknown
    }
}

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            PortErrorKind::Unavailable => "the store is unavailable",
            PortErrorKind::Timeout => "the store did not answer in time",
            PortErrorKind::Full => "the store is full",
            PortErrorKind::NotFound => "the store lacks what it should hold",
            PortErrorKind::Corrupt => "the store holds what it must not",
            PortErrorKind::Internal => "the store failed",
        };
        write!(f, "{what}: {}", self.context)
    }
}

impl Error for PortError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}
