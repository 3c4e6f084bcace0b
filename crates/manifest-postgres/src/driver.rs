//! What the driver's errors mean. The only place that knows.
//!
//! diesel keeps the SQLSTATE of an error to itself: it makes a kind of some (foreign keys, serialisation failures) and calls all others
//! unknown, deadlocks among them. Those are told apart by the server's message: see `language.rs`.

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
    match failure(error) {
        Failure::Lost | Failure::Down | Failure::Conflict | Failure::Reference | Failure::Busy => {
            PortErrorKind::Unavailable
        }
        Failure::Slow => PortErrorKind::Timeout,
        Failure::Full => PortErrorKind::Full,
        Failure::Other => PortErrorKind::Internal,
    }
}

/// What happened, as far as anybody acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The connection went while its answer was awaited: what was asked may have been done.
    Lost,
    /// The server is starting or stopping, has no connections left, or takes no writes: nothing was done.
    Down,
    /// Another transaction was in the way, and the same thing may be tried again: 40001, 40P01.
    Conflict,
    /// A row that a foreign key names went meanwhile: 23503.
    Reference,
    /// A lock was not free within its time: 55P03.
    Busy,
    /// The server gave up on the statement: 57014.
    Slow,
    /// There is no room: 53100, 53200.
    Full,
    /// Anything else.
    Other,
}

/// What happened.
pub(crate) fn failure(error: &Error) -> Failure {
    let Error::DatabaseError(kind, information) = error else { return Failure::Other };
    match kind {
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => Failure::Lost,
        DatabaseErrorKind::SerializationFailure => Failure::Conflict,
        DatabaseErrorKind::ForeignKeyViolation => Failure::Reference,
        DatabaseErrorKind::ReadOnlyTransaction => Failure::Down,
        DatabaseErrorKind::UniqueViolation
        | DatabaseErrorKind::RestrictViolation
        | DatabaseErrorKind::NotNullViolation
        | DatabaseErrorKind::CheckViolation
        | DatabaseErrorKind::ExclusionViolation => Failure::Other,
        _ => by_message(information.message()),
    }
}

fn by_message(message: &str) -> Failure {
    MESSAGES.iter().find(|(text, _)| message.contains(text)).map_or(Failure::Other, |(_, failure)| *failure)
}

/// Texts of the server's messages that tell what happened.
const MESSAGES: [(&str, Failure); 13] = [
    ("deadlock detected", Failure::Conflict),
    ("could not serialize access", Failure::Conflict),
    ("canceling statement due to lock timeout", Failure::Busy),
    ("could not obtain lock", Failure::Busy),
    ("canceling statement due to", Failure::Slow),
    ("No space left on device", Failure::Full),
    ("out of memory", Failure::Full),
    // The table of locks is full, for as long as others hold theirs.
    ("out of shared memory", Failure::Conflict),
    // The connection ends with the statement, whose work is undone.
    ("terminating connection", Failure::Lost),
    ("the database system is", Failure::Down),
    ("too many clients already", Failure::Down),
    ("remaining connection slots are reserved", Failure::Down),
    ("too many connections", Failure::Down),
];

#[cfg(test)]
mod tests {
    use super::{Failure, failure, kind};
    use diesel::result::{DatabaseErrorKind, Error};
    use manifest_core::error::PortErrorKind;

    #[test]
    fn what_servers_say() {
        let check = |message: &str, expected: Failure, expected_kind: PortErrorKind| {
            let error = Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()));
            assert_eq!((failure(&error), kind(&error)), (expected, expected_kind), "{message}");
        };
        let unavailable = PortErrorKind::Unavailable;
        check("deadlock detected", Failure::Conflict, unavailable);
        check("canceling statement due to lock timeout", Failure::Busy, unavailable);
        check("could not obtain lock on row in relation \"tag\"", Failure::Busy, unavailable);
        check("canceling statement due to statement timeout", Failure::Slow, PortErrorKind::Timeout);
        check("canceling statement due to user request", Failure::Slow, PortErrorKind::Timeout);
        let disk = "could not extend file \"base/5/16384\": No space left on device";
        check(disk, Failure::Full, PortErrorKind::Full);
        check("terminating connection due to administrator command", Failure::Lost, unavailable);
        check("the database system is shutting down", Failure::Down, unavailable);
        check("the database system is starting up", Failure::Down, unavailable);
        check("sorry, too many clients already", Failure::Down, unavailable);
        check("permission denied for table tag", Failure::Other, PortErrorKind::Internal);
        check("relation \"tag\" does not exist", Failure::Other, PortErrorKind::Internal);
    }

    #[test]
    fn what_the_driver_tells_apart() {
        let check = |kind: DatabaseErrorKind, expected: Failure| {
            let error = Error::DatabaseError(kind, Box::new("whatever language".to_owned()));
            assert_eq!(failure(&error), expected);
        };
        check(DatabaseErrorKind::ClosedConnection, Failure::Lost);
        check(DatabaseErrorKind::UnableToSendCommand, Failure::Lost);
        check(DatabaseErrorKind::SerializationFailure, Failure::Conflict);
        check(DatabaseErrorKind::ForeignKeyViolation, Failure::Reference);
        check(DatabaseErrorKind::ReadOnlyTransaction, Failure::Down);
        check(DatabaseErrorKind::UniqueViolation, Failure::Other);
        assert_eq!(failure(&Error::NotFound), Failure::Other);
    }
}
