//! How the server is asked to plan statements.
//!
//! The other half is in the migrations: how many different values columns have, as the planner is to believe it. A plan that was
//! made while the tables were empty stays until they are analysed, which autovacuum does within a minute or two of the first rows.
//! The statements of pushes, uploads and pulls are written so that it is right all the same; for the others, whoever loads very many rows
//! at once does well to run ANALYZE behind them.

/// The settings of a connection. Behind a pooler they may not be kept; then statements are planned as the server likes, and
/// well where its statistics are right.
///
/// - A plan is made once for a prepared statement, for any values: planning is most of the work of a short statement, and a server
///   that compares costs may never stop to plan anew one that walks.
/// - Compiling an expression takes longer than any statement of a request, and the cost of a walk, whose length nobody can estimate,
///   would ask for it.
/// - Reading all of a table is cheapest while the table has one page, and a plan stays. So it is left for where there is no other way.
pub(crate) const SETTINGS: &str = "SET plan_cache_mode = force_generic_plan; SET jit = off; SET enable_seqscan = off";
