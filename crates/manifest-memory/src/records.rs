//! Every row as text. A table is written out whole for each page, which is good enough for what compares stores.

use crate::interval::Interval;
use crate::page::{behind, page};
use crate::repository::{ManifestRow, Repository};
use crate::state::State;
use crate::store::MemoryStore;
use async_trait::async_trait;
use manifest_core::Port;
use manifest_core::facts::{Location, RepositoryState, Visibility};
use manifest_core::legacy::LegacyImage;
use manifest_core::plan::{LabelSource, Need};
use manifest_core::ports::{Page, Record, Records, Table};
use manifest_core::stored::{nul_free, platform_to_text};
use oci_types::Digest;
use std::collections::BTreeMap;
use std::ops::Bound;

#[async_trait]
impl Records for MemoryStore {
    async fn page(&self, table: Table, after: Option<String>, limit: u32) -> Port<Page<Record>> {
        let state = self.read()?;
        let rows: BTreeMap<String, Record> =
            state.records(table).into_iter().map(|record| (record.key.clone(), record)).collect();
        let behind = rows.range::<str, _>((behind(after.as_deref()), Bound::Unbounded));
        Ok(page(behind.map(|(_, record)| record.clone()), limit))
    }
}

impl State {
    fn records(&self, table: Table) -> Vec<Record> {
        let of: fn(&Repository) -> Vec<Record> = match table {
            Table::Blob => {
                let blobs = self.blobs.iter();
                let row = |(digest, blob): (&Digest, &manifest_core::facts::Blob)| {
                    Row::new(digest.to_string()).with("size", blob.size).at(&blob.location)
                };
                return blobs.map(row).collect();
            }
            Table::Repository => |repository| vec![repository_record(repository)],
            Table::Manifest => |repository| each_manifest(repository, |at, row| vec![manifest_record(at, row)]),
            Table::ManifestChild => |repository| each_manifest(repository, children),
            Table::ManifestBlob => |repository| each_manifest(repository, links),
            Table::Label => |repository| each_manifest(repository, labels),
            Table::Tag => tags,
            Table::TagHistory => history,
            Table::RepositoryBlob => accesses,
            Table::LegacyImage => images,
        };
        self.repositories.values().flat_map(of).collect()
    }
}

/// A record in the making.
struct Row(Record);

impl Row {
    fn new(key: String) -> Self {
        Self(Record { key, columns: BTreeMap::new(), location: None })
    }

    fn with(self, column: &'static str, value: impl ToString) -> Self {
        self.if_any(column, Some(value))
    }

    /// A column that is left out where there is nothing in it.
    fn if_any(mut self, column: &'static str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.0.columns.insert(column, value.to_string());
        }
        self
    }

    fn at(mut self, location: &Location) -> Record {
        self.0.location = Some(location.clone());
        self.0
    }
}

fn repository_record(repository: &Repository) -> Record {
    let row = &repository.row;
    let visibility = match row.visibility {
        Visibility::Public => "public",
        Visibility::Private => "private",
    };
    let state = match row.state {
        RepositoryState::Absent => "absent",
        RepositoryState::Open => "open",
        RepositoryState::ReadOnly => "read-only",
    };
    Row::new(row.name.to_string()).with("visibility", visibility).with("state", state).with("created", row.created).0
}

fn each_manifest(repository: &Repository, records: impl Fn(&str, &ManifestRow) -> Vec<Record>) -> Vec<Record> {
    let name = &repository.row.name;
    repository.manifests.iter().flat_map(|(digest, row)| records(&format!("{name}@{digest}"), row)).collect()
}

