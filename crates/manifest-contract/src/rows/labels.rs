//! M19: labels that come and go.

use crate::world::{Fixture, Repo, a_manifest, at_once, digest};
use manifest_core::facts::{Acting, PushAsk};
use manifest_core::plan::{Applied, LabelId, LabelSource};
use std::collections::BTreeSet;

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()
}

async fn labelled(store: &Fixture) -> Repo {
    let app = store.repo("app");
    let image = a_manifest("image").labelled("z", "1").labelled_by(LabelSource::Internal, "a", "2").labelled("z", "3");
    app.at(10).create(image.acting(Some(7), false)).point("v1", "image").done().await;
    app
}

async fn id_of(app: &Repo, name: &str, value: &str) -> LabelId {
    let rows = app.label_rows(name, "").await.unwrap_or_default();
    match rows.iter().find(|row| row.label.value == value) {
        Some(row) => row.id,
        None => panic!("{name} has no label with the value {value}: {rows:?}"),
    }
}

async fn acting(app: &Repo, name: &str) -> Option<Acting> {
    app.facts(PushAsk { digest: Some(digest(name)), ..app.ask(20) }).await.existing.map(|existing| existing.acting)
}

pub(crate) async fn m19_labels_are_added_and_removed_with_what_they_make_of_tags(store: Fixture) {
    let app = labelled(&store).await;
    let acts = Acting { expires_after: Some(9), immutable: true };
    let added = app.at(20).in_an_old_repository().label("image", "m", "4").label("image", "z", "5");
    added.now_acting("image", acts).done().await;
    assert_eq!(
        app.labels("image", "").await.unwrap_or_default(),
        pairs([("z", "1"), ("a", "2"), ("z", "3"), ("m", "4"), ("z", "5")])
    );
    assert_eq!(acting(&app, "image").await, Some(acts));
    assert_eq!(app.tag("v1").await.map(|state| state.immutable), Some(false), "tags that are there stay as they are");
    // One is removed and another one added by the same write.
    let id = id_of(&app, "image", "3").await;
    app.at(21).label("image", "n", "6").unlabel("image", id).done().await;
    assert_eq!(
        app.labels("image", "").await.unwrap_or_default(),
        pairs([("z", "1"), ("a", "2"), ("m", "4"), ("z", "5"), ("n", "6")])
    );
    assert_eq!(acting(&app, "image").await, Some(Acting::default()));
    let ask = PushAsk { digest: Some(digest("image")), labels: true, ..app.ask(20) };
    assert_eq!(Some(app.facts(ask.clone()).await.labels), app.label_rows("image", "").await);
    assert_eq!(app.facts(PushAsk { labels: false, ..ask }).await.labels, [], "nobody asked for them");
    let rows = app.label_rows("image", "").await.unwrap_or_default();
    let sources: Vec<_> = rows.iter().map(|row| row.label.source).collect();
    let (manifest, api) = (LabelSource::Manifest, LabelSource::Api);
    assert_eq!(sources, [manifest, LabelSource::Internal, api, api, api]);
    let other = a_manifest("other").labelled("z", "1").labelled("y", "1");
    app.at(22).create(other).done().await;
    let others = app.label_rows("other", "").await.unwrap_or_default();
    let ids: BTreeSet<_> = rows.iter().chain(&others).map(|row| row.id).collect();
    assert_eq!(ids.len(), 7, "an id is that of one label in the whole store");
    assert!(!ids.contains(&id), "and not used twice");
}

pub(crate) async fn m19_labels_are_found_by_the_start_of_their_keys(store: Fixture) {
    let app = store.repo("app");
    let mut image = a_manifest("image");
    for key in ["b.x", "B.y", "b_x", "a", "b%", "é.x", "É.y", "b.X"] {
        image = image.labelled(key, "v");
    }
    app.at(10).create(image).done().await;
    let check = async |prefix: &str, expected: &[&str]| {
        let keys =
            app.label_rows("image", prefix).await.map(|rows| rows.into_iter().map(|row| row.label.key).collect());
        let expected = expected.iter().map(|key| (*key).to_owned()).collect();
        assert_eq!(keys, Some::<Vec<_>>(expected), "{prefix:?}");
    };
    check("b.", &["b.x", "B.y", "b.X"]).await;
    check("B.X", &["b.x", "b.X"]).await;
    check("a", &["a"]).await;
    check("ab", &[]).await;
    // Nothing in a prefix stands for anything else, and only ASCII letters have two cases.
    check("b_", &["b_x"]).await;
    check("%", &[]).await;
    check("b%", &["b%"]).await;
    check("é", &["é.x"]).await;
    check("É", &["É.y"]).await;
    assert_eq!(app.labels("never", "").await, None);
    assert_eq!(store.repo("nowhere").labels("image", "").await, None);
    app.at(20).delete("image").done().await;
    assert_eq!(app.labels("image", "").await, None, "it is deleted");
}

pub(crate) async fn m19_what_is_gone_is_said(store: Fixture) {
    let app = labelled(&store).await;
    app.at(11).create(a_manifest("other").labelled("k", "other's")).done().await;
    app.at(12).create(a_manifest("dead").labelled("k", "dead's")).done().await;
    let (others, deads) = (id_of(&app, "other", "other's").await, id_of(&app, "dead", "dead's").await);
    app.at(13).delete("dead").done().await;
    let refused = async |write: crate::world::Write, expected: Applied| {
        let before = (app.label_rows("image", "").await, acting(&app, "image").await, app.history("v1").await);
        assert_eq!(write.point("v1", "other").apply().await, expected);
        let after = (app.label_rows("image", "").await, acting(&app, "image").await, app.history("v1").await);
        assert_eq!(after, before, "{expected:?} left something behind");
    };
    let write = || app.at(20).label("image", "n", "new");
    refused(write().unlabel("image", others), Applied::LabelGone).await;
    refused(write().unlabel("image", LabelId(u64::from(u32::MAX))), Applied::LabelGone).await;
    refused(app.at(20).unlabel("dead", deads), Applied::ManifestGone).await;
    refused(app.at(20).label("never", "n", "new"), Applied::ManifestGone).await;
    let id = id_of(&app, "image", "1").await;
    write().unlabel("image", id).done().await;
    refused(write().unlabel("image", id), Applied::LabelGone).await;
    assert_eq!(app.labels("other", "").await.unwrap_or_default(), pairs([("k", "other's")]));
}

pub(crate) async fn m19_of_many_that_remove_a_label_one_does(store: Fixture) {
    let app = labelled(&store).await;
    let id = id_of(&app, "image", "3").await;
    let answers = at_once(32, |number| {
        let write = app.at(20).unlabel("image", id).label("image", "by", &number.to_string());
        write.apply()
    });
    let answers = answers.await;
    let done = answers.iter().filter(|answer| matches!(answer, Applied::Done { .. })).count();
    assert_eq!(done, 1);
    assert!(answers.iter().all(|answer| matches!(answer, Applied::Done { .. } | Applied::LabelGone)), "{answers:?}");
    assert_eq!(app.labels("image", "by").await.map(|labels| labels.len()), Some(1));
    let adding = at_once(32, |number| app.at(20).label("image", "added", &number.to_string()).done());
    adding.await;
    let rows = app.label_rows("image", "added").await.unwrap_or_default();
    let ids: BTreeSet<_> = rows.iter().map(|row| row.id).collect();
    assert_eq!((rows.len(), ids.len()), (32, 32));
}
