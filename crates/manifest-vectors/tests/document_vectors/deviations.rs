//! Where we answer otherwise than Quay, on purpose: each by a rule that a case must fit, and what is asserted instead.
//! The numbers are those of the semantics, "Where we differ from Quay".

use crate::cases::Case;
use crate::observed::Failure;
use manifest_core::document::{ConfigError, Document, DocumentError, MemberError, Problem, SyntaxProblem};
use manifest_core::oci_types::MediaType;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    LabelsAreStrings,
    EmptyConfig,
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
    SignaturesLater,
}

impl Rule {
    pub(crate) fn says(self) -> &'static str {
        match self {
            Self::LabelsAreStrings => "2: labels and annotations are string to string; others are refused",
            Self::EmptyConfig => "2: the empty object is a config, of docker images too",
            Self::Durations => "6: ASCII digits and a unit; zero and negative durations are ignored",
            Self::SignedPayloadOnly => "7, 10: a signed document that says something twice is refused",
            Self::LayersAndHistory => "7: fsLayers and history must have equal length",
            Self::RemoteByType => "8: the media type makes a layer remote; one with urls alone must exist",
            Self::WellFormedDigests => "9: digests are sha256 or sha512 with lower-case digits, everywhere",
            Self::StrictJson => "10: UTF-8 without a byte order mark, at most 128 deep",
            Self::ContentTypes => {
                "13: content types have parameters and no case; where they say nothing the body decides"
            }
            Self::Sizes => "2, 13, 14: sizes are whole, not negative, below 2^63 (OCI image spec: int64), when parsing",
            Self::OddLabels => "22: a label that is no Unicode text is not kept",
            Self::KeyEndsInLineFeed => {
                "the rule of the label API, which Quay's pattern misses: a key ends where it ends"
            }
            Self::SignaturesLater => "signatures are not verified yet; the text that they are about is rebuilt",
        }
    }
}

/// Where we refuse what Quay accepts (`expected` is `None`), or refuse it as something else.
pub(crate) fn of_refusal(expected: Option<&str>, failure: &Failure) -> Option<Rule> {
    let document = match failure {
        Failure::Document(error) => error,
        Failure::Config(ConfigError::Member(member)) if is_label(member) => return Some(Rule::LabelsAreStrings),
        Failure::Config(_) | Failure::ConfigSize | Failure::ConfigMissing => return None,
    };
    match (expected, document) {
        (None, DocumentError::Member(member)) if is_label(member) => Some(Rule::LabelsAreStrings),
        (None, DocumentError::Member(MemberError { problem: Problem::Digest(_), .. })) => Some(Rule::WellFormedDigests),
        (None, DocumentError::Member(MemberError { problem: Problem::Duplicate, path })) => {
            ["tag", "name", "fsLayers", "history"].contains(&&**path).then_some(Rule::SignedPayloadOnly)
        }
        (None, DocumentError::LayersAndHistory { .. }) => Some(Rule::LayersAndHistory),
        (None, DocumentError::Json(error)) => {
            // A byte order mark, and UTF-16 of ASCII: a NUL beside each byte.
            let is_other_text = matches!(error.problem, SyntaxProblem::Unexpected { found: '\u{feff}' | '\0', .. });
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

/// Where we accept what Quay refuses.
pub(crate) fn of_acceptance(expected: &str, case: &Case) -> Option<Rule> {
    let has_empty_config =
        || case.inputs["content"].as_object().is_some_and(|all| all.values().any(|text| text == "{}"));
    match expected {
        "config-schema" if has_empty_config() => Some(Rule::EmptyConfig),
        "unknown-media-type" => {
            let header = case.text("media_type");
            let read = MediaType::from_content_type(header).ok();
            let says_nothing = header.is_empty() || header == MediaType::JSON;
            (says_nothing || read.is_some_and(|read| read.is_manifest() && read != header))
                .then_some(Rule::ContentTypes)
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
            let list = |value: &Value| -> Vec<String> {
                value.as_array().unwrap().iter().map(|digest| digest.as_str().unwrap().to_owned()).collect()
            };
            let without: Vec<String> = list(found).into_iter().filter(|digest| !with_urls.contains(digest)).collect();
            (without == list(expected)).then_some(Rule::RemoteByType)
        }
        // Half of a surrogate pair is the only thing in labels for which the vectors use that form.
        "labels" => (expected["ok"].get("$json").is_some() && *found == json!({"ok": {}})).then_some(Rule::OddLabels),
        _ => None,
    }
}

fn is_label(MemberError { path, problem }: &MemberError) -> bool {
    let is_place = ["config.Labels", "annotations."].iter().any(|place| path.starts_with(place))
        || path.contains(".v1Compatibility.config.Labels");
    is_place && matches!(problem, Problem::Type { .. })
}
