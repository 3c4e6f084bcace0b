//! Writes are prepared once a connection and planned once too: each is a call of a function.

use super::prepared::Prepared;
use super::world::{World, digest, plan};
use crate::{PostgresOptions, PostgresStore};
use diesel_async::RunQueryDsl;
use manifest_core::facts::{Location, Visibility};
use manifest_core::ports::{
    Blobs, CancelUpload, FinishUpload, Finished, Manifests, MountAsk, MountSource, Mounted, NewUpload, Part,
    PublishPart, Published, UploadId, Uploads,
};
use std::collections::BTreeMap;

const ROUNDS: u8 = 8;

/// What each write calls, without the number of its release, and how often in a round.
const CALLS: [(&str, i64); 7] = [
    ("upload_begin_", 2),
    ("upload_publish_", 1),
    ("upload_finish_", 1),
    ("upload_cancel_", 1),
    ("mount_", 1),
    (" apply_", 2),
    ("discard_", 1),
];

fn part(key: String) -> Part {
    Part { location: Location { store: "main".parse().unwrap(), key }, size: 5 }
}

async fn begin(store: &PostgresStore, id: u128) -> UploadId {
    let id = UploadId::from_bits(id);
    let upload = NewUpload {
        repository: "app".parse().unwrap(),
        id,
        hash_state: vec![0].into(),
        create_repository: Some(Visibility::Private),
        now: 1,
        expires: 1_000,
        actor: None,
    };
    store.begin(&upload).await.unwrap();
    id
}

/// A blob that comes in two parts, one that never comes, a mount, and two pushes.
pub(super) async fn round(store: &PostgresStore, round: u8) {
    let repository = "app".parse().unwrap();
    let id = begin(store, u128::from(round) * 2).await;
    let first = part(format!("first-{round}"));
    let publish =
        PublishPart { repository, id, from: 0, part: first, hash_state: vec![1].into(), now: 1, expires: 1_000 };
    assert_eq!(store.publish(&publish).await.unwrap(), Published::Done);
    let blob = digest(&format!("layer-{round}"));
    let finish = FinishUpload {
        repository: publish.repository.clone(),
        id,
        from: 5,
        sealed: part(format!("sealed-{round}")).location,
        digest: blob,
        size: 10,
        lease_until: 500,
        now: 1,
    };
    assert!(matches!(store.finish(&finish).await.unwrap(), Finished::Done(_)));
    let id = begin(store, u128::from(round) * 2 + 1).await;
    let cancel =
        CancelUpload { repository: finish.repository.clone(), id, from: Some(0), unpublished: Vec::new(), now: 1 };
    store.cancel(&cancel).await.unwrap();
    let mount = MountAsk {
        to: "other".parse().unwrap(),
        from: MountSource::Repository(finish.repository),
        digest: blob,
        lease_until: 500,
        create_repository: Some(Visibility::Private),
        now: 2,
    };
    assert!(matches!(store.mount(&mount).await.unwrap(), Mounted::Done(_)));
    store.discard(&[part(format!("lost-{round}"))], 2).await.unwrap();
    for name in ["one", "two"] {
        store.apply(&plan("app", &format!("{name}-{round}"), &["latest"])).await.unwrap();
    }
}

#[tokio::test]
async fn every_hot_write_is_prepared_and_planned_once() {
    let world = World::new().await;
    let mut options = PostgresOptions::new(world.database.url().parse().unwrap());
    options.pool_size = 1;
    let store = PostgresStore::connect(options).await.unwrap();
    for number in 0..ROUNDS {
        round(&store, number).await;
    }
    let mut link = store.connection().await.unwrap();
    let rows: Vec<Prepared> =
        diesel::sql_query("SELECT statement, generic_plans, custom_plans FROM pg_prepared_statements")
            .load(&mut link.connection)
            .await
            .unwrap();
    let mut times: BTreeMap<&str, u32> = BTreeMap::new();
    for row in &rows {
        *times.entry(&row.statement).or_default() += 1;
    }
    // Also those that nobody has listed here.
    assert!(times.values().all(|times| *times == 1), "{times:#?}");
    for (call, times) in CALLS {
        let of_call: Vec<&Prepared> = rows.iter().filter(|row| row.statement.contains(call)).collect();
        let [Prepared { generic_plans, custom_plans, .. }] = of_call[..] else {
            panic!("{call} is prepared {} times", of_call.len());
        };
        assert_eq!((*generic_plans, *custom_plans), (times * i64::from(ROUNDS), 0), "{call}");
    }
}
