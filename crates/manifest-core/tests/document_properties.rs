//! Whatever the bytes are, reading them gives a value or an error.

use manifest_core::document::{ConfigKind, Document, ImageConfig, Limits};
use manifest_core::labels;
use manifest_core::oci_types::{Algorithm, MediaType};
use proptest::prelude::*;

const TYPES: [&str; 7] = [
    MediaType::OCI_MANIFEST,
    MediaType::OCI_INDEX,
    MediaType::OCI_ARTIFACT,
    MediaType::DOCKER_SCHEMA2,
    MediaType::DOCKER_LIST,
    MediaType::DOCKER_SCHEMA1,
    MediaType::JSON,
];

/// Reads the bytes as everything that they might be, and asks all questions of what comes out.
fn read(bytes: &[u8]) {
    for media_type in TYPES {
        let media_type = MediaType::from_static(media_type);
        match Document::parse(Some(&media_type), bytes.to_vec().into(), &Limits::default()) {
            Err(error) => assert!(!error.to_string().is_empty()),
            Ok(document) => {
                assert_eq!(document.bytes(), bytes);
                assert!(document.media_type().is_manifest());
                assert!(document.artifact_type().is_none_or(|kind| kind.len() <= 255));
                assert!(document.layers_size().is_none_or(|size| i64::try_from(size).is_ok()));
                let _ = document.digest(Algorithm::Sha256);
                let own = labels::own(&document, None);
                assert!(labels::storable(&own).labels.len() <= own.len());
            }
        }
    }
    for kind in [ConfigKind::DockerImage, ConfigKind::OciImage, ConfigKind::Other] {
        if let Err(error) = ImageConfig::parse(kind, bytes) {
            assert!(
                error.to_string().starts_with("the image config")
                    || error.to_string().starts_with("in the image config")
            );
        }
    }
}

/// Values that documents are made of, right and wrong.
const SCALARS: [&str; 17] = [
    "null",
    "true",
    "0",
    "-1",
    "2",
    "2.0",
    "10.5",
    "1e400",
    "1180591620717411303424",
    r#""""#,
    r#""a""#,
    r#""\ud800""#,
    r#""{\"id\":\"a\"}""#,
    r#""e30""#,
    "[]",
    "{}",
    r#""sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa""#,
];

/// Members of documents.
const NAMES: &str = "schemaVersion mediaType config layers manifests blobs subject artifactType annotations size digest urls \
    platform architecture os name tag fsLayers history blobSum v1Compatibility signatures protected signature header alg jwk \
    rootfs type diff_ids Labels id parent";

fn tree() -> impl Strategy<Value = String> {
    let types = TYPES.map(|name| format!("{name:?}"));
    let scalar = prop::sample::select([SCALARS.map(String::from).to_vec(), types.to_vec()].concat());
    let names: Vec<&str> = NAMES.split_whitespace().collect();
    scalar.prop_recursive(5, 64, 8, move |inner| {
        let name = prop::sample::select(names.clone());
        let member = (name, inner.clone()).prop_map(|(name, value)| format!("{name:?}:{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec(member, 0..8).prop_map(|members| format!("{{{}}}", members.join(", "))),
        ]
    })
}

/// Documents that are accepted, to be broken.
const WHOLE: [&str; 4] = [
    r#"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","size":7},"layers":[],"annotations":{"é":"\u00e9\ud83d\ude31"}}"#,
    r#"{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","size":7,"platform":{"os":"a","architecture":"b"}}]}"#,
    r#"{"name":"a/b","tag":"t","fsLayers":[{"blobSum":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}],"history":[{"v1Compatibility":"{\"id\":\"x\",\"Size\":1}"}]}"#,
    r#"{"rootfs":{"type":"layers","diff_ids":[]},"os":"a","architecture":"b","history":[{"empty_layer":true}],"config":{"Labels":{"a":"b"}}}"#,
];

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes);
    }

    #[test]
    fn any_text_of_json_characters(text in r#"[\[\]{}:,"\\0-9eE.+\-a-fu \nNIé]{0,80}"#) {
        read(text.as_bytes());
    }

    #[test]
    fn any_tree_of_members(text in tree()) {
        read(text.as_bytes());
    }

    #[test]
    fn whole_documents_with_some_bytes_changed(
        whole in prop::sample::select(WHOLE.to_vec()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = whole.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read(&bytes);
        read(&whole.as_bytes()[..end.index(whole.len())]);
    }

    /// Our reader and serde_json's agree on what is JSON, but for what serde_json cannot hold: half of a surrogate pair,
    /// numbers beyond a double, and its own depth.
    #[test]
    fn what_is_json(text in r#"[\[\]{}:,"\\0-9.\-a-z \n]{0,24}"#) {
        let ours = labels::is_json(&text);
        let theirs = text.starts_with(['[', '{']) && text.ends_with([']', '}']) && serde_json::from_str::<serde_json::Value>(&text).is_ok();
        prop_assert!(ours == theirs || text.contains("\\u") || text.contains('e'), "{text:?}: {ours} {theirs}");
    }
}

#[test]
fn whole_documents_are_whole() {
    for (whole, media_type) in
        WHOLE.into_iter().zip([MediaType::OCI_MANIFEST, MediaType::OCI_INDEX, MediaType::DOCKER_SCHEMA1])
    {
        let document = Document::parse(None, whole.into(), &Limits::default()).unwrap();
        assert_eq!(*document.media_type(), media_type);
    }
    assert!(ImageConfig::parse(ConfigKind::OciImage, WHOLE[3].as_bytes()).unwrap().has_empty_layers());
}
