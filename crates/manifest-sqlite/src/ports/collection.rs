use crate::ops::collection;
use crate::store::SqliteStore;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::facts::Location;
use manifest_core::ports::{Collection, Stored, Swept};
use manifest_core::time::Millis;

#[async_trait]
impl Collection for SqliteStore {
    async fn sweep_uploads(&self, limit: u32, now: Millis) -> Port<Swept> {
        self.write(move |connection| collection::sweep_uploads(connection, limit, now)).await
    }

    async fn trash(&self, limit: u32, now: Millis) -> Port<Vec<Location>> {
        self.read_page(limit as usize, move |connection| collection::trash(connection, limit, now)).await
    }

    async fn trash_emptied(&self, locations: &[Location]) -> Port<()> {
        let locations = locations.to_vec();
        self.write(move |connection| collection::trash_emptied(connection, &locations)).await
    }

    async fn postpone_trash(&self, locations: &[Location], not_before: Millis) -> Port<()> {
        let locations = locations.to_vec();
        self.write(move |connection| collection::postpone_trash(connection, &locations, not_before)).await
    }

    async fn discard_unnamed(&self, seen: &[Stored], now: Millis) -> Port<u64> {
        let seen = seen.to_vec();
        self.write(move |connection| collection::discard_unnamed(connection, &seen, now)).await
    }
}
