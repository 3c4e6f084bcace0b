use crate::ops::records;
use crate::store::PostgresStore;
use async_trait::async_trait;
use manifest_core::error::Port;
use manifest_core::ports::{Page, Record, Records, Table};

#[async_trait]
impl Records for PostgresStore {
    async fn page(&self, table: Table, after: Option<String>, limit: u32) -> Port<Page<Record>> {
        records::page(self, table, after.as_deref(), limit).await
    }
}
