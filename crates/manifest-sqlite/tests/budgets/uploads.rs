use crate::counted::Counted;
use crate::values::{digest, location, repository, upload_id};
use manifest_core::access::{NameRange, ReadScope};
use manifest_core::facts::Visibility;
use manifest_core::ports::{
    Begun, Blobs, FinishUpload, Finished, MountAsk, MountSource, Mounted, NewUpload, Part, PublishPart, Published,
    Uploads,
};
use oci_types::{Algorithm, Hasher};

#[tokio::test]
async fn uploads_and_mounts_cost_at_most_four_statements() {
    let mut counted = Counted::new();
    let (store, app) = (counted.store.clone(), repository("app"));
    let state = Hasher::new(Algorithm::Sha256).to_state();
    for (id, expected) in [(1, 4), (2, 4)] {
        let upload = NewUpload {
            repository: app.clone(),
            id: upload_id(id),
            hash_state: state.clone().into(),
            create_repository: Some(Visibility::Private),
            now: 1,
            expires: 100,
            actor: None,
        };
        assert_eq!(store.begin(&upload).await.unwrap(), Begun::Done);
        assert_eq!(counted.statements(), expected, "POST {id}");
    }
    let part = PublishPart {
        repository: app.clone(),
        id: upload_id(1),
        from: 0,
        part: Part { location: location("part"), size: 5 },
        hash_state: state.into(),
        now: 2,
        expires: 200,
    };
    assert_eq!(store.publish(&part).await.unwrap(), Published::Done);
    assert_eq!(counted.statements(), 4, "PATCH");
    assert!(store.load(&app, &upload_id(1), 3).await.unwrap().is_some());
    assert_eq!(counted.statements(), 1, "load");
    let finish = FinishUpload {
        repository: app.clone(),
        id: upload_id(1),
        from: 5,
        sealed: location("sealed"),
        digest: digest("layer"),
        size: 10,
        lease_until: 1_000,
        now: 3,
    };
    assert!(matches!(store.finish(&finish).await.unwrap(), Finished::Done(_)));
    assert_eq!(counted.statements(), 3, "PUT");
    for (to, from) in [
        ("new", MountSource::Repository(app.clone())),
        ("new", MountSource::Scope(ReadScope::All)),
        ("newer", MountSource::Scope(ReadScope::ranges(false, [NameRange::repository(&app)]))),
    ] {
        let ask = MountAsk {
            to: repository(to),
            from,
            digest: digest("layer"),
            lease_until: 1_000,
            create_repository: Some(Visibility::Private),
            now: 4,
        };
        assert!(matches!(store.mount(&ask).await.unwrap(), Mounted::Done(_)));
        assert_eq!(counted.statements(), 4, "mount into {to}");
    }
}
