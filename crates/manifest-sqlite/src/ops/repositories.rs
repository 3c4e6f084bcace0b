use super::create_repository::create_repository;
use super::page;
use crate::driver::Doing;
use crate::rows::{Column, OPEN, READ_ONLY};
use crate::schema::repository;
use crate::sets::Scope;
use crate::writer::Verdict;
use diesel::dsl::sql;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SqliteConnection};
use manifest_core::access::ReadScope;
use manifest_core::error::{Port, PortError, PortErrorKind};
use manifest_core::facts::{RepositoryState, Visibility};
use manifest_core::ports::{Page, PageAsk, RepositoryRow};
use manifest_core::time::Millis;
use oci_types::RepositoryName;

/// The repository of that name.
pub(crate) fn find(connection: &mut SqliteConnection, name: &RepositoryName) -> Port<Option<RepositoryRow>> {
    let statement = Repository { name: name.as_str() };
    let row: Option<(i64, i64, i64)> = statement.get_result(connection).optional().doing("looking up a repository")?;
    let Some((state, visibility, created)) = row else {
        return Ok(None);
    };
    Ok(Some(RepositoryRow {
        name: name.clone(),
        state: Column("repository", "state").repository_state(state)?,
        visibility: Column("repository", "visibility").visibility(visibility)?,
        created,
    }))
}

statement! {
    struct Repository<'a> { name: &'a str => Text }
    -> (BigInt, BigInt, BigInt);
    "SELECT state, visibility, created_ms FROM repository INDEXED BY repository_name WHERE name = +?1 AND state <> 2"
}

/// Opens a repository for writes, or closes it. Whether there is one.
pub(crate) fn set_state(
    connection: &mut SqliteConnection,
    name: &RepositoryName,
    state: RepositoryState,
) -> Port<Verdict<bool>> {
    let code = match state {
        RepositoryState::Open => OPEN,
        RepositoryState::ReadOnly => READ_ONLY,
        RepositoryState::Absent => {
            return Err(PortError::new(
                PortErrorKind::Internal,
                "a repository cannot be set absent: deletion has its own way",
            ));
        }
    };
    // In words, since the index holds those rows of which it knows that they are not being deleted.
    let row = repository::table.filter(repository::name.eq(name.as_str())).filter(sql::<Bool>("state <> 2"));
    let changed = diesel::update(row)
        .set(repository::state.eq(code))
        .execute(connection)
        .doing("changing the state of a repository")?;
    Ok(Verdict::Keep(changed > 0))
}

/// Makes a repository. Whether there was none.
pub(crate) fn create(
    connection: &mut SqliteConnection,
    name: &RepositoryName,
    visibility: Visibility,
    now: Millis,
) -> Port<Verdict<bool>> {
    Ok(Verdict::Keep(create_repository(connection, name, visibility, now)?.is_some()))
}

/// Marks a repository for deletion: every statement finds repositories by name, and passes over those that are marked. Whether
/// there was one.
pub(crate) fn delete(connection: &mut SqliteConnection, name: &RepositoryName, now: Millis) -> Port<Verdict<bool>> {
    let statement = DeleteRepository { now, name: name.as_str() };
    let marked = statement.execute(connection).doing("marking a repository for deletion")?;
    Ok(Verdict::Keep(marked > 0))
}

statement! {
    struct DeleteRepository<'a> { now: Millis => BigInt, name: &'a str => Text }
    "UPDATE repository INDEXED BY repository_name SET state = 2, deleted_ms = +?1 WHERE name = +?2 AND state <> 2"
}

/// A page of the repositories in a scope.
pub(crate) fn page(
    connection: &mut SqliteConnection,
    scope: &ReadScope,
    ask: &PageAsk<RepositoryName>,
) -> Port<Page<RepositoryName>> {
    let after = ask.after.as_ref().map_or("", RepositoryName::as_str);
    let limit = i64::from(ask.limit) + 1;
    let Scope { everything, public, ranges } = Scope::from(scope);
    let rows: Vec<(String,)> = if everything {
        Repositories { after, limit }.load(connection)
    } else {
        RepositoriesInScope { ranges: &ranges, public: i64::from(public), after, limit }.load(connection)
    }
    .doing("listing repositories")?;
    let names = rows.iter().map(|(name,)| Column("repository", "name").text(name));
    Ok(page::cut(names.collect::<Port<_>>()?, ask.limit))
}

statement! {
    struct Repositories<'a> { after: &'a str => Text, limit: i64 => BigInt }
    -> (Text,);
    "SELECT name FROM repository INDEXED BY repository_name WHERE name > +?1 AND state <> 2 ORDER BY name LIMIT +?2"
}

/// The first name behind another one that is public or in a range, by one seek in an index for each.
macro_rules! next {
    ($name:literal) => {
        concat!(
            "(SELECT min(name) FROM (",
            "SELECT (SELECT name FROM repository INDEXED BY repository_visibility",
            " WHERE visibility = 0 AND state <> 2 AND name > ",
            $name,
            " ORDER BY name LIMIT 1) AS name WHERE ask.public",
            " UNION ALL ",
            "SELECT (SELECT name FROM repository INDEXED BY repository_name",
            " WHERE state <> 2 AND name > ",
            $name,
            " AND name >= span.start AND name < span.stop ORDER BY name LIMIT 1)",
            " FROM span WHERE span.stop > ",
            $name,
            "))"
        )
    };
}

statement! {
    /// Steps from name to name, so that a page costs the same however much lies outside of the scope.
    struct RepositoriesInScope<'a> { ranges: &'a str => Text, public: i64 => BigInt, after: &'a str => Text, limit: i64 => BigInt }
    -> (Text,);
    concat!(
        "WITH RECURSIVE \
         span (start, stop) AS MATERIALIZED (SELECT value->>0, value->>1 FROM json_each(?1)), \
         ask (public, after) AS MATERIALIZED (SELECT +?2, +?3), \
         found (name) AS (\
         SELECT ", next!("ask.after"), " FROM ask UNION ALL \
         SELECT ", next!("found.name"), " FROM found CROSS JOIN ask WHERE found.name IS NOT NULL LIMIT +?4) \
         SELECT name FROM found WHERE name IS NOT NULL"
    )
}
