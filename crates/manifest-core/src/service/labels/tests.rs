use super::{LabelsError, NewLabel};
use crate::access::Action;
use crate::facts::{Acting, Child, PushFacts};
use crate::labels::{EXPIRES_AFTER, LabelError};
use crate::plan::{Applied, Label, LabelId, LabelRow, LabelSource};
use crate::policy::Policy;
use crate::ports::{Fetched, Found};
use crate::service::testing::{Mocks, allowing, cx, digest, done, holding, pointing, repository, tag};
use bytes::Bytes;
use oci_types::MediaType;
use std::collections::BTreeMap;

fn new(key: &str, value: &str) -> NewLabel {
    NewLabel { key: key.to_owned(), value: value.to_owned(), media_type: None, source: LabelSource::Api }
}

fn row(id: u64, key: &str, value: &str, source: LabelSource) -> LabelRow {
    let label = Label { key: key.to_owned(), value: value.to_owned(), json: false, source };
    LabelRow { id: LabelId(id), label }
}

#[tokio::test]
async fn adding_tells_the_row_and_the_tags_that_changed() {
    let mut mocks = Mocks::default();
    let tags_of = BTreeMap::from([(tag("v1"), pointing(digest("m")))]);
    mocks.know(PushFacts { tags_of, ..holding(MediaType::OCI_MANIFEST) });
    mocks.answer(done());
    let rows = vec![row(1, EXPIRES_AFTER, "2h", LabelSource::Api), row(2, EXPIRES_AFTER, "2h", LabelSource::Api)];
    mocks.manifests.expect_labels().times(1).return_once(move |_, _, _| Ok(Some(rows)));
    let added =
        mocks.registry().add_label(&cx(), &repository(), &digest("m"), &new(EXPIRES_AFTER, "2h")).await.unwrap();
    assert_eq!(added.tags, [tag("v1")]);
    assert_eq!(added.row.unwrap().id, LabelId(2), "the newest of equal ones");
}

#[tokio::test]
async fn the_media_type_is_given_or_inferred() {
    let check = |value: &'static str, media_type: Option<&'static str>, json: bool| async move {
        let mut mocks = Mocks::default();
        mocks.know(holding(MediaType::OCI_MANIFEST));
        let adds = move |label: &Label| label.json == json;
        mocks
            .manifests
            .expect_apply()
            .withf(move |plan| plan.labels.iter().flat_map(|change| &change.add).all(adds))
            .return_once(|_| Ok(done()));
        mocks.manifests.expect_labels().return_once(|_, _, _| Ok(None));
        let label = NewLabel { media_type: media_type.map(MediaType::from_static), ..new("a", value) };
        let added = mocks.registry().add_label(&cx(), &repository(), &digest("m"), &label).await.unwrap();
        assert_eq!(added.row, None, "removed since");
    };
    check("{}", None, true).await;
    check("text", None, false).await;
    check("{}", Some(MediaType::TEXT), false).await;
    check("text", Some(MediaType::JSON), true).await;
    let odd = NewLabel { media_type: Some(MediaType::from_static("image/png")), ..new("a", "") };
    let refused = Mocks::default().registry().add_label(&cx(), &repository(), &digest("m"), &odd).await;
    assert!(matches!(refused, Err(LabelsError::MediaType(_))));
}

#[tokio::test]
async fn labels_that_act_need_more_than_a_push() {
    let pushers = || allowing(|action| action == Action::Push);
    let registry = Mocks::default().registry_under(Policy::default(), pushers());
    let refused = registry.add_label(&cx(), &repository(), &digest("m"), &new(EXPIRES_AFTER, "1h")).await;
    assert!(matches!(refused, Err(LabelsError::Access(_))));

    let mut mocks = Mocks::default();
    let labels = vec![row(1, EXPIRES_AFTER, "1h", LabelSource::Api), row(2, "a", "", LabelSource::Api)];
    mocks.know(PushFacts { labels, ..holding(MediaType::OCI_MANIFEST) });
    mocks.answer(done());
    let registry = mocks.registry_under(Policy::default(), pushers());
    let refused = registry.delete_label(&cx(), &repository(), &digest("m"), LabelId(1)).await;
    assert!(matches!(refused, Err(LabelsError::Access(_))));
    registry.delete_label(&cx(), &repository(), &digest("m"), LabelId(2)).await.unwrap();
}

