//! `SQLite`: how it is filled, and how it runs what the adapter asks.

use super::data::{self, Dialect, Size};
use super::measure;
use super::operations::{Asker, Operation, Ports};
use super::plan::Plans;
use super::{Comparison, Filled};
use anyhow::{Context, Result, ensure};
use diesel::connection::{Instrumentation, InstrumentationEvent, SimpleConnection, set_default_instrumentation};
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};
use manifest_sqlite::{SqliteOptions, SqliteStore};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Whether statements are recorded now: while times are taken, they are not.
static RECORDING: AtomicBool = AtomicBool::new(false);
/// The statements that ran, in order.
static STATEMENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

const DIALECT: Dialect = Dialect {
    digest: |kind, n| {
        format!("unhex(printf('01%08x%02x%054x', (({n}) * 2654435761) & 4294967295, {}, ({n})))", kind as u8)
    },
    padded: |before, n| format!("printf('{before}%010d', {n})"),
    bytes: "CAST(printf('%0700d', n) AS BLOB)",
    no: "0",
    yes: "1",
    own_ids: "",
    artifact_type: "'application/vnd.example.sbom'",
};

struct Recorder;

impl Instrumentation for Recorder {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if !RECORDING.load(Ordering::Relaxed) {
            return;
        }
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let text = text.split(" -- binds").next().unwrap_or_default().to_owned();
            STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        }
    }
}

/// Both sizes, each operation on both.
pub(super) async fn compare(small: Size, large: Size) -> Result<Vec<Comparison>> {
    set_default_instrumentation(|| Some(Box::new(Recorder))).context("statements cannot be recorded")?;
    let directory = tempfile::tempdir()?;
    let (mut small, small_file) = filled(small, directory.path())?;
    let (mut large, large_file) = filled(large, directory.path())?;
    let mut compared = Vec::new();
    for operation in Operation::ALL {
        let plans =
            (plans(operation, &mut small, &small_file).await?, plans(operation, &mut large, &large_file).await?);
        let latencies = measure::latencies(operation, &mut small, &mut large).await?;
        compared.push(Comparison { operation, small: (plans.0, latencies.0), large: (plans.1, latencies.1) });
    }
    Ok(compared)
}

fn filled(size: Size, directory: &Path) -> Result<(Filled, PathBuf)> {
    let start = Instant::now();
    let path = directory.join(format!("{}.sqlite", size.0));
    fill(&path, size)?;
    super::filled(size, start);
    // Each question is one of the database.
    let store = SqliteStore::open(&path, SqliteOptions { lookups: 0, ..SqliteOptions::default() })?;
    Ok((Filled { ports: Ports::of(&store), asker: Asker::new(size) }, path))
}

/// Makes a database in that file.
pub(super) fn fill(path: &Path, size: Size) -> Result<()> {
    // Opening makes the tables.
    drop(SqliteStore::open(path, SqliteOptions::default())?);
    let mut connection = SqliteConnection::establish(&path.display().to_string())?;
    connection.batch_execute(
        "PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF",
    )?;
    let number = format!(
        "CREATE TEMP TABLE number (n INTEGER PRIMARY KEY);
         INSERT INTO number WITH RECURSIVE x (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x WHERE n < {}) SELECT n FROM x",
        size.0
    );
    connection.batch_execute(&number)?;
    for statement in data::statements(size, &DIALECT) {
        connection.batch_execute(&statement).with_context(|| format!("filling with `{statement}`"))?;
    }
    Ok(connection.batch_execute("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)")?)
}

/// The plans of the statements that the operation runs.
async fn plans(operation: Operation, filled: &mut Filled, path: &Path) -> Result<Plans> {
    let ask = filled.next(operation).await?;
    RECORDING.store(true, Ordering::Relaxed);
    let answer = ask.ask(&filled.ports).await;
    RECORDING.store(false, Ordering::Relaxed);
    answer?;
    let statements = std::mem::take(&mut *STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner));
    let mut connection = SqliteConnection::establish(&path.display().to_string())?;
    let mut plans = Plans::default();
    for statement in statements.iter().filter(|statement| is_about_rows(statement)) {
        explain(&mut connection, statement, &mut plans).with_context(|| format!("explaining `{statement}`"))?;
    }
    ensure!(!plans.steps.is_empty(), "{} ran no statement that searches rows", operation.name());
    Ok(plans)
}

