//! `cargo xtask schema`: the tables that the migrations make, as they are written down, and as they are on both engines.

mod compare;
mod databases;
mod written;

use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Compare instead of printing; fail with the first difference
    #[arg(long)]
    check: bool,
}

/// The tables by name.
type Tables = BTreeMap<String, Vec<Column>>;

/// A column of a table, in the order of the table's columns.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    name: String,
    /// As the engine names it.
    kind: String,
    nullable: bool,
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.name, self.kind, if self.nullable { "" } else { " NOT NULL" })
    }
}

/// Which words an engine has for the types of diesel.
#[derive(Clone, Copy, Debug)]
enum Engine {
    Sqlite,
    Postgres,
}

/// Tables that only one engine needs, each with the reason.
const POSTGRES_ALONE: &[(&str, &str)] = &[
    ("blob_store", "a database of many nodes must know whose blobs it has; a SQLite file lies beside its own"),
    ("write_token", "an answer can be lost between a node and its database; SQLite is in the process"),
    ("signing_key", "many nodes sign with one key; beside a SQLite file it is in a file of its own"),
];

/// Prints the tables of both engines, or compares them with each other and with what is written.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let (sqlite, postgres) = (databases::sqlite()?, databases::postgres()?);
    if !arguments.check {
        print("SQLite", &sqlite);
        print("Postgres", &postgres);
        return Ok(());
    }
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    check("manifest-sqlite", &crates.join("manifest-sqlite/src/schema.rs"), Engine::Sqlite, &sqlite)?;
    let path = crates.join("manifest-postgres/src/schema.rs");
    if path.is_file() {
        check("manifest-postgres", &path, Engine::Postgres, &postgres)?;
    } else {
        println!("schema: manifest-postgres writes down no tables, all its statements are constants");
    }
    let mut shared = postgres.clone();
    for (table, why) in POSTGRES_ALONE {
        if shared.remove(*table).is_some() {
            println!("schema: Postgres alone has `{table}`: {why}");
        }
    }
    if let Some(difference) = compare::engines(&sqlite, &shared) {
        bail!("the engines differ: {difference}");
    }
    let columns: usize = sqlite.values().map(Vec::len).sum();
    println!("schema: {} tables with {columns} columns on both engines", sqlite.len());
    Ok(())
}

fn check(owner: &str, path: &Path, engine: Engine, migrated: &Tables) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let tables = written::parse(&text, engine).with_context(|| format!("{owner}'s schema.rs is not understood"))?;
    if let Some(difference) = compare::exactly(&tables, migrated) {
        bail!("{owner}'s schema.rs is not what its migrations make: {difference}");
    }
    println!("schema: {owner}'s schema.rs has the {} tables that its migrations make", migrated.len());
    Ok(())
}

fn print(engine: &str, tables: &Tables) {
    println!("{engine}");
    for (name, columns) in tables {
        println!("  {name}");
        for column in columns {
            println!("    {column}");
        }
    }
}
