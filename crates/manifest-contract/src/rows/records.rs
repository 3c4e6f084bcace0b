//! D1: every row, as text.

use crate::world::{Fixture, Repo, a_manifest, digest, must, walked};
use manifest_core::facts::{Acting, RepositoryState, Visibility};
use manifest_core::ports::{PageAsk, Record, Table};
use manifest_core::stored::platform_to_text;
use manifest_core::{NEVER, empty_layer};
use oci_types::{MediaType, Platform};
use std::collections::BTreeMap;

type Columns = BTreeMap<&'static str, String>;

fn columns<const N: usize>(columns: [(&'static str, &str); N]) -> Columns {
    columns.map(|(name, value)| (name, value.to_owned())).into()
}

async fn furnished(store: &Fixture) -> Repo {
    let app = store.repo("app");
    assert!(must(app.rows.repositories.create(&app.name, Visibility::Public, 1).await));
    app.upload_until("layer", 40).await;
    let image = a_manifest("image").image(Platform::new("linux", "amd64"), -5, 77).about("subject").of_type("type/a");
    let image = image.of_media_type(MediaType::OCI_MANIFEST).blob("layer").blob_or_not("absent").labelled("k", "v");
    let image = image.acting(Some(60), true).child_or_not("b").child_or_not("a");
    let write = app.at(10).by("ann").create(image);
    write.point("v1", "image").until(500).immutable().pin("image", 99).done().await;
    app.at(11).create(a_manifest("plain")).point("v2", "plain").done().await;
    app.at(12).by("bob").point("v2", "image").restoring().done().await;
    let acting = Acting { expires_after: Some(60), immutable: true };
    app.at(13).label("image", "added", "later").now_acting("image", acting).done().await;
    app.at(14).delete("plain").done().await;
    app
}

async fn of(store: &Fixture, table: Table) -> BTreeMap<String, Columns> {
    store.records(table).await.into_iter().map(|record| (record.key, record.columns)).collect()
}

pub(crate) async fn d1_records_are_the_rows_in_the_forms_of_the_port(store: Fixture) {
    let app = furnished(&store).await;
    let (image, plain) = (digest("image").to_string(), digest("plain").to_string());
    let check = async |table, expected: Vec<(String, Columns)>| {
        assert_eq!(of(&store, table).await, expected.into_iter().collect(), "{table:?}");
    };
    let made = columns([("visibility", "public"), ("state", "open"), ("created", "1")]);
    check(Table::Repository, vec![("app".to_owned(), made)]).await;
    let platform = platform_to_text(&Platform::new("linux", "amd64"));
    let subject = digest("subject").to_string();
    let of_image = columns([
        ("media_type", MediaType::OCI_MANIFEST),
        ("size", "5"),
        ("subject", &subject),
        ("artifact_type", "type/a"),
        ("platform", &platform),
        ("image_created", "-5"),
        ("layers_size", "77"),
        ("expires_after", "60"),
        ("immutable", "true"),
        ("pinned_until", "99"),
        ("created", "10"),
        ("actor", "ann"),
    ]);
    let of_plain = columns([
        ("media_type", MediaType::OCI_MANIFEST),
        ("size", "5"),
        ("immutable", "false"),
        ("pinned_until", "0"),
        ("deleted", "14"),
        ("created", "11"),
    ]);
    check(Table::Manifest, vec![(format!("app@{image}"), of_image), (format!("app@{plain}"), of_plain)]).await;
    let child = |position: usize, name: &str| {
        let child = digest(name).to_string();
        (format!("app@{image}#{position:010}"), columns([("child", &child), ("required", "false")]))
    };
    check(Table::ManifestChild, vec![child(0, "b"), child(1, "a")]).await;
    let link = |blob: &str, required| (format!("app@{image}#{}", digest(blob)), columns([("required", required)]));
    check(Table::ManifestBlob, vec![link("layer", "true"), link("absent", "false")]).await;
    let label = |position: usize, key, value, source| {
        let columns = columns([("key", key), ("value", value), ("json", "false"), ("source", source)]);
        (format!("app@{image}#{position:010}"), columns)
    };
    check(Table::Label, vec![label(0, "k", "v", "manifest"), label(1, "added", "later", "api")]).await;
    let size = |size| columns([("size", size)]);
    check(Table::Blob, vec![(digest("layer").to_string(), size("5")), (empty_layer::digest().to_string(), size("32"))])
        .await;
    let access = columns([("size", "5"), ("lease_until", "40")]);
    check(Table::RepositoryBlob, vec![(format!("app@{}", digest("layer")), access)]).await;
    app.set_state(RepositoryState::ReadOnly).await;
    assert_eq!(of(&store, Table::Repository).await["app"]["state"], "read-only");
    for record in store.records(Table::Blob).await.into_iter().filter(|record| record.columns["size"] == "5") {
        assert_eq!(record.location, app.blob("layer", 20).await.map(|blob| blob.location));
    }
}

pub(crate) async fn d1_records_of_tags_are_their_intervals(store: Fixture) {
    furnished(&store).await;
    let (image, plain, never) = (digest("image").to_string(), digest("plain").to_string(), NEVER.to_string());
    let v1 = columns([
        ("target", &image),
        ("start", "10"),
        ("expires", "500"),
        ("immutable", "true"),
        ("reversion", "false"),
        ("actor", "ann"),
    ]);
    let v2 = columns([
        ("target", &image),
        ("start", "12"),
        ("expires", &never),
        ("immutable", "false"),
        ("reversion", "true"),
        ("previous", &plain),
        ("actor", "bob"),
    ]);
    assert_eq!(of(&store, Table::Tag).await, [("app:v1".to_owned(), v1), ("app:v2".to_owned(), v2)].into());
    let over = columns([("target", &plain), ("end", "12"), ("reversion", "false")]);
    let key = format!("app:v2#{:020}", 11);
    assert_eq!(of(&store, Table::TagHistory).await, [(key, over)].into());
}

pub(crate) async fn d1_pages_of_records_follow_each_other_in_byte_order(store: Fixture) {
    // Byte order of whole keys puts `-`, `.`, `/` and digits before what follows a name.
    for name in ["a", "a-b", "a.b", "a/b", "a0", "b"] {
        let repo = store.repo(name);
        repo.upload(name).await;
        repo.upload("shared").await;
        for image in ["one", "two"] {
            let make =
                a_manifest(image).blob(name).blob("shared").child_or_not("x").child_or_not("y").labelled("k", "v");
            repo.at(10).create(make.labelled("l", "w").images(["base", image])).done().await;
        }
        for (now, tag) in [(11, "a"), (12, "a"), (13, "a-b"), (14, "a0"), (15, "a"), (100, "a-b")] {
            repo.at(now).point(tag, "one").done().await;
        }
    }
    for table in Table::ALL {
        let all = store.records(table).await;
        assert!(all.len() > 5, "{table:?}");
        assert!(all.windows(2).all(|pair| pair[0].key < pair[1].key), "{table:?} is not in order, or has a key twice");
        let page = async |PageAsk { after, limit }| must(store.rows.records.page(table, after, limit).await);
        walked(&all, page, |record: &Record| record.key.clone()).await;
        let Record { key, .. } = &all[2];
        let behind = page(PageAsk { after: Some(format!("{key}\u{1}")), limit: 1 }).await;
        assert_eq!(behind.items, all[3..4], "a key need not exist");
    }
}
