use crate::store::PostgresStore;
use manifest_core::error::Port;
use manifest_core::plan::{Applied, Plan};

/// Whether a plan was executed whose answer was lost, by what is there now.
pub(super) async fn look(_store: &PostgresStore, _plan: &Plan) -> Port<Option<Applied>> {
    Ok(None)
}
