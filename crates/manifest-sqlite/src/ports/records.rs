use crate::ops::records;
use crate::store::SqliteStore;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::ports::{Page, Record, Records, Table};

#[async_trait]
impl Records for SqliteStore {
    async fn page(&self, table: Table, after: Option<String>, limit: u32) -> Port<Page<Record>> {
        // Every page of them looks at all repositories.
        self.read_page(usize::MAX, move |connection| records::page(connection, table, after.as_deref(), limit)).await
    }
}
