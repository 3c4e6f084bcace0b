//! What a database is like at the moment: whether it takes writes, and what time it has.

use crate::driver::{Doing, Failure, failure};
use crate::store::PostgresStore;
use diesel::QueryResult;
use diesel::sql_types::{BigInt, Bool};
use manifest_core::Millis;
use manifest_core::error::{Port, PortError, PortErrorKind};

/// What a database was like when it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Its time, in milliseconds since 1970.
    pub now: Millis,
    /// Whether it takes writes.
    pub writable: Writable,
}

/// Whether a database takes writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writable {
    /// It does.
    Yes,
    /// It is a copy of another server, which takes them: `pg_is_in_recovery()`.
    Standby,
    /// It was told not to: `default_transaction_read_only`, of the server, the database or the user.
    ReadOnly,
}

impl PostgresStore {
    /// What the database is like. If it takes no writes, connections that were opened a while ago are given up, since new ones may
    /// lead to another server.
    ///
    /// # Errors
    ///
    /// [`PortError`] if the database cannot answer.
    pub async fn condition(&self) -> Port<Condition> {
        const WHAT: &str = "asking the database for its condition";
        let answer = match self.ask_of(AskCondition {}, WHAT, takes_no_writes).await? {
            Err(error) if failure(&error) == Failure::Lost => {
                self.ask_of(AskCondition {}, WHAT, takes_no_writes).await?
            }
            answer => answer,
        };
        let row = answer.doing(WHAT)?.pop();
        let (now, recovers, read_only) = row.ok_or_else(|| PortError::new(PortErrorKind::Internal, WHAT))?;
        let writable = match (recovers, read_only) {
            (true, _) => Writable::Standby,
            (false, true) => Writable::ReadOnly,
            (false, false) => Writable::Yes,
        };
        Ok(Condition { now, writable })
    }

    /// The time that the database has, in milliseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`PortError`] if the database cannot answer.
    pub async fn now(&self) -> Port<Millis> {
        Ok(self.condition().await?.now)
    }
}

type Row = (i64, bool, bool);

fn takes_no_writes(answer: &QueryResult<Vec<Row>>) -> bool {
    answer.as_ref().is_ok_and(|rows| rows.iter().any(|(_, recovers, read_only)| *recovers || *read_only))
}

statement! {
    struct AskCondition {}
    -> (BigInt, Bool, Bool);
    "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint, pg_is_in_recovery(), \
         current_setting('transaction_read_only')::boolean"
}
