//! Rows that are made by the database itself, where a million pushes would take too long.
//!
//! Only what listings show is made so. The statements are for the tables that docs/architecture.md names, and the same for both
//! engines but for how a number becomes a text.

use anyhow::{Context, Result, bail};
use diesel::{Connection, SqliteConnection, connection::SimpleConnection};

use super::{Kind, Server};

/// How an engine writes what the engines write differently.
struct Dialect {
    /// Numbers from 1 as a table `number(n)`.
    numbers: fn(u64) -> String,
    /// A text followed by the number in seven digits.
    padded: fn(&str) -> String,
    no: &'static str,
    /// 32 bytes that no other row has, behind the byte of the algorithm.
    digest: &'static str,
    bytes: &'static str,
}

const SQLITE: Dialect = Dialect {
    numbers: |count| {
        format!(
            "(WITH RECURSIVE x (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x WHERE n < {count}) SELECT n FROM x) number"
        )
    },
    padded: |before| format!("printf('{before}%07d', n)"),
    no: "0",
    digest: "CAST(x'01' || randomblob(32) AS BLOB)",
    bytes: "CAST(printf('%0700d', n) AS BLOB)",
};

const POSTGRES: Dialect = Dialect {
    numbers: |count| format!("generate_series(1, {count}) number (n)"),
    padded: |before| format!("'{before}' || lpad(n::text, 7, '0')"),
    no: "false",
    digest: "'\\x01'::bytea || sha256(n::text::bytea)",
    bytes: "lpad(n::text, 700, '0')::bytea",
};

/// Rows to make.
pub(crate) enum Rows<'a> {
    /// Tags `t0000001` and so on, of the manifest that has the tag `first`.
    Tags {
        /// Of which repository.
        repository: &'a str,
    },
    /// Empty repositories.
    Repositories {
        /// What their names begin with, before seven digits.
        prefix: &'a str,
    },
    /// Manifests of 700 bytes that are kept though they have no tag.
    Manifests {
        /// Of which repository.
        repository: &'a str,
    },
}

impl Rows<'_> {
    fn statement(&self, count: u64, dialect: &Dialect) -> String {
        let Dialect { numbers, padded, no, digest, bytes } = dialect;
        let (numbers, never) = (numbers(count), i64::MAX);
        match self {
            Self::Tags { repository } => format!(
                "INSERT INTO tag (repository_id, name, manifest_id, start_ms, expires_ms, immutable, reversion) \
                 SELECT t.repository_id, {}, t.manifest_id, 1000 + n, {never}, {no}, {no} FROM {numbers}, repository r \
                 JOIN tag t ON t.repository_id = r.id AND t.name = 'first' WHERE r.name = '{repository}'",
                padded("t")
            ),
            Self::Repositories { prefix } => format!(
                "INSERT INTO repository (name, visibility, state, created_ms) SELECT {}, 1, 0, 1 FROM {numbers} WHERE true",
                padded(prefix)
            ),
            Self::Manifests { repository } => format!(
                "INSERT INTO manifest (repository_id, digest, media_type, immutable, pinned_until_ms, created_ms, bytes) \
                 SELECT r.id, {digest}, 'application/vnd.oci.image.manifest.v1+json', {no}, {never}, 1, {bytes} \
                 FROM {numbers}, repository r WHERE r.name = '{repository}'"
            ),
        }
    }
}

impl Server {
    /// Whether rows can be made past the server.
    pub(crate) fn has_rows(&self) -> bool {
        matches!(self.kind, Kind::Sqlite | Kind::Postgres)
    }

    /// Makes so many rows while the server is stopped.
    pub(crate) fn make_rows(&mut self, rows: &Rows<'_>, count: u64) -> Result<()> {
        self.stop()?;
        match (&self.kind, self.database()) {
            (Kind::Postgres, Some(database)) => {
                database.psql(&rows.statement(count, &POSTGRES))?;
                database.psql("VACUUM (ANALYZE)")?;
            }
            (Kind::Sqlite, _) => {
                let path = self.data().join("manifestd.sqlite");
                let path = path.to_str().context("a path that is not UTF-8")?;
                let mut connection = SqliteConnection::establish(path)?;
                connection.batch_execute("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000")?;
                connection.batch_execute(&rows.statement(count, &SQLITE))?;
                connection.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?;
            }
            _ => bail!("{} has no rows", self.name()),
        }
        self.launch()
    }
}
