use super::card::Card;
use super::short;
use crate::failure::Failure;
use crate::target::Target;
use crate::{output, words};
use bytes::Bytes;
use manifest_core::document::Document;
use manifest_core::facts::{PushAsk, PushFacts, RepositoryState, TagState};
use manifest_core::plan::{Guard, ManifestChange, Plan, PushTarget, Rejection, TagChange, facts_to_json, plan_to_json};
use manifest_core::service::{Explained, Push, PushError};
use manifest_core::{Context, Millis, NEVER, Registry};
use oci_types::{Algorithm, Digest, MediaType, Reference, TagName};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::Path;

/// What a push of the file would need to know and do.
pub(crate) async fn explain_push(
    registry: &Registry,
    cx: &Context,
    target: &Target,
    file: &Path,
    content_type: Option<&MediaType>,
    as_json: bool,
) -> Result<String, Failure> {
    let bytes = std::fs::read(file).map_err(|source| Failure::File { path: file.to_owned(), source })?;
    let bytes = Bytes::from(bytes);
    let push = Push {
        repository: target.repository.clone(),
        target: push_target(registry, target, content_type, &bytes).map_err(|error| refused(file, error))?,
        content_type: content_type.cloned(),
        bytes,
    };
    let explained = registry.explain_push(cx, &push).await.map_err(|error| refused(file, error))?;
    if as_json {
        return Ok(output::json(&to_json(&explained)));
    }
    Ok(to_text(&explained))
}

/// Without tag and digest, a push goes to the digest that the manifest has.
fn push_target(
    registry: &Registry,
    target: &Target,
    content_type: Option<&MediaType>,
    bytes: &Bytes,
) -> Result<PushTarget, PushError> {
    let digest = match &target.reference {
        Some(Reference::Tag(name)) => return Ok(PushTarget::Tag { name: name.clone(), guard: Guard::Any }),
        Some(Reference::Digest(digest)) => *digest,
        None => Document::parse(content_type, bytes.clone(), &registry.policy().limits)?.digest(Algorithm::Sha256),
    };
    Ok(PushTarget::Digest { digest, tags: BTreeSet::new() })
}

/// What the registry would answer before it looks anything up.
fn refused(file: &Path, error: PushError) -> Failure {
    if let PushError::Port(source) = error {
        return Failure::UseCase { doing: "reading the registry", source: source.into() };
    }
    Failure::Refused { path: file.to_owned(), source: error.into() }
}

fn to_json(explained: &Explained) -> Value {
    let Explained { ask, facts, outcome } = explained;
    json!({
        "ask": {
            "repository": ask.repository.as_str(),
            "digest": ask.digest.map(|digest| digest.to_string()),
            "blobs": texts(&ask.blobs),
            "children": texts(&ask.children),
            "tags": ask.tags.iter().map(TagName::as_str).collect::<Vec<_>>(),
        },
        "facts": facts_to_json(facts),
        "plan": outcome.as_ref().ok().map(plan_to_json),
        "plan_id": explained.plan_id().map(|id| id.to_string()),
        "rejection": outcome.as_ref().err().map(rejection_json),
    })
}

fn rejection_json(rejection: &Rejection) -> Value {
    let mut value = json!({ "message": rejection.to_string() });
    if let Rejection::Missing { blobs, children } = rejection {
        value["blobs"] = texts(blobs).into();
        value["children"] = texts(children).into();
    }
    value
}

fn texts(set: &BTreeSet<Digest>) -> Vec<String> {
    set.iter().map(ToString::to_string).collect()
}

fn to_text(explained: &Explained) -> String {
    let facts = facts_card(&explained.ask, &explained.facts).render();
    let outcome = match &explained.outcome {
        Ok(plan) => plan_card(plan, &explained.facts),
        Err(rejection) => rejection_card(rejection),
    };
    format!("{facts}{}", outcome.render())
}

fn facts_card(ask: &PushAsk, facts: &PushFacts) -> Card {
    let mut card = Card::new("Facts that the push needs, in one round trip".to_owned());
    let state = match facts.repository {
        RepositoryState::Absent => "does not exist",
        RepositoryState::Open => "exists and takes writes",
        RepositoryState::ReadOnly => "exists and is read-only",
    };
    card.add("repository", format!("{} {state}", ask.repository));
    if let Some(digest) = &ask.digest {
        let state = match &facts.existing {
            None => "is not there yet",
            Some(existing) if existing.deleted => "was deleted and would be revived",
            Some(_) => "is already there",
        };
        card.add("manifest", format!("{digest} {state}"));
    }
    card.add_lines("blobs", present(&ask.blobs, &facts.blobs, |blob| words::size(blob.size)));
    card.add_lines("children", present(&ask.children, &facts.children, |child| words::size(child.size)));
    card.add_lines("tags", ask.tags.iter().map(|name| tag_fact(name, facts.tags.get(name), ask.now)).collect());
    card
}

