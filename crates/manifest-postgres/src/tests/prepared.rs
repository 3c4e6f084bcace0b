//! Statements are prepared once a connection and planned once, however often they run.

use super::statements;
use super::world::World;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;
use std::collections::BTreeMap;

/// A row of `pg_prepared_statements`.
#[derive(QueryableByName)]
pub(super) struct Prepared {
    #[diesel(sql_type = Text)]
    pub(super) statement: String,
    #[diesel(sql_type = BigInt)]
    pub(super) generic_plans: i64,
    #[diesel(sql_type = BigInt)]
    pub(super) custom_plans: i64,
}

#[tokio::test]
async fn every_read_is_prepared_and_planned_once() {
    const ROUNDS: i64 = 8;
    let world = World::new().await;
    let mut connection = world.connection_of_store().await;
    let mut named = Vec::new();
    for _ in 0..ROUNDS {
        named = statements::lookups(&mut connection).await;
        named.extend(statements::pages(&mut connection).await);
        named.extend(statements::walks(&mut connection).await);
        named.extend(statements::counts(&mut connection).await);
    }
    let rows: Vec<Prepared> =
        diesel::sql_query("SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements")
            .load(&mut connection)
            .await
            .unwrap();
    let mut prepared: BTreeMap<&str, Vec<&Prepared>> = BTreeMap::new();
    for row in &rows {
        prepared.entry(&row.statement).or_default().push(row);
    }
    for (name, text) in named {
        let [Prepared { generic_plans, custom_plans, .. }] = prepared[text][..] else {
            panic!("{name} is prepared {} times", prepared[text].len());
        };
        assert_eq!((*generic_plans, *custom_plans), (ROUNDS, 0), "{name}");
    }
}
