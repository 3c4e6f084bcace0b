//! U2 and C1 to C4: what nobody names any more ends in the trash, once, and nothing else does.

use crate::world::{AnUpload, Fixture, LATER, digest, location, must, race, stored};
use manifest_core::empty_layer;
use manifest_core::facts::Location;
use manifest_core::ports::{Begun, FinishUpload, Finished, NewUpload, PublishPart, Published, Swept};
use std::collections::BTreeSet;
use std::sync::Arc;

fn locations<const N: usize>(names: [Location; N]) -> BTreeSet<Location> {
    BTreeSet::from(names)
}

pub(crate) async fn u2_a_part_that_is_not_published_is_trash(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    let upload = AnUpload::new(&app, "u").begun().await;
    assert_eq!(upload.publish(0, upload.part("kept", 5)).await, Published::Done);
    assert!(store.trash().await.is_empty());
    assert_eq!(upload.publish(0, upload.part("late", 5)).await, Published::WrongOffset(5));
    let nobody = AnUpload::new(&app, "nobody's");
    assert_eq!(nobody.publish(0, nobody.part("unknown", 5)).await, Published::Unknown);
    let stranger = upload.seen_from(&other);
    assert_eq!(stranger.publish(5, upload.part("strange", 5)).await, Published::Unknown);
    let late = PublishPart { now: 1_000, ..upload.appending(5, upload.part("expired", 5)) };
    assert_eq!(upload.append(late).await, Published::Unknown);
    let lost = ["late", "strange", "expired"].map(|name| upload.part(name, 5).location);
    let expected = lost.into_iter().chain([nobody.part("unknown", 5).location]).collect();
    assert_eq!(store.trash().await, expected);
}

pub(crate) async fn u2_a_part_that_is_kept_is_no_trash_though_it_is_published_again(store: Fixture) {
    let app = store.repo("app");
    let upload = AnUpload::new(&app, "u").begun().await;
    let part = upload.part("a", 5);
    assert_eq!(upload.publish(0, part.clone()).await, Published::Done);
    // The answer was lost, and the call is made again.
    assert_eq!(upload.publish(0, part.clone()).await, Published::WrongOffset(5));
    assert_eq!(upload.finish(upload.finishing(0, "content", "early")).await, Finished::WrongOffset(5));
    assert_eq!(store.trash().await, locations([upload.sealed("early")]));
}

pub(crate) async fn u2_a_finish_leaves_its_parts_and_keeps_its_copy(store: Fixture) {
    let app = store.repo("app");
    let upload = AnUpload::new(&app, "u").begun().await;
    upload.publish(0, upload.part("a", 3)).await;
    upload.publish(3, upload.part("b", 3)).await;
    assert!(matches!(upload.finish(upload.finishing(6, "content", "whole")).await, Finished::Done(_)));
    let parts = ["a", "b"].map(|name| upload.part(name, 1).location);
    assert_eq!(store.trash().await, locations(parts.clone()));
    assert_eq!(app.blob("content", 1).await.map(|blob| blob.location), Some(upload.sealed("whole")));

    let again = AnUpload::new(&app, "again").begun().await;
    assert!(matches!(again.finish(again.finishing(0, "content", "copy")).await, Finished::Done(_)));
    let all = parts.into_iter().chain([again.sealed("copy")]).collect();
    assert_eq!(store.trash().await, all, "a copy of what is known is trash");
}

pub(crate) async fn u2_a_refused_finish_leaves_what_it_brought(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    other.at(1).create(crate::world::a_manifest("image")).done().await;
    let upload = AnUpload::new(&app, "u").begun().await;
    upload.publish(0, upload.part("held", 3)).await;
    let bring = |name: &str, from, content: &str| upload.finishing(from, content, name);
    assert_eq!(upload.finish(bring("wrong", 2, "content")).await, Finished::WrongOffset(3));
    let stranger = FinishUpload { repository: other.name.clone(), ..bring("strange", 3, "content") };
    assert_eq!(upload.finish(stranger).await, Finished::Unknown);
    let late = FinishUpload { now: 1_000, ..bring("expired", 3, "content") };
    assert_eq!(upload.finish(late).await, Finished::Unknown);
    let mut expected: BTreeSet<Location> =
        ["wrong", "strange", "expired"].into_iter().map(|name| upload.sealed(name)).collect();
    assert_eq!(store.trash().await, expected);
    assert!(matches!(upload.finish(bring("whole", 3, "content")).await, Finished::Done(_)));
    expected.insert(upload.part("held", 3).location);
    assert!(matches!(upload.finish(bring("again", 3, "content")).await, Finished::AlreadyDone(_)));
    expected.insert(upload.sealed("again"));
    assert_eq!(upload.finish(bring("other", 3, "other")).await, Finished::Unknown);
    expected.insert(upload.sealed("other"));
    assert_eq!(store.trash().await, expected);
}