#[tokio::test]
async fn what_an_index_does_without_a_label_is_what_its_children_agree_on() {
    let child = "{}";
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{}","digest":"{}","size":2}}]}}"#,
        MediaType::OCI_INDEX,
        MediaType::OCI_MANIFEST,
        digest(child)
    );
    let index = digest(&text);
    let child_facts = Child {
        media_type: MediaType::from_static(MediaType::OCI_MANIFEST),
        size: 2,
        platform: None,
        labels: BTreeMap::from([(EXPIRES_AFTER.to_owned(), "1h".to_owned())]),
        legacy_image: None,
    };
    let mut mocks = Mocks::default();
    mocks.manifests.expect_push_facts().times(2).returning(move |ask| {
        let labels = vec![row(1, EXPIRES_AFTER, "1d", LabelSource::Api)];
        let children = ask.children.iter().map(|digest| (*digest, child_facts.clone())).collect();
        Ok(PushFacts { children, labels, ..holding(MediaType::OCI_INDEX) })
    });
    let found = Found {
        digest: index,
        media_type: MediaType::from_static(MediaType::OCI_INDEX),
        size: text.len() as u64,
        bytes: Some(Bytes::from(text)),
        tag: None,
    };
    mocks.manifests.expect_fetch().times(1).return_once(move |_| Ok(Fetched::Found(found)));
    let acts = Acting { expires_after: Some(3_600_000), immutable: false };
    mocks
        .manifests
        .expect_apply()
        .times(1)
        .withf(move |plan| plan.labels.as_ref().is_some_and(|change| change.acting == acts))
        .return_once(|_| Ok(done()));
    mocks.registry().delete_label(&cx(), &repository(), &index, LabelId(1)).await.unwrap();
}

#[tokio::test]
async fn an_index_is_not_read_for_a_label_that_acts_on_nothing() {
    let mut mocks = Mocks::default();
    mocks.know(PushFacts { labels: vec![row(1, "a", "", LabelSource::Api)], ..holding(MediaType::OCI_INDEX) });
    mocks.answer(done());
    // A mock without expectations panics when it is called: nothing is fetched.
    mocks.registry().delete_label(&cx(), &repository(), &digest("m"), LabelId(1)).await.unwrap();
}

#[tokio::test]
async fn a_label_that_goes_meanwhile_is_unknown() {
    let mut mocks = Mocks::default();
    let mut labels = vec![row(1, "a", "", LabelSource::Api)];
    mocks
        .manifests
        .expect_push_facts()
        .times(2)
        .returning(move |_| Ok(PushFacts { labels: std::mem::take(&mut labels), ..holding(MediaType::OCI_MANIFEST) }));
    mocks.answer(Applied::LabelGone);
    let gone = mocks.registry().delete_label(&cx(), &repository(), &digest("m"), LabelId(1)).await.unwrap_err();
    assert!(matches!(&gone, LabelsError::LabelUnknown { id: LabelId(1), .. }));
    assert!(gone.to_string().ends_with("has no label 1"), "{gone}");
}

#[tokio::test]
async fn listing_and_refusing() {
    let mut mocks = Mocks::default();
    let rows = vec![row(1, "Team", "", LabelSource::Manifest)];
    mocks.manifests.expect_labels().withf(|_, _, prefix| prefix == "te").return_once(move |_, _, _| Ok(Some(rows)));
    assert_eq!(mocks.registry().labels(&cx(), &repository(), &digest("m"), "te").await.unwrap().len(), 1);

    let mut mocks = Mocks::default();
    mocks.manifests.expect_labels().return_once(|_, _, _| Ok(None));
    mocks.has_repository(true);
    let unknown = mocks.registry().labels(&cx(), &repository(), &digest("m"), "").await;
    assert!(matches!(unknown, Err(LabelsError::ManifestUnknown { .. })));

    let mut mocks = Mocks::default();
    mocks.manifests.expect_labels().return_once(|_, _, _| Ok(None));
    mocks.has_repository(false);
    let absent = mocks.registry().labels(&cx(), &repository(), &digest("m"), "").await;
    assert!(matches!(absent, Err(LabelsError::RepositoryUnknown(_))));

    let mut mocks = Mocks::default();
    mocks.know(holding(MediaType::OCI_MANIFEST));
    let refused = mocks.registry().add_label(&cx(), &repository(), &digest("m"), &new("..a", "")).await;
    assert!(matches!(refused, Err(LabelsError::Label(LabelError::Key(_)))));
}
