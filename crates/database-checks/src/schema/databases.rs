//! What the migrations make, asked of the engines.

use super::{Column, Tables};
use anyhow::{Context, Result};
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};
use manifest_sqlite::{SqliteOptions, SqliteStore};
use postgres_fixture::Cluster;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    required: i64,
}

/// The tables of a new SQLite database.
pub(super) fn sqlite() -> Result<Tables> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("registry.sqlite");
    let store = SqliteStore::open(&path, SqliteOptions::default()).context("no SQLite database was made")?;
    let mut connection = SqliteConnection::establish(&path.display().to_string())?;
    // `sqlite_…` is the engine's own, `__…` what diesel keeps about migrations.
    let rows: Vec<Row> = diesel::sql_query(
        "SELECT t.name AS table_name, c.name AS name, c.type AS kind, c.\"notnull\" AS required
         FROM sqlite_schema t, pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\'
         ORDER BY t.name, c.cid",
    )
    .load(&mut connection)?;
    drop(store);
    let mut tables = Tables::new();
    for Row { table_name, name, kind, required } in rows {
        tables.entry(table_name).or_default().push(Column { name, kind, nullable: required == 0 });
    }
    Ok(tables)
}

/// The tables of a new Postgres database.
pub(super) fn postgres() -> Result<Tables> {
    let cluster = Cluster::start().context("no Postgres to look at")?;
    let database = cluster.fresh().context("no Postgres database was made")?;
    let rows = database.psql(
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'
         ORDER BY table_name, ordinal_position",
    )?;
    let mut tables = Tables::new();
    for row in rows.lines() {
        let fields: Vec<&str> = row.split('|').collect();
        let [table, name, kind, nullable] = fields[..] else {
            anyhow::bail!("`{row}` is no row of four columns");
        };
        let column = Column { name: name.to_owned(), kind: kind.to_owned(), nullable: nullable == "YES" };
        tables.entry(table.to_owned()).or_default().push(column);
    }
    Ok(tables)
}