pub(crate) async fn u2_a_stored_blob_is_no_trash_though_its_finish_comes_again(store: Fixture) {
    let app = store.repo("app");
    let upload = AnUpload::new(&app, "u").begun().await;
    let finish = upload.finishing(0, "content", "whole");
    assert!(matches!(upload.finish(finish.clone()).await, Finished::Done(_)));
    assert!(matches!(upload.finish(finish.clone()).await, Finished::AlreadyDone(_)));
    assert_eq!(upload.finish(FinishUpload { digest: digest("other"), ..finish }).await, Finished::Unknown);
    assert!(store.trash().await.is_empty());
}

pub(crate) async fn u2_a_cancelled_upload_leaves_all_its_parts(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    let upload = AnUpload::new(&app, "u").begun().await;
    upload.publish(0, upload.part("a", 3)).await;
    assert!(!upload.seen_from(&other).cancel(&[upload.part("strange", 1)]).await);
    assert_eq!(store.trash().await, locations([upload.part("strange", 1).location]));
    assert!(upload.cancel(&[upload.part("b", 2)]).await);
    assert_eq!(upload.load(1).await, None);
    let all = ["strange", "a", "b"].map(|name| upload.part(name, 1).location);
    assert_eq!(store.trash().await, locations(all));
    assert!(!upload.cancel(&[upload.part("c", 1), upload.part("a", 3)]).await, "it is gone");
    let all = ["strange", "a", "b", "c"].map(|name| upload.part(name, 1).location);
    assert_eq!(store.trash().await, locations(all), "each once");
}

async fn sweep(store: &Fixture, limit: u32, now: i64) -> Swept {
    must(store.rows.collection.sweep_uploads(limit, now).await)
}

pub(crate) async fn c1_expired_uploads_are_swept_with_their_parts(store: Fixture) {
    let app = store.repo("app");
    let old = AnUpload::new(&app, "old");
    assert_eq!(old.begin(NewUpload { expires: 50, ..old.opening() }).await, Begun::Done);
    old.append(PublishPart { expires: 50, ..old.appending(0, old.part("a", 1)) }).await;
    let young = AnUpload::new(&app, "young").begun().await;
    young.publish(0, young.part("b", 1)).await;
    let finished = AnUpload::new(&app, "finished").begun().await;
    let blob = finished.makes("content", 100_000).await;
    let before = store.trash().await;

    assert_eq!(sweep(&store, 10, 49).await, Swept { removed: 0, more: false });
    assert_eq!(sweep(&store, 10, 100).await.removed, 1);
    let trash = store.trash().await;
    assert_eq!(trash.difference(&before).cloned().collect::<BTreeSet<_>>(), locations([old.part("a", 1).location]));
    assert!(young.load(100).await.is_some() && finished.load(100).await.is_some());
    assert_eq!(old.load(1).await, None, "its row is gone, whatever the time");

    assert_eq!(sweep(&store, 10, 2_000).await.removed, 2, "finished ones go too");
    assert_eq!(finished.load(1).await, None);
    let trash = store.trash().await;
    assert!(trash.contains(&young.part("b", 1).location));
    assert!(!trash.contains(&blob.location), "a finished one leaves its blob");
    assert_eq!(app.blob("content", 2_000).await, Some(blob));
}

pub(crate) async fn c1_a_sweep_takes_no_more_than_it_is_told(store: Fixture) {
    let app = store.repo("app");
    for number in 0..10 {
        AnUpload::new(&app, &number.to_string()).begun().await;
    }
    let (mut removed, mut steps) = (0, 0);
    loop {
        let swept = sweep(&store, 4, 2_000).await;
        assert!(swept.removed <= 4);
        removed += swept.removed;
        steps += 1;
        if !swept.more {
            break;
        }
        assert!(steps < 10, "it never ends");
    }
    assert_eq!(removed, 10, "`more` was said as long as there were more");
}

pub(crate) async fn c2_trash_is_listed_up_to_a_limit(store: Fixture) {
    let app = store.repo("app");
    let upload = AnUpload::new(&app, "u").begun().await;
    let parts: Vec<_> = (0..10).map(|number| upload.part(&number.to_string(), 1)).collect();
    assert!(upload.cancel(&parts).await);
    let list = async |limit| must(store.rows.collection.trash(limit, LATER).await);
    assert_eq!(list(4).await.len(), 4);
    assert_eq!(list(10).await.len(), 10);
    assert_eq!(list(0).await.len(), 0);
    assert_eq!(list(20).await.into_iter().collect::<BTreeSet<_>>().len(), 10);
}

pub(crate) async fn c2_trash_lists_no_location_that_a_blob_row_names(store: Fixture) {
    let app = store.repo("app");
    let upload = AnUpload::new(&app, "u").begun().await;
    upload.publish(0, upload.part("a", 3)).await;
    let finish = upload.finishing(0, "content", "whole");
    assert_eq!(upload.finish(finish.clone()).await, Finished::WrongOffset(3));
    assert!(store.trash().await.contains(&upload.sealed("whole")));
    // The same copy, though it had been given up.
    assert!(matches!(upload.finish(FinishUpload { from: 3, ..finish }).await, Finished::Done(_)));
    assert_eq!(store.trash().await, locations([upload.part("a", 3).location]));
}

