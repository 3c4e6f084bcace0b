//! Where we answer otherwise than Quay, on purpose: each by a rule that a case must fit, and what is asserted instead.
//!
//! The numbers are those of `docs/semantics.md`, "Where we differ from Quay". Rules go by what a case asks and what we
//! answer, never by its name, so that a new case of a kind is judged as the old ones are.

use crate::case::{self, Case};
use crate::observed::Failure;
use crate::odd_labels;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use manifest_core::document::{ConfigError, Document, DocumentError, MemberError, Problem, SyntaxProblem};
use manifest_core::labels::expires_after;
use manifest_core::legacy::VerifyError;
use manifest_core::oci_types::MediaType;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;

/// A reason to answer otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    LabelsAreStrings,
    EmptyConfig,
    NoCrashes,
    Durations,
    SignedPayloadOnly,
    LayersAndHistory,
    RemoteByType,
    WellFormedDigests,
    StrictJson,
    ContentTypes,
    Sizes,
    OddLabels,
    KeyEndsInLineFeed,
    OneWrite,
    Reachable,
    HiddenTags,
    Uncollected,
    EmptyLayer,
    Cosign,
    SameMillisecond,
    ChildConfigs,
    TodaysQuay,
    Dates,
    ValidatedFirst,
}

impl Rule {
    /// The numbers in the semantics.
    fn numbers(self) -> &'static [u8] {
        match self {
            Self::OneWrite => &[1, 2],
            Self::LabelsAreStrings | Self::EmptyConfig | Self::ValidatedFirst => &[2],
            Self::NoCrashes => &[3],
            Self::Durations => &[6],
            Self::SignedPayloadOnly => &[7, 10],
            Self::LayersAndHistory => &[7],
            Self::RemoteByType => &[8],
            Self::WellFormedDigests => &[9],
            Self::StrictJson | Self::Sizes => &[10],
            Self::ContentTypes => &[13],
            Self::Reachable => &[4],
            Self::HiddenTags => &[17],
            Self::Uncollected => &[18],
            Self::EmptyLayer => &[19],
            Self::TodaysQuay | Self::Dates => &[11],
            Self::Cosign => &[20],
            Self::SameMillisecond => &[21],
            Self::OddLabels | Self::KeyEndsInLineFeed | Self::ChildConfigs => &[22],
        }
    }

    /// What is asserted.
    fn says(self) -> &'static str {
        match self {
            Self::LabelsAreStrings => "labels and annotations are string to string; others are refused",
            Self::EmptyConfig => "the empty object is a config, of docker images too",
            Self::NoCrashes => "a document on which Quay crashes after reading it is refused",
            Self::Durations => "ASCII digits and a unit; zero and negative durations are ignored",
            Self::SignedPayloadOnly => {
                "what was signed counts; refused if it is no JSON, or more is said outside of it"
            }
            Self::LayersAndHistory => "fsLayers and history must have equal length",
            Self::RemoteByType => "the media type makes a layer remote; one with urls alone must exist",
            Self::WellFormedDigests => "digests are sha256 or sha512 with lower-case digits, everywhere",
            Self::StrictJson => {
                "UTF-8 without a byte order mark, NaN or a name twice, at most 128 deep; others are refused"
            }
            Self::ContentTypes => "content types have parameters and no case; where they say nothing the body decides",
            Self::Sizes => "sizes are whole, not negative, below 2^63; others are refused when parsing",
            Self::OddLabels => {
                "of what is no Unicode text a label is not kept, and a comment or author is shown with U+FFFD"
            }
            Self::KeyEndsInLineFeed => "a key that is added through an API must not end in a line feed",
            Self::OneWrite => "what is refused leaves nothing behind, and is refused again",
            Self::Reachable => {
                "ancestors at any depth keep a manifest, the subject too; what nothing keeps is no referrer"
            }
            Self::HiddenTags => "a pin is no tag: children, referrers and what is pushed again to a tag get none",
            Self::Uncollected => "referrers do not keep their subjects, and what never had a tag is collected",
            Self::EmptyLayer => "the empty layer is always there, and linked where a history needs it",
            Self::Cosign => "tags that are named after a manifest stay when its last tag goes",
            Self::SameMillisecond => {
                "a tag can be moved or deleted again in one millisecond; the later interval starts later"
            }
            Self::TodaysQuay => "what has legacy images, and from what they follow, is as on today's Quay",
            Self::Dates => "a date that is missing or none is null",
            Self::ValidatedFirst => "what is refused has no images, so none are rewritten",
            Self::ChildConfigs => "configs of children are not read again",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<String> = self.numbers().iter().map(u8::to_string).collect();
        write!(f, "{self:?} (semantics {}): {}", numbers.join(", "), self.says())
    }
}

