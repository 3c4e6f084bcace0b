use super::super::{Operation, parse};
use super::{BadRequest, Manage};
use http::Method;
use manifest_core::plan::LabelId;
use manifest_core::ports::{HistoryCursor, ManifestState, TagCursor, TagOrder};
use manifest_core::service::{HistoryQuery, TagQuery};
use oci_types::{Algorithm, Digest};

fn digest() -> Digest {
    Digest::of(Algorithm::Sha256, b"x")
}

fn ask(line: &str) -> Result<Operation, BadRequest> {
    let line = line.replace("DIGEST", &digest().to_string());
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/v2/a/b/_manifestd/{path}") };
    parse(&method.parse::<Method>().unwrap(), &path, query)
}

fn is(line: &str, what: Manage) {
    assert_eq!(ask(line), Ok(Operation::Manage { repository: "a/b".parse().unwrap(), what }), "{line}");
}

fn refused(line: &str, expected: &str) {
    assert_eq!(ask(line).unwrap_err().to_string(), expected, "{line}");
}

macro_rules! name {
    ($text:expr) => {
        $text.parse().unwrap()
    };
}

#[test]
fn endpoints() {
    is("GET repository", Manage::Repository);
    is("HEAD repository", Manage::Repository);
    is("PUT repository", Manage::CreateRepository);
    is("PATCH repository", Manage::SetState);
    is("DELETE repository", Manage::DeleteRepository);
    is("PUT tags/v1", Manage::PointTag(name!("v1")));
    is("PUT tags/restore", Manage::PointTag(name!("restore")));
    is("POST tags/restore/restore", Manage::RestoreTag(name!("restore")));
    is("PUT tags/_manifestd/expiry", Manage::SetExpiry(name!("_manifestd")));
    is("DELETE tags/v1/expiry", Manage::ClearExpiry(name!("v1")));
    is("PUT tags/v1/immutable", Manage::SetImmutable(name!("v1")));
    is("DELETE tags/v1/immutable", Manage::ClearImmutable(name!("v1")));
    is("GET manifests/DIGEST/why", Manage::Why(digest()));
    is("DELETE manifests/DIGEST/tags", Manage::EndTags(digest()));
    is("GET manifests/DIGEST/labels", Manage::Labels { digest: digest(), prefix: String::new() });
    is("GET manifests/DIGEST/labels?prefix=a+b", Manage::Labels { digest: digest(), prefix: "a b".into() });
    is("POST manifests/DIGEST/labels", Manage::AddLabel(digest()));
    is("DELETE manifests/DIGEST/labels/7", Manage::DeleteLabel { digest: digest(), id: LabelId(7) });
    is("POST purge", Manage::Purge);
    is("POST purge/plan", Manage::PlanPurge);
    assert_eq!(ask("GET /v2/_manifestd/api"), Ok(Operation::ManageApi));
}

#[test]
fn tags_of_that_name_are_tags() {
    let expected = Operation::GetManifest { repository: name!("a"), reference: name!("_manifestd") };
    assert_eq!(ask("GET /v2/a/manifests/_manifestd"), Ok(expected));
}

#[test]
fn listings_of_tags() {
    is("GET tags", Manage::Tags(TagQuery::default()));
    is("GET tags?n=&sort=&contains=&after=", Manage::Tags(TagQuery::default()));
    let newest = TagQuery {
        contains: Some("rc/1".into()),
        order: TagOrder::Newest,
        after: Some(TagCursor { start: 5, name: name!("v1.2") }),
        limit: Some(3),
    };
    is("GET tags?sort=newest&n=3&contains=rc%2F1&after=5.v1.2", Manage::Tags(newest));
    is("GET tags?sort=name", Manage::Tags(TagQuery::default()));
    refused("GET tags?sort=age", "`sort` is `age`, not `name` or `newest`");
    refused("GET tags?after=v1", "`after` is no cursor that a page ended with");
    refused("GET tags?n=many", "`n` is `many`, not a number of items");
    refused("GET tags?contain=x", "the endpoint takes the parameters n, after, sort, contains, not `contain`");
    refused("GET tags?n=1&n=2", "the parameter `n` occurs more than once");
}

