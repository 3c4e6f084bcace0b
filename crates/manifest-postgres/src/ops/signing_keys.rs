use super::writes::settled;
use crate::store::PostgresStore;
use diesel::sql_types::{Array, Binary};
use manifest_core::error::Port;
use manifest_core::ports::{PrivateKey, Retired};

/// The key in use.
pub(crate) async fn current(store: &PostgresStore) -> Port<Option<PrivateKey>> {
    let row: Option<(Vec<u8>,)> = store.row(CurrentKey {}, "reading the key that signs").await?;
    Ok(row.map(|(der,)| PrivateKey::from_der(der)))
}

/// Takes a key into use if the one in use is as expected. The database lets one writer after the other at the row, so of several one wins;
/// the key that is in use is read where this one lost. (Or where the answer was lost: then it may be this one.)
pub(crate) async fn replace(
    store: &PostgresStore,
    expected: Option<&Retired>,
    key: &PrivateKey,
) -> Port<Option<PrivateKey>> {
    let what = "replacing the key that signs";
    let write = async || -> Port<Vec<(Vec<u8>,)>> {
        match expected {
            None => store.write(FirstKey { key: key.der() }, what).await,
            Some(Retired { private, public }) => {
                store.write(NextKey { key: key.der(), public, expected: private.der() }, what).await
            }
        }
    };
    match settled(write, async |second| Ok(second)).await?.pop() {
        Some((der,)) => Ok(Some(PrivateKey::from_der(der))),
        None => current(store).await,
    }
}

/// The public halves of the keys before.
pub(crate) async fn earlier(store: &PostgresStore) -> Port<Vec<Vec<u8>>> {
    let row: Option<(Vec<Vec<u8>>,)> = store.row(EarlierKeys {}, "reading the keys that signed before").await?;
    Ok(row.map(|(earlier,)| earlier).unwrap_or_default())
}

statement! {
    struct CurrentKey {}
    -> (Binary,);
    "SELECT private FROM signing_key"
}

statement! {
    struct EarlierKeys {}
    -> (Array<Binary>,);
    "SELECT earlier FROM signing_key"
}

statement! {
    /// Answers nothing if there is one.
    struct FirstKey<'a> { key: &'a [u8] => Binary }
    -> (Binary,);
    "INSERT INTO signing_key (id, private, earlier) VALUES (1, $1, '{}') ON CONFLICT DO NOTHING RETURNING private"
}

statement! {
    /// Answers nothing if another one is in use.
    struct NextKey<'a> { key: &'a [u8] => Binary, public: &'a [u8] => Binary, expected: &'a [u8] => Binary }
    -> (Binary,);
    "UPDATE signing_key SET private = $1, earlier = array_append(earlier, $2) WHERE private = $3 RETURNING private"
}
