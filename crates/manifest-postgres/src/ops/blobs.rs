use crate::store::PostgresStore;
use diesel::sql_types::{BigInt, Binary, Text};
use manifest_core::error::Port;
use manifest_core::facts::Blob;
use manifest_core::stored::Column;
use manifest_core::time::Millis;
use oci_types::{Digest, RepositoryName};

/// The blob, if the repository grants access and, where only a lease does, the lease is later than that.
pub(crate) async fn find(
    store: &PostgresStore,
    repository: &RepositoryName,
    digest: &Digest,
    usable_after: Millis,
) -> Port<Option<Blob>> {
    let statement = BlobByDigest { repository: repository.as_str(), digest: digest.as_bytes(), usable_after };
    let row: Option<(i64, String)> = store.row(statement, "looking up a blob").await?;
    row.map(|row| read("repository_blob", row)).transpose()
}

/// A blob of its size and location in some table.
pub(crate) fn read(table: &'static str, (size, location): (i64, String)) -> Port<Blob> {
    Ok(Blob { size: Column(table, "size").size(size)?, location: Column(table, "location").location(&location)? })
}

statement! {
    struct BlobByDigest<'a> { repository: &'a str => Text, digest: &'a [u8] => Binary, usable_after: Millis => BigInt }
    -> (BigInt, Text);
    concat!(
        "SELECT b.size, b.location FROM repository r JOIN repository_blob b ON b.repository_id = r.id \
         WHERE r.name = $1 AND r.state <> 2 AND b.digest = $2 AND ",
        granted!("b", "$3")
    )
}