fn present<T>(asked: &BTreeSet<Digest>, found: &BTreeMap<Digest, T>, words: impl Fn(&T) -> String) -> Vec<String> {
    let line = |digest: &Digest| match found.get(digest) {
        Some(value) => format!("{digest}  {}", words(value)),
        None => format!("{digest}  not in the repository"),
    };
    asked.iter().map(line).collect()
}

fn tag_fact(name: &TagName, state: Option<&TagState>, now: Millis) -> String {
    match state {
        None => format!("{name} does not exist"),
        Some(state) if !state.alive(now) => format!("{name} has expired"),
        Some(state) => {
            let immutable = if state.immutable { " and is immutable" } else { "" };
            format!("{name} points at {}{immutable}", state.target)
        }
    }
}

fn rejection_card(rejection: &Rejection) -> Card {
    let mut card = Card::new("The push would be refused, and nothing written".to_owned());
    card.add("because", rejection.to_string());
    if let Rejection::Missing { blobs, children } = rejection {
        card.add_lines("blobs", blobs.iter().map(ToString::to_string).collect());
        card.add_lines("children", children.iter().map(ToString::to_string).collect());
    }
    let mut cause = std::error::Error::source(rejection);
    while let Some(error) = cause {
        card.add("", error.to_string());
        cause = error.source();
    }
    card
}

fn plan_card(plan: &Plan, facts: &PushFacts) -> Card {
    let mut card = Card::new("The plan that the push would apply, whole or not at all".to_owned());
    if facts.repository == RepositoryState::Absent {
        card.add("create", format!("repository {}", plan.repository));
    }
    match &plan.manifest {
        Some(ManifestChange::Create(new)) => {
            let parts = [
                words::counted(new.bytes.len() as u64, "byte", "bytes"),
                words::counted(new.blobs.len() as u64, "blob", "blobs"),
                words::counted(new.children.len() as u64, "child", "children"),
                words::counted(new.labels.len() as u64, "label", "labels"),
            ];
            card.add("store", format!("{} as {}, with {}", new.digest, new.media_type, parts.join(", ")));
            card.add_some("platform", new.platform.as_ref().map(ToString::to_string));
            card.add_some("subject", new.subject.map(|digest| digest.to_string()));
        }
        Some(ManifestChange::Keep(digest)) => card.add("keep", format!("{digest}, after a look at what it links")),
        None => {}
    }
    card.add_lines("tags", plan.tags.iter().map(tag_change).collect());
    let until = |what: &dyn Display, until: i64| format!("{what} until {}", words::time(until));
    card.add_some("pin", plan.pin.map(|pin| until(&pin.digest, pin.until)));
    let left = plan.tags.iter().filter_map(|change| left_behind(change, facts, plan.now));
    card.add_lines(
        "pin",
        plan.displaced_until.map_or(Vec::new(), |time| left.map(|digest| until(&digest, time)).collect()),
    );
    card.add_some("delete", plan.delete.map(|digest| digest.to_string()));
    card
}

/// What the change takes a tag away from.
fn left_behind(change: &TagChange, facts: &PushFacts, now: Millis) -> Option<Digest> {
    let state = facts.tags.get(change.name()).filter(|state| state.alive(now))?;
    let stays = matches!(change, TagChange::Point { to, .. } if *to == state.target);
    (!stays).then_some(state.target)
}

fn tag_change(change: &TagChange) -> String {
    match change {
        TagChange::Point { name, to, expires, immutable, .. } => {
            let expiry =
                if *expires == NEVER { String::new() } else { format!(", to expire {}", words::time(*expires)) };
            let immutable = if *immutable { ", immutable from then on" } else { "" };
            format!("point {name} at {}{expiry}{immutable}", short(to))
        }
        TagChange::Amend { name, expires, immutable, .. } => {
            let mutability = if *immutable { "immutable" } else { "to be moved as one likes" };
            format!("let {name} expire {}, {mutability}", words::time(*expires))
        }
        TagChange::End { name, .. } => format!("end {name}"),
    }
}