/// Where we refuse what Quay accepts (`expected` is `None`), or refuse it as something else.
pub(crate) fn of_refusal(expected: Option<&str>, failure: &Failure, case: &Case) -> Option<Rule> {
    let document = match failure {
        Failure::Document(error) => error,
        Failure::Config(ConfigError::Member(member)) if expected.is_none() && is_label(member) => {
            return Some(Rule::LabelsAreStrings);
        }
        // The manifest is as it was signed, but says more.
        Failure::Signature(VerifyError::Unsigned { member }) => {
            let is_outside = signed_text(case).is_some_and(|text| !has_member(&text, member));
            return (expected.is_none() && is_outside).then_some(Rule::SignedPayloadOnly);
        }
        Failure::ContentType(_)
        | Failure::Config(_)
        | Failure::ConfigSize
        | Failure::ConfigMissing
        | Failure::Signature(_)
        | Failure::Legacy(_) => return None,
    };
    match (expected, document) {
        (None, DocumentError::Member(member)) if is_label(member) => Some(Rule::LabelsAreStrings),
        (None, DocumentError::Member(MemberError { problem: Problem::Digest(_), .. })) => Some(Rule::WellFormedDigests),
        (None, DocumentError::Member(MemberError { problem: Problem::Duplicate, path })) => {
            let rule = if signed_text(case).is_some() { Rule::SignedPayloadOnly } else { Rule::StrictJson };
            occurs_twice(path, case).then_some(rule)
        }
        (None, DocumentError::LayersAndHistory { .. }) => Some(Rule::LayersAndHistory),
        (None, DocumentError::Json(_)) if signed_text(case).is_some_and(|text| !is_json(&text)) => {
            Some(Rule::SignedPayloadOnly)
        }
        (None, DocumentError::Json(error)) => {
            // A byte order mark; UTF-16 of ASCII, a NUL beside each byte; NaN and Infinity.
            let is_other_text =
                matches!(error.problem, SyntaxProblem::Unexpected { found: '\u{feff}' | '\0' | 'N' | 'I', .. });
            let is_deep = matches!(error.problem, SyntaxProblem::TooDeep { limit: 128 });
            (is_other_text || is_deep).then_some(Rule::StrictJson)
        }
        // Quay finds out when it compares the size with that of the config or the child.
        (None | Some("config-size"), DocumentError::Member(MemberError { problem, path })) => {
            let is_size = path.ends_with(".size") && matches!(problem, Problem::Size { .. } | Problem::Negative);
            is_size.then_some(Rule::Sizes)
        }
        _ => None,
    }
}

/// Where we refuse a document for its labels, which Quay lists.
pub(crate) fn of_labels(expected: &Value, failure: &Failure, case: &Case) -> Option<Rule> {
    let rule = of_refusal(None, failure, case).filter(|rule| *rule == Rule::LabelsAreStrings);
    let has_others = expected.get("ok")?.as_object()?.values().any(|label| !label.is_string());
    rule.filter(|_| has_others)
}

/// Where we accept what Quay refuses.
pub(crate) fn of_acceptance(stage: &str, expected: &str, case: &Case, document: &Document) -> Option<Rule> {
    match expected {
        "config-schema" => {
            let digest = document.config()?.digest.to_string();
            (case.input("content").get(digest)? == "{}").then_some(Rule::EmptyConfig)
        }
        // Quay reads dates and fails where it cannot; for us they are only shown.
        "unhandled" if ["layers", "v1_ids", "schema1", "legacy_layers"].contains(&stage) => {
            let config = document.config()?.digest.to_string();
            let config = String::from_utf8(case::bytes(case.input("content").get(config)?)?).ok()?;
            let history = serde_json::from_str::<Value>(&config).ok()?;
            let mut dates =
                history.get("history")?.as_array()?.iter().filter_map(|entry| entry.get("created")?.as_str());
            dates.any(|date| !date.contains('T')).then_some(Rule::Dates)
        }
        "unknown-media-type" => {
            let header = case.input("media_type").as_str()?;
            let read = MediaType::from_content_type(header).ok();
            let says_nothing = header.is_empty() || header == MediaType::JSON;
            let is_otherwise_written = read.is_some_and(|read| read == *document.media_type() && read != header);
            (says_nothing || is_otherwise_written).then_some(Rule::ContentTypes)
        }
        _ => None,
    }
}

/// Where one field of a document that both accept differs.
pub(crate) fn of_field(name: &str, expected: &Value, found: &Value, document: &Document) -> Option<Rule> {
    match name {
        "local_blob_digests" => {
            let urls = document.layers().iter().filter(|layer| !layer.urls.is_empty() && !layer.is_remote());
            let with_urls: BTreeSet<String> = urls.map(|layer| layer.digest.to_string()).collect();
            let is_without = |digest: &&Value| !digest.as_str().is_some_and(|digest| with_urls.contains(digest));
            let without: Vec<&Value> = found.as_array()?.iter().filter(is_without).collect();
            let expected: Vec<&Value> = expected.as_array()?.iter().collect();
            (without == expected).then_some(Rule::RemoteByType)
        }
        "labels" => of_odd_labels(expected, found),
        _ => None,
    }
}

