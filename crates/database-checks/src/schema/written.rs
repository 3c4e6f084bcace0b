//! Reads `schema.rs`, the tables as they were written down for diesel.

use super::{Column, Engine, Tables};
use anyhow::{Context, Result, bail, ensure};

/// The tables of every `table!` in the text, in the engine's own words for types.
pub(super) fn parse(text: &str, engine: Engine) -> Result<Tables> {
    let mut tables = Tables::new();
    let mut open: Option<(String, Vec<Column>)> = None;
    // The name in the database, where that is no name in Rust.
    let mut sql_name: Option<String> = None;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("#[sql_name = \"").and_then(|rest| rest.strip_suffix("\"]")) {
            sql_name = Some(name.to_owned());
        } else if let Some((name, kind)) = line.strip_suffix(',').and_then(|line| line.split_once(" -> ")) {
            let (_, columns) = open.as_mut().with_context(|| format!("`{line}` is in no table"))?;
            let name = sql_name.take().unwrap_or_else(|| name.to_owned());
            columns.push(column(name, kind, engine)?);
        } else if let Some((name, _key)) = line.strip_suffix(") {").and_then(|line| line.split_once(" (")) {
            ensure!(open.is_none(), "`{line}` is inside of a table");
            open = Some((sql_name.take().unwrap_or_else(|| name.to_owned()), Vec::new()));
        } else if line == "}" {
            // The second of a table closes the macro.
            tables.extend(open.take());
        }
    }
    ensure!(!tables.is_empty(), "there is no table");
    Ok(tables)
}

fn column(name: String, kind: &str, engine: Engine) -> Result<Column> {
    let (kind, nullable) = match kind.strip_prefix("Nullable<").and_then(|rest| rest.strip_suffix('>')) {
        Some(kind) => (kind, true),
        None => (kind, false),
    };
    let kind = match (engine, kind) {
        (Engine::Sqlite, "BigInt") => "INTEGER",
        (Engine::Sqlite, "Text") => "TEXT",
        (Engine::Sqlite, "Binary") => "BLOB",
        (Engine::Postgres, "BigInt" | "Int8") => "bigint",
        (Engine::Postgres, "SmallInt" | "Int2") => "smallint",
        (Engine::Postgres, "Bool") => "boolean",
        (Engine::Postgres, "Text") => "text",
        (Engine::Postgres, "Binary" | "Bytea") => "bytea",
        _ => bail!("column `{name}` has a type `{kind}` that no table here has"),
    };
    Ok(Column { name, kind: kind.to_owned(), nullable })
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::schema::Engine;

    const TEXT: &str = "//! Tables.\n\ndiesel::table! {\n    tag (repository_id, name) {\n        name -> Text,\n        \
                        #[sql_name = \"offset\"]\n        offset_ -> Nullable<BigInt>,\n    }\n}\n";

    #[test]
    fn tables_are_read() {
        let show = |engine| {
            let tables = parse(TEXT, engine).unwrap();
            tables["tag"].iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(show(Engine::Sqlite), ["name TEXT NOT NULL", "offset INTEGER"]);
        assert_eq!(show(Engine::Postgres), ["name text NOT NULL", "offset bigint"]);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        assert!(parse("// nothing", Engine::Sqlite).is_err());
        let error = parse(&TEXT.replace("Text", "Jsonb"), Engine::Postgres).unwrap_err().to_string();
        assert!(error.contains("`name`") && error.contains("`Jsonb`"), "{error}");
        assert!(parse("name -> Text,", Engine::Sqlite).is_err());
    }
}