fn is_about_rows(statement: &str) -> bool {
    ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE"].iter().any(|verb| statement.trim_start().starts_with(verb))
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct Instruction {
    #[diesel(sql_type = BigInt)]
    addr: i64,
    #[diesel(sql_type = Text)]
    opcode: String,
    #[diesel(sql_type = BigInt)]
    p1: i64,
    #[diesel(sql_type = BigInt)]
    p2: i64,
}

fn explain(connection: &mut SqliteConnection, statement: &str, plans: &mut Plans) -> Result<()> {
    let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {statement}")).load(connection)?;
    // Scans here are mostly of what the statement makes itself, values that are bound and subqueries; the program tells them
    // from those of tables.
    for Step { detail } in steps.into_iter().filter(|step| step.detail.starts_with("SEARCH")) {
        plans.add(detail);
    }
    let program: Vec<Instruction> = diesel::sql_query(format!("EXPLAIN {statement}")).load(connection)?;
    let tables = roots(connection)?;
    for root in walked_from_an_end(&program) {
        if let Some(table) = tables.get(&root) {
            plans.add(format!("SCAN of {table}"));
            plans.add_scan(table, rows(connection, table)?);
        }
    }
    Ok(())
}

/// The roots of tables and indexes through which a program goes from an end, and not from a key.
fn walked_from_an_end(program: &[Instruction]) -> Vec<i64> {
    let mut roots = Vec::new();
    let mut cursors = BTreeMap::new();
    for instruction in program {
        if instruction.addr == 0 {
            // A trigger's program follows that of the statement, with cursors of its own.
            cursors.clear();
        }
        match instruction.opcode.as_str() {
            "OpenRead" | "OpenWrite" | "ReopenIdx" => {
                cursors.insert(instruction.p1, instruction.p2);
            }
            "OpenEphemeral" | "OpenAutoindex" | "OpenPseudo" | "SorterOpen" => {
                cursors.remove(&instruction.p1);
            }
            "Rewind" | "Last" => roots.extend(cursors.get(&instruction.p1)),
            _ => {}
        }
    }
    roots
}

#[derive(QueryableByName)]
struct Root {
    #[diesel(sql_type = BigInt)]
    root: i64,
    #[diesel(sql_type = Text)]
    name: String,
}

/// Which table the root of a table or an index belongs to.
fn roots(connection: &mut SqliteConnection) -> Result<BTreeMap<i64, String>> {
    let sql = "SELECT rootpage AS root, tbl_name AS name FROM sqlite_schema WHERE rootpage > 0 AND name NOT LIKE 'sqlite\\_s%' ESCAPE '\\'";
    let rows: Vec<Root> = diesel::sql_query(sql).load(connection)?;
    Ok(rows.into_iter().map(|Root { root, name }| (root, name)).collect())
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

fn rows(connection: &mut SqliteConnection, table: &str) -> Result<u64> {
    let count: Count = diesel::sql_query(format!("SELECT count(*) AS rows FROM \"{table}\"")).get_result(connection)?;
    Ok(u64::try_from(count.rows)?)
}

#[cfg(test)]
mod tests {
    use super::{Instruction, walked_from_an_end};

    #[test]
    fn scans_are_told_from_searches() {
        let one =
            |(addr, opcode, p1, p2): (i64, &str, i64, i64)| Instruction { addr, opcode: opcode.to_owned(), p1, p2 };
        let program =
            |rows: &[(i64, &str, i64, i64)]| walked_from_an_end(&rows.iter().map(|row| one(*row)).collect::<Vec<_>>());
        assert_eq!(program(&[(0, "Init", 0, 9), (1, "OpenRead", 0, 7), (2, "Rewind", 0, 5)]), [7]);
        assert_eq!(program(&[(0, "Init", 0, 9), (1, "OpenRead", 0, 7), (2, "SeekGT", 0, 5)]), [0_i64; 0]);
        assert_eq!(program(&[(0, "Init", 0, 9), (1, "OpenEphemeral", 0, 7), (2, "Rewind", 0, 5)]), [0_i64; 0]);
        let trigger = [(0, "Init", 0, 9), (1, "OpenRead", 0, 7), (0, "Init", 0, 0), (1, "Rewind", 0, 5)];
        assert_eq!(program(&trigger), [0_i64; 0], "the cursor is of another program");
    }
}