pub(crate) async fn c3_what_was_deleted_is_forgotten_and_nothing_else(store: Fixture) {
    let app = store.repo("app");
    let upload = AnUpload::new(&app, "u").begun().await;
    let parts = ["a", "b", "c"].map(|name| upload.part(name, 1));
    assert!(upload.cancel(&parts).await);
    let emptied = [parts[0].location.clone(), location("never/seen"), parts[2].location.clone()];
    for _ in 0..2 {
        must(store.rows.collection.trash_emptied(&emptied).await);
        assert_eq!(store.trash().await, locations([parts[1].location.clone()]));
    }
    must(store.rows.collection.trash_emptied(&[]).await);
    assert_eq!(store.trash().await, locations([parts[1].location.clone()]));
}

pub(crate) async fn c9_what_cannot_be_deleted_now_is_postponed(store: Fixture) {
    let upload = AnUpload::new(&store.repo("app"), "u").begun().await;
    let parts = ["a", "b"].map(|name| upload.part(name, 1));
    assert!(upload.cancel(&parts).await);
    let [stuck, free] = parts.map(|part| part.location);
    let collection = &store.rows.collection;
    must(collection.postpone_trash(&[stuck.clone(), location("never/seen")], 500).await);
    assert_eq!(must(collection.trash(10, 499).await), std::slice::from_ref(&free));
    assert_eq!(must(collection.trash(10, 500).await), [free, stuck]);
}

pub(crate) async fn c4_bytes_that_nobody_names_are_discarded(store: Fixture) {
    let app = store.repo("app");
    let open = AnUpload::new(&app, "open").begun().await;
    let expired = AnUpload::new(&app, "expired");
    assert_eq!(expired.begin(NewUpload { expires: 50, ..expired.opening() }).await, Begun::Done);
    let finished = AnUpload::new(&app, "finished").begun().await;
    let blob = finished.makes("content", 1_000).await;
    let unknown = AnUpload::new(&app, "unknown");
    open.publish(0, open.part("published", 1)).await;
    let thrown = finished.part("thrown away", 7);
    must(store.rows.uploads.discard(std::slice::from_ref(&thrown), 1).await);
    let trashed = thrown.location;
    assert_eq!(store.trash().await, locations([trashed.clone()]));

    let (unpublished, unnamed) = (open.part("unpublished", 1).location, "unnamed");
    let seen = [
        stored(blob.location, finished.id),
        stored(trashed.clone(), finished.id),
        stored(open.part("published", 1).location, open.id),
        stored(unpublished, open.id),
        stored(open.sealed("not yet finished"), open.id),
        stored(empty_layer::location(), unknown.id),
        stored(expired.part(unnamed, 1).location, expired.id),
        stored(finished.sealed(unnamed), finished.id),
        stored(unknown.sealed(unnamed), unknown.id),
    ];
    let lost = [finished.sealed(unnamed), unknown.sealed(unnamed)];
    assert_eq!(must(store.rows.collection.discard_unnamed(&seen, 60).await), 2);
    let mut all: BTreeSet<Location> = lost.into_iter().chain([trashed]).collect();
    assert_eq!(store.trash().await, all, "an expired upload names its bytes until it is swept");
    assert_eq!(must(store.rows.collection.discard_unnamed(&seen, 60).await), 0, "they are in the trash now");
    must(store.rows.collection.sweep_uploads(10, 60).await);
    assert_eq!(must(store.rows.collection.discard_unnamed(&seen, 60).await), 1);
    all.insert(expired.part(unnamed, 1).location);
    assert_eq!(store.trash().await, all);
    assert_eq!(must(store.rows.collection.discard_unnamed(&[], 60).await), 0);
}

pub(crate) async fn c4_a_part_that_is_published_is_named_though_its_key_does_not_say_by_whom(store: Fixture) {
    let app = store.repo("app");
    let (upload, other) = (AnUpload::new(&app, "u").begun().await, AnUpload::new(&app, "other"));
    let part = other.part("borrowed", 1);
    upload.publish(0, part.clone()).await;
    let seen = [stored(part.location, other.id)];
    assert_eq!(must(store.rows.collection.discard_unnamed(&seen, 1).await), 0);
}

pub(crate) async fn c4_a_blob_that_is_just_being_made_is_not_discarded(store: Fixture) {
    let app = store.repo("app");
    for round in 0..32 {
        let content = format!("content-{round}");
        let upload = AnUpload::new(&app, &content).begun().await;
        let seen = [stored(upload.sealed("whole"), upload.id)];
        let collection = Arc::clone(&store.rows.collection);
        let ending = upload.clone();
        let finish = upload.finishing(0, &content, "whole");
        let discarding = async move { must(collection.discard_unnamed(&seen, 1).await) };
        let (finished, discarded) = race(round, async move { ending.finish(finish).await }, discarding).await;
        assert!(matches!(finished, Finished::Done(_)), "{finished:?}");
        assert_eq!(discarded, 0);
    }
    assert!(store.trash().await.is_empty());
}
