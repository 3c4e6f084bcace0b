//! What can be in the way of a database: each is said at the start, by name, and never with a password.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]

mod application_name;
mod bad_input;
mod encrypted;
mod language;
mod migrations;
mod old_server;
mod read_only;

use manifest_postgres::{ConnectError, DatabaseUrl, PostgresOptions, PostgresStore};
use std::error::Error;

fn options(url: &str) -> PostgresOptions {
    PostgresOptions::new(url.parse::<DatabaseUrl>().unwrap())
}

/// The error of connecting there, and all that an operator would read of it.
async fn refusal(options: PostgresOptions) -> (ConnectError, String) {
    let error = PostgresStore::connect(options).await.unwrap_err();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    assert!(!format!("{text} {error:?}").contains("hunter2"), "{text} {error:?}");
    (error, text)
}

/// The same database under another user.
fn as_user(url: &str, user: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let place = rest.split_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{user}@{place}")
}
