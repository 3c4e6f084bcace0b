//! Which legacy images a new manifest brings.

use super::push::PushCase;
use super::rejection::Rejection;
use crate::document::{ConfigKind, Document, MemberError, Problem};
use crate::facts::PushFacts;
use crate::legacy::{ConfigBytes, LegacyError, LegacyImage, legacy_images_of, schema1_child, schema1_ids};
use crate::policy::LegacyImageRows;
use oci_types::MediaType;
use std::collections::BTreeSet;

/// The longest id of a legacy image that is stored, in bytes.
const MAX_ID_BYTES: usize = 255;

/// What is stored with a manifest of its legacy images.
#[derive(Debug, Default)]
pub(super) struct Images {
    /// Base first.
    pub(super) rows: Vec<LegacyImage>,
    /// The id of the image that the manifest stands for.
    pub(super) top: Option<String>,
}

/// The ids of which the plan has to know whether they are taken. Where no rows are stored none are.
pub(super) fn images_to_know(case: &PushCase<'_>) -> BTreeSet<String> {
    match case.policy.legacy_images {
        LegacyImageRows::Stored => schema1_ids(case.document).into_iter().map(str::to_owned).collect(),
        LegacyImageRows::Off => BTreeSet::new(),
    }
}

/// The rows of a new manifest, whose config was read. They are made where they are not stored, too, so that it does not depend on the operator's choice what
/// is accepted (semantics 2).
pub(super) fn images(case: &PushCase<'_>, config: Option<&[u8]>, facts: &PushFacts) -> Result<Images, Rejection> {
    let document = case.document;
    let needs_config = document.config().is_some_and(|config| config.kind != ConfigKind::Other);
    if needs_config && config.is_none() {
        // References are unchecked, and the config is not there (semantics 14).
        return Ok(Images::default());
    }
    check_ids(document)?;
    let config = config.map_or(ConfigBytes::Missing, ConfigBytes::Read);
    let size_of = |blob: &_| facts.blobs.get(blob).map(|blob| blob.size);
    let rows = legacy_images_of(document, config, &facts.legacy_images, size_of).map_err(Rejection::LegacyImages)?;
    Ok(match case.policy.legacy_images {
        LegacyImageRows::Stored => {
            let top = rows.last().map(|image| image.id.clone()).or_else(|| image_of_child(document, facts));
            Images { rows, top }
        }
        LegacyImageRows::Off => Images::default(),
    })
}

/// Ids of schema 1 are chosen by people, and a key of a database is not as long as you like. Docker's and Quay's have 64 bytes.
fn check_ids(document: &Document) -> Result<(), Rejection> {
    let Some(schema1) = document.schema1() else { return Ok(()) };
    let is_long = |(id, _): (Option<&str>, Option<&str>)| id.is_some_and(|id| id.len() > MAX_ID_BYTES);
    match schema1.v1_ids().position(is_long) {
        Some(height) => {
            let at = schema1.layers().len() - 1 - height;
            let path = format!("history[{at}].v1Compatibility.id").into();
            let problem = Problem::Long { limit: MAX_ID_BYTES };
            Err(Rejection::LegacyImages(LegacyError::Metadata(MemberError { path, problem })))
        }
        None => Ok(()),
    }
}

/// An index stands for what its child for schema 1 stands for, which was stored with the child (quay-semantics, section 10).
fn image_of_child(index: &Document, facts: &PushFacts) -> Option<String> {
    let entry = schema1_child(index)?;
    let child = facts.children.get(&entry.digest)?;
    // Schema 1 cannot be listed by an OCI index.
    let in_vain = *index.media_type() == MediaType::OCI_INDEX && child.media_type.is_schema1();
    child.legacy_image.clone().filter(|_| !in_vain)
}
