//! What each crate's `Cargo.toml` must say.

use anyhow::{Context, Result};
use toml_edit::{Document, Item, TableLike};

/// What is wrong with one manifest, one sentence each.
pub(crate) fn violations(package: &str, text: &str) -> Result<Vec<String>> {
    let document = Document::parse(text).with_context(|| format!("the manifest of `{package}` is not TOML"))?;
    let root = document.as_table();
    let mut found = Vec::new();
    if !inherits(root.get("lints")) {
        found.push(format!("`{package}` has no `[lints] workspace = true`"));
    }
    for table in dependency_tables(root) {
        for (name, item) in table.iter() {
            if !inherits(Some(item)) {
                found.push(format!("`{package}` sets `{name}` by itself: it must say `workspace = true`"));
            }
        }
    }
    Ok(found)
}

/// The three tables of the manifest, and those of each target.
fn dependency_tables(root: &dyn TableLike) -> Vec<&dyn TableLike> {
    let targets = root.get("target").and_then(Item::as_table_like);
    let targets = targets.into_iter().flat_map(TableLike::iter).filter_map(|(_, item)| item.as_table_like());
    let holders = std::iter::once(root).chain(targets);
    holders
        .flat_map(|holder| {
            ["dependencies", "dev-dependencies", "build-dependencies"]
                .into_iter()
                .filter_map(|name| holder.get(name).and_then(Item::as_table_like))
        })
        .collect()
}

fn inherits(item: Option<&Item>) -> bool {
    let table = item.and_then(Item::as_table_like);
    table.and_then(|table| table.get("workspace")).and_then(Item::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::violations;

    #[test]
    fn a_manifest_that_inherits_everything_passes() {
        let text = "[lints]\nworkspace = true\n[dependencies]\nbytes.workspace = true\n\
                    tokio = { workspace = true, features = [\"rt\"] }\n";
        assert_eq!(violations("a", text).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn planted_violations_are_found() {
        let text = "[dependencies]\nbytes = \"1\"\n[dependencies.http]\nversion = \"1\"\n\
                    [target.'cfg(unix)'.dev-dependencies]\nrustix = { version = \"1\" }\n";
        let found = violations("a", text).unwrap();
        assert_eq!(found.len(), 4, "{found:?}");
        for part in ["lints", "bytes", "http", "rustix"] {
            assert!(found.iter().any(|line| line.contains(part)), "{part}: {found:?}");
        }
    }
}
