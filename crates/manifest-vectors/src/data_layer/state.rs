//! The whole database, side by side: each difference must have its rule.

use super::drift::Drift;
use super::judge::{Judged, Step};
use super::ledger::Ledger;
use super::op::repository;
use super::quay;
use super::rows::sorted;
use crate::compare::first_difference;
use crate::deviations::Rule;
use manifest_core::document::Document;
use manifest_core::empty_layer;
use manifest_core::oci_types::{Digest, RepositoryName, TagName};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Judges a `state`. The error is the first difference that has no rule.
pub(super) fn explain(
    step: &Step<'_>,
    found: &Value,
    ledger: &Ledger,
    drift: &Drift,
    documents: &BTreeMap<Digest, Document>,
) -> Result<Judged, String> {
    let mut comparison =
        Comparison { ledger, drift, documents, judged: Judged::AsQuay, loose: BTreeSet::new(), labels: [0, 0] };
    let side = |value: &'_ Value| value.get("ok").cloned().ok_or_else(|| "state: one of the two is none".to_owned());
    let (expected, found) = (side(step.expected)?, side(found)?);
    comparison.repositories(&expected, &found)?;
    for list in ["storages", "objects"] {
        comparison.bytes(list, &expected[list], &found[list])?;
    }
    let of_none = |state: &Value, of_manifests: u64| {
        state["label_rows"].as_u64().map(|all| i128::from(all) - i128::from(of_manifests))
    };
    let [of_expected, of_found] = comparison.labels;
    let (expected, found) = (of_none(&expected, of_expected), of_none(&found, of_found));
    if expected != found || expected.is_none() {
        return Err(format!("label_rows: beyond those of manifests, expected {expected:?}, found {found:?}"));
    }
    Ok(comparison.judged)
}

struct Comparison<'a> {
    ledger: &'a Ledger,
    drift: &'a Drift,
    documents: &'a BTreeMap<Digest, Document>,
    judged: Judged,
    /// Blobs of manifests that only one side has.
    loose: BTreeSet<String>,
    /// How many labels the manifests of each side have.
    labels: [u64; 2],
}

/// One repository on both sides.
struct Both<'a> {
    repo: &'a RepositoryName,
    expected: &'a Value,
    found: &'a Value,
}

