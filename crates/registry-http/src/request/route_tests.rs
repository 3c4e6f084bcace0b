use super::{BadRequest, MountSource, Operation, Paging, PutTarget, parse};
use http::Method;
use oci_types::{Algorithm, Digest};

const ID: &str = "01234567-89ab-cdef-0123-456789abcdef";

fn digest() -> Digest {
    Digest::of(Algorithm::Sha256, b"x")
}

fn parse_line(line: &str) -> Result<Operation, BadRequest> {
    let line = line.replace("DIGEST", &digest().to_string()).replace("UPLOAD", ID);
    let (method, target) = line.split_once(' ').unwrap();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    parse(&method.parse::<Method>().unwrap(), path, query)
}

fn is(line: &str, expected: Operation) {
    assert_eq!(parse_line(line), Ok(expected), "{line}");
}

fn refused(line: &str, matches: impl Fn(&BadRequest) -> bool) {
    let error = parse_line(line).unwrap_err();
    assert!(matches(&error), "{line} gave {error:?}");
}

fn first_page<K>() -> Paging<K> {
    Paging { limit: None, after: None }
}

macro_rules! name {
    ($text:expr) => {
        $text.parse().unwrap()
    };
}

#[test]
fn fixed_paths() {
    is("GET /v2", Operation::Ping);
    is("GET /v2/", Operation::Ping);
    is("HEAD /v2/", Operation::Ping);
    is("GET /v2/?ns=docker.io", Operation::Ping);
    is("GET /v2/_catalog", Operation::Catalogue { page: first_page() });
    is(
        "GET /v2/_catalog?n=5&last=a/b",
        Operation::Catalogue { page: Paging { limit: Some(5), after: Some(name!("a/b")) } },
    );
    is("GET /v2/_oci/ext/discover", Operation::Extensions);
    is("GET /v2/a/b/_oci/ext/discover", Operation::Extensions);
    is("GET /healthz", Operation::Alive);
    is("HEAD /readyz", Operation::Ready);
}

#[test]
fn names_are_matched_from_the_right() {
    let manifest = |line: &str, repository: &str, reference: &str| {
        is(line, Operation::GetManifest { repository: name!(repository), reference: name!(reference) });
    };
    manifest("GET /v2/a/manifests/v1", "a", "v1");
    manifest("GET /v2/a/b/c/manifests/v1", "a/b/c", "v1");
    manifest("GET /v2/a/blobs/uploads/manifests/v1", "a/blobs/uploads", "v1");
    manifest("GET /v2/a/tags/manifests/list", "a/tags", "list");
    manifest("GET /v2/manifests/manifests/manifests", "manifests", "manifests");
    manifest("GET /v2/a%2Fb/manifests/v%31", "a/b", "v1");
    manifest("GET /v2/a/manifests/DIGEST", "a", &digest().to_string());
    manifest(&format!("GET /v2/a/manifests/{}", digest().to_string().replace(':', "%3A")), "a", &digest().to_string());
    is("GET /v2/a/manifests/tags/list", Operation::Tags { repository: name!("a/manifests"), page: first_page() });
    is("GET /v2/tags/tags/list", Operation::Tags { repository: name!("tags"), page: first_page() });
    is("GET /v2/a/blobs/b/blobs/DIGEST", Operation::GetBlob { repository: name!("a/blobs/b"), digest: digest() });
    is(
        "GET /v2/a/blobs/uploads/blobs/uploads/UPLOAD",
        Operation::UploadStatus { repository: name!("a/blobs/uploads"), id: name!(ID) },
    );
    is(
        "GET /v2/a/uploads/referrers/DIGEST",
        Operation::Referrers { repository: name!("a/uploads"), subject: digest(), types: vec![], page: first_page() },
    );
}

/// Every name of up to three components that are themselves words of paths.
fn tricky_names() -> impl Iterator<Item = String> {
    const WORDS: [&str; 8] = ["a", "v2", "blobs", "uploads", "manifests", "tags", "list", "referrers"];
    let longer = |names: Vec<String>| -> Vec<String> {
        names.iter().flat_map(|name| WORDS.map(|word| format!("{name}/{word}"))).collect()
    };
    let one: Vec<String> = WORDS.map(ToOwned::to_owned).into();
    let two = longer(one.clone());
    let three = longer(two.clone());
    one.into_iter().chain(two).chain(three)
}

