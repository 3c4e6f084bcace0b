use crate::rng::hash;
use crate::shape::{shape, size};
use crate::target::{Broken, Outcome, Target, ensure, ensure_readable};
use registry_http::fuzzing;

const HEX: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub(crate) const REQUEST: Target = Target {
    name: "request",
    weight: 4,
    check: request,
    tokens: &[
        "GET ",
        "HEAD ",
        "PUT ",
        "POST ",
        "PATCH ",
        "DELETE ",
        "/v2/",
        "/v2/_catalog",
        "library/app",
        "/manifests/",
        "/blobs/",
        "/blobs/uploads/",
        "/tags/list",
        "/referrers/",
        "/_manifestd/",
        "tags/",
        "history",
        "manifests",
        "purge",
        "labels",
        "/restore",
        "/expiry",
        "/immutable",
        "/why",
        "repository",
        "state",
        "_oci/ext/discover",
        "?n=",
        "&last=",
        "&digest=",
        "&mount=",
        "&from=",
        "&at=",
        "&after=",
        "&tag=",
        "&artifactType=",
        "&digest-algorithm=",
        "2024-01-02T03:04:05Z",
        "1.latest",
        HEX,
        "00000000-0000-0000-0000-000000000000",
    ],
};

/// `METHOD path?query`, as the first line of a request has it.
fn request(input: &[u8]) -> Result<Outcome, Broken> {
    let text = String::from_utf8_lossy(input);
    let (method, target) = text.split_once(' ').unwrap_or(("GET", &text));
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let answer = fuzzing::parse_request(method, path, query);
    ensure(answer == fuzzing::parse_request(method, path, query), "parsing is deterministic")?;
    answered(answer)
}

pub(crate) const BODY: Target = Target {
    name: "body",
    weight: 2,
    check: body,
    tokens: &[
        "\"digest\":",
        "\"expires\":",
        "\"key\":",
        "\"value\":",
        "\"mediaType\":",
        "\"visibility\":",
        "\"public\"",
        "\"state\":",
        "\"read-only\"",
        "\"manifests\":",
        "\"tags\":",
        "\"repository\":",
        "\"id\":",
        "\"plannedAt\":",
        "\"2024-01-02T03:04:05Z\"",
        "\"latest\"",
        HEX,
    ],
};

/// The body of every request of the extension that has one.
fn body(input: &[u8]) -> Result<Outcome, Broken> {
    let answers = fuzzing::parse_bodies(input);
    ensure(answers == fuzzing::parse_bodies(input), "parsing is deterministic")?;
    let mut outcome = String::new();
    for answer in answers {
        outcome.push_str(&answered(answer)?.0);
        outcome.push('/');
    }
    Ok(Outcome(outcome))
}

pub(crate) const RANGE: Target = Target {
    name: "range",
    weight: 1,
    check: range,
    tokens: &["bytes=", "0-", "-1", "0-0", ",", "5-9", "18446744073709551615", "99999999999999999999", "items="],
};

/// The value of a `Range`, of blobs of several sizes.
fn range(input: &[u8]) -> Result<Outcome, Broken> {
    let text = String::from_utf8_lossy(input);
    let mut outcome = String::new();
    for whole in [0, 1, 10, hash(input), u64::MAX] {
        let ranges = fuzzing::parse_range(&text, whole);
        let is_within = |range: &std::ops::Range<u64>| range.start < range.end && range.end <= whole;
        ensure(ranges.iter().flatten().all(is_within), "a range is not empty, and within the whole")?;
        let sum = ranges.iter().flatten().fold(0_u64, |sum, range| sum.saturating_add(range.end - range.start));
        ensure(sum <= whole, "no more is sent than there is")?;
        outcome.push_str(&ranges.map_or_else(|| "-".to_owned(), |ranges| size(ranges.len())));
        outcome.push(' ');
    }
    Ok(Outcome(outcome))
}

pub(crate) const CONTENT_RANGE: Target = Target {
    name: "content-range",
    weight: 1,
    check: content_range,
    tokens: &["bytes ", "bytes=", "0-0", "-", "/*", "/10", "0-18446744073709551615", "18446744073709551615"],
};

fn content_range(input: &[u8]) -> Result<Outcome, Broken> {
    let answer = fuzzing::parse_content_range(&String::from_utf8_lossy(input));
    if let Ok((start, length)) = answer {
        ensure(length > 0, "a chunk is not empty")?;
        let last = start.checked_add(length - 1);
        let last = last.ok_or_else(|| Broken("a chunk ends beyond 2^64".to_owned()))?;
        let again = fuzzing::parse_content_range(&format!("{start}-{last}"));
        ensure(again == Ok((start, length)), "a range reads what it prints")?;
    }
    answered(answer.map(|_| "Ok".to_owned()))
}

pub(crate) const CONDITIONS: Target = Target {
    name: "conditions",
    weight: 1,
    check: conditions,
    tokens: &["*", "W/", "\"", ",", HEX, "\"sha256:", "\"other\""],
};

/// One value of each of `If-Match`, `If-None-Match` and `If-Range`.
fn conditions(input: &[u8]) -> Result<Outcome, Broken> {
    let answer = fuzzing::parse_conditions(input);
    ensure(answer == fuzzing::parse_conditions(input), "parsing is deterministic")?;
    Ok(Outcome(answer.map_or_else(|| "no header".to_owned(), |text| shape(&Text(&text)))))
}

/// Errors that repeat what they were given at any length, control characters included. One that comes to quote it goes
/// from this list.
const REPEATING: [&str; 1] = ["Json("];

fn answered(answer: Result<String, fuzzing::Refused>) -> Result<Outcome, Broken> {
    match answer {
        Ok(debug) => Ok(Outcome(shape(&Text(&debug)))),
        Err(refused) => {
            if !REPEATING.iter().any(|name| refused.debug.starts_with(name)) {
                ensure_readable(&refused.message)?;
            }
            Ok(Outcome(shape(&Text(&refused.debug))))
        }
    }
}

/// A text that is the debug form of a value.
struct Text<'a>(&'a str);

impl std::fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}