#[test]
fn listings_of_history_and_manifests() {
    is("GET history", Manage::History(HistoryQuery::default()));
    let some = HistoryQuery {
        name: Some(name!("v1")),
        active_only: true,
        since: Some(1_800_000_000_000),
        after: Some(HistoryCursor { start: -5, name: name!("v1") }),
        limit: Some(0),
    };
    is("GET history?tag=v1&active=true&since=2027-01-15T08:00:00Z&after=-5.v1&n=0", Manage::History(some));
    is("GET history?active=false", Manage::History(HistoryQuery::default()));
    refused("GET history?active=1", "`active` is `1`, not `true` or `false`");
    refused("GET history?since=now", "`since` is `now`, not a time as RFC 3339 has it, or in milliseconds since 1970");
    assert!(matches!(ask("GET history?tag=-"), Err(BadRequest::Tag(_))));
    for (text, state) in
        [("tagged", ManifestState::Tagged), ("untagged", ManifestState::Untagged), ("deleted", ManifestState::Deleted)]
    {
        is(&format!("GET manifests?state={text}"), Manage::Manifests { state, after: None, limit: None });
    }
    let after = Some(digest());
    is(
        "GET manifests?state=deleted&n=2&after=DIGEST",
        Manage::Manifests { state: ManifestState::Deleted, after, limit: Some(2) },
    );
    refused("GET manifests", "the parameter `state` is missing: it is `tagged`, `untagged` or `deleted`");
    refused("GET manifests?state=all", "`state` is `all`, not `tagged`, `untagged` or `deleted`");
    refused("GET manifests?state=deleted&after=x", "`after` is no cursor that a page ended with");
}

#[test]
fn what_is_wrong_is_said() {
    for line in ["GET nothing", "GET tags/v1/", "GET manifests/DIGEST", "POST purge/", "GET /v2/_manifestd/x"] {
        assert_eq!(ask(line), Err(BadRequest::NoSuchEndpoint), "{line}");
    }
    for line in ["GET /v2/A/_manifestd/tags", "GET /v2/A/_manifestd/nothing", "DELETE /v2//_manifestd/tags"] {
        assert!(matches!(ask(line), Err(BadRequest::Name(_))), "{line}");
    }
    let method = |line: &str, allowed: &str| refused(line, &format!("the endpoint takes {allowed} only"));
    method("POST repository", "GET, HEAD, PUT, PATCH, DELETE");
    method("DELETE tags", "GET, HEAD");
    method("GET tags/v1", "PUT");
    method("GET tags/", "PUT");
    method("GET tags/-", "PUT");
    method("PUT tags/v1/restore", "POST");
    method("GET tags/v1/expiry", "PUT, DELETE");
    method("PATCH tags/v1/immutable", "PUT, DELETE");
    method("POST history", "GET, HEAD");
    method("PUT manifests", "GET, HEAD");
    method("POST manifests/DIGEST/why", "GET, HEAD");
    method("GET manifests/DIGEST/tags", "DELETE");
    method("DELETE manifests/DIGEST/labels", "GET, HEAD, POST");
    method("GET manifests/DIGEST/labels/1", "DELETE");
    method("GET purge", "POST");
    method("GET purge/plan", "POST");
    method("POST /v2/_manifestd/api", "GET, HEAD");
    assert!(matches!(ask("PUT tags/-"), Err(BadRequest::Tag(_))));
    assert!(matches!(ask("GET manifests/x/why"), Err(BadRequest::Digest(_))));
    refused("DELETE manifests/DIGEST/labels/+1", "there is no label `+1`");
    refused("PUT repository?force=1", "the endpoint takes no parameters, and so no `force`");
    refused("GET manifests/DIGEST/labels?key=a", "the endpoint takes the parameters prefix, not `key`");
}
