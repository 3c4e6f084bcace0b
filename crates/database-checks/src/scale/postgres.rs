//! Postgres: how it is filled, and how it runs what the adapter asks, the statements within functions too.
//!
//! The server itself logs the plan of each statement that it runs, by its module `auto_explain`; so what is looked at is
//! what was run, with the plan that was kept for it.

use super::data::{self, Dialect, Kind, Size};
use super::measure;
use super::operations::{Asker, Operation, Ports};
use super::plan::{Cost, Plans};
use super::{Comparison, Filled};
use anyhow::{Context, Result, ensure};
use manifest_postgres::{PostgresOptions, PostgresStore};
use postgres_fixture::{Cluster, Database};
use serde_json::Value;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often a statement is run before its plan is looked at: it is prepared then, and the connection knows the tables.
const BEFORE: u32 = 10;
/// Of how many questions the costs are the mean.
const QUESTIONS: u32 = 50;
/// How long the log may take.
const LOG: Duration = Duration::from_secs(10);
/// How long nothing more comes into the log when it is complete.
const QUIET: Duration = Duration::from_millis(100);

/// A server that has both databases in its memory: the disk is not what is measured.
const PARAMETERS: &[(&str, &str)] =
    &[("shared_buffers", "3GB"), ("max_wal_size", "8GB"), ("maintenance_work_mem", "256MB")];
/// What made filling quick, and is not what is measured.
const DURABLE: &[(&str, &str)] = &[("fsync", "on"), ("full_page_writes", "on"), ("synchronous_commit", "on")];
/// What has plans logged, with the pages that they touched.
const EXPLAINED: &[(&str, &str)] = &[
    ("session_preload_libraries", "auto_explain"),
    ("auto_explain.log_min_duration", "0"),
    ("auto_explain.log_format", "json"),
    ("auto_explain.log_analyze", "on"),
    ("auto_explain.log_buffers", "on"),
    ("auto_explain.log_timing", "off"),
];
/// What logs the statements within functions too. The pages of such a one are among those of the statement that calls the function.
const NESTED: (&str, &str) = ("auto_explain.log_nested_statements", "on");
/// After this, no page has to be fetched from the disk, and no row's first reader has to find out who wrote it.
const SETTLE: [&str; 3] = [
    "VACUUM (ANALYZE, FREEZE)",
    "CHECKPOINT",
    "CREATE EXTENSION IF NOT EXISTS pg_prewarm; \
     SELECT sum(pg_prewarm(oid::regclass)) FROM pg_class WHERE relkind IN ('r', 'i', 't') AND relpersistence = 'p'",
];

const DIALECT: Dialect = Dialect {
    digest: |kind: Kind, n| {
        format!(
            "decode('01' || lpad(to_hex((({n})::bigint * 2654435761) & 4294967295), 8, '0') || '0{}' || \
             lpad(to_hex(({n})::bigint), 54, '0'), 'hex')",
            kind as u8
        )
    },
    padded: |before, n| format!("'{before}' || lpad(({n})::text, 10, '0')"),
    bytes: "convert_to(lpad(n::text, 700, '0'), 'UTF8')",
    no: "false",
    yes: "true",
    own_ids: "OVERRIDING SYSTEM VALUE",
    artifact_type: "'application/vnd.example.sbom'::bytea",
};

/// Both sizes, each operation on both.
pub(super) async fn compare(small: Size, large: Size) -> Result<Vec<Comparison>> {
    let cluster = Cluster::start()?;
    cluster.set(PARAMETERS)?;
    let databases = (filled(&cluster, small)?, filled(&cluster, large)?);
    cluster.set(DURABLE)?;
    settle(&databases.0)?;
    settle(&databases.1)?;
    let (of_small, asker) = all_plans(&cluster, &databases.0, Asker::new(small)).await?;
    let mut small = open(&databases.0, asker).await?;
    let (of_large, asker) = all_plans(&cluster, &databases.1, Asker::new(large)).await?;
    let mut large = open(&databases.1, asker).await?;
    // What was written for the plans is not to be measured.
    settle(&databases.0)?;
    settle(&databases.1)?;
    let mut compared = Vec::new();
    for (operation, plans) in Operation::ALL.into_iter().zip(of_small.into_iter().zip(of_large)) {
        let latencies = measure::latencies(operation, &mut small, &mut large).await?;
        compared.push(Comparison { operation, small: (plans.0, latencies.0), large: (plans.1, latencies.1) });
    }
    Ok(compared)
}