#[test]
fn every_endpoint_of_every_tricky_name_is_its_own() {
    for name in tricky_names() {
        let repository = || name!(name);
        for tag in ["v1", "list", "uploads", "tags"] {
            let reference = name!(tag);
            is(
                &format!("GET /v2/{name}/manifests/{tag}"),
                Operation::GetManifest { repository: repository(), reference },
            );
        }
        let blob = Operation::GetBlob { repository: repository(), digest: digest() };
        is(&format!("GET /v2/{name}/blobs/DIGEST"), blob);
        let begin = || Operation::BeginUpload { repository: repository(), algorithm: Algorithm::Sha256 };
        is(&format!("POST /v2/{name}/blobs/uploads/"), begin());
        is(&format!("POST /v2/{name}/blobs/uploads"), begin());
        let append = Operation::AppendUpload { repository: repository(), id: name!(ID) };
        is(&format!("PATCH /v2/{name}/blobs/uploads/UPLOAD"), append);
        is(&format!("GET /v2/{name}/tags/list"), Operation::Tags { repository: repository(), page: first_page() });
        let referrers =
            Operation::Referrers { repository: repository(), subject: digest(), types: vec![], page: first_page() };
        is(&format!("GET /v2/{name}/referrers/DIGEST"), referrers);
    }
}

#[test]
fn methods_of_manifests_and_blobs() {
    is("HEAD /v2/a/manifests/v1", Operation::HeadManifest { repository: name!("a"), reference: name!("v1") });
    is("DELETE /v2/a/manifests/v1", Operation::DeleteManifest { repository: name!("a"), reference: name!("v1") });
    is("HEAD /v2/a/blobs/DIGEST", Operation::HeadBlob { repository: name!("a"), digest: digest() });
    is("DELETE /v2/a/blobs/DIGEST", Operation::DeleteBlob { repository: name!("a"), digest: digest() });
}

#[test]
fn pushes() {
    let put = |line: &str, target: PutTarget| is(line, Operation::PutManifest { repository: name!("a"), target });
    put("PUT /v2/a/manifests/v1", PutTarget::Tag { name: name!("v1"), digest: None });
    // Tag parameters belong to pushes by digest.
    put("PUT /v2/a/manifests/v1?tag=v2", PutTarget::Tag { name: name!("v1"), digest: None });
    put("PUT /v2/a/manifests/v1?digest=DIGEST", PutTarget::Tag { name: name!("v1"), digest: Some(digest()) });
    put("PUT /v2/a/manifests/DIGEST", PutTarget::Digest { digest: digest(), tags: [].into() });
    put(
        "PUT /v2/a/manifests/DIGEST?tag=b&tag=a&tag=b",
        PutTarget::Digest { digest: digest(), tags: [name!("a"), name!("b")].into() },
    );
    refused("PUT /v2/a/manifests/DIGEST?tag=-", |error| matches!(error, BadRequest::Tag(_)));
    refused("PUT /v2/a/manifests/v1?digest=x", |error| matches!(error, BadRequest::Digest(_)));
    refused("PUT /v2/a/manifests/-", |error| matches!(error, BadRequest::Tag(_)));
    refused("PUT /v2/a/manifests/sha256:baddigeststring", |error| matches!(error, BadRequest::Digest(_)));
}

#[test]
fn starts_of_uploads() {
    let begin = |line: &str, algorithm| is(line, Operation::BeginUpload { repository: name!("a"), algorithm });
    begin("POST /v2/a/blobs/uploads/", Algorithm::Sha256);
    begin("POST /v2/a/blobs/uploads", Algorithm::Sha256);
    begin("POST /v2/a/blobs/uploads/?digest-algorithm=sha512", Algorithm::Sha512);
    refused("POST /v2/a/blobs/uploads/?digest-algorithm=md5", |error| matches!(error, BadRequest::Algorithm(_)));
    is("POST /v2/a/blobs/uploads/?digest=DIGEST", Operation::UploadWhole { repository: name!("a"), digest: digest() });
    refused("POST /v2/a/blobs/uploads/?digest=x", |error| matches!(error, BadRequest::Digest(_)));
    refused("POST /v2/a/blobs/uploads/?digest=", |error| matches!(error, BadRequest::Digest(_)));

    let mount = |line: &str, from, algorithm| {
        is(line, Operation::MountBlob { repository: name!("a"), digest: digest(), from, algorithm });
    };
    mount("POST /v2/a/blobs/uploads/?mount=DIGEST", MountSource::Anywhere, Algorithm::Sha256);
    let from_b = || MountSource::Repository(name!("b/c"));
    mount("POST /v2/a/blobs/uploads/?mount=DIGEST&from=b/c", from_b(), Algorithm::Sha256);
    mount("POST /v2/a/blobs/uploads/?from=b%2Fc&mount=DIGEST&origin=x", from_b(), Algorithm::Sha256);
    mount("POST /v2/a/blobs/uploads/?mount=DIGEST&from=B", MountSource::Nowhere, Algorithm::Sha256);
    mount("POST /v2/a/blobs/uploads/?mount=DIGEST&from=", MountSource::Nowhere, Algorithm::Sha256);
    mount("POST /v2/a/blobs/uploads/?mount=DIGEST&digest-algorithm=sha512", MountSource::Anywhere, Algorithm::Sha512);
    refused("POST /v2/a/blobs/uploads/?mount=x", |error| matches!(error, BadRequest::Digest(_)));
}

