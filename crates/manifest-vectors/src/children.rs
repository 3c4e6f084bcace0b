//! The children of an index, as the plan of a push judges them: what is there, and whether it is what the index says.

use crate::case::Case;
use crate::observed::read;
use crate::unusable::InputError;
use manifest_core::document::{ChildEntry, Document, Schema1};
use manifest_core::facts::{Child, PushFacts, RepositoryState};
use manifest_core::oci_types::{Algorithm, MediaType, ParseRepositoryNameError, RepositoryName};
use manifest_core::plan::{Permissions, PushCase, PushTarget, Rejection, plan_push};
use manifest_core::policy::References;
use manifest_core::{Context, Policy};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The fields of the file that are about children: each of them, and whether all of them may be listed.
pub(crate) fn fields(
    case: &Case,
    index: &Document,
    content: &BTreeMap<String, Vec<u8>>,
) -> Result<[(&'static str, Value); 2], InputError> {
    let references =
        if case.input("sparse_index") == &json!(true) { References::SparseIndex } else { References::Required };
    let policy = Policy { references, ..Policy::default() };
    let name = format!("{}/{}", case.text("namespace")?, case.text("repository")?);
    let repository = name.parse().map_err(|error: ParseRepositoryNameError| InputError::Form {
        input: "repository".to_owned(),
        wanted: "the name of one",
        found: error.to_string(),
    })?;
    let listed = Listed { index, policy: &policy, repository: &repository };
    let (mut children, mut validate) = (Vec::new(), json!({"ok": null}));
    for entry in index.children() {
        let bytes = content.get(&entry.digest.to_string());
        let child = bytes.map(|bytes| read(entry.media_type.as_str(), bytes.clone()).map(|child| (child, bytes.len())));
        let rejected = match &child {
            Some(Err(failure)) => Some(failure.kind()),
            Some(Ok((child, size))) => listed.rejects(entry, Some((child, *size))),
            None => listed.rejects(entry, None),
        };
        match rejected {
            // Quay loads the child and finds this out when it validates the list.
            Some(kind @ "child-arch-mismatch") => {
                validate = json!({"error": {"kind": kind}});
                children.push(found(child.and_then(Result::ok).map(|(child, _)| child)));
            }
            Some(kind) => children.push(json!({"error": {"kind": kind}})),
            None => children.push(found(child.and_then(Result::ok).map(|(child, _)| child))),
        }
    }
    Ok([("children", Value::from(children)), ("validate", validate)])
}

/// The same of what is expected: of an error its kind, since the exception's class says nothing more.
pub(crate) fn kinds(expected: &Value) -> Value {
    match expected {
        Value::Array(list) => list.iter().map(kinds).collect(),
        Value::Object(members) => match members.get("error").and_then(|error| error.get("kind")) {
            Some(kind) => json!({"error": {"kind": kind}}),
            None => expected.clone(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => expected.clone(),
    }
}

/// An index that is pushed.
struct Listed<'a> {
    index: &'a Document,
    policy: &'a Policy,
    repository: &'a RepositoryName,
}

impl Listed<'_> {
    /// Why the index is refused for that entry. No other child is there, which is found last and is not the entry's fault.
    fn rejects(&self, entry: &ChildEntry, child: Option<(&Document, usize)>) -> Option<&'static str> {
        let mut facts = PushFacts::nothing_in(RepositoryState::Open);
        if let Some((child, size)) = child {
            let platform = child.schema1().and_then(Schema1::platform);
            let media_type = child.media_type().clone();
            let row = Child { media_type, size: size as u64, platform, labels: BTreeMap::new(), legacy_image: None };
            facts.children.insert(entry.digest, row);
        }
        let digest = self.index.digest(Algorithm::Sha256);
        let target = PushTarget::Digest { digest, tags: BTreeSet::new() };
        let case = PushCase {
            repository: self.repository,
            document: self.index,
            digest,
            target: &target,
            context: &Context::anonymous(0),
            permissions: Permissions { overwrite: true, create: None },
            reversion: false,
            policy: self.policy,
        };
        plan_push(&case, None, &facts).err().and_then(|rejection| kind_of_rejection(&rejection, entry))
    }
}

/// The vectors' name for it, if it is about that entry.
fn kind_of_rejection(rejection: &Rejection, entry: &ChildEntry) -> Option<&'static str> {
    let (kind, digest) = match rejection {
        Rejection::Missing { children, .. } => return children.contains(&entry.digest).then_some("child-missing"),
        Rejection::ChildSize { digest, .. } => ("child-size", digest),
        Rejection::ChildMediaType { digest, .. } | Rejection::Schema1InIndex(digest) => ("child-media-type", digest),
        Rejection::ChildArchitecture { digest, .. } => ("child-arch-mismatch", digest),
        Rejection::RepositoryUnknown
        | Rejection::ReadOnly
        | Rejection::ConfigSize { .. }
        | Rejection::ConfigTooLarge { .. }
        | Rejection::Config { .. }
        | Rejection::LegacyImages(_)
        | Rejection::EmbeddedName { .. }
        | Rejection::EmbeddedTag { .. }
        | Rejection::Immutable(_)
        | Rejection::OverwriteDenied(_)
        | Rejection::GuardFailed(_) => return Some("other"),
    };
    (*digest == entry.digest).then_some(kind)
}

/// What was loaded, or null where nothing was.
fn found(child: Option<Document>) -> Value {
    json!({"ok": child.map(|child| json!({
        "class": class(child.media_type()),
        "digest": child.digest(Algorithm::Sha256).to_string(),
    }))})
}

/// Quay's name for what reads a document of that type.
pub(crate) fn class(media_type: &MediaType) -> &'static str {
    match media_type.as_str() {
        MediaType::OCI_MANIFEST => "OCIManifest",
        MediaType::OCI_INDEX => "OCIIndex",
        MediaType::DOCKER_SCHEMA2 => "DockerSchema2Manifest",
        MediaType::DOCKER_LIST => "DockerSchema2ManifestList",
        MediaType::DOCKER_SCHEMA1 | MediaType::DOCKER_SCHEMA1_SIGNED => "DockerSchema1Manifest",
        _ => "none of Quay's",
    }
}
