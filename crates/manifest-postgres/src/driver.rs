//! What the driver's errors mean. The only place that knows.

use diesel::result::{DatabaseErrorKind, Error};
use manifest_core::error::{Port, PortError, PortErrorKind};

/// Says what was being done when the driver failed.
pub(crate) trait Doing<T> {
    /// The answer, or the error with its kind and this context.
    fn doing(self, what: &'static str) -> Port<T>;
}

impl<T> Doing<T> for Result<T, Error> {
    fn doing(self, what: &'static str) -> Port<T> {
        self.map_err(|error| PortError::new(kind(&error), what).with_source(error))
    }
}

/// What a caller can make of an error.
pub(crate) fn kind(error: &Error) -> PortErrorKind {
    match error {
        Error::DatabaseError(DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, _) => {
            PortErrorKind::Unavailable
        }
        _ => PortErrorKind::Internal,
    }
}