#[test]
fn uploads_under_way() {
    is("PATCH /v2/a/blobs/uploads/UPLOAD", Operation::AppendUpload { repository: name!("a"), id: name!(ID) });
    is("GET /v2/a/blobs/uploads/UPLOAD?digest=x", Operation::UploadStatus { repository: name!("a"), id: name!(ID) });
    is("DELETE /v2/a/blobs/uploads/UPLOAD", Operation::CancelUpload { repository: name!("a"), id: name!(ID) });
    is(
        "PUT /v2/a/blobs/uploads/UPLOAD?_state=s&digest=DIGEST",
        Operation::FinishUpload { repository: name!("a"), id: name!(ID), digest: digest() },
    );
    refused("PUT /v2/a/blobs/uploads/UPLOAD", |error| *error == BadRequest::DigestMissing);
    refused("PUT /v2/a/blobs/uploads/UPLOAD?digest=x", |error| matches!(error, BadRequest::Digest(_)));
    refused("PATCH /v2/a/blobs/uploads/nonsense", |error| matches!(error, BadRequest::Upload(_)));
}

#[test]
fn referrers() {
    let check = |line: &str, types: &[&str], limit| {
        let types = types.iter().map(ToString::to_string).collect();
        let page = Paging { limit, after: None };
        is(line, Operation::Referrers { repository: name!("a"), subject: digest(), types, page });
    };
    check("GET /v2/a/referrers/DIGEST", &[], None);
    check("GET /v2/a/referrers/DIGEST?artifactType=", &[], None);
    check("GET /v2/a/referrers/DIGEST?artifactType=a%2Fb%2Bjson&n=3&other=x", &["a/b+json"], Some(3));
    check("GET /v2/a/referrers/DIGEST?artifactType=a/b+json&artifactType=c", &["a/b+json", "c"], None);
    refused("GET /v2/a/referrers/x", |error| matches!(error, BadRequest::Digest(_)));
}

#[test]
fn what_is_wrong_is_said() {
    let none = |line: &str| refused(line, |error| *error == BadRequest::NoSuchEndpoint);
    none("GET /");
    none("GET /v1/");
    none("GET /v2x");
    none("GET /v2/a");
    none("GET /v2/a/b");
    none("GET /v2/a/tags/all");
    none("GET /v2/a/tags/list/");
    none("GET /v2/a/uploads/");
    none("GET /v2/_x/y/z");
    let name = |line: &str| refused(line, |error| matches!(error, BadRequest::Name(_)));
    name("GET /v2/A/manifests/v1");
    name("GET /v2/A/manifests/-");
    name("PATCH /v2/A/tags/list");
    name("GET /v2/manifests/v1");
    name("GET /v2//manifests/v1");
    name("GET /v2/tags/list");
    name("POST /v2/blobs/uploads/");
    name("GET /v2/a/../b/manifests/v1");
    name("GET /v2/A/_oci/ext/discover");
    name(&format!("GET /v2/{}/manifests/v1", "a".repeat(256)));
    let method = |line: &str, allow: &str| {
        refused(line, |error| matches!(error, BadRequest::Method { allow: allowed } if *allowed == allow));
    };
    method("POST /v2/", "GET, HEAD");
    method("DELETE /v2/a/tags/list", "GET, HEAD");
    method("PUT /v2/a/referrers/DIGEST", "GET, HEAD");
    method("PATCH /v2/a/manifests/v1", "GET, HEAD, PUT, DELETE");
    method("PUT /v2/a/blobs/DIGEST", "GET, HEAD, DELETE");
    method("GET /v2/a/blobs/uploads/", "POST");
    method("GET /v2/a/blobs/uploads", "POST");
    method("POST /v2/a/blobs/uploads/UPLOAD", "GET, HEAD, PATCH, PUT, DELETE");
    method("OPTIONS /v2/_catalog", "GET, HEAD");
    refused("GET /v2/a/manifests/-", |error| matches!(error, BadRequest::TagUnknown(_)));
    refused("DELETE /v2/a/manifests/sha256:x", |error| matches!(error, BadRequest::Digest(_)));
    refused("GET /v2/a/blobs/v1", |error| matches!(error, BadRequest::Digest(_)));
    refused("GET /v2/%ff/manifests/v1", |error| *error == BadRequest::PathEncoding);
}
