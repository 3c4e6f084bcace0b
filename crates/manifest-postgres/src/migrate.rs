//! Which version the tables have, and how they get the one that this program knows.

use diesel_migrations::{EmbeddedMigrations, embed_migrations};

/// The migrations of this program.
pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
