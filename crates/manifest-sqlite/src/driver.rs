//! What the driver's errors mean. The only place that knows.

use diesel::result::Error;
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
///
/// Diesel gives no result codes, and "database is locked" and its like the kind `Unknown`, so this goes by SQLite's own
/// words for its codes (`sqlite3ErrStr`), which a test holds against the linked library where it can provoke them.
pub(crate) fn kind(error: &Error) -> PortErrorKind {
    let Error::DatabaseError(_, information) = error else {
        return PortErrorKind::Internal;
    };
    let message = information.message();
    let says = |words: &str| message.starts_with(words);
    if says("database is locked") || says("database table is locked") || says("database schema is locked") {
        PortErrorKind::Unavailable
    } else if says("database or disk is full") {
        PortErrorKind::Full
    } else if says("database disk image is malformed")
        || says("file is not a database")
        || says("malformed database schema")
    {
        PortErrorKind::Corrupt
    } else if says("disk I/O error")
        || says("unable to open database")
        || says("attempt to write a readonly database")
        || says("locking protocol")
        || says("out of memory")
    {
        PortErrorKind::Unavailable
    } else {
        PortErrorKind::Internal
    }
}

/// Whether the same statement may succeed in a moment, since somebody else holds a lock.
pub(crate) fn is_busy(error: &PortError) -> bool {
    source_message(error).is_some_and(|message| {
        message.starts_with("database is locked")
            || message.starts_with("database table is locked")
            || message.starts_with("database schema is locked")
    })
}

/// SQLite's words, if the error came from it.
pub(crate) fn source_message(error: &PortError) -> Option<&str> {
    let Error::DatabaseError(_, information) = std::error::Error::source(error)?.downcast_ref()? else {
        return None;
    };
    Some(information.message())
}

#[cfg(test)]
mod tests {
    use super::kind;
    use diesel::result::{DatabaseErrorKind, Error};
    use manifest_core::error::PortErrorKind;

    #[test]
    fn kinds_by_words() {
        let check = |message: &str, expected| {
            let error = Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()));
            assert_eq!(kind(&error), expected, "{message}");
        };
        check("database is locked", PortErrorKind::Unavailable);
        check("database table is locked: tag", PortErrorKind::Unavailable);
        check("database or disk is full", PortErrorKind::Full);
        check("database disk image is malformed", PortErrorKind::Corrupt);
        check("file is not a database", PortErrorKind::Corrupt);
        check("attempt to write a readonly database", PortErrorKind::Unavailable);
        check("unable to open database file", PortErrorKind::Unavailable);
        check("disk I/O error", PortErrorKind::Unavailable);
        check("UNIQUE constraint failed: tag.name", PortErrorKind::Internal);
        assert_eq!(kind(&Error::NotFound), PortErrorKind::Internal);
    }
}
