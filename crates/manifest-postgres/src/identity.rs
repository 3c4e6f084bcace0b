//! Which stores of bytes belong to the rows.

use crate::store::PostgresStore;
use diesel::sql_types::Text;
use manifest_core::error::{Port, PortError, PortErrorKind};
use manifest_core::facts::StoreName;

impl PostgresStore {
    /// The id of the store of that name whose bytes these rows are about; `None` until a node has claimed one.
    ///
    /// # Errors
    ///
    /// [`PortError`] if the database cannot answer.
    pub async fn blob_store_id(&self, name: &StoreName) -> Port<Option<String>> {
        let row: Option<(String,)> =
            self.row(BlobStoreId { name: name.as_str() }, "reading which blob store the rows belong to").await?;
        Ok(row.map(|(id,)| id))
    }

    /// Says that the bytes of these rows are in that store, unless somebody has said so of another one; answers which it is.
    /// Calling again changes nothing.
    ///
    /// # Errors
    ///
    /// [`PortError`] if the database cannot answer.
    pub async fn claim_blob_store(&self, name: &StoreName, id: &str) -> Port<String> {
        let what = "claiming a blob store for the rows";
        let claimed: Vec<(String,)> = self.write(ClaimBlobStore { name: name.as_str(), id }, what).await?;
        if let Some((id,)) = claimed.into_iter().next() {
            return Ok(id);
        }
        let found = self.blob_store_id(name).await?;
        found.ok_or_else(|| PortError::new(PortErrorKind::Internal, what))
    }

    /// Says that the bytes are in another store than was claimed, if that is what was claimed. Calling again changes nothing.
    ///
    /// # Errors
    ///
    /// [`PortError`] if the database cannot answer.
    pub async fn reclaim_blob_store(&self, name: &StoreName, claimed: &str, id: &str) -> Port<()> {
        let statement = ReclaimBlobStore { id, name: name.as_str(), claimed };
        let _: Vec<(String,)> = self.write(statement, "claiming a blob store for the rows").await?;
        Ok(())
    }
}

statement! {
    struct BlobStoreId<'a> { name: &'a str => Text }
    -> (Text,);
    "SELECT id FROM blob_store WHERE name = $1"
}

statement! {
    /// Answers nothing if there is one.
    struct ClaimBlobStore<'a> { name: &'a str => Text, id: &'a str => Text }
    -> (Text,);
    "INSERT INTO blob_store (name, id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id"
}

statement! {
    struct ReclaimBlobStore<'a> { id: &'a str => Text, name: &'a str => Text, claimed: &'a str => Text }
    -> (Text,);
    "UPDATE blob_store SET id = $1 WHERE name = $2 AND id = $3 RETURNING id"
}