fn filled(cluster: &Cluster, size: Size) -> Result<Database> {
    let start = Instant::now();
    let database = cluster.fresh()?;
    database.psql(&filling(size)).context("filling")?;
    settle(&database)?;
    super::filled(size, start);
    Ok(database)
}

/// Makes the rows in a database that has none.
pub(super) async fn fill(url: &str, size: Size) -> Result<()> {
    // Connecting makes the tables.
    PostgresStore::connect(PostgresOptions::new(url.parse()?)).await?;
    let mut psql = Command::new("psql");
    psql.args(["--no-psqlrc", "--quiet", "--single-transaction", "--set", "ON_ERROR_STOP=1"]);
    psql.arg("--command").arg(filling(size)).arg(url).stdout(Stdio::null());
    ensure!(psql.status().context("psql")?.success(), "psql failed");
    Ok(())
}

/// The statements that fill a database, as a superuser runs them.
fn filling(size: Size) -> String {
    let mut statements = vec![
        // Every row refers to one that is there, which need not be looked up a million times.
        "SET session_replication_role = replica".to_owned(),
        "SET work_mem = '256MB'".to_owned(),
        format!("CREATE TEMP TABLE number AS SELECT n FROM generate_series(1, {}::bigint) n", size.0),
    ];
    statements.extend(data::statements(size, &DIALECT));
    for table in ["repository", "manifest"] {
        statements.push(format!("SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"));
    }
    statements.join(";\n")
}

fn settle(database: &Database) -> Result<()> {
    for statement in SETTLE {
        database.psql(statement).with_context(|| format!("settling with `{statement}`"))?;
    }
    Ok(())
}

async fn open(database: &Database, asker: Asker) -> Result<Filled> {
    let mut options = PostgresOptions::new(database.url().parse()?);
    // One connection, which has run everything before.
    options.pool_size = 1;
    let store = PostgresStore::connect(options).await?;
    Ok(Filled { ports: Ports::of(&store), asker })
}

/// The plans of every operation as they are kept, with what they cost. Gives the asker back, who goes on from there.
async fn all_plans(cluster: &Cluster, database: &Database, asker: Asker) -> Result<(Vec<Plans>, Asker)> {
    let set = |(parameter, value): (&str, &str)| {
        database.psql(&format!("ALTER DATABASE {} SET {parameter} = '{value}'", database.name()))
    };
    for parameter in EXPLAINED {
        set(*parameter)?;
    }
    let (whole, asker) = logged_plans(cluster, database, asker).await?;
    set(NESTED)?;
    let (mut all, asker) = logged_plans(cluster, database, asker).await?;
    for ((operation, plans), Plans { cost: whole, .. }) in Operation::ALL.into_iter().zip(&mut all).zip(whole) {
        ensure!(!plans.steps.is_empty(), "`{}` ran no statement that searches rows", operation.name());
        plans.cost = plans.cost.zip(whole).map(|(cost, Cost { pages, .. })| Cost { pages, ..cost });
    }
    database.psql(&format!("ALTER DATABASE {} RESET ALL", database.name()))?;
    Ok((all, asker))
}

async fn logged_plans(cluster: &Cluster, database: &Database, asker: Asker) -> Result<(Vec<Plans>, Asker)> {
    let mut filled = open(database, asker).await?;
    let mut all = Vec::new();
    for operation in Operation::ALL {
        let plans = plans(operation, cluster, database, &mut filled).await;
        all.push(plans.with_context(|| format!("the plans of `{}`", operation.name()))?);
    }
    Ok((all, filled.asker))
}

async fn plans(operation: Operation, cluster: &Cluster, database: &Database, filled: &mut Filled) -> Result<Plans> {
    let mut asks = Vec::new();
    for _ in 0..BEFORE {
        filled.next(operation).await?.ask(&filled.ports).await?;
    }
    for _ in 0..QUESTIONS {
        asks.push(filled.next(operation).await?);
    }
    // What prepared them is not of the operation.
    let before = settled(cluster, 0)?.len();
    for ask in asks {
        ask.ask(&filled.ports).await?;
    }
    let log = settled(cluster, before)?;
    let (mut plans, mut cost) = (Plans::default(), Cost::default());
    for logged in logged(log.get(before..).unwrap_or_default())? {
        let plan = logged.get("Plan").context("a logged plan has no `Plan`")?;
        cost.estimate += number(plan, "Total Cost")?;
        cost.pages += number(plan, "Shared Hit Blocks")? + number(plan, "Shared Read Blocks")?;
        walk(plan, &mut plans, &mut cost)?;
    }
    let mean = |sum| sum / f64::from(QUESTIONS);
    plans.cost = Some(Cost { pages: mean(cost.pages), descents: mean(cost.descents), estimate: mean(cost.estimate) });
    for (table, rows) in &mut plans.scans {
        let count =
            database.psql(&format!("SELECT reltuples::bigint FROM pg_class WHERE oid = '{table}'::regclass"))?;
        *rows = count.parse().unwrap_or(0);
    }
    Ok(plans)
}

