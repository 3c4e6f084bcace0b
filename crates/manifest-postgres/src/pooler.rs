//! Whether what is between a node and its database keeps prepared statements.
//!
//! A pooler that gives each transaction another connection must make every statement known there that its client has prepared. One
//! that does not works as long as nobody else is about, and fails under load; so it is asked while somebody else is about.

use crate::connect::ConnectError;
use crate::connection::Opener;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::Integer;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use std::time::Duration;
use tokio::time::timeout;

/// Fails if a statement that was prepared is not there any more once another session has a transaction open. Where there are not
/// connections enough to ask, or time, the answer is that nothing is known against it. The other session's connection is opened
/// here if there is none yet.
pub(crate) async fn refuse_forgetful(
    asking: &mut AsyncPgConnection,
    other: Option<AsyncPgConnection>,
    opener: &Opener,
) -> Result<(), ConnectError> {
    prepared(asking).await?;
    let mut other = match other {
        Some(other) => other,
        None => match timeout(PATIENCE, opener.open()).await {
            Ok(Ok(other)) => other,
            Ok(Err(_)) | Err(_) => return Ok(()),
        },
    };
    // A pooler by transactions gives it the connection that was used last, and keeps that for it.
    let Ok(Ok(())) = timeout(PATIENCE, other.batch_execute("BEGIN")).await else { return Ok(()) };
    match timeout(PATIENCE, prepared(asking)).await {
        Ok(Err(error @ Error::DatabaseError(DatabaseErrorKind::Unknown, _))) => {
            Err(ConnectError::Pooler { source: error.into() })
        }
        Ok(Err(error)) => Err(error.into()),
        Ok(Ok(())) | Err(_) => Ok(()),
    }
}

/// How long each step may take: in a pool that has one connection alone it would take for ever.
const PATIENCE: Duration = Duration::from_secs(2);

async fn prepared(connection: &mut AsyncPgConnection) -> Result<(), Error> {
    let _one: Vec<(i32,)> = One {}.load(connection).await?;
    Ok(())
}

/// Whether the server, or a pooler, says that it does not know a prepared statement, or that it has one of the name.
pub(crate) fn is_forgetful(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(DatabaseErrorKind::Unknown, said) if said.message().contains("prepared statement"))
}

statement! {
    struct One {}
    -> (Integer,);
    "SELECT 1"
}
