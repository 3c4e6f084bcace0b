use super::*;

const A: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const B: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const C: &str = "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

fn parse(content_type: Option<&str>, text: &str) -> Result<Document, DocumentError> {
    let content_type = content_type.map(|text| text.parse().unwrap());
    let limits = Limits { references: 3, ..Limits::default() };
    Document::parse(content_type.as_ref(), text.to_owned().into(), &limits)
}

fn descriptor(media_type: &str, digest: &str, rest: &str) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":7{rest}}}"#)
}

fn oci(config_type: &str, layers: &[String], rest: &str) -> String {
    let config = descriptor(config_type, C, "");
    format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{}]{rest}}}"#, layers.join(","))
}

fn oci_index(entries: &[String], rest: &str) -> String {
    format!(r#"{{"schemaVersion":2,"manifests":[{}]{rest}}}"#, entries.join(","))
}

fn docker(layers: &[String]) -> String {
    let config = descriptor(MediaType::DOCKER_CONFIG, C, "");
    let (media_type, layers) = (MediaType::DOCKER_SCHEMA2, layers.join(","));
    format!(r#"{{"schemaVersion":2,"mediaType":"{media_type}","config":{config},"layers":[{layers}]}}"#)
}

fn docker_list(entries: &[String]) -> String {
    let (media_type, entries) = (MediaType::DOCKER_LIST, entries.join(","));
    format!(r#"{{"schemaVersion":2,"mediaType":"{media_type}","manifests":[{entries}]}}"#)
}

fn schema1(layers: &[(&str, &str)]) -> String {
    let blobs: Vec<String> = layers.iter().map(|(digest, _)| format!(r#"{{"blobSum":"{digest}"}}"#)).collect();
    let history = layers.iter().map(|(_, metadata)| serde_json::json!({ "v1Compatibility": metadata }).to_string());
    let (blobs, history) = (blobs.join(","), history.collect::<Vec<String>>().join(","));
    format!(r#"{{"name":"a/b","tag":"t","fsLayers":[{blobs}],"history":[{history}]}}"#)
}

#[test]
fn the_type_is_what_header_and_body_say() {
    let image = oci(MediaType::OCI_CONFIG, &[], "");
    let named = oci(MediaType::OCI_CONFIG, &[], &format!(r#","mediaType":"{}""#, MediaType::OCI_MANIFEST));
    let index = oci_index(&[], "");
    let legacy = schema1(&[(A, r#"{"id":"x"}"#)]);
    let artifact = format!(r#"{{"mediaType":"{}"}}"#, MediaType::OCI_ARTIFACT);
    let check = |content_type: Option<&str>, text: &str, expected: &str| {
        let found = parse(content_type, text).map(|document| document.media_type().to_string());
        assert_eq!(found.unwrap_or_else(|error| error.to_string()), expected, "{content_type:?} {text}");
    };

    check(Some(MediaType::OCI_MANIFEST), &image, MediaType::OCI_MANIFEST);
    check(Some(MediaType::OCI_MANIFEST), &named, MediaType::OCI_MANIFEST);
    check(Some(MediaType::DOCKER_SCHEMA2), &docker(&[]), MediaType::DOCKER_SCHEMA2);
    for nothing in [None, Some(MediaType::JSON)] {
        check(nothing, &image, MediaType::OCI_MANIFEST);
        check(nothing, &named, MediaType::OCI_MANIFEST);
        check(nothing, &index, MediaType::OCI_INDEX);
        check(nothing, &docker(&[]), MediaType::DOCKER_SCHEMA2);
        check(nothing, &docker_list(&[]), MediaType::DOCKER_LIST);
        check(nothing, &legacy, MediaType::DOCKER_SCHEMA1);
        check(nothing, &artifact, MediaType::OCI_ARTIFACT);
    }
    // Docker's clients say that schema 1 is signed whether it is or not.
    check(Some(MediaType::DOCKER_SCHEMA1_SIGNED), &legacy, MediaType::DOCKER_SCHEMA1);

    check(None, "{}", "neither the content type nor the manifest says what kind of manifest this is");
    check(Some("a/b"), &image, "`a/b` is no media type of a manifest");
    check(None, r#"{"mediaType":"a/b"}"#, "`a/b` is no media type of a manifest");
    check(
        Some(MediaType::OCI_INDEX),
        &named,
        "the content type is `application/vnd.oci.image.index.v1+json`, but the manifest's mediaType is \
         `application/vnd.oci.image.manifest.v1+json`",
    );
    check(Some(MediaType::DOCKER_SCHEMA2), &image, "mediaType is missing");
    check(Some(MediaType::OCI_INDEX), r#"{"mediaType":null}"#, "mediaType is null, not a string");
    check(Some(MediaType::OCI_INDEX), "[]", "the manifest is a list, not an object");
}

#[test]
fn an_image_and_an_index_at_once_are_neither() {
    let check = |content_type: Option<&str>, text: &str, member: &str| {
        let error = parse(content_type, text).unwrap_err();
        assert!(error.to_string().ends_with(&format!("must not have the member `{member}`")), "{error}");
        assert_eq!(error.kind(), ErrorKind::Schema);
    };
    let both = oci(MediaType::OCI_CONFIG, &[], r#","manifests":[]"#);
    check(Some(MediaType::OCI_MANIFEST), &both, "manifests");
    check(Some(MediaType::OCI_INDEX), &both, "config");
    check(None, &both, "config");
    check(None, &oci_index(&[], r#","layers":null"#), "layers");
    check(Some(MediaType::OCI_ARTIFACT), &oci(MediaType::OCI_CONFIG, &[], ""), "config");
}

#[test]
fn blobs_and_whether_they_must_exist() {
    let check = |text: &str, expected: &[(&str, Need)]| {
        let document = parse(None, text).unwrap();
        let expected = expected.iter().map(|(digest, need)| (digest.parse().unwrap(), *need)).collect();
        assert_eq!(*document.blobs(), expected, "{text}");
    };
    let (required, absent) = (Need::Required, Need::MayBeAbsent);
    let urls = r#","urls":["https://x"]"#;
    let remote = |digest| descriptor(MediaType::OCI_NONDISTRIBUTABLE_LAYER_GZIP, digest, urls);
    let local = |digest| descriptor(MediaType::OCI_LAYER, digest, "");
    check(&oci(MediaType::OCI_CONFIG, &[], ""), &[(C, required)]);
    check(&oci(MediaType::OCI_CONFIG, &[remote(A), local(B)], ""), &[(A, absent), (B, required), (C, required)]);
    check(&oci(MediaType::OCI_CONFIG, &[remote(A), local(A)], ""), &[(A, required), (C, required)]);
    check(&oci(MediaType::OCI_CONFIG, &[local(A), remote(A)], ""), &[(A, required), (C, required)]);
    check(&oci(MediaType::OCI_CONFIG, &[remote(C)], ""), &[(C, required)]);
    check(&oci(MediaType::OCI_CONFIG, &[descriptor("a/b", A, urls)], ""), &[(A, required), (C, required)]);
    check(&docker(&[descriptor(MediaType::DOCKER_LAYER, A, urls)]), &[(A, required), (C, required)]);
    check(&docker(&[descriptor(MediaType::DOCKER_FOREIGN_LAYER, A, urls)]), &[(A, absent), (C, required)]);
    check(&schema1(&[(A, r#"{"id":"x"}"#), (A, r#"{"id":null}"#)]), &[(A, required)]);
    check(&oci_index(&[descriptor(MediaType::OCI_LAYER, A, "")], ""), &[]);
    let artifact = format!(r#"{{"mediaType":"{}","blobs":[{}]}}"#, MediaType::OCI_ARTIFACT, local(A));
    check(&artifact, &[(A, required)]);
}

#[test]
fn artifact_types_as_referrers_show_them() {
    let check = |text: &str, expected: Option<&str>| {
        assert_eq!(parse(None, text).unwrap().artifact_type(), expected, "{text}");
    };
    check(&oci("a/b", &[], r#","artifactType":"c/d""#), Some("c/d"));
    check(&oci("a/b", &[], r#","artifactType":"""#), Some("a/b"));
    check(&oci("a/b", &[], ""), Some("a/b"));
    check(&oci_index(&[], r#","artifactType":"c/d""#), Some("c/d"));
    check(&oci_index(&[], ""), None);
    check(&docker(&[]), None);
    let artifact = MediaType::OCI_ARTIFACT;
    check(&format!(r#"{{"mediaType":"{artifact}","artifactType":"any text"}}"#), Some("any text"));

    let error = |text: &str| parse(None, text).unwrap_err().to_string();
    let long = "x".repeat(256);
    assert_eq!(error(&oci_index(&[], &format!(r#","artifactType":"{long}""#))), "artifactType has more than 255 bytes");
    assert_eq!(error(&oci_index(&[], r#","artifactType":"a\u0000""#)), r"artifactType contains '\0'");
}

#[test]
fn what_a_manifest_says_about_itself() {
    let subject = descriptor(MediaType::OCI_MANIFEST, A, "");
    let rest = format!(r#","subject":{subject},"annotations":{{"k\u0065y":"v","":""}}"#);
    for text in [oci(MediaType::OCI_EMPTY, &[], &rest), oci_index(&[], &rest)] {
        let document = parse(None, &text).unwrap();
        assert_eq!(document.subject(), Some(A.parse().unwrap()));
        assert_eq!(document.annotations().len(), 2);
        assert_eq!(document.annotations()["key"], "v");
        assert_eq!(document.digest(Algorithm::Sha512), Digest::of(Algorithm::Sha512, text.as_bytes()));
    }
}

#[test]
fn children_keep_their_order_and_what_is_said_of_them() {
    let platform = r#","platform":{"architecture":"arm","os":"linux","variant":"v7","os.features":["x"]}"#;
    let entries = [
        descriptor(MediaType::OCI_MANIFEST, B, platform),
        descriptor(MediaType::DOCKER_LIST, A, ""),
        descriptor(MediaType::OCI_LAYER_GZIP, B, ""),
    ];
    let document = parse(None, &oci_index(&entries, "")).unwrap();
    let found: Vec<(String, ChildKind)> =
        document.children().iter().map(|child| (child.digest.to_string(), child.kind)).collect();
    let expected = [(B, ChildKind::Manifest), (A, ChildKind::Manifest), (B, ChildKind::Unknown)];
    assert_eq!(found, expected.map(|(digest, kind)| (digest.to_owned(), kind)));
    let platform = document.children()[0].platform.as_ref().unwrap();
    assert_eq!((platform.to_string().as_str(), platform.os_features.as_slice()), ("linux/arm/v7", &["x".into()][..]));
    assert_eq!(document.layers_size(), None);
}

#[test]
fn sizes_are_added_up_and_never_overflow() {
    let check =
        |text: &str, expected: u64| assert_eq!(parse(None, text).unwrap().layers_size(), Some(expected), "{text}");
    let layer = descriptor(MediaType::OCI_LAYER, A, "");
    let huge = layer.replace(":7", ":9223372036854775807");
    check(&oci("a/b", &[], ""), 0);
    check(&oci("a/b", &[layer.clone(), layer], ""), 14);
    check(&oci("a/b", &[huge.clone(), huge.clone(), huge], ""), 9_223_372_036_854_775_807);
    check(&schema1(&[(A, r#"{"id":"a","Size":5}"#), (B, r#"{"id":"b","Size":-5}"#), (C, r#"{"id":"c"}"#)]), 5);
}

#[test]
fn schema_1_is_read_base_first() {
    let top = r#"{"id":"2","parent":"1","created":"1970-01-01T00:00:02Z","os":"linux","architecture":"arm","config":{"Labels":{"a":"b"}}}"#;
    let document = parse(None, &schema1(&[(B, top), (A, r#"{"id":"1","config":{}}"#)])).unwrap();
    let schema1 = document.schema1().unwrap();
    let digests: Vec<String> = schema1.layers().iter().map(|layer| layer.digest.to_string()).collect();
    assert_eq!(digests, [A, B]);
    assert_eq!(schema1.v1_ids().collect::<Vec<_>>(), [(Some("1"), None), (Some("2"), Some("1"))]);
    assert_eq!(schema1.layers()[1].metadata, top);
    assert_eq!(schema1.labels()["a"], "b");
    assert_eq!(schema1.created(), Some(2_000));
    assert_eq!(schema1.platform().unwrap().to_string(), "linux/arm");
    assert_eq!((document.embedded_name(), document.embedded_tag()), (Some("a/b"), Some("t")));
    assert_eq!(document.bytes(), schema1.payload());
}

fn check_error(text: &str, kind: ErrorKind, expected: &str) {
    let error = parse(None, text).unwrap_err();
    assert_eq!((error.to_string().as_str(), error.kind()), (expected, kind), "{text}");
}

#[test]
fn errors_name_the_member_of_a_layer() {
    let layer = descriptor(MediaType::OCI_LAYER, A, "");
    let check = |from: &str, to: &str, kind: ErrorKind, expected: &str| {
        check_error(&oci("a/b", &[layer.clone(), layer.replace(from, to)], ""), kind, expected);
    };
    check(":7", ":-7", ErrorKind::NegativeLayerSize, "layers[1].size is negative");
    check(":7", ":7.5", ErrorKind::Schema, "layers[1].size is `7.5`, no whole number below 2^63");
    check(":7", r#":"7""#, ErrorKind::Schema, "layers[1].size is a string, not a number");
    check(r#""size""#, r#""x""#, ErrorKind::Schema, "layers[1].size is missing");
    check(r#""size""#, r#""digest""#, ErrorKind::Schema, "layers[1].digest occurs twice");
    let algorithm = A.replace("256", "1");
    let digest = format!("the algorithm of digest `{algorithm}` is neither sha256 nor sha512");
    check("sha256", "sha1", ErrorKind::LayerDigest, &format!("layers[1].digest is no digest: {digest}"));
    let media_type = "media type `vnd.oci.image.layer.v1.tar` has no type and subtype around a `/`";
    check("application/", "", ErrorKind::Schema, &format!("layers[1].mediaType is no media type: {media_type}"));

    let remote = descriptor(MediaType::OCI_NONDISTRIBUTABLE_LAYER, A, r#","urls":[]"#);
    let no_urls = "layers[0].urls is missing or empty, but a layer of that type is fetched from there";
    check_error(&oci("a/b", &[remote], ""), ErrorKind::RemoteLayerWithoutUrls, no_urls);
    check_error(&oci("a/b", &vec![layer.clone(); 4], ""), ErrorKind::Schema, "layers has more than 3 entries");
}

#[test]
fn errors_name_other_members() {
    let check = |rest: &str, expected: &str| check_error(&oci("a/b", &[], rest), ErrorKind::Schema, expected);
    check(r#","annotations":{"a":1}"#, "annotations.a is a number, not a string");
    check(r#","annotations":{"a":"\ud800"}"#, "annotations is no Unicode text: it has half of a surrogate pair");
    check(r#","annotations":{"a":"","\u0061":""}"#, "annotations.a occurs twice");
    check(r#","layers":[]"#, "layers occurs twice");
    check(r#","subject":{}"#, "subject.mediaType is missing");
    check_error(r#"{"schemaVersion":1,"manifests":[]}"#, ErrorKind::Schema, "schemaVersion is `1`, not 2");
    let boolean = "schemaVersion is a boolean, not a number";
    check_error(r#"{"schemaVersion":true,"manifests":[]}"#, ErrorKind::Schema, boolean);
    let list = docker_list(&[descriptor("a/b", A, "")]);
    check_error(&list, ErrorKind::Schema, "manifests[0].mediaType is `a/b`, not a type of docker manifest");
}

#[test]
fn errors_name_the_metadata_of_a_schema_1_layer() {
    let check = |layers: &[(&str, &str)], kind, expected: &str| check_error(&schema1(layers), kind, expected);
    check(&[], ErrorKind::Schema, "fsLayers is empty");
    let no_json = "history[0].v1Compatibility is not JSON: an end where a value should be at byte 0";
    check(&[(A, "")], ErrorKind::V1MetadataJson, no_json);
    check(&[(A, "{}")], ErrorKind::V1MetadataNoId, "history[0].v1Compatibility.id is missing");
    check(&[(A, "null")], ErrorKind::V1MetadataNoId, "history[0].v1Compatibility.id is missing");
    check(&[(A, "[1]")], ErrorKind::Schema, "history[0].v1Compatibility is a list, not an object");
    let no_digest = "fsLayers[0].blobSum is no digest: digest `x` has no colon after its algorithm";
    check(&[("x", "{}")], ErrorKind::LayerDigest, no_digest);
    let orphan = "history[0].v1Compatibility.parent is `z`, which is no layer below this one";
    let layers = [(A, r#"{"id":"y","parent":"z"}"#), (A, r#"{"id":"x"}"#)];
    check(&layers, ErrorKind::UnknownParent, orphan);
    let unequal = schema1(&[(A, "{}")]).replace(r#"{"v1Compatibility":"{}"}"#, "");
    let expected = "fsLayers has 1 entries and history 0; they must have equally many";
    check_error(&unequal, ErrorKind::Schema, expected);
}

#[test]
fn a_text_that_cannot_have_been_signed() {
    let signed = |block: &str| {
        let signature = format!(r#"{{"protected":"{block}","signature":"","header":{{"alg":"","jwk":{{}}}}}}"#);
        let start = format!(r#"{{"signatures":[{signature}],"name""#);
        schema1(&[(A, r#"{"id":"x"}"#)]).replace(r#"{"name""#, &start)
    };
    let check = |text: &str, expected: &str| check_error(text, ErrorKind::BadSignature, expected);
    check(&signed("#"), "signatures[0].protected is not base64url");
    check(&signed("e30"), "signatures[0].protected.formatLength is missing");
    // {"formatLength":99999,"formatTail":"fQ"}
    let far = signed("eyJmb3JtYXRMZW5ndGgiOjk5OTk5LCJmb3JtYXRUYWlsIjoiZlEifQ");
    let expected = format!("signatures[0].protected.formatLength is 99999, but the manifest has {} bytes", far.len());
    check(&far, &expected);
}

#[test]
fn depth_is_limited_and_costs_nothing() {
    let nested = |depth: usize| {
        format!(r#"{{"schemaVersion":2,"manifests":[],"x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth))
    };
    assert!(parse(None, &nested(127)).is_ok());
    let check = |text: &str| {
        let error = parse(None, text).unwrap_err().to_string();
        assert!(error.contains("nesting deeper than 128"), "{error}");
    };
    check(&nested(128));
    check(&"[".repeat(100_000));
    check(&"{\"a\":".repeat(100_000));
}

#[test]
fn texts_that_are_no_json() {
    let index = oci_index(&[], "");
    let utf16: Vec<u8> = index.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let check = |bytes: Vec<u8>, expected: &str| {
        let error = Document::parse(None, bytes.into(), &Limits::default()).unwrap_err();
        assert_eq!(
            (error.to_string(), error.kind()),
            (format!("the manifest is not JSON: {expected}"), ErrorKind::Json)
        );
    };
    check(Vec::new(), "an end where a value should be at byte 0");
    check(b"{\"\xff\":0}".to_vec(), "invalid UTF-8 at byte 2");
    check([b"\xef\xbb\xbf", index.as_bytes()].concat(), r"'\u{feff}' where a value should be at byte 0");
    check(utf16, r"'\0' where a member's name in double quotes should be at byte 1");
    check(index.replace("[]", "NaN").into_bytes(), "'N' where a value should be at byte 31");
}