fn manifest_record(at: &str, row: &ManifestRow) -> Record {
    let stored = &row.stored;
    Row::new(at.to_owned())
        .with("media_type", stored.media_type.as_str())
        .with("size", stored.bytes.len())
        .if_any("subject", stored.subject)
        .if_any("artifact_type", stored.artifact_type.as_ref())
        .if_any("platform", stored.platform.as_ref().map(platform_to_text))
        .if_any("image_created", stored.image_created)
        .if_any("layers_size", stored.layers_size)
        .if_any("expires_after", row.acting.expires_after)
        .with("immutable", row.acting.immutable)
        .with("pinned_until", row.pinned_until)
        .if_any("deleted", row.deleted)
        .with("created", row.created)
        .if_any("actor", row.actor.as_ref())
        .if_any("legacy_image", stored.legacy_image.as_deref().map(nul_free))
        .0
}

fn children(at: &str, row: &ManifestRow) -> Vec<Record> {
    let children = row.stored.children.iter().enumerate();
    let record = |(position, child): (usize, &manifest_core::plan::ChildLink)| {
        Row::new(format!("{at}#{position:010}"))
            .with("child", child.digest)
            .with("required", child.need == Need::Required)
            .if_any("platform", child.platform.as_ref().map(platform_to_text))
            .0
    };
    children.map(record).collect()
}

fn links(at: &str, row: &ManifestRow) -> Vec<Record> {
    let blobs = row.stored.blobs.iter();
    blobs.map(|(blob, need)| Row::new(format!("{at}#{blob}")).with("required", *need == Need::Required).0).collect()
}

fn labels(at: &str, row: &ManifestRow) -> Vec<Record> {
    let labels = row.labels.iter().map(|row| &row.label).enumerate();
    let record = |(position, label): (usize, &manifest_core::plan::Label)| {
        let source = match label.source {
            LabelSource::Manifest => "manifest",
            LabelSource::Api => "api",
            LabelSource::Internal => "internal",
        };
        Row::new(format!("{at}#{position:010}"))
            .with("key", &label.key)
            .with("value", &label.value)
            .with("json", label.json)
            .with("source", source)
            .0
    };
    labels.map(record).collect()
}

fn tags(repository: &Repository) -> Vec<Record> {
    let name = &repository.row.name;
    let rows = repository.tags.rows.iter();
    let record = |(tag, row): (&oci_types::TagName, &Interval)| {
        interval(format!("{name}:{tag}"), row)
            .with("start", row.state.start)
            .with("expires", row.state.expires)
            .with("immutable", row.state.immutable)
            .0
    };
    rows.map(record).collect()
}

fn history(repository: &Repository) -> Vec<Record> {
    let name = &repository.row.name;
    let closed = repository.tags.closed.iter().flat_map(|(tag, closed)| closed.values().map(move |row| (tag, row)));
    let record = |(tag, row): (&oci_types::TagName, &Interval)| {
        interval(format!("{name}:{tag}#{:020}", row.state.start), row).with("end", row.state.expires).0
    };
    closed.map(record).collect()
}

/// What an interval of a tag has, closed or not.
fn interval(key: String, row: &Interval) -> Row {
    Row::new(key)
        .with("target", row.state.target)
        .with("reversion", row.reversion)
        .if_any("previous", row.previous)
        .if_any("actor", row.state.actor.as_ref())
}

fn accesses(repository: &Repository) -> Vec<Record> {
    let name = &repository.row.name;
    let blobs = repository.blobs.iter();
    let record = |(digest, access): (&Digest, &crate::repository::Access)| {
        Row::new(format!("{name}@{digest}"))
            .with("size", access.blob.size)
            .with("lease_until", access.lease_until)
            .at(&access.blob.location)
    };
    blobs.map(record).collect()
}

fn images(repository: &Repository) -> Vec<Record> {
    let name = &repository.row.name;
    let record = |image: &LegacyImage| {
        Row::new(format!("{name}@{}", nul_free(&image.id)))
            .if_any("parent", image.parent.as_deref().map(nul_free))
            .with("blob", image.blob)
            .if_any("created", image.created)
            .if_any("command", image.command.as_deref().map(nul_free))
            .if_any("comment", image.comment.as_deref().map(nul_free))
            .if_any("aggregate_size", image.aggregate_size)
            .with("metadata", nul_free(&image.metadata))
            .0
    };
    repository.images.rows.values().map(record).collect()
}
