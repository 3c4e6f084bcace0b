//! U1 and U3 to U8: uploads.

use crate::world::{AnUpload, Fixture, at_once, digest, drop_after, must, race};
use manifest_core::facts::{RepositoryState, Visibility};
use manifest_core::ports::{Begun, Cancelled, FinishUpload, Finished, NewUpload, PublishPart, Published};
use std::collections::BTreeSet;

pub(crate) async fn u1_of_many_parts_at_one_offset_one_is_published(store: Fixture) {
    let app = store.repo("app");
    let upload = AnUpload::new(&app, "u").begun().await;
    let answers = at_once(64, |number| {
        let (upload, part) = (upload.clone(), upload.part(&number.to_string(), 10));
        async move { upload.publish(0, part).await }
    });
    let answers = answers.await;
    let winners: Vec<usize> = (0..64).filter(|number| answers[*number] == Published::Done).collect();
    assert_eq!(winners.len(), 1);
    let lost = answers.iter().filter(|answer| **answer == Published::WrongOffset(10)).count();
    assert_eq!(lost, 63, "{answers:?}");
    let loaded = upload.load(1).await.map(|upload| (upload.offset, upload.parts));
    let winner = upload.part(&winners[0].to_string(), 10);
    assert_eq!(loaded, Some((10, vec![winner.clone()])));
    let trash = store.trash().await;
    assert_eq!(trash.len(), 63, "the parts of the others are trash");
    assert!(!trash.contains(&winner.location));
}

pub(crate) async fn u1_a_part_is_published_where_the_upload_ends_and_nowhere_else(store: Fixture) {
    let app = store.repo("app");
    let upload = AnUpload::new(&app, "u").begun().await;
    assert_eq!(upload.publish(5, upload.part("early", 5)).await, Published::WrongOffset(0));
    assert_eq!(upload.publish(0, upload.part("a", 5)).await, Published::Done);
    assert_eq!(upload.publish(0, upload.part("late", 5)).await, Published::WrongOffset(5));
    assert_eq!(upload.publish(6, upload.part("far", 5)).await, Published::WrongOffset(5));
    let finish = upload.finishing(0, "content", "early");
    assert_eq!(upload.finish(finish).await, Finished::WrongOffset(5));
    assert_eq!(upload.publish(5, upload.part("b", 2)).await, Published::Done);
    let loaded = upload.load(1).await.map(|upload| (upload.offset, upload.parts));
    assert_eq!(loaded, Some((7, vec![upload.part("a", 5), upload.part("b", 2)])));
    let finish = upload.finishing(7, "content", "whole");
    assert!(matches!(upload.finish(finish).await, Finished::Done(_)));
    assert_eq!(upload.publish(7, upload.part("c", 1)).await, Published::Unknown, "it is finished");
}

pub(crate) async fn u1_of_many_that_finish_one_makes_the_blob(store: Fixture) {
    let app = store.repo("app");
    let upload = AnUpload::new(&app, "u").begun().await;
    upload.publish(0, upload.part("a", 7)).await;
    let answers = at_once(64, |number| {
        let finish = upload.finishing(7, "content", &number.to_string());
        let upload = upload.clone();
        async move { upload.finish(finish).await }
    });
    let answers = answers.await;
    let done: Vec<usize> = (0..64).filter(|number| matches!(answers[*number], Finished::Done(_))).collect();
    assert_eq!(done.len(), 1);
    let Finished::Done(blob) = &answers[done[0]] else { return };
    assert_eq!(blob.location, upload.sealed(&done[0].to_string()));
    let again = answers.iter().filter(|answer| **answer == Finished::AlreadyDone(blob.clone())).count();
    assert_eq!(again, 63, "{answers:?}");
    assert_eq!(store.trash().await.len(), 63 + 1, "63 copies and the part");
    assert_eq!(app.blob("content", 1).await.as_ref(), Some(blob));
}

