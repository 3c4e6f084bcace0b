//! All rows of a table, for a copy into another database.

use crate::driver::Doing;
use crate::store::SqliteStore;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, RunQueryDsl};
use manifest_core::error::Port;

/// A column of a table, as the other database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportColumn {
    /// Its name.
    pub name: String,
    /// Whether it holds numbers or truths; else text or bytes.
    pub number: bool,
}

/// How much is handed over at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportBatch {
    /// At most so many rows.
    pub rows: usize,
    /// At most so many bytes, but for a row that has more, which is handed over alone.
    pub bytes: usize,
}

impl SqliteStore {
    /// The rows of a table after the first `skip`, in the order of `key`, handed over in batches: each row as its columns
    /// with `|` between them, numbers in decimal and `0` and `1` for truths, text and bytes in upper-case hex, and `~` for null.
    ///
    /// Names of tables and columns are the caller's, who has them from a database with the same tables.
    ///
    /// # Errors
    ///
    /// [`manifest_core::PortError`] if the database cannot answer, or has no such table or column; and that of `take`, which ends it.
    pub async fn export(
        &self,
        table: &str,
        columns: &[ExportColumn],
        key: &[String],
        skip: u64,
        batch: ExportBatch,
        mut take: impl FnMut(Vec<String>) -> Port<()> + Send + 'static,
    ) -> Port<()> {
        // `hex` answers an empty text for null.
        let shown: Vec<String> = columns
            .iter()
            .map(|ExportColumn { name, number }| {
                let value = if *number { format!("\"{name}\"") } else { format!("hex(CAST(\"{name}\" AS BLOB))") };
                format!("CASE WHEN \"{name}\" IS NULL THEN '~' ELSE {value} END")
            })
            .collect();
        let order: Vec<String> = key.iter().map(|name| format!("\"{name}\"")).collect();
        let sql = format!(
            "SELECT {} AS line FROM \"{table}\" ORDER BY {} LIMIT -1 OFFSET ?",
            shown.join(" || '|' || "),
            order.join(", ")
        );
        let what = "reading the rows of a table";
        self.read_long(move |connection| {
            let skip = i64::try_from(skip).unwrap_or(i64::MAX);
            let lines = diesel::sql_query(sql)
                .bind::<BigInt, _>(skip)
                .load_iter::<Line, diesel::connection::DefaultLoadingMode>(connection)
                .doing(what)?;
            let (mut pending, mut bytes) = (Vec::new(), 0);
            for line in lines {
                let Line { line } = line.doing(what)?;
                if pending.len() >= batch.rows || !pending.is_empty() && bytes + line.len() > batch.bytes {
                    take(std::mem::take(&mut pending))?;
                    bytes = 0;
                }
                bytes += line.len();
                pending.push(line);
            }
            if pending.is_empty() { Ok(()) } else { take(pending) }
        })
        .await
    }

    /// How many rows a table has.
    ///
    /// # Errors
    ///
    /// [`manifest_core::PortError`] if the database cannot answer, or has no such table.
    pub async fn count_rows(&self, table: &str) -> Port<u64> {
        let sql = format!("SELECT count(*) AS number FROM \"{table}\"");
        let Number { number } = self
            .read_long(move |connection| diesel::sql_query(sql).get_result(connection).doing("counting rows"))
            .await?;
        Ok(number.unsigned_abs())
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}
