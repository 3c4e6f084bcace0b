//! `schema.rs` is written by hand: it must say what the migrations make.

use super::world::World;
use crate::schema;
use diesel::sql_types::{BigInt, Text};
use diesel::{Column, QueryableByName, RunQueryDsl, SqliteConnection};
use std::collections::BTreeSet;

#[derive(QueryableByName, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Described {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    required: i64,
}

/// A column's type as SQLite names it, and whether a value is required.
trait Kind {
    const KIND: (&'static str, i64);
}

impl Kind for BigInt {
    const KIND: (&'static str, i64) = ("INTEGER", 1);
}

impl Kind for Text {
    const KIND: (&'static str, i64) = ("TEXT", 1);
}

impl Kind for diesel::sql_types::Binary {
    const KIND: (&'static str, i64) = ("BLOB", 1);
}

impl<T: Kind + diesel::sql_types::SqlType<IsNull = diesel::sql_types::is_nullable::NotNull>> Kind
    for diesel::sql_types::Nullable<T>
{
    const KIND: (&'static str, i64) = (T::KIND.0, 0);
}

type Describe = fn() -> Described;

fn describe<C>(_: C) -> Described
where
    C: Column<SqlType: Kind>,
{
    let (kind, required) = C::SqlType::KIND;
    Described { name: C::NAME.to_owned(), kind: kind.to_owned(), required }
}

fn migrated(connection: &mut SqliteConnection, table: &str) -> Vec<Described> {
    let sql =
        format!("SELECT name, type AS kind, \"notnull\" AS required FROM pragma_table_info('{table}') ORDER BY cid");
    diesel::sql_query(sql).load(connection).unwrap()
}

macro_rules! tables {
    ($($table:ident [$($column:ident)*])*) => {
        &[$((stringify!($table), &[$({
            fn described() -> Described {
                describe(schema::$table::$column)
            }
            described as Describe
        }),*])),*]
    };
}

/// Every table with its columns, in order. That the names are right is checked by the compiler.
const TABLES: &[(&str, &[Describe])] = tables! {
    repository [id name visibility state created_ms deleted_ms]
    manifest [id repository_id digest media_type subject artifact_type annotations platform image_created_ms layers_size
        expires_after_ms immutable pinned_until_ms deleted_ms created_ms actor legacy_image bytes]
    legacy_image [repository_id v1_id parent created_ms command comment aggregate_size blob metadata]
    manifest_child [repository_id manifest_id position digest required platform]
    manifest_blob [repository_id manifest_id digest required]
    label [id repository_id manifest_id key value json source]
    tag [repository_id name manifest_id start_ms expires_ms immutable reversion previous actor]
    tag_history [repository_id name start_ms end_ms manifest_id reversion previous actor]
    blob [digest size location]
    trash [location not_before_ms]
    repository_blob [repository_id digest size location lease_until_ms]
    upload [repository_id id offset hash_state created_ms expires_ms actor finished_digest finished_size finished_location
        lease_until_ms]
    upload_part [repository_id upload_id position size location]
};

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[test]
fn the_schema_is_what_the_migrations_make() {
    let world = World::new();
    let mut connection = world.connection();
    for (table, columns) in TABLES {
        let written: Vec<Described> = columns.iter().map(|column| column()).collect();
        assert_eq!(written, migrated(&mut connection, table), "{table}");
    }
    let tables: Vec<Name> = diesel::sql_query(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_\\_%' ESCAPE '\\'",
    )
    .load(&mut connection)
    .unwrap();
    let written: BTreeSet<&str> = TABLES.iter().map(|(table, _)| *table).collect();
    assert_eq!(tables.iter().map(|table| table.name.as_str()).collect::<BTreeSet<_>>(), written);
}
