//! Postgres: how it is filled, and how it runs what the adapter asks, the statements within functions too.
//!
//! The server itself logs the plan of each statement that it runs, by its module `auto_explain`; so what is looked at is
//! what was run, with the plan that was kept for it.

use super::data::{self, Dialect, Kind, Size};
use super::measure;
use super::operations::{Asker, Operation, Ports};
use super::plan::Plans;
use super::{Comparison, Filled};
use anyhow::{Context, Result, ensure};
use manifest_postgres::{PostgresOptions, PostgresStore};
use postgres_fixture::{Cluster, Database};
use serde_json::Value;
use std::thread;
use std::time::{Duration, Instant};

/// How often a statement is run before its plan is looked at: after five times the server decides whether to keep one
/// plan for all parameters.
const BEFORE: usize = 10;
/// How long the log may take.
const LOG: Duration = Duration::from_secs(10);
/// How long nothing more comes into the log when it is complete.
const QUIET: Duration = Duration::from_millis(100);

/// A server as an operator would have one, for the size of the data.
const PARAMETERS: &[(&str, &str)] =
    &[("shared_buffers", "1GB"), ("max_wal_size", "8GB"), ("maintenance_work_mem", "256MB")];
/// What made filling quick, and is not what is measured.
const DURABLE: &[(&str, &str)] = &[("fsync", "on"), ("full_page_writes", "on"), ("synchronous_commit", "on")];
/// What has plans logged.
const EXPLAINED: &[(&str, &str)] = &[
    ("session_preload_libraries", "auto_explain"),
    ("auto_explain.log_min_duration", "0"),
    ("auto_explain.log_nested_statements", "on"),
    ("auto_explain.log_format", "json"),
];
/// What has each statement planned for its own parameters. A plan for all parameters guesses how many rows a page has from
/// how many there are, so that what it says of the cost grows with the table though the page does not.
const PLANNED_ANEW: &[(&str, &str)] = &[("plan_cache_mode", "force_custom_plan")];

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
    let (of_small, asker) = all_plans(&cluster, &databases.0, Asker::new(small)).await?;
    let mut small = open(&databases.0, asker).await?;
    let (of_large, asker) = all_plans(&cluster, &databases.1, Asker::new(large)).await?;
    let mut large = open(&databases.1, asker).await?;
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
    database.psql(&statements.join(";\n")).context("filling")?;
    database.psql("VACUUM ANALYZE")?;
    super::filled(size, start);
    Ok(database)
}

async fn open(database: &Database, asker: Asker) -> Result<Filled> {
    let mut options = PostgresOptions::new(database.url().parse()?);
    // One connection, which has run everything before.
    options.pool_size = 1;
    let store = PostgresStore::connect(options).await?;
    Ok(Filled { ports: Ports::of(&store), asker })
}

/// The plans of every operation as they are kept, with the costs that they have for a page of known length. Gives the asker
/// back, who goes on from there.
async fn all_plans(cluster: &Cluster, database: &Database, asker: Asker) -> Result<(Vec<Plans>, Asker)> {
    let set = |parameters: &[(&str, &str)]| -> Result<()> {
        for (parameter, value) in parameters {
            database.psql(&format!("ALTER DATABASE {} SET {parameter} = '{value}'", database.name()))?;
        }
        Ok(())
    };
    set(EXPLAINED)?;
    let (mut all, asker) = logged_plans(cluster, database, asker).await?;
    set(PLANNED_ANEW)?;
    let (costs, asker) = logged_plans(cluster, database, asker).await?;
    for (plans, costs) in all.iter_mut().zip(costs) {
        plans.cost = costs.cost;
    }
    database.psql(&format!("ALTER DATABASE {} RESET ALL", database.name()))?;
    // What was written is not to be measured.
    database.psql("VACUUM ANALYZE")?;
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
    for _ in 0..BEFORE {
        filled.asker.next(operation)?.ask(&filled.ports).await?;
    }
    let before = settled(cluster, 0)?.len();
    filled.asker.next(operation)?.ask(&filled.ports).await?;
    let log = settled(cluster, before)?;
    let mut plans = Plans { cost: Some(0.0), ..Plans::default() };
    for logged in logged(log.get(before..).unwrap_or_default())? {
        let plan = logged.get("Plan").context("a logged plan has no `Plan`")?;
        let cost = plan.get("Total Cost").and_then(Value::as_f64).context("a plan has no cost")?;
        plans.cost = plans.cost.map(|sum| sum + cost);
        walk(plan, &mut plans);
    }
    for (table, rows) in &mut plans.scans {
        let count =
            database.psql(&format!("SELECT reltuples::bigint FROM pg_class WHERE oid = '{table}'::regclass"))?;
        *rows = count.parse().unwrap_or(0);
    }
    ensure!(!plans.steps.is_empty(), "it ran no statement that searches rows");
    Ok(plans)
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

fn walk(node: &Value, plans: &mut Plans) {
    let text = |member| node.get(member).and_then(Value::as_str);
    let kind = text("Node Type").unwrap_or_default();
    match (text("Relation Name"), text("Index Name")) {
        (Some(table), None) if kind == "Seq Scan" || kind == "Sample Scan" => {
            plans.add(format!("{kind} of {table}"));
            plans.scans.push((table.to_owned(), 0));
        }
        (table, Some(index)) => {
            let by_key = if node.get("Index Cond").is_some() { "" } else { ", from an end" };
            let table = table.map(|table| format!(" of {table}")).unwrap_or_default();
            plans.add(format!("{kind}{table} along {index}{by_key}"));
        }
        _ => {}
    }
    for child in node.get("Plans").and_then(Value::as_array).into_iter().flatten() {
        walk(child, plans);
    }
}

#[cfg(test)]
mod tests {
    use super::{logged, walk};
    use crate::scale::plan::Plans;

    const LOG: &str = "2026-01-01 [7] db LOG:  duration: 0.1 ms  plan:\n\t{\n\t  \"Query Text\": \"SELECT 1\",\n\t  \"Plan\": {\
        \"Node Type\": \"Nested Loop\", \"Total Cost\": 8.5, \"Plans\": [\
        {\"Node Type\": \"Seq Scan\", \"Relation Name\": \"tag\"},\
        {\"Node Type\": \"Index Scan\", \"Relation Name\": \"manifest\", \"Index Name\": \"manifest_digest\", \"Index Cond\": \"x\"}]}\n\t}\n\
        2026-01-01 [7] db LOG:  something else\n";

    #[test]
    fn plans_are_found_in_the_log() {
        let found = logged(LOG).unwrap();
        assert_eq!(found.len(), 1);
        let mut plans = Plans::default();
        walk(&found[0]["Plan"], &mut plans);
        assert_eq!(plans.steps, ["Seq Scan of tag", "Index Scan of manifest along manifest_digest"]);
        assert_eq!(plans.scans, [("tag".to_owned(), 0)]);
        assert!(logged("x plan:\n\t{\n").is_err());
    }
}
