use super::super::config::{date, read_platform, settings_labels};
use super::super::descriptor::bounded;
use super::super::error::DocumentError;
use super::super::limits::Limits;
use super::super::member_error::{MemberError, Problem};
use super::super::node::{Field, Keys, Node};
use super::{Leaf, Schema1Layer};
use crate::json::{Dialect, LENIENT_DEPTH, parse};
use oci_types::Digest;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The layers, base first, and what the metadata of the last one say.
pub(super) fn read(
    fs_layers: &Node<'_, '_>,
    history: &Node<'_, '_>,
    limits: &Limits,
) -> Result<(Vec<Schema1Layer>, Leaf), DocumentError> {
    let digests: Vec<Digest> = bounded("fsLayers", *fs_layers, limits, |layer| {
        let [digest] = layer.fields(["blobSum"])?;
        digest.required()?.digest()
    })?;
    let described = history.elements()?.count();
    if digests.len() != described {
        return Err(DocumentError::LayersAndHistory { layers: digests.len(), history: described });
    }
    let mut metadata = bounded("history", *history, limits, read_metadata)?;
    let leaf = metadata.first_mut().map(|leaf| std::mem::take(&mut leaf.leaf)).unwrap_or_default();
    let layers = metadata.into_iter().zip(digests).map(|(metadata, digest)| Schema1Layer {
        digest,
        id: metadata.id,
        parent: metadata.parent,
        size: metadata.size,
        metadata: metadata.text,
    });
    let layers: Vec<Schema1Layer> = layers.rev().collect();
    check_parents(&layers)?;
    Ok((layers, leaf))
}

/// What a layer's metadata say.
struct Metadata {
    id: Option<String>,
    parent: Option<String>,
    size: Option<u64>,
    leaf: Leaf,
    text: String,
}

fn read_metadata(entry: &Node<'_, '_>) -> Result<Metadata, MemberError> {
    let [compatibility] = entry.fields(["v1Compatibility"])?;
    let compatibility = compatibility.required()?;
    let text = compatibility.text()?;
    let value = parse(&text, Dialect::Lenient, LENIENT_DEPTH);
    let value = value.map_err(|error| compatibility.error(Problem::NotJson(error)))?;
    let node = Node::new(value, *compatibility.path(), Keys::LastWins);
    if !value.is_truthy() && value.members().is_none() {
        // Quay takes null, 0, "" and [] for an object without members.
        return Err(missing_id(&node));
    }
    let [id, parent, size, config, created] = node.fields(["id", "parent", "Size", "config", "created"])?;
    if !id.is_present() {
        return Err(missing_id(&node));
    }
    let (labels, _) = settings_labels(config)?;
    Ok(Metadata {
        id: text_or_null(id)?,
        parent: text_or_null(parent)?.filter(|parent| !parent.is_empty()),
        size: read_size(size)?,
        leaf: Leaf {
            labels,
            created: created.non_null().and_then(|node| date(&node)),
            platform: read_platform(&node)?,
        },
        text: text.into_owned(),
    })
}

fn missing_id(metadata: &Node<'_, '_>) -> MemberError {
    MemberError { path: format!("{}.id", metadata.path()).into(), problem: Problem::Missing }
}

fn text_or_null(field: Field<'_, '_>) -> Result<Option<String>, MemberError> {
    field.non_null().map(|node| node.text().map(Cow::into_owned)).transpose()
}

/// The size is only shown, so a number that is none of bytes is left out; what is no number is refused, as Quay fails on it.
fn read_size(field: Field<'_, '_>) -> Result<Option<u64>, MemberError> {
    match field.non_null() {
        Some(node) if node.value.number().is_none() => Err(node.not("a number")),
        Some(node) => Ok(node.size().ok()),
        None => Ok(None),
    }
}

/// Every parent must be the id of a layer below.
fn check_parents(layers: &[Schema1Layer]) -> Result<(), MemberError> {
    let mut below = BTreeSet::new();
    for (height, layer) in layers.iter().enumerate() {
        if let Some(parent) = layer.parent.as_deref()
            && !below.contains(parent)
        {
            let path = format!("history[{}].v1Compatibility.parent", layers.len() - 1 - height).into();
            return Err(MemberError { path, problem: Problem::UnknownParent { parent: parent.into() } });
        }
        below.extend(layer.id.as_deref());
    }
    Ok(())
}
