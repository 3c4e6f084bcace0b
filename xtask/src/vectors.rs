//! `cargo xtask vectors` will run the golden vectors; the command is listed in [`crate::Command`] once it works.
