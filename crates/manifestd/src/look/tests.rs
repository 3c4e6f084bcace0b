use super::testing::{CONFIG, NOW, cx, empty, image, index, push, upload};
use super::{explain_push, history, inspect_manifest, inspect_repository, ls, tags};
use crate::failure::Failure;
use crate::target::Target;
use crate::words;
use manifest_core::Registry;
use manifest_core::service::TagQuery;
use oci_types::{Digest, Reference};
use serde_json::Value;
use std::io::Write;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Three tags of two manifests in `team/app`, and another repository.
async fn seeded() -> (Registry, Digest) {
    let registry = empty();
    let manifest = image(&registry, "team/app").await;
    let digest = push(&registry, "team/app:v1", manifest.clone(), NOW - 3_000).await;
    push(&registry, "team/app:latest", index(1), NOW - 2_000).await;
    push(&registry, "team/app:latest", manifest, NOW - 1_000).await;
    push(&registry, "team/app:next", index(2), NOW).await;
    push(&registry, "team-b:v1", index(3), NOW).await;
    (registry, digest)
}

#[tokio::test]
async fn repositories_are_listed_with_their_tags() {
    let (registry, _) = seeded().await;
    let text = ls(&registry, &cx(), "", false).await.unwrap();
    let first_words: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().take(2).collect()).collect();
    assert_eq!(first_words, [["REPOSITORY", "TAGS"], ["team-b", "1"], ["team/app", "3"]]);
    let list = json(&ls(&registry, &cx(), "team/", true).await.unwrap());
    assert_eq!(list[0]["repository"], "team/app");
    assert_eq!(list[0]["tags"], 3);
    assert_eq!(list.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn tags_are_listed_with_what_they_point_at() {
    let (registry, digest) = seeded().await;
    let name = "team/app".parse().unwrap();
    let text = tags(&registry, &cx(), &name, false).await.unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("TAG     DIGEST               PLATFORMS    LAYERS  SINCE"), "{text}");
    assert!(lines[1].starts_with(&format!("latest  {}  linux/arm64  7 B", &digest.to_string()[..19])), "{text}");
    assert!(lines[2].starts_with("next    sha256:"), "{text}");
    assert!(lines[3].ends_with(&words::time(NOW - 3_000)), "{text}");
    let listed = json(&tags(&registry, &cx(), &name, true).await.unwrap());
    assert_eq!(listed["tags"][2]["tag"], "v1");
    assert_eq!(listed["tags"][2]["digest"], digest.to_string());
    assert_eq!(listed["tags"][2]["expires"], Value::Null);
    assert_eq!(listed["tags"][2]["platforms"], Value::from(vec!["linux/arm64"]));
}

