use super::fixture::Fixture;
use crate::world::must;
use manifest_core::ports::{PrivateKey, Retired};
use std::sync::Arc;

/// A key of so many bytes that stand for nothing: adapters do not look into it. All values of a byte occur.
fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_der((0..=255_u8).map(|byte| byte.wrapping_add(seed)).collect())
}

fn retired(seed: u8) -> Retired {
    Retired { private: key(seed), public: vec![seed, 0, 0xff, b'\n', b'-'] }
}

/// What so many callers are answered that replace the same key at once, each by a key of its own.
async fn at_once(fixture: &Fixture, expected: Option<Retired>) -> Vec<Option<PrivateKey>> {
    let racers = (100..116).map(|seed| {
        let (keys, expected) = (Arc::clone(&fixture.keys), expected.clone());
        tokio::spawn(async move { must(keys.replace(expected, &key(seed)).await) })
    });
    let racers: Vec<_> = racers.collect();
    let mut answers = Vec::new();
    for racer in racers {
        match racer.await {
            Ok(answer) => answers.push(answer),
            Err(error) => panic!("a racer did not answer: {error}"),
        }
    }
    answers
}

pub(crate) async fn k1_of_first_keys_at_once_one_wins_and_all_get_it(fixture: Fixture) {
    let answers = at_once(&fixture, None).await;
    let winner = must(fixture.keys.current().await);
    assert!(winner.is_some(), "nobody won");
    assert!(answers.iter().all(|answer| *answer == winner), "they differ");
    assert!(must(fixture.keys.earlier().await).is_empty(), "a first key takes none out of use");
}

pub(crate) async fn k1_of_rotations_at_once_one_wins_and_all_get_it(fixture: Fixture) {
    must(fixture.keys.replace(None, &key(1)).await);
    let answers = at_once(&fixture, Some(retired(1))).await;
    let winner = must(fixture.keys.current().await);
    assert!(winner != Some(key(1)), "nobody won");
    assert!(answers.iter().all(|answer| *answer == winner), "they differ");
    assert_eq!(must(fixture.keys.earlier().await), [retired(1).public]);
}

pub(crate) async fn k1_a_key_that_is_not_in_use_is_not_replaced(fixture: Fixture) {
    must(fixture.keys.replace(None, &key(1)).await);
    assert_eq!(must(fixture.keys.replace(None, &key(2)).await), Some(key(1)));
    assert_eq!(must(fixture.keys.replace(Some(retired(9)), &key(2)).await), Some(key(1)));
    assert_eq!(must(fixture.keys.current().await), Some(key(1)));
}

pub(crate) async fn k2_a_key_comes_back_to_the_byte(fixture: Fixture) {
    assert_eq!(must(fixture.keys.current().await), None);
    assert_eq!(must(fixture.keys.replace(None, &key(1)).await), Some(key(1)));
    assert_eq!(must(fixture.keys.current().await).map(|key| key.der().to_vec()), Some(key(1).der().to_vec()));
    assert_eq!(must(fixture.keys.replace(Some(retired(1)), &key(2)).await), Some(key(2)));
    assert_eq!(must(fixture.keys.current().await), Some(key(2)));
}

pub(crate) async fn k2_a_key_is_there_after_the_store_is_opened_again(fixture: Fixture) {
    must(fixture.keys.replace(None, &key(1)).await);
    must(fixture.keys.replace(Some(retired(1)), &key(2)).await);
    if let Some(fixture) = fixture.reopened() {
        assert_eq!(must(fixture.keys.current().await), Some(key(2)));
        assert_eq!(must(fixture.keys.earlier().await), [retired(1).public]);
    }
}

pub(crate) async fn k3_what_was_in_use_is_listed_oldest_first(fixture: Fixture) {
    must(fixture.keys.replace(None, &key(1)).await);
    assert!(must(fixture.keys.earlier().await).is_empty());
    must(fixture.keys.replace(Some(retired(1)), &key(2)).await);
    must(fixture.keys.replace(Some(retired(2)), &key(3)).await);
    assert_eq!(must(fixture.keys.earlier().await), [retired(1).public, retired(2).public]);
}

pub(crate) async fn k3_a_failed_guard_changes_nothing(fixture: Fixture) {
    assert_eq!(must(fixture.keys.replace(Some(retired(9)), &key(2)).await), None);
    assert_eq!(must(fixture.keys.current().await), None);
    must(fixture.keys.replace(None, &key(1)).await);
    must(fixture.keys.replace(Some(retired(9)), &key(2)).await);
    assert!(must(fixture.keys.earlier().await).is_empty());
}
