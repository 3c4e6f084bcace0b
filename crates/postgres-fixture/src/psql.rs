//! Statements through `psql`, so that the fixture needs no driver and no runtime.

use crate::{FixtureError, programs};
use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Runs each text in a transaction of its own, and answers what the queries among them answered, a row a line.
pub(crate) fn run(url: &str, statements: &[&str]) -> Result<String, FixtureError> {
    let mut command = psql()?;
    for statement in statements {
        command.args(["--command", statement]);
    }
    Ok(programs::succeed(command.arg(url))?.trim().to_owned())
}

/// Runs the statements of a file and then others, all in one transaction.
pub(crate) fn run_file(url: &str, file: &Path, then: &str) -> Result<(), FixtureError> {
    let mut command = psql()?;
    command.arg("--single-transaction").arg("--file").arg(file).args(["--command", then]);
    programs::succeed(command.arg(url)).map(drop)
}

fn psql() -> Result<Command, FixtureError> {
    let mut command = Command::new(programs::find("psql")?);
    command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]);
    // Notices of what did not exist say nothing to anybody.
    command.env("PGOPTIONS", "-c client_min_messages=warning").stdin(Stdio::null());
    Ok(command)
}

/// The same server with another database.
pub(crate) fn with_database(url: &str, name: &str) -> String {
    let (address, parameters) = url.split_once('?').map_or((url, None), |(address, rest)| (address, Some(rest)));
    let start = address.find("://").map_or(0, |at| at + 3);
    let end = address[start..].find('/').map_or(address.len(), |at| start + at);
    let parameters = parameters.map(|text| format!("?{text}")).unwrap_or_default();
    format!("{}/{name}{parameters}", &address[..end])
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn only_the_database_of_an_address_changes() {
        let check = |url: &str, expected: &str| assert_eq!(with_database(url, "new"), expected);
        check("postgres://me:pw@host:5433/old", "postgres://me:pw@host:5433/new");
        check("postgres://host", "postgres://host/new");
        check("postgres://host/?sslmode=disable", "postgres://host/new?sslmode=disable");
        check("postgresql://host/old?host=/run/pg", "postgresql://host/new?host=/run/pg");
    }
}