#[tokio::test]
async fn a_tag_of_an_index_shows_what_its_entries_run_on() {
    let (registry, digest) = seeded().await;
    let name = "team/app".parse().unwrap();
    let size = registry.manifest(&cx(), &name, &Reference::Digest(digest)).await.unwrap().bytes.len();
    let entry = |platform: &str| {
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}{platform}}}"#)
    };
    let (other, own) = (entry(r#","platform":{"os":"linux","architecture":"arm"}"#), entry(""));
    let media_type = "application/vnd.oci.image.index.v1+json";
    let both = format!(r#"{{"schemaVersion":2,"mediaType":"{media_type}","manifests":[{other},{own}]}}"#);
    push(&registry, "team/app:both", both, NOW).await;
    let text = tags(&registry, &cx(), &name, false).await.unwrap();
    assert!(text.lines().nth(1).unwrap().contains("  linux/arm,linux/arm64  "), "{text}");
}

#[tokio::test]
async fn history_is_newest_first() {
    let (registry, digest) = seeded().await;
    let name = "team/app".parse().unwrap();
    let latest = "latest".parse().unwrap();
    let listed = json(&history(&registry, &cx(), &name, Some(&latest), true).await.unwrap());
    let rows = listed["history"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["digest"], digest.to_string());
    assert_eq!(rows[0]["alive"], true);
    assert_eq!(rows[0]["previous"], rows[1]["digest"]);
    assert_eq!(rows[1]["until"], rows[0]["from"]);
    let text = history(&registry, &cx(), &name, None, false).await.unwrap();
    assert_eq!(text.lines().count(), 1 + 4, "{text}");
    assert!(text.lines().nth(1).unwrap().ends_with("now"), "{text}");
}

#[tokio::test]
async fn a_manifest_is_shown_with_all_that_is_known() {
    let (registry, digest) = seeded().await;
    let name = "team/app".parse().unwrap();
    let reference = Reference::Tag("v1".parse().unwrap());
    let text = inspect_manifest(&registry, &cx(), &name, &reference, false).await.unwrap();
    let expects = |line: String| assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
    expects("team/app:v1".to_owned());
    expects(format!("  digest       {digest}"));
    expects("  type         application/vnd.oci.image.manifest.v1+json".to_owned());
    expects("  state        tagged latest, v1".to_owned());
    expects("  platform     linux/arm64".to_owned());
    expects("  layers size  7 B".to_owned());
    // A label cannot move the cursor of a terminal.
    expects("  labels       team=blue\\u{1b}[2J".to_owned());
    let seen = json(&inspect_manifest(&registry, &cx(), &name, &reference, true).await.unwrap());
    assert_eq!(seen["config"]["bytes"], CONFIG.len());
    assert_eq!(seen["image_created"], "2024-05-01T10:00:00Z");
    assert_eq!(seen["labels"]["team"], "blue\u{1b}[2J");
    assert_eq!(seen["tag"]["immutable"], false);
}

#[tokio::test]
async fn what_no_tag_points_at_says_why_it_is_there() {
    let (registry, _) = seeded().await;
    let name = "team/app".parse().unwrap();
    let first = Reference::Digest(Digest::of(oci_types::Algorithm::Sha256, index(1).as_bytes()));
    let state = async |cx| json(&inspect_manifest(&registry, &cx, &name, &first, true).await.unwrap())["state"].clone();
    // `latest` left it behind and pinned it; after the pin only an operator sees it.
    assert_eq!(state(cx()).await, "kept");
    let later = manifest_core::Context::anonymous(NOW + 30 * 24 * 3_600_000);
    assert_eq!(state(later).await, "unkept");
    let Reference::Digest(digest) = &first else { panic!("a digest") };
    registry.delete_manifest(&cx(), &name, digest).await.unwrap();
    assert_eq!(state(cx()).await, "deleted");
}

#[tokio::test]
async fn a_repository_is_shown() {
    let (registry, _) = seeded().await;
    let text = inspect_repository(&registry, &cx(), &"team/app".parse().unwrap(), false).await.unwrap();
    assert!(text.contains("  tags        3\n"), "{text}");
    assert!(text.contains("  newest tag  next since "), "{text}");
}

#[tokio::test]
async fn what_is_not_there_says_what_to_try() {
    let (registry, _) = seeded().await;
    let check = |result: Result<String, Failure>, expected: &str| {
        let report = result.unwrap_err().report();
        assert!(report.starts_with(expected), "{report}");
        assert!(report.contains("\n  next: `manifestd "), "{report}");
    };
    let (name, other) = ("team/app".parse().unwrap(), "other".parse().unwrap());
    let tag = Reference::Tag("v9".parse().unwrap());
    check(tags(&registry, &cx(), &other, false).await, "error: there is no repository other\n");
    check(history(&registry, &cx(), &other, None, false).await, "error: there is no repository other\n");
    check(inspect_repository(&registry, &cx(), &other, false).await, "error: there is no repository other\n");
    check(inspect_manifest(&registry, &cx(), &other, &tag, false).await, "error: there is no repository other\n");
    check(inspect_manifest(&registry, &cx(), &name, &tag, false).await, "error: there is no v9 in team/app\n");
}

async fn explained(registry: &Registry, target: &str, manifest: &str, as_json: bool) -> Result<String, Failure> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(manifest.as_bytes()).unwrap();
    let target: Target = target.parse().unwrap();
    explain_push(registry, &cx(), &target, file.path(), None, as_json).await
}

#[tokio::test]
async fn a_push_is_explained_and_not_done() {
    let registry = empty();
    let manifest = image(&registry, "team/app").await;
    let text = explained(&registry, "team/app:v1", &manifest, false).await.unwrap();
    for expected in
        ["team/app exists and takes writes", "is not there yet", "v1 does not exist", "2 blobs", "point v1 at sha256:"]
    {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
    let answer = json(&explained(&registry, "team/app", &manifest, true).await.unwrap());
    assert_eq!(answer["rejection"], Value::Null);
    assert_eq!(answer["plan"]["tags"], Value::Array(Vec::new()));
    assert_eq!(answer["plan"]["pin"]["digest"], answer["ask"]["digest"]);
    let name = "team/app".parse().unwrap();
    assert!(registry.tags(&cx(), &name, &TagQuery::default()).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn a_push_that_moves_a_tag_says_what_it_leaves_behind() {
    let (registry, digest) = seeded().await;
    let text = explained(&registry, "team/app:v1", &index(9), false).await.unwrap();
    assert!(text.contains(&format!("\n  tags        v1 points at {digest}\n")), "{text}");
    assert!(text.contains(&format!("\n  pin    {digest} until ")), "{text}");
    assert!(!text.contains("create"), "{text}");
    let text = explained(&registry, "new/app:v1", &index(9), false).await.unwrap();
    assert!(text.contains("\n  create  repository new/app\n"), "{text}");
    assert!(!text.contains("\n  pin"), "{text}");
}

#[tokio::test]
async fn a_push_that_would_be_refused_says_why() {
    let registry = empty();
    let manifest = image(&empty(), "elsewhere").await;
    upload(&registry, "team/app", CONFIG).await;
    let layer = Digest::of(oci_types::Algorithm::Sha256, b"a layer");
    let text = explained(&registry, "team/app:v1", &manifest, false).await.unwrap();
    assert!(text.contains(&format!("{layer}  not in the repository")), "{text}");
    assert!(
        text.contains("The push would be refused, and nothing written\n  because  the manifest names a blob "),
        "{text}"
    );
    let answer = json(&explained(&registry, "team/app:v1", &manifest, true).await.unwrap());
    assert_eq!(answer["plan"], Value::Null);
    assert_eq!(answer["rejection"]["blobs"][0], layer.to_string());
}

#[tokio::test]
async fn a_file_that_is_no_manifest_is_refused() {
    let check = async |target: &str, manifest: &str, expected: &str| {
        let report = explained(&empty(), target, manifest, false).await.unwrap_err().report();
        assert!(report.contains("would be refused"), "{report}");
        assert!(report.contains(expected), "{report}");
    };
    check("team/app:v1", "{", "because: ").await;
    check("team/app", "[]", "because: ").await;
    let other = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    check(&format!("team/app@{other}"), &index(1), &format!(", not {other}")).await;
}