pub(crate) async fn u1_of_many_that_finish_with_different_digests_one_makes_a_blob(store: Fixture) {
    let app = store.repo("app");
    let upload = AnUpload::new(&app, "u").begun().await;
    let answers = at_once(16, |number| {
        let finish = upload.finishing(0, &format!("content-{number}"), &number.to_string());
        let upload = upload.clone();
        async move { upload.finish(finish).await }
    });
    let answers = answers.await;
    assert_eq!(answers.iter().filter(|answer| matches!(answer, Finished::Done(_))).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == Finished::Unknown).count(), 15);
    let mut made = 0;
    for number in 0..16 {
        made += usize::from(app.has_blob(&format!("content-{number}"), 1).await);
    }
    assert_eq!(made, 1);
    assert_eq!(store.trash().await.len(), 15);
}

pub(crate) async fn u1_a_chunk_that_races_the_finish_is_in_or_out(store: Fixture) {
    let app = store.repo("app");
    for round in 0..32 {
        let content = format!("content-{round}");
        let upload = AnUpload::new(&app, &content).begun().await;
        let (publisher, finisher) = (upload.clone(), upload.clone());
        let (part, finish) = (upload.part("chunk", 3), upload.finishing(0, &content, "whole"));
        let publish = async move { publisher.publish(0, part).await };
        let outcome = race(round, publish, async move { finisher.finish(finish).await }).await;
        let out = matches!(outcome, (Published::Unknown, Finished::Done(_)));
        let within = outcome == (Published::Done, Finished::WrongOffset(3));
        assert!(out || within, "{outcome:?}");
        assert_eq!(app.has_blob(&content, 1).await, out);
        let trash = store.trash().await;
        assert_eq!(trash.contains(&upload.part("chunk", 3).location), out);
        assert_eq!(trash.contains(&upload.sealed("whole")), within);
    }
}

pub(crate) async fn u1_a_dropped_finish_happens_whole_or_not_at_all(store: Fixture) {
    let app = store.repo("app");
    for yields in 0..16 {
        let content = format!("content-{yields}");
        let upload = AnUpload::new(&app, &content).begun().await;
        upload.publish(0, upload.part("a", 3)).await;
        drop_after(yields, upload.finish(upload.finishing(3, &content, "whole"))).await;
        let finished = async || upload.load(1).await.is_some_and(|upload| upload.finished.is_some());
        // It may still be on its way, so what is seen first must be borne out by what is seen next.
        if finished().await {
            assert!(app.has_blob(&content, 1).await, "it was finished, and there is no blob");
        }
        if app.has_blob(&content, 1).await {
            assert!(finished().await, "there is a blob, and it was not finished");
        }
        let again = upload.finish(upload.finishing(3, &content, "again")).await;
        assert!(matches!(again, Finished::Done(_) | Finished::AlreadyDone(_)), "{again:?}");
    }
}

pub(crate) async fn u3_a_finished_upload_grants_access_until_its_lease_ends(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    let upload = AnUpload::new(&app, "u").begun().await;
    let Finished::Done(blob) = upload.finish(upload.finishing(0, "layer", "whole")).await else {
        panic!("the upload was open");
    };
    assert_eq!((blob.size, &blob.location), (5, &upload.sealed("whole")));
    assert_eq!(app.blob("layer", 999).await, Some(blob.clone()));
    assert_eq!(app.blob("layer", 1_000).await, None);
    assert_eq!(other.blob("layer", 1).await, None);
    let finished = upload.load(1).await.map(|upload| (upload.finished, upload.parts));
    assert_eq!(finished, Some((Some((digest("layer"), blob)), vec![])));
}

pub(crate) async fn u3_a_blob_that_is_known_stays_where_it_is(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    let first = app.upload_until("layer", 50).await;
    for (repo, name) in [(&app, "again"), (&other, "elsewhere")] {
        let upload = AnUpload::new(repo, name).begun().await;
        let answer = upload.finish(upload.finishing(0, "layer", "copy")).await;
        assert_eq!(answer, Finished::Done(first.clone()));
        assert_eq!(repo.blob("layer", 999).await.as_ref(), Some(&first), "the longer lease counts");
        let finished = upload.load(1).await.and_then(|upload| upload.finished);
        assert_eq!(finished, Some((digest("layer"), first.clone())));
        assert!(store.trash().await.contains(&upload.sealed("copy")));
    }
    assert!(!store.trash().await.contains(&first.location));
    let shorter = AnUpload::new(&app, "shorter").begun().await;
    shorter.makes("layer", 10).await;
    assert!(app.has_blob("layer", 999).await, "a shorter lease shortens nothing");
}