/// Where we keep fewer labels of a document than Quay.
pub(crate) fn of_odd_labels(expected: &Value, found: &Value) -> Option<Rule> {
    let kept = odd_labels::without(expected.get("ok")?)?;
    (*found == json!({"ok": kept})).then_some(Rule::OddLabels)
}

pub(crate) fn is_label(MemberError { path, problem }: &MemberError) -> bool {
    let is_place = ["config.Labels", "annotations."].iter().any(|place| path.starts_with(place))
        || path.contains(".v1Compatibility.config.Labels");
    is_place && matches!(problem, Problem::Type { .. })
}

/// The text that the first signature of a manifest is about; `None` if there is no signature, or none that says so.
fn signed_text(case: &Case) -> Option<Vec<u8>> {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
    let bytes = case.bytes("manifest").ok()?;
    let manifest: Value = serde_json::from_slice(&bytes).ok()?;
    let protected = decode(manifest.get("signatures")?.get(0)?.get("protected")?.as_str()?)?;
    let protected: Value = serde_json::from_slice(&protected).ok()?;
    let head = usize::try_from(protected.get("formatLength")?.as_u64()?).ok()?;
    let tail = decode(protected.get("formatTail")?.as_str()?)?;
    Some([bytes.get(..head)?, &tail].concat())
}

/// Whether a text has a member of the name, written as it is said.
fn has_member(text: &[u8], name: &str) -> bool {
    String::from_utf8_lossy(text).contains(&format!("\"{name}\""))
}

fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// Whether the manifest's text names the member twice, so that "twice" is its fault and not ours.
fn occurs_twice(path: &str, case: &Case) -> bool {
    let name = path.rsplit('.').next().unwrap_or(path);
    let count = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).matches(&format!("\"{name}\"")).count();
    case.bytes("manifest").is_ok_and(|bytes| count(bytes) >= 2)
}

/// Whether Quay reads the label as that many seconds and we should not: it is nothing or less, or a number in one of
/// Python's looser forms, with a sign, blanks, `_` between digits, or digits that are not ASCII.
pub(crate) fn is_python_duration(label: &str, seconds: i64) -> bool {
    let strict: String = label.chars().filter(|c| !(c.is_whitespace() || "+-_".contains(*c))).collect();
    let is_zero = seconds == 0 && !strict.contains(|c: char| c.is_ascii_digit() && c != '0');
    let ms = seconds.checked_abs().and_then(|seconds| seconds.checked_mul(1000));
    let is_loosely_that = strict.len() < label.len() && ms.is_some() && ms == expires_after(&strict);
    is_zero || is_loosely_that || !label.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    const ALL: [Rule; 24] = [
        Rule::LabelsAreStrings,
        Rule::EmptyConfig,
        Rule::NoCrashes,
        Rule::Durations,
        Rule::SignedPayloadOnly,
        Rule::LayersAndHistory,
        Rule::RemoteByType,
        Rule::WellFormedDigests,
        Rule::StrictJson,
        Rule::ContentTypes,
        Rule::Sizes,
        Rule::OddLabels,
        Rule::KeyEndsInLineFeed,
        Rule::OneWrite,
        Rule::Reachable,
        Rule::HiddenTags,
        Rule::Uncollected,
        Rule::EmptyLayer,
        Rule::Cosign,
        Rule::SameMillisecond,
        Rule::ChildConfigs,
        Rule::TodaysQuay,
        Rule::Dates,
        Rule::ValidatedFirst,
    ];

    #[test]
    fn every_rule_cites_a_number_that_the_semantics_have() {
        let semantics = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/semantics.md");
        let semantics = fs::read_to_string(semantics).unwrap();
        for rule in ALL {
            assert!(!rule.numbers().is_empty(), "{rule}");
            for number in rule.numbers() {
                let item = format!("{number}. ");
                assert!(semantics.lines().any(|line| line.starts_with(&item)), "{rule}");
            }
        }
    }

    #[test]
    fn loose_durations() {
        let check =
            |label: &str, seconds: i64, is: bool| assert_eq!(is_python_duration(label, seconds), is, "{label:?}");
        check("1 d", 86_400, true);
        check("1_0d", 864_000, true);
        check("-1d", -86_400, true);
        check("+1d", 86_400, true);
        check("0s", 0, true);
        check("٣d", 259_200, true);
        check("5d", 0, false);
        check("1 d", 86_401, false);
        check("1d", 86_400, false);
    }
}
