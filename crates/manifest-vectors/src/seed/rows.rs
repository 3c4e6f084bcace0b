//! `legacy_images`: what the seed stored of legacy images, push by push.
//!
//! Of the answers those about pushes, images and manifests are judged. What a case says of tags and of the object store is
//! not about images; group h asks it of today's Quay, so here it only has to be an answer.

use super::images::placed;
use super::repository::{Repository, Row};
use crate::case::{self, Case};
use crate::compare::{first_difference, shown};
use crate::deviations::Rule;
use crate::outcome::{Outcome, Verdict};
use crate::unusable::InputError;
use jiff::civil::DateTime;
use manifest_core::legacy::canonical_json;
use manifest_core::oci_types::{Algorithm, Digest};
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) fn judge(case: &Case) -> Result<Outcome, InputError> {
    let form = |wanted| InputError::Form { input: "ops".to_owned(), wanted, found: shown(case.input("ops")) };
    let ops = case.input("ops").as_array().ok_or_else(|| form("a list of operations"))?;
    let Some(results) = case.expected("results").as_array().filter(|results| results.len() == ops.len()) else {
        return Ok(Verdict::Failed(format!("results: {} operations have another number of them", ops.len())).whole());
    };
    let mut session = Session::default();
    for (at, (op, expected)) in ops.iter().zip(results).enumerate() {
        let name = op.get("op").and_then(Value::as_str).ok_or_else(|| form("a list of operations"))?;
        if let Some(why) = session.step(name, op, expected).ok_or_else(|| form("a list of operations that we know"))? {
            return Ok(Verdict::Failed(format!("results[{at}], {name}: {why}")).whole());
        }
    }
    Ok(Verdict::by(session.rules).whole())
}

/// The repository, and where it differs from the seed's.
#[derive(Default)]
struct Session {
    repository: Repository,
    rules: BTreeSet<Rule>,
    /// Images and manifests that only one of the two has.
    disputed: BTreeSet<String>,
    /// Manifests of which the seed stored only some labels, in writes of their own, before one of them failed.
    half_labelled: BTreeSet<String>,
    /// The ids of docker images by their place: the seed's and ours.
    places: [Vec<String>; 2],
}

impl Session {
    /// Does one operation. `None` if it cannot be understood; else what is wrong with the answer, if anything.
    #[expect(clippy::option_option, reason = "what cannot be understood and what is right are two things")]
    fn step(&mut self, name: &str, op: &Value, expected: &Value) -> Option<Option<String>> {
        let text = |name: &str| op.get(name).and_then(Value::as_str);
        Some(match name {
            "put_blob" => {
                let bytes = case::bytes(op.get("content")?)?;
                let digest = Digest::of(Algorithm::Sha256, &bytes).to_string();
                self.repository.blobs.insert(digest.clone(), bytes);
                first_difference("ok", expected, &json!({"ok": digest}))
            }
            "push" | "create" => {
                let bytes = case::bytes(op.get("manifest")?)?;
                self.push(text("media_type")?, bytes, text("tag"), expected)
            }
            "delete_tag" => {
                let tag = self.repository.tags.remove_entry(text("tag")?).map(|(tag, _)| tag);
                first_difference("ok", expected, &json!({"ok": tag}))
            }
            "gc" => {
                self.repository.collect();
                first_difference("ok", expected, &json!({"ok": true}))
            }
            "images" => self.images(expected).err(),
            "manifests" => self.manifests(expected).err(),
            "advance" | "tags" | "storage" => {
                expected.get("ok").is_none().then(|| format!("expected an answer, found {}", shown(expected)))
            }
            _ => return None,
        })
    }

