//! The operations, one a file, each with its statement: what a port method asks the database.

pub(crate) mod repositories;