pub(crate) async fn u3_two_uploads_of_one_blob_at_once_agree_where_it_is(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    for round in 0..32 {
        let content = format!("layer-{round}");
        let one = AnUpload::new(&app, &format!("one {round}")).begun().await;
        let two = AnUpload::new(&other, &format!("two {round}")).begun().await;
        let name = content.clone();
        let first = async move { one.makes(&name, 100).await };
        let name = content.clone();
        let second = async move { two.makes(&name, 100).await };
        let (one, two) = race(round, first, second).await;
        assert_eq!(one, two);
        assert_eq!(app.blob(&content, 1).await, Some(one));
        assert_eq!(other.blob(&content, 1).await, Some(two.clone()));
        assert!(!store.trash().await.contains(&two.location));
    }
}

pub(crate) async fn u4_finishing_again_with_the_same_digest_is_done_already(store: Fixture) {
    let app = store.repo("app");
    let upload = AnUpload::new(&app, "u").begun().await;
    upload.publish(0, upload.part("a", 3)).await;
    let Finished::Done(blob) = upload.finish(upload.finishing(3, "content", "whole")).await else {
        panic!("the upload was open");
    };
    for from in [3, 0, 7] {
        let again = upload.finish(upload.finishing(from, "content", &format!("again-{from}"))).await;
        assert_eq!(again, Finished::AlreadyDone(blob.clone()));
    }
    let other = upload.finish(upload.finishing(3, "other", "other")).await;
    assert_eq!(other, Finished::Unknown, "with another digest");
    assert!(!app.has_blob("other", 1).await);
}

pub(crate) async fn u5_an_upload_is_unknown_from_another_repository(store: Fixture) {
    let (app, other) = (store.repo("app"), store.repo("other"));
    other.upload("something").await;
    let upload = AnUpload::new(&app, "u").begun().await;
    let stranger = upload.seen_from(&other);
    assert!(upload.load(1).await.is_some());
    assert_eq!(stranger.load(1).await, None);
    assert_eq!(stranger.publish(0, upload.part("a", 1)).await, Published::Unknown);
    assert_eq!(stranger.finish(upload_of(&stranger)).await, Finished::Unknown);
    assert!(!stranger.cancel(&[]).await);
    assert!(!other.has_blob("content", 1).await);
    let loaded = upload.load(1).await.map(|upload| (upload.offset, upload.finished));
    assert_eq!(loaded, Some((0, None)));
}

fn upload_of(upload: &AnUpload) -> FinishUpload {
    upload.finishing(0, "content", "whole")
}

pub(crate) async fn u5_an_expired_upload_is_unknown(store: Fixture) {
    let app = store.repo("app");
    let upload = AnUpload::new(&app, "u");
    assert_eq!(upload.begin(NewUpload { expires: 100, ..upload.opening() }).await, Begun::Done);
    assert!(upload.load(99).await.is_some());
    assert_eq!(upload.load(100).await, None);
    let appending = upload.appending(0, upload.part("a", 1));
    assert_eq!(upload.append(PublishPart { now: 100, ..appending.clone() }).await, Published::Unknown);
    // A part that is published in time lets it rest longer.
    let prolonging = PublishPart { now: 99, expires: 200, ..appending };
    assert_eq!(upload.append(prolonging).await, Published::Done);
    assert!(upload.load(199).await.is_some());
    let late = FinishUpload { from: 1, now: 200, ..upload_of(&upload) };
    assert_eq!(upload.finish(late.clone()).await, Finished::Unknown);
    assert!(matches!(upload.finish(FinishUpload { now: 199, ..late }).await, Finished::Done(_)));
}

