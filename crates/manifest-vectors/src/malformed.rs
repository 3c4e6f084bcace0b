//! Group f, malformed documents and near misses: at which stage what is refused. And group c, the rewriting of ids.

use crate::case::{Case, result};
use crate::compare::{first_difference, shown};
use crate::deviations::{self, Rule};
use crate::legacy::{self, Content};
use crate::observed::{Failure, config, document};
use crate::outcome::{Outcome, Verdict};
use crate::unusable::InputError;
use manifest_core::document::{ConfigError, Document};
use manifest_core::legacy::{V1Image, v1_images};
use manifest_core::oci_types::MediaType;
use serde_json::{Map, Value};

/// The stages of Quay's that we have, in its order. What Quay finds late we may find while parsing.
const JUDGED: [&str; 15] = [
    "parse",
    "payload_digest",
    "payload",
    "validate",
    "labels",
    "requires_empty_layer_blob",
    "blob_digests",
    "layers_compressed_size",
    "unsigned",
    "layers",
    "v1_ids",
    "schema1",
    "legacy_layers",
    "amd64_linux_manifest_digest",
    "selected_child",
];

/// A stage, and the kind of error in which it ends on Quay; `None` where it is passed.
type Stage<'a> = (&'a str, Option<&'a str>);

pub(crate) fn judge(case: &Case) -> Result<Outcome, InputError> {
    let stages = match stages(case) {
        Ok(stages) => stages,
        Err(why) => return Ok(Verdict::Failed(why).whole()),
    };
    let judged: Vec<Stage<'_>> =
        JUDGED.iter().filter_map(|name| stages.iter().find(|(stage, _)| stage == name)).copied().collect();
    let found = Found::of(case)?;
    let is_refused = found.failure(&judged).is_some();
    let verdict = compare(case, &judged, &found);
    let is_judged = |name: &str| judged.iter().any(|(stage, _)| *stage == name);
    let left = stages.iter().map(|(name, _)| *name).filter(|name| !is_judged(name) && !is_refused);
    Ok(verdict.but(left.map(str::to_owned).collect()))
}

/// A case of group c: reading, validation, and the images with their new ids.
pub(crate) fn judge_rewrite(case: &Case) -> Result<Outcome, InputError> {
    let found = Found::of(case)?;
    let mut stages = Vec::new();
    for (name, passed) in [("parse", Value::Bool(true)), ("validate", Value::Null)] {
        match result(case.expected(name)) {
            Some(Ok(value)) if *value == passed => stages.push((name, None)),
            Some(Err(kind)) => stages.push((name, Some(kind))),
            _ => return Ok(Verdict::Failed(no_result(name, case.expected(name))).whole()),
        }
    }
    let verdict = match (compare(case, &stages, &found), rewritten(case, &found)?) {
        (failed @ Verdict::Failed(_), _) => failed,
        (_, Err(difference)) => Verdict::Failed(difference),
        (Verdict::ByRule(rules), Ok(rule)) => Verdict::by(rules.into_iter().chain(rule)),
        (Verdict::AsQuay, Ok(rule)) => Verdict::by(rule),
    };
    Ok(verdict.on(case, &["parse", "validate", "rewritten"]))
}

/// The same of November 2019: four members of each image, and errors without a kind. They are as today's.
pub(crate) fn judge_seed_rewrite(case: &Case) -> Result<Outcome, InputError> {
    let found = Found::of(case)?;
    let expected = case.expected("rewritten");
    let known = legacy::known(case)?;
    let images = found.document.as_ref().map(|document| v1_images(document, None, &known));
    let is_error = expected.get("error").and_then(|error| error.get("handled")).is_some_and(Value::is_boolean);
    let verdict = match images {
        None | Some(Err(_)) if is_error => Verdict::AsQuay,
        None if expected.get("ok").is_some_and(Value::is_array) => {
            let failed = || Verdict::Failed(format!("rewritten: expected {}, found a refusal", shown(expected)));
            refused_before_rewriting(case, &found).map_or_else(failed, |rule| Verdict::by([rule]))
        }
        None => Verdict::Failed(format!("rewritten: expected {}, found a refusal", shown(expected))),
        Some(images) => {
            let members = |image: &V1Image| {
                let mut image = legacy::image(image);
                let kept = ["image_id", "parent_image_id", "command", "compat_json"];
                image.as_object_mut().into_iter().for_each(|image| image.retain(|name, _| kept.contains(&&**name)));
                image
            };
            let images = images.map(|images| images.iter().flatten().map(members).collect());
            let difference = first_difference("rewritten", expected, &legacy::wrapped(images));
            difference.map_or(Verdict::AsQuay, Verdict::Failed)
        }
    };
    Ok(verdict.on(case, &["rewritten"]))
}

/// Why we have no images where Quay has: it refuses the same when it validates, or we deviate.
fn refused_before_rewriting(case: &Case, found: &Found) -> Option<Rule> {
    let failure = found.failure.as_ref()?;
    let is_refused_by_validation = failure.kind() == "unknown-parent";
    is_refused_by_validation.then_some(Rule::ValidatedFirst).or_else(|| deviations::of_refusal(None, failure, case))
}

