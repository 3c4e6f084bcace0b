//! Rows of another database with the same tables, copied here as they are.
//!
//! A row travels as one line: its columns with `|` between them, numbers in decimal and `0` and `1` for truths, text and bytes in
//! upper-case hex, `~` for null. So both databases can say the same about the same row, and a sum over lines says whether they agree.

use crate::driver::Doing;
use crate::store::PostgresStore;
use diesel::sql_types::{Array, BigInt, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::RunQueryDsl;
use manifest_core::error::Port;

/// A table whose rows can be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportTable {
    /// Its name.
    pub name: String,
    /// All columns, in order.
    pub columns: Vec<ImportColumn>,
    /// The names of the columns of the primary key, in order.
    pub key: Vec<String>,
}

/// A column of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportColumn {
    /// Its name.
    pub name: String,
    /// Whether it holds numbers or truths; else text or bytes.
    pub number: bool,
    /// Its type, as the server calls it.
    kind: String,
}

/// Tables in the order in which their rows may be written: what a row refers to comes before it.
const ORDER: [&str; 13] = [
    "repository",
    "manifest",
    "manifest_child",
    "manifest_blob",
    "legacy_image",
    "label",
    "tag",
    "tag_history",
    "blob",
    "repository_blob",
    "upload",
    "upload_part",
    "trash",
];

impl PostgresStore {
    /// The tables that a copy writes, in the order in which it must.
    ///
    /// # Errors
    ///
    /// [`manifest_core::PortError`] if the database cannot answer.
    pub async fn import_tables(&self) -> Port<Vec<ImportTable>> {
        let mut tables = Vec::new();
        for name in ORDER {
            let mut link = self.connection().await?;
            let columns: Vec<Column> = sql_query(
                "SELECT a.attname::text AS name, format_type(a.atttypid, NULL) AS kind, \
                     coalesce(array_position(i.indkey::int2[], a.attnum), -1)::bigint AS place \
                 FROM pg_attribute a JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary \
                 WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            )
            .bind::<Text, _>(name)
            .load(&mut link.connection)
            .await
            .doing("reading the columns of a table")?;
            let mut key: Vec<(i64, String)> =
                columns.iter().filter(|column| column.place >= 0).map(|c| (c.place, c.name.clone())).collect();
            key.sort_unstable();
            let columns = columns.into_iter().map(|Column { name, kind, .. }| {
                let number = !["text", "bytea"].contains(&kind.as_str());
                ImportColumn { name, number, kind }
            });
            let (columns, key) = (columns.collect(), key.into_iter().map(|(_, name)| name).collect());
            tables.push(ImportTable { name: name.to_owned(), columns, key });
        }
        Ok(tables)
    }

    /// Writes rows, all or none. Those whose key is there are left as they are.
    ///
    /// # Errors
    ///
    /// [`manifest_core::PortError`] if the database cannot answer, or a line is none of the table.
    pub async fn import(&self, table: &ImportTable, lines: &[String]) -> Port<()> {
        let names: Vec<String> = table.columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
        let values: Vec<String> = table.columns.iter().enumerate().map(|(at, column)| column.read(at + 1)).collect();
        // The cells of a line are split once, not once a column.
        let sql = format!(
            "INSERT INTO \"{}\" ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM \
             (SELECT string_to_array(line, '|') AS cell FROM unnest($1) AS line OFFSET 0) AS l ON CONFLICT DO NOTHING",
            table.name,
            names.join(", "),
            values.join(", ")
        );
        let mut link = self.connection().await?;
        let done = sql_query(sql).bind::<Array<Text>, _>(lines).execute(&mut link.connection).await;
        done.doing("writing the rows of a copy").map(drop)
    }

    /// How many rows a table has, and the sum of what [`line_sum`] makes of each of their lines.
    ///
    /// # Errors
    ///
    /// [`manifest_core::PortError`] if the database cannot answer.
    pub async fn sum_rows(&self, table: &ImportTable) -> Port<(u64, u128)> {
        let shown: Vec<String> = table.columns.iter().map(ImportColumn::show).collect();
        let sql = format!(
            "SELECT count(*) AS rows, \
                 coalesce(sum(('x' || left(encode(sha256(convert_to(concat_ws('|', {}), 'UTF8')), 'hex'), 14))::bit(56)::bigint), 0)::text \
                 AS sum FROM \"{}\"",
            shown.join(", "),
            table.name
        );
        let mut link = self.connection().await?;
        let Sum { rows, sum } =
            sql_query(sql).get_result(&mut link.connection).await.doing("summing the rows of a table")?;
        Ok((rows.unsigned_abs(), sum.parse().unwrap_or_default()))
    }

    /// How many rows a table has.
    ///
    /// # Errors
    ///
    /// [`manifest_core::PortError`] if the database cannot answer.
    pub async fn count_rows(&self, table: &ImportTable) -> Port<u64> {
        let sql = format!("SELECT count(*) AS rows, '' AS sum FROM \"{}\"", table.name);
        let mut link = self.connection().await?;
        let Sum { rows, .. } = sql_query(sql).get_result(&mut link.connection).await.doing("counting rows")?;
        Ok(rows.unsigned_abs())
    }

    /// Has new rows numbered after those that were copied.
    ///
    /// # Errors
    ///
    /// [`manifest_core::PortError`] if the database cannot answer.
    pub async fn number_after_import(&self) -> Port<()> {
        for table in ["repository", "manifest", "label"] {
            let sql = format!(
                "SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM {table}), false)"
            );
            let mut link = self.connection().await?;
            sql_query(sql).execute(&mut link.connection).await.doing("numbering new rows")?;
        }
        Ok(())
    }
}

/// What a line adds to the sum over its table: the first seven bytes of its SHA-256, as a number.
#[must_use]
pub fn line_sum(line: &str) -> u128 {
    let digest = oci_types::Digest::of(oci_types::Algorithm::Sha256, line.as_bytes());
    // The first byte says which algorithm.
    digest.as_bytes().iter().skip(1).take(7).fold(0, |sum, byte| sum << 8 | u128::from(*byte))
}

impl ImportColumn {
    /// The expression that reads the cell at that place.
    fn read(&self, at: usize) -> String {
        let cell = format!("nullif(cell[{at}], '~')");
        match self.kind.as_str() {
            "text" => format!("convert_from(decode({cell}, 'hex'), 'UTF8')"),
            "bytea" => format!("decode({cell}, 'hex')"),
            "boolean" => format!("{cell}::int::boolean"),
            kind => format!("{cell}::{kind}"),
        }
    }

    /// The expression that shows the column as a cell.
    fn show(&self) -> String {
        let name = format!("\"{}\"", self.name);
        let shown = match self.kind.as_str() {
            "text" => format!("upper(encode(convert_to({name}, 'UTF8'), 'hex'))"),
            "bytea" => format!("upper(encode({name}, 'hex'))"),
            "boolean" => format!("{name}::int::text"),
            _ => format!("{name}::text"),
        };
        format!("coalesce({shown}, '~')")
    }
}

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = BigInt)]
    place: i64,
}

#[derive(QueryableByName)]
struct Sum {
    #[diesel(sql_type = BigInt)]
    rows: i64,
    #[diesel(sql_type = Text)]
    sum: String,
}