pub(crate) async fn u5_an_upload_is_opened_in_a_repository_that_takes_it(store: Fixture) {
    let app = store.repo("app");
    let upload = AnUpload::new(&app, "u");
    let opening = NewUpload { create_repository: None, ..upload.opening() };
    assert_eq!(upload.begin(opening.clone()).await, Begun::RepositoryGone);
    assert_eq!(upload.load(1).await, None);
    assert_eq!(must(store.rows.repositories.find(&app.name).await), None);
    let create_repository = Some(Visibility::Public);
    assert_eq!(upload.begin(NewUpload { create_repository, ..opening.clone() }).await, Begun::Done);
    let row = must(store.rows.repositories.find(&app.name).await);
    assert_eq!(row.map(|row| (row.visibility, row.created)), Some((Visibility::Public, 1)));
    let next = AnUpload::new(&app, "next");
    assert_eq!(next.begin(NewUpload { id: next.id, ..opening }).await, Begun::Done);
}

pub(crate) async fn u5_many_uploads_at_once_create_their_repository_once(store: Fixture) {
    let app = store.repo("app");
    let begun = at_once(64, |number| {
        let upload = AnUpload::new(&app, &number.to_string());
        async move { upload.begin(upload.opening()).await }
    });
    assert!(begun.await.iter().all(|begun| *begun == Begun::Done));
    assert_eq!(must(store.rows.listings.totals().await).repositories, 1);
}

pub(crate) async fn u6_parts_are_in_order_and_the_hash_state_is_the_last(store: Fixture) {
    let app = store.repo("app");
    let upload = AnUpload::new(&app, "u").begun().await;
    let Some(fresh) = upload.load(1).await else { panic!("it was opened") };
    assert_eq!((fresh.id, fresh.offset, fresh.parts.len()), (upload.id, 0, 0));
    assert_eq!((fresh.hash_state, fresh.finished), (upload.opening().hash_state, None));
    let (mut offset, mut parts) = (0, Vec::new());
    // Names in no order, so that only the order of publishing can be the one that is kept.
    for (size, name) in ["m", "z", "a", "q", "b", "y", "c", "x", "d", "w", "e", "k"].iter().enumerate() {
        let part = upload.part(name, size as u64 + 1);
        let appending = upload.appending(offset, part.clone());
        let state = appending.hash_state.clone();
        assert_eq!(upload.append(appending).await, Published::Done);
        offset += part.size;
        parts.push(part);
        let Some(loaded) = upload.load(1).await else { panic!("it is open") };
        assert_eq!((loaded.offset, &loaded.parts, loaded.hash_state), (offset, &parts, state));
    }
}

pub(crate) async fn u7_a_repository_that_was_closed_takes_no_parts_and_makes_no_blobs(store: Fixture) {
    let app = store.repo("app");
    let upload = AnUpload::new(&app, "u").begun().await;
    upload.publish(0, upload.part("a", 7)).await;
    assert!(app.set_state(RepositoryState::ReadOnly).await);
    assert_eq!(upload.publish(7, upload.part("b", 1)).await, Published::ReadOnly);
    let finish = upload.finishing(7, "content", "whole");
    assert_eq!(upload.finish(finish.clone()).await, Finished::ReadOnly);
    assert!(!app.has_blob("content", 1).await);
    let refused = [upload.part("b", 1).location, finish.sealed.clone()];
    assert_eq!(store.trash().await, BTreeSet::from(refused), "what was refused is not kept");
    assert!(app.set_state(RepositoryState::Open).await);
    assert_eq!(upload.load(1).await.map(|upload| upload.offset), Some(7), "the upload stays as it was");
    let again = FinishUpload { sealed: upload.sealed("again"), ..finish };
    assert!(matches!(upload.finish(again).await, Finished::Done(_)));
}

pub(crate) async fn u8_an_upload_that_has_moved_on_is_not_dropped(store: Fixture) {
    let upload = AnUpload::new(&store.repo("app"), "u").begun().await;
    upload.publish(0, upload.part("a", 7)).await;
    let own = upload.part("own", 1);
    assert_eq!(upload.cancel_at(Some(0), std::slice::from_ref(&own)).await, Cancelled::WrongOffset(7));
    assert_eq!(store.trash().await, BTreeSet::from([own.location]), "what it never knew goes all the same");
    assert_eq!(upload.load(1).await.map(|upload| upload.offset), Some(7));
    assert_eq!(upload.cancel_at(Some(7), &[]).await, Cancelled::Done);
    assert_eq!(upload.load(1).await, None);
    assert_eq!(upload.cancel_at(Some(7), &[]).await, Cancelled::Unknown);
}