impl Comparison<'_> {
    /// A difference that is explained. What a rule does at once outranks what it did before.
    fn note(&mut self, judged: Judged) {
        if !matches!(self.judged, Judged::ByRule(_)) {
            self.judged = judged;
        }
    }

    fn repositories(&mut self, expected: &Value, found: &Value) -> Result<(), String> {
        let (expected, found) = (members(&expected["repositories"])?, members(&found["repositories"])?);
        if let Some(name) =
            expected.keys().chain(found.keys()).find(|name| expected.contains_key(*name) != found.contains_key(*name))
        {
            return Err(format!("repositories.{name}: only one of the two has it"));
        }
        for (name, expected) in expected {
            let repo = repository(name).ok_or_else(|| format!("repositories.{name}: is no name"))?;
            let both = Both { repo: &repo, expected, found: &found[name] };
            self.hidden_and_uploads(&both).map_err(|why| format!("repositories.{name}.{why}"))?;
            self.tags(&both).map_err(|why| format!("repositories.{name}.{why}"))?;
            self.manifests(&both).map_err(|why| format!("repositories.{name}.{why}"))?;
        }
        Ok(())
    }

    /// The rows that we do not have, by the ledger; and the leases, by the rows of uploads.
    fn hidden_and_uploads(&mut self, both: &Both<'_>) -> Result<(), String> {
        let hidden = list(&both.expected["tags"])?.iter().filter(|tag| tag["hidden"] == Value::Bool(true));
        let (expected, kept) = (sorted(hidden.cloned().collect()), sorted(self.ledger.hidden(both.repo)));
        if let Some(difference) = first_difference("hidden tags", &expected, &kept) {
            let known = self.drift.in_repository(both.repo).map(Judged::After);
            // Quay can be told to end those of children with the tag of their index.
            let known =
                known.or_else(|| self.is_of_children(&expected, &kept).then_some(Judged::ByRule(Rule::HiddenTags)));
            self.note(known.ok_or(difference)?);
        }
        let kept = self.ledger.uploaded(both.repo);
        if let Some(difference) = first_difference("uploads", &both.expected["uploaded"], &kept) {
            return Err(difference);
        }
        let empty = empty_layer::digest().to_string();
        // One lease a blob, however often it is uploaded.
        let once: BTreeSet<&str> =
            list(&both.expected["uploaded"])?.iter().filter_map(Value::as_str).filter(|blob| *blob != empty).collect();
        first_difference("uploaded", &once.into_iter().collect(), &both.found["uploaded"]).map_or(Ok(()), Err)
    }

    /// Whether two lists of tags differ only in those of manifests that an index lists.
    fn is_of_children(&self, one: &Value, other: &Value) -> bool {
        let (Some(one), Some(other)) = (one.as_array(), other.as_array()) else { return false };
        let mut differ =
            one.iter().filter(|tag| !other.contains(tag)).chain(other.iter().filter(|tag| !one.contains(tag)));
        let is_child = |name: &str| {
            let mut children = self.documents.values().flat_map(Document::children);
            children.any(|child| child.digest.to_string() == name)
        };
        differ.all(|tag| tag["manifest"].as_str().is_some_and(is_child))
    }

    fn tags(&mut self, both: &Both<'_>) -> Result<(), String> {
        let visible = |side: &Value| -> Result<Vec<Value>, String> {
            Ok(list(&side["tags"])?.iter().filter(|tag| tag["hidden"] != Value::Bool(true)).cloned().collect())
        };
        let (expected, mut found) = (visible(both.expected)?, visible(both.found)?);
        let mut only_expected = Vec::new();
        for tag in expected {
            match found.iter().position(|other| *other == tag) {
                Some(place) => drop(found.swap_remove(place)),
                None => only_expected.push(tag),
            }
        }
        for tag in only_expected.iter().chain(&found) {
            let name: Option<TagName> = tag["name"].as_str().and_then(|name| name.parse().ok());
            let target: Option<Digest> = tag["manifest"].as_str().and_then(|digest| digest.parse().ok());
            let rule = name.as_ref().and_then(|name| self.drift.of_tag(both.repo, name));
            let rule = rule.or_else(|| target.and_then(|target| self.drift.of_manifest(both.repo, &target)));
            let judged = match rule {
                Some(rule) => Judged::After(rule),
                None if name.as_ref().is_some_and(quay::is_cosign) => Judged::ByRule(Rule::Cosign),
                None => {
                    let (expected, found) = (sorted(only_expected.clone()), sorted(found.clone()));
                    return Err(first_difference("tags", &expected, &found).unwrap_or_default());
                }
            };
            self.note(judged);
        }
        Ok(())
    }

    fn manifests(&mut self, both: &Both<'_>) -> Result<(), String> {
        let (expected, found) = (members(&both.expected["manifests"])?, members(&both.found["manifests"])?);
        for (side, manifests) in [expected, found].into_iter().enumerate() {
            for manifest in manifests.values() {
                self.labels[side] += list(&manifest["labels"])?.len() as u64;
            }
        }
        let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
        for name in names {
            let digest: Digest = name.parse().map_err(|_| format!("manifests.{name}: is no digest"))?;
            match (expected.get(name), found.get(name)) {
                (Some(expected), Some(found)) => {
                    self.manifest(both.repo, &digest, expected, found)
                        .map_err(|why| format!("manifests.{name}.{why}"))?;
                }
                (Some(there), None) | (None, Some(there)) => {
                    let judged = self.only_one_has(both, &digest).ok_or_else(|| {
                        let side = if expected.contains_key(name) { "expected one, found none" } else { "found one" };
                        format!("manifests.{name}: {side}")
                    })?;
                    self.note(judged);
                    self.as_pushed(&digest, there).map_err(|why| format!("manifests.{name}.{why}"))?;
                    self.loose.extend(list(&there["blobs"])?.iter().filter_map(Value::as_str).map(str::to_owned));
                }
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// A manifest that one side alone has must still be the one that was pushed.
    fn as_pushed(&self, digest: &Digest, there: &Value) -> Result<(), String> {
        let document = self.documents.get(digest).ok_or("was never pushed")?;
        let mut pushed = described(document);
        for list in ["blobs", "children"] {
            let named = texts(&pushed[list])?;
            if let Some(other) = texts(&there[list])?.difference(&named).next() {
                return Err(format!("{list}: {other} is not in the manifest"));
            }
            pushed[list] = there[list].clone();
        }
        pushed["labels"] = there["labels"].clone();
        first_difference("", there, &pushed)
            .map_or(Ok(()), |difference| Err(difference.trim_start_matches('.').to_owned()))
    }

    /// Why only one side has a manifest.
    fn only_one_has(&self, both: &Both<'_>, digest: &Digest) -> Option<Judged> {
        let name = digest.to_string();
        if let Some(rule) = self.drift.of_manifest(both.repo, digest) {
            return Some(Judged::After(rule));
        }
        let tags =
            [both.expected, both.found].into_iter().flat_map(|side| side["tags"].as_array().into_iter().flatten());
        let targets = tags.filter(|tag| tag["manifest"] == name.as_str());
        let names = targets.filter_map(|tag| tag["name"].as_str()?.parse::<TagName>().ok());
        if let Some(rule) = names.into_iter().find_map(|tag| self.drift.of_tag(both.repo, &tag)) {
            return Some(Judged::After(rule));
        }
        let (expected, found) = (both.expected["manifests"].as_object()?, both.found["manifests"].as_object()?);
        // Here what a manifest is about keeps it.
        let subject = found.get(&name).and_then(|manifest| manifest["subject"].as_str());
        if subject.is_some_and(|subject| found.contains_key(subject)) {
            return Some(Judged::ByRule(Rule::Reachable));
        }
        // What lists it is on one side only, for a reason of its own.
        let (side, other) = if found.contains_key(&name) { (found, expected) } else { (expected, found) };
        let parents = side.iter().filter(|(_, one)| {
            one["children"].as_array().is_some_and(|children| children.iter().any(|child| *child == name.as_str()))
        });
        let parents = parents.filter(|(parent, _)| !other.contains_key(*parent) && **parent != name);
        parents.filter_map(|(parent, _)| parent.parse().ok()).find_map(|parent| self.only_one_has(both, &parent))
    }

    fn manifest(
        &mut self,
        repo: &RepositoryName,
        digest: &Digest,
        expected: &Value,
        found: &Value,
    ) -> Result<(), String> {
        let mut same = found.clone();
        same["blobs"] = expected["blobs"].clone();
        if let Some(difference) = first_difference("", expected, &same) {
            let rule =
                self.drift.of_manifest(repo, digest).ok_or_else(|| difference.trim_start_matches('.').to_owned())?;
            self.note(Judged::After(rule));
        }
        let (expected, found) = (texts(&expected["blobs"])?, texts(&found["blobs"])?);
        for blob in expected.symmetric_difference(&found) {
            let is_ours = !expected.contains(blob);
            let rule = if is_ours && *blob == empty_layer::digest().to_string() {
                Rule::EmptyLayer
            } else if is_ours && self.has_plain_urls(digest, blob) {
                Rule::RemoteByType
            } else {
                let side = if is_ours { "found" } else { "expected" };
                return Err(format!("blobs: {side} {blob}, and nothing else says so"));
            };
            self.note(Judged::ByRule(rule));
        }
        Ok(())
    }

    /// Whether a layer of a manifest has `urls`, and not the type of a remote one.
    fn has_plain_urls(&self, digest: &Digest, blob: &str) -> bool {
        let layers = self.documents.get(digest).map(Document::layers).unwrap_or_default();
        layers.iter().any(|layer| layer.digest.to_string() == blob && !layer.is_remote() && !layer.urls.is_empty())
    }

    /// Digests, or paths that end in them.
    fn bytes(&mut self, place: &str, expected: &Value, found: &Value) -> Result<(), String> {
        let (expected, found) = (texts(expected)?, texts(found)?);
        for text in expected.symmetric_difference(&found) {
            let digest = match text.split('/').collect::<Vec<_>>().as_slice() {
                [algorithm, _, hex] => format!("{algorithm}:{hex}"),
                _ => text.clone(),
            };
            let judged = if digest == empty_layer::digest().to_string() {
                Judged::ByRule(Rule::EmptyLayer)
            } else if self.loose.contains(&digest) {
                self.judged
            } else {
                let side = if expected.contains(text) { "expected" } else { "found" };
                Judged::After(self.drift.of_bytes(&digest).ok_or_else(|| format!("{place}: only {side} {text}"))?)
            };
            self.note(judged);
        }
        Ok(())
    }
}

/// A manifest as `state` shows it, with all that it names; without its labels.
fn described(document: &Document) -> Value {
    let digests =
        |digests: &mut dyn Iterator<Item = Digest>| digests.map(|digest| digest.to_string()).collect::<Value>();
    let config = document.config().filter(|_| document.schema1().is_none());
    json!({
        "media_type": document.media_type().as_str(),
        "config_media_type": config.map(|config| config.media_type.as_str()),
        "layers_compressed_size": document.layers_size(),
        "subject": document.subject().map(|subject| subject.to_string()),
        "artifact_type": document.declared_artifact_type(),
        "blobs": digests(&mut document.blobs().keys().copied()),
        "children": digests(&mut document.children().iter().map(|child| child.digest)),
    })
}

fn members(value: &Value) -> Result<&Map<String, Value>, String> {
    value.as_object().ok_or_else(|| "state: something is no object that must be one".to_owned())
}

fn list(value: &Value) -> Result<&Vec<Value>, String> {
    value.as_array().ok_or_else(|| "state: something is no list that must be one".to_owned())
}

fn texts(value: &Value) -> Result<BTreeSet<String>, String> {
    let texts = list(value)?.iter().map(|text| text.as_str().map(str::to_owned));
    texts.collect::<Option<_>>().ok_or_else(|| "state: something is no text that must be one".to_owned())
}
