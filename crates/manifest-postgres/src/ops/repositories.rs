use super::page;
use crate::sets::Scope;
use crate::store::PostgresStore;
use diesel::sql_types::{Array, BigInt, Bool, SmallInt, Text};
use manifest_core::access::ReadScope;
use manifest_core::error::Port;
use manifest_core::ports::{Page, PageAsk, RepositoryRow};
use manifest_core::stored::Column;
use oci_types::RepositoryName;

/// The repository of that name.
pub(crate) async fn find(store: &PostgresStore, name: &RepositoryName) -> Port<Option<RepositoryRow>> {
    let statement = RepositoryByName { name: name.as_str() };
    let row: Option<(i16, i16, i64)> = store.row(statement, "looking up a repository").await?;
    row.map(|(state, visibility, created)| {
        Ok(RepositoryRow {
            name: name.clone(),
            state: Column("repository", "state").repository_state(state.into())?,
            visibility: Column("repository", "visibility").visibility(visibility.into())?,
            created,
        })
    })
    .transpose()
}

statement! {
    struct RepositoryByName<'a> { name: &'a str => Text }
    -> (SmallInt, SmallInt, BigInt);
    "SELECT state, visibility, created_ms FROM repository WHERE name = $1 AND state <> 2"
}

/// A page of the repositories in a scope.
pub(crate) async fn page(
    store: &PostgresStore,
    scope: &ReadScope,
    ask: &PageAsk<RepositoryName>,
) -> Port<Page<RepositoryName>> {
    let after = ask.after.as_ref().map_or("", RepositoryName::as_str);
    let (limit, what) = (i64::from(ask.limit) + 1, "listing repositories");
    let Scope { everything, public, starts, stops } = &Scope::from(scope);
    let rows: Vec<(String,)> = if *everything {
        store.rows(Repositories { after, limit }, what).await?
    } else {
        store.rows(RepositoriesInScope { starts, stops, public: *public, after, limit }, what).await?
    };
    let names = rows.iter().map(|(name,)| Column("repository", "name").text(name));
    Ok(page::cut(names.collect::<Port<_>>()?, ask.limit))
}

statement! {
    struct Repositories<'a> { after: &'a str => Text, limit: i64 => BigInt }
    -> (Text,);
    "SELECT name FROM repository WHERE name > $1 AND state <> 2 ORDER BY name LIMIT $2"
}

/// The first name behind another one that is public or in a range, by one seek in an index for each.
macro_rules! next {
    ($name:literal) => {
        concat!(
            "(SELECT min(n.name) FROM (",
            "SELECT (SELECT name FROM repository WHERE visibility = 0 AND state <> 2 AND name > ",
            $name,
            " ORDER BY name LIMIT 1) AS name WHERE ask.public",
            " UNION ALL ",
            "SELECT (SELECT name FROM repository WHERE state <> 2 AND name > ",
            $name,
            " AND name >= span.start AND name < span.stop ORDER BY name LIMIT 1)",
            " FROM span WHERE span.stop > ",
            $name,
            ") n)"
        )
    };
}

statement! {
    /// Steps from name to name, so that a page costs the same however much lies outside of the scope.
    struct RepositoriesInScope<'a> {
        starts: &'a [String] => Array<Text>,
        stops: &'a [String] => Array<Text>,
        public: bool => Bool,
        after: &'a str => Text,
        limit: i64 => BigInt,
    }
    -> (Text,);
    concat!(
        "WITH RECURSIVE \
         span (start, stop) AS MATERIALIZED \
         (SELECT start COLLATE \"C\", stop COLLATE \"C\" FROM unnest($1, $2) given (start, stop)), \
         ask (public, after) AS MATERIALIZED (SELECT $3, $4 COLLATE \"C\"), \
         found (name) AS (\
         SELECT ", next!("ask.after"), " FROM ask UNION ALL \
         SELECT ", next!("found.name"), " FROM found CROSS JOIN ask WHERE found.name IS NOT NULL) \
         SELECT name FROM found WHERE name IS NOT NULL LIMIT $5"
    )
}