/// The rule by which the images differ, or the difference.
fn rewritten(case: &Case, found: &Found) -> Result<Result<Option<Rule>, String>, InputError> {
    let expected = case.expected("rewritten");
    let known = legacy::known(case)?;
    let images = found.document.as_ref().map(|document| v1_images(document, None, &known));
    Ok(match (result(expected), images) {
        (Some(Err("unhandled")), None | Some(Err(_))) => Ok(None),
        (Some(Err(kind)), None) if found.failure.as_ref().is_some_and(|failure| failure.kind() == kind) => Ok(None),
        // Quay would rewrite what it refuses as well.
        (Some(Ok(images)), None) if images.is_array() => refused_before_rewriting(case, found)
            .map(Some)
            .ok_or_else(|| format!("rewritten: expected {}, found a refusal", shown(expected))),
        (_, Some(images)) => {
            let images = images.map(|images| images.iter().flatten().map(legacy::image).collect());
            let difference =
                first_difference("rewritten", &legacy::expected("rewritten", expected), &legacy::wrapped(images));
            difference.map_or(Ok(None), Err)
        }
        (_, None) => Err(format!("rewritten: expected {}, found a refusal", shown(expected))),
    })
}

/// What our code makes of the case: a document with a config that can be read, or what is wrong with one of them.
struct Found {
    document: Option<Document>,
    failure: Option<Failure>,
    content: Content,
}

impl Found {
    fn of(case: &Case) -> Result<Self, InputError> {
        let content = case.content()?;
        Ok(match document(case)? {
            Ok(document) => {
                let failure = config(&document, &content).err();
                Self { document: Some(document), failure, content }
            }
            Err(failure) => Self { document: None, failure: Some(failure), content },
        })
    }

    /// Why we have no legacy view of what we accept.
    fn legacy(&self, stage: &str) -> Option<Failure> {
        let document = self.document.as_ref().filter(|_| self.failure.is_none())?;
        legacy::failure(stage, document, &self.content).map(Failure::Legacy)
    }

    /// Why we refuse the case. Where Quay does not come as far as the config, the case brings none.
    fn failure(&self, stages: &[Stage<'_>]) -> Option<&Failure> {
        let wants_config = stages.iter().any(|(_, outcome)| *outcome == Some("config-missing"));
        self.failure.as_ref().filter(|failure| wants_config || !matches!(failure, Failure::ConfigMissing))
    }
}

fn compare(case: &Case, stages: &[Stage<'_>], found: &Found) -> Verdict {
    let refusal = found.failure(stages);
    let is_refused_by_quay = stages.iter().any(|(_, outcome)| outcome.is_some());
    let mut rule = None;
    for (stage, expected) in stages {
        let legacy = found.legacy(stage);
        let failure = refusal.or(legacy.as_ref());
        let known: Option<Rule> = match (expected, failure) {
            (None, None) | (Some("unhandled"), Some(_)) => continue,
            (Some(expected), Some(failure)) if *expected == failure.kind() => continue,
            // Quay finds it at another stage.
            (None, Some(failure)) if is_refused_by_quay && !shows(stage, failure, found) => continue,
            (expected, Some(failure)) => deviations::of_refusal(*expected, failure, case),
            (Some(expected), None) => {
                found.document.as_ref().and_then(|document| deviations::of_acceptance(stage, expected, case, document))
            }
        };
        if known.is_none() {
            let found = failure.map_or_else(|| "that it is accepted".to_owned(), Failure::to_string);
            return Verdict::Failed(format!("{stage}: expected {}, found {found}", expected.unwrap_or("ok")));
        }
        rule = rule.or(known);
    }
    Verdict::by(rule)
}

/// Whether a stage that Quay passes speaks against our failure, because Quay reads there what we refuse: the config, of
/// which docker's validation and the search for empty layers leave out the member `config`.
fn shows(stage: &str, failure: &Failure, found: &Found) -> bool {
    let is_in_settings = match failure {
        Failure::ContentType(_) | Failure::Document(_) | Failure::Signature(_) | Failure::Legacy(_) => return false,
        Failure::Config(ConfigError::Member(member)) => member.path.starts_with("config"),
        Failure::Config(_) | Failure::ConfigSize | Failure::ConfigMissing => false,
    };
    let is_docker = found.document.as_ref().is_some_and(|document| *document.media_type() == MediaType::DOCKER_SCHEMA2);
    match stage {
        "labels" => true,
        "requires_empty_layer_blob" => !is_in_settings,
        "validate" => is_docker && !is_in_settings,
        _ => false,
    }
}

/// The stages that were tried on Quay, which `first_error` must agree with.
fn stages(case: &Case) -> Result<Vec<Stage<'_>>, String> {
    let expected = case.expected("stages");
    let stages: Vec<Stage<'_>> = expected
        .as_object()
        .filter(|stages| !stages.is_empty())
        .and_then(|stages| stages.iter().map(stage).collect())
        .ok_or_else(|| format!("stages: expected an outcome of each, found {}", shown(expected)))?;
    let first = case.expected("first_error");
    let agrees = match first.as_object() {
        None => first.is_null() && stages.iter().all(|(_, outcome)| outcome.is_none()),
        Some(first) => stages.iter().any(|stage| is_first_error(first, *stage)),
    };
    if agrees { Ok(stages) } else { Err(format!("first_error: {} is at odds with the stages", shown(first))) }
}

fn stage<'a>((name, outcome): (&'a String, &'a Value)) -> Option<Stage<'a>> {
    let outcome = outcome.as_str()?;
    Some((name, (outcome != "ok").then_some(outcome)))
}

fn is_first_error(first: &Map<String, Value>, (name, outcome): Stage<'_>) -> bool {
    let text = |member: &str| first.get(member).and_then(Value::as_str);
    let handled = first.get("handled").and_then(Value::as_bool);
    outcome.is_some()
        && text("stage") == Some(name)
        && text("kind") == outcome
        && handled == Some(outcome != Some("unhandled"))
}

fn no_result(name: &str, found: &Value) -> String {
    format!("{name}: expected a result, found {}", shown(found))
}