fn number(node: &Value, member: &str) -> Result<f64> {
    node.get(member).and_then(Value::as_f64).with_context(|| format!("a step of a plan has no `{member}`"))
}

/// The log, once it is longer than before and no longer grows: a plan is logged when its statement has ended, which is not
/// always before its answer arrives.
fn settled(cluster: &Cluster, longer_than: usize) -> Result<String> {
    let start = Instant::now();
    let mut log = cluster.log()?;
    let mut since = Instant::now();
    while log.len() <= longer_than || since.elapsed() < QUIET {
        ensure!(start.elapsed() < LOG, "nothing was logged");
        thread::sleep(QUIET / 10);
        let now = cluster.log()?;
        if now.len() != log.len() {
            (log, since) = (now, Instant::now());
        }
    }
    Ok(log)
}

/// The plans in the log: after a line that ends with `plan:`, a JSON object on lines that begin with a tab.
fn logged(log: &str) -> Result<Vec<Value>> {
    let mut plans = Vec::new();
    let mut lines = log.lines().peekable();
    while let Some(line) = lines.next() {
        if line.ends_with(" plan:") {
            let mut text = String::new();
            while let Some(line) = lines.next_if(|line| line.starts_with('\t')) {
                text.push_str(line);
            }
            plans.push(serde_json::from_str(&text).with_context(|| format!("a logged plan is no JSON: {text}"))?);
        }
    }
    Ok(plans)
}

fn walk(node: &Value, plans: &mut Plans, cost: &mut Cost) -> Result<()> {
    let text = |member| node.get(member).and_then(Value::as_str);
    let kind = text("Node Type").unwrap_or_default();
    match (text("Relation Name"), text("Index Name")) {
        (Some(table), None) if kind == "Seq Scan" || kind == "Sample Scan" => {
            plans.add(format!("{kind} of {table}"));
            plans.add_scan(table, 0);
            cost.descents += number(node, "Actual Loops")?;
        }
        (table, Some(index)) => {
            let by_key = if node.get("Index Cond").is_some() { "" } else { ", from an end" };
            let table = table.map(|table| format!(" of {table}")).unwrap_or_default();
            plans.add(format!("{kind}{table} along {index}{by_key}"));
            cost.descents += number(node, "Actual Loops")?;
        }
        _ => {}
    }
    for child in node.get("Plans").and_then(Value::as_array).into_iter().flatten() {
        walk(child, plans, cost)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{logged, walk};
    use crate::scale::plan::{Cost, Plans};

    const LOG: &str = "2026-01-01 [7] db LOG:  duration: 0.1 ms  plan:\n\t{\n\t  \"Query Text\": \"SELECT 1\",\n\t  \"Plan\": {\
        \"Node Type\": \"Nested Loop\", \"Total Cost\": 8.5, \"Plans\": [\
        {\"Node Type\": \"Seq Scan\", \"Relation Name\": \"tag\", \"Actual Loops\": 1},\
        {\"Node Type\": \"Index Scan\", \"Relation Name\": \"manifest\", \"Index Name\": \"manifest_digest\", \"Actual Loops\": 3, \"Index Cond\": \"x\"}]}\n\t}\n\
        2026-01-01 [7] db LOG:  something else\n";

    #[test]
    fn plans_are_found_in_the_log() {
        let found = logged(LOG).unwrap();
        assert_eq!(found.len(), 1);
        let (mut plans, mut cost) = (Plans::default(), Cost::default());
        walk(&found[0]["Plan"], &mut plans, &mut cost).unwrap();
        assert_eq!(plans.steps, ["Seq Scan of tag", "Index Scan of manifest along manifest_digest"]);
        assert_eq!(plans.scans, [("tag".to_owned(), 0)]);
        assert_eq!(cost, Cost { descents: 4.0, ..Cost::default() });
        assert!(logged("x plan:\n\t{\n").is_err());
    }
}
