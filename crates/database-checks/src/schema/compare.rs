//! The first difference between two sets of tables, as a sentence.

use super::{Column, Tables};
use std::collections::BTreeSet;

/// What is written and what the migrations make must be equal.
pub(super) fn exactly(written: &Tables, migrated: &Tables) -> Option<String> {
    difference((written, "schema.rs"), (migrated, "the database"), |one, other| one.kind == other.kind)
}

/// The engines have the same columns, of kinds that hold the same values.
pub(super) fn engines(sqlite: &Tables, postgres: &Tables) -> Option<String> {
    difference((sqlite, "SQLite"), (postgres, "Postgres"), |one, other| {
        let kinds: &[&str] = match one.kind.as_str() {
            "INTEGER" => &["bigint", "smallint", "boolean"],
            // Postgres has no NUL in text, so what may hold one is bytes there.
            "TEXT" => &["text", "bytea"],
            "BLOB" => &["bytea"],
            _ => &[],
        };
        kinds.contains(&other.kind.as_str())
    })
}

fn difference(
    (ones, one_name): (&Tables, &str),
    (others, other_name): (&Tables, &str),
    same_kind: impl Fn(&Column, &Column) -> bool,
) -> Option<String> {
    let tables: BTreeSet<&String> = ones.keys().chain(others.keys()).collect();
    for table in tables {
        let (Some(one), Some(other)) = (ones.get(table), others.get(table)) else {
            let (has, has_not) = if ones.contains_key(table) { (one_name, other_name) } else { (other_name, one_name) };
            return Some(format!("{has} has a table `{table}`, {has_not} has not"));
        };
        for index in 0..one.len().max(other.len()) {
            let (left, right) = (one.get(index), other.get(index));
            let same = left.zip(right).is_some_and(|(left, right)| {
                left.name == right.name && left.nullable == right.nullable && same_kind(left, right)
            });
            if !same {
                let show =
                    |column: Option<&Column>| column.map_or("nothing".to_owned(), |column| format!("`{column}`"));
                let number = index + 1;
                return Some(format!(
                    "column {number} of `{table}` is {} in {one_name} and {} in {other_name}",
                    show(left),
                    show(right)
                ));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Tables, engines, exactly};
    use crate::schema::Column;

    fn tables(columns: &[(&str, &str, bool)]) -> Tables {
        let column = |(name, kind, nullable): &(&str, &str, bool)| Column {
            name: (*name).to_owned(),
            kind: (*kind).to_owned(),
            nullable: *nullable,
        };
        Tables::from([("tag".to_owned(), columns.iter().map(column).collect())])
    }

    #[test]
    fn the_first_difference_is_named() {
        let written = tables(&[("name", "TEXT", false), ("actor", "TEXT", true)]);
        let check = |columns: &[(&str, &str, bool)], expected: &str| {
            assert_eq!(exactly(&written, &tables(columns)).as_deref(), Some(expected));
        };
        assert_eq!(exactly(&written, &written), None);
        check(
            &[("name", "TEXT", false), ("actor", "BLOB", true)],
            "column 2 of `tag` is `actor TEXT` in schema.rs and `actor BLOB` in the database",
        );
        check(
            &[("name", "TEXT", true)],
            "column 1 of `tag` is `name TEXT NOT NULL` in schema.rs and `name TEXT` in the database",
        );
        check(&[("name", "TEXT", false)], "column 2 of `tag` is `actor TEXT` in schema.rs and nothing in the database");
        let nothing = exactly(&written, &Tables::new());
        assert_eq!(nothing.as_deref(), Some("schema.rs has a table `tag`, the database has not"));
    }

    #[test]
    fn kinds_of_the_engines_correspond() {
        let sqlite = tables(&[("name", "TEXT", false), ("immutable", "INTEGER", false), ("previous", "BLOB", true)]);
        let same = tables(&[("name", "bytea", false), ("immutable", "boolean", false), ("previous", "bytea", true)]);
        assert_eq!(engines(&sqlite, &same), None);
        let other = tables(&[("name", "text", false), ("immutable", "text", false), ("previous", "bytea", true)]);
        assert!(engines(&sqlite, &other).unwrap().starts_with("column 2 of `tag` is `immutable INTEGER NOT NULL`"));
    }
}