    fn push(&mut self, media_type: &str, bytes: Vec<u8>, tag: Option<&str>, expected: &Value) -> Option<String> {
        let seeds = expected.get("ok").and_then(|ok| ok.get("digest")).and_then(Value::as_str);
        let crash = expected.get("error").and_then(Value::as_str);
        if seeds.is_none() && crash.is_none() && expected.get("ok").is_none() {
            return Some(format!("expected an answer, found {}", shown(expected)));
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match (self.repository.push(media_type, bytes, tag), seeds) {
            (Ok(pushed), Some(digest)) => first_difference("digest", &json!(digest), &json!(pushed.digest)),
            (Ok(pushed), None) => {
                // Dates, images without layers and empty label keys: today's Quay accepts all three.
                let rule = match expected.get("class").and_then(Value::as_str) {
                    Some("ValueError" | "KeyError") => Rule::Dates,
                    Some("IndexError" | "InvalidLabelKeyException") => Rule::TodaysQuay,
                    _ => return Some(format!("expected {}, found that it is stored", shown(expected))),
                };
                self.rules.insert(rule);
                if expected.get("class").is_some_and(|class| class == "InvalidLabelKeyException") {
                    self.rules.insert(Rule::OneWrite);
                    self.half_labelled.insert(pushed.digest.clone());
                }
                // What the seed fails on after it has stored the manifest it has as well.
                if rule == Rule::Dates || pushed.ids.is_empty() {
                    self.disputed.extend(pushed.ids);
                    self.disputed.insert(pushed.digest);
                }
                None
            }
            (Err(why), Some(digest)) if why.contains("no layer below") => {
                self.rules.insert(Rule::TodaysQuay);
                self.disputed.extend(ids_in(&text).chain([digest.to_owned()]));
                None
            }
            (Err(why), Some(_)) => Some(format!("expected {}, found {why}", shown(expected))),
            // Both refuse it. The seed may have left something behind.
            (Err(_), None) => {
                let digest = Digest::of(Algorithm::Sha256, text.as_bytes()).to_string();
                self.disputed.extend(ids_in(&text).chain([digest]));
                None
            }
        }
    }

    fn images(&mut self, expected: &Value) -> Result<(), String> {
        let all = expected.get("ok").and_then(Value::as_array).ok_or("expected a list of images")?;
        let id = |row: &Value| row.get("docker_image_id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let theirs: Vec<&Value> = all.iter().filter(|row| !self.disputed.contains(&id(row))).collect();
        if theirs.len() < all.len() {
            self.rules.insert(Rule::OneWrite);
        }
        let ours: Vec<&Row> =
            self.repository.rows.iter().filter(|row| !self.disputed.contains(&row.image.id)).collect();
        if theirs.len() != ours.len() {
            return Err(format!("expected {} images, found {}", theirs.len(), ours.len()));
        }
        for (theirs, ours) in theirs.iter().zip(&ours).filter(|(_, ours)| !ours.is_schema1) {
            self.places[0].push(id(theirs));
            self.places[1].push(ours.image.id.clone());
        }
        for (at, (theirs, ours)) in theirs.iter().zip(&ours).enumerate() {
            let theirs = plain(theirs, &self.places[0], ours.is_schema1)
                .ok_or_else(|| format!("[{at}]: expected an image, found {}", shown(theirs)))?;
            let ours = plain(&self.row(ours), &self.places[1], ours.is_schema1).ok_or("an image of ours is none")?;
            if let Some(difference) = first_difference(&format!("[{at}]"), &theirs, &ours) {
                return Err(difference);
            }
        }
        Ok(())
    }

    fn row(&self, Row { image, .. }: &Row) -> Value {
        let mut ancestors = self.repository.chain(&image.id);
        ancestors.pop();
        json!({
            "docker_image_id": image.id,
            "ancestors": ancestors,
            "parent": image.parent,
            "storage": image.blob.to_string(),
            "created": image.created,
            "comment": image.comment,
            "command": image.command,
            "aggregate_size": image.aggregate_size,
            "v1_json_metadata": image.metadata,
            "v1_checksum": null,
        })
    }

    fn manifests(&mut self, expected: &Value) -> Result<(), String> {
        let theirs = expected.get("ok").and_then(Value::as_object).ok_or("expected manifests")?;
        if theirs.keys().any(|digest| self.disputed.contains(digest)) {
            self.rules.insert(Rule::OneWrite);
        }
        let theirs = theirs.iter().filter(|(digest, _)| !self.disputed.contains(*digest));
        let theirs: Value = theirs
            .map(|(digest, facts)| (digest.clone(), self.facts(digest, facts, 0)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let ours = self.repository.manifests.iter().filter(|(digest, _)| !self.disputed.contains(*digest));
        let ours: Value = ours
            .map(|(digest, stored)| {
                let mut facts = stored.facts.clone();
                facts["legacy_image"] = json!(stored.leaf);
                (digest.clone(), self.facts(digest, &facts, 1))
            })
            .collect::<serde_json::Map<_, _>>()
            .into();
        first_difference("ok", &theirs, &ours).map_or(Ok(()), Err)
    }

    /// What is compared of a manifest; `side` is 0 for the seed's.
    fn facts(&self, digest: &str, facts: &Value, side: usize) -> Value {
        let mut facts = facts.clone();
        if let Some(leaf) = facts.get("legacy_image").and_then(Value::as_str) {
            facts["legacy_image"] = json!(placed(leaf, &self.places[side]));
        }
        if self.half_labelled.contains(digest) {
            facts["labels"] = Value::Null;
        }
        facts
    }
}

/// A row with places for ids, metadata without an order (of docker images, whose order was that of Python's hash tables),
/// and the date in milliseconds.
fn plain(row: &Value, ids: &[String], is_exact: bool) -> Option<Value> {
    let mut row: Value = serde_json::from_str(&placed(&row.to_string(), ids)).ok()?;
    if !is_exact {
        let metadata = canonical_json(row.get("v1_json_metadata")?.as_str()?).ok()?;
        row["v1_json_metadata"] = json!(metadata);
    }
    if let Some(text) = row.get("created")?.as_str() {
        let date: DateTime = text.parse().ok()?;
        let since = date.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
        row["created"] = json!(i64::try_from(since.as_millis()).ok()?);
    }
    Some(row)
}

/// The image ids that a schema 1 text names, also one that we do not read.
fn ids_in(text: &str) -> impl Iterator<Item = String> {
    let manifest: Value = serde_json::from_str(text).unwrap_or_default();
    let history = manifest.get("history").and_then(Value::as_array).cloned().unwrap_or_default();
    history.into_iter().filter_map(|entry| {
        let metadata: Value = serde_json::from_str(entry.get("v1Compatibility")?.as_str()?).ok()?;
        Some(metadata.get("id")?.as_str()?.to_owned())
    })
}
