//! Every row of a store, in the words of Quay's `state`.

use super::answer::Broken;
use super::op::short;
use super::session::START;
use futures_util::StreamExt;
use manifest_core::document::{Document, Limits};
use manifest_core::facts::Location;
use manifest_core::oci_types::{Algorithm, Digest, Hasher, MediaType, Reference, RepositoryName, TagName};
use manifest_core::ports::{FetchAsk, Fetched, Liveness, Ports, Record, Table};
use manifest_core::{Millis, NEVER, empty_layer};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// As many rows are read at once.
const PAGE: u32 = 500;

/// When each repository was last collected, which is when Quay removes the rows of uploads that are over.
#[derive(Debug, Default)]
pub(super) struct Collected(BTreeMap<RepositoryName, Millis>);

impl Collected {
    pub(super) fn at(&mut self, repo: &RepositoryName, now: Millis) {
        self.0.insert(repo.clone(), now);
    }

    pub(super) fn last(&self, repo: &RepositoryName) -> Millis {
        self.0.get(repo).copied().unwrap_or_default()
    }
}

/// The rows of a store.
#[derive(Default)]
pub(super) struct Rows(BTreeMap<Table, Vec<Record>>);

impl Rows {
    pub(super) async fn of(ports: &Ports) -> Result<Self, Broken> {
        let mut tables = BTreeMap::new();
        for table in Table::ALL {
            let (mut rows, mut after) = (Vec::new(), None);
            loop {
                let page = ports.records.page(table, after, PAGE).await?;
                rows.extend(page.items);
                after = rows.last().map(|row: &Record| row.key.clone());
                if !page.more {
                    break;
                }
            }
            tables.insert(table, rows);
        }
        Ok(Self(tables))
    }

    pub(super) fn table(&self, table: Table) -> &[Record] {
        self.0.get(&table).map_or(&[], Vec::as_slice)
    }

    pub(super) fn manifest(&self, repo: &RepositoryName, digest: &Digest) -> Option<&Record> {
        let key = format!("{repo}@{digest}");
        self.table(Table::Manifest).iter().find(|row| row.key == key)
    }

    pub(super) fn location(&self, digest: &Digest) -> Option<&Location> {
        let key = digest.to_string();
        self.table(Table::Blob).iter().find(|row| row.key == key)?.location.as_ref()
    }

    /// The manifests of a repository.
    pub(super) fn manifests(&self, repo: &RepositoryName) -> BTreeSet<Digest> {
        let prefix = format!("{repo}@");
        let rows = self.table(Table::Manifest).iter();
        rows.filter_map(|row| row.key.strip_prefix(&prefix)?.parse().ok()).collect()
    }

    /// What a manifest is about.
    pub(super) fn subject(&self, repo: &RepositoryName, digest: &Digest) -> Option<Digest> {
        self.manifest(repo, digest)?.columns.get("subject")?.parse().ok()
    }

    /// What a manifest lists.
    pub(super) fn children(&self, repo: &RepositoryName, digest: &Digest) -> BTreeSet<Digest> {
        let at = format!("{repo}@{digest}#");
        let rows = self.table(Table::ManifestChild).iter().filter(|row| row.key.starts_with(&at));
        rows.filter_map(|row| column(row, "child").parse().ok()).collect()
    }

    /// The blobs that a manifest links.
    pub(super) fn blobs(&self, repo: &RepositoryName, digest: &Digest) -> BTreeSet<String> {
        let at = format!("{repo}@{digest}#");
        self.table(Table::ManifestBlob).iter().filter_map(|row| row.key.strip_prefix(&at)).map(str::to_owned).collect()
    }

    /// The tags of a repository that are alive: name, target and end.
    pub(super) fn alive(&self, repo: &RepositoryName, now: Millis) -> Vec<(TagName, Digest, Millis)> {
        let prefix = format!("{repo}:");
        let rows = self.table(Table::Tag).iter().filter_map(|row| Some((row.key.strip_prefix(&prefix)?, row)));
        rows.filter(|(_, row)| moment(row, "expires") > now)
            .filter_map(|(name, row)| {
                Some((name.parse().ok()?, column(row, "target").parse().ok()?, moment(row, "expires")))
            })
            .collect()
    }

    /// Whether a tag ever pointed at a manifest, as far as the history goes.
    pub(super) fn was_tagged(&self, repo: &RepositoryName, digest: &Digest) -> bool {
        let (prefix, digest) = (format!("{repo}:"), digest.to_string());
        let rows = self.table(Table::Tag).iter().chain(self.table(Table::TagHistory));
        rows.into_iter().any(|row| row.key.starts_with(&prefix) && column(row, "target") == digest)
    }

    /// Where the newest two intervals of a name start, the newest first.
    pub(super) fn starts(&self, repo: &RepositoryName, tag: &TagName) -> Vec<Millis> {
        let (row, closed) = (format!("{repo}:{tag}"), format!("{repo}:{tag}#"));
        let rows = self.table(Table::Tag).iter().filter(|found| found.key == row);
        let closed = self.table(Table::TagHistory).iter().filter(|found| found.key.starts_with(&closed));
        let mut starts: Vec<Millis> = rows.chain(closed).map(|row| start(row, &row.key)).collect();
        starts.sort_unstable_by(|a, b| b.cmp(a));
        starts
    }

    /// The labels of a manifest, of that key.
    pub(super) fn labels(&self, repo: &RepositoryName, digest: &Digest, key: &str) -> Vec<&str> {
        let at = format!("{repo}@{digest}#");
        let rows = self.table(Table::Label).iter().filter(|row| row.key.starts_with(&at) && column(row, "key") == key);
        rows.map(|row| column(row, "value")).collect()
    }

    /// The rows as Quay would have them. `collected` says when a repository was last collected.
    ///
    /// Quay has the shared empty layer while somebody needs it, and here it is always there: it is shown while a repository has it.
    pub(super) async fn state(&self, ports: &Ports, collected: &Collected) -> Result<Value, Broken> {
        let mut repositories = Map::new();
        for row in self.table(Table::Repository) {
            let repo: RepositoryName = parse(&row.key)?;
            repositories.insert(short(&repo).to_owned(), self.repository(ports, &repo, collected).await?);
        }
        let empty = empty_layer::digest().to_string();
        let accesses = self.table(Table::RepositoryBlob);
        let has_empty = accesses.iter().any(|row| row.key.ends_with(&format!("@{empty}")));
        let blobs = self.table(Table::Blob).iter().map(|row| row.key.clone());
        let storages: BTreeSet<String> = blobs.filter(|digest| has_empty || *digest != empty).collect();
        let mut objects: BTreeSet<String> =
            self.stored(ports).await?.iter().filter_map(|digest| path(digest)).collect();
        if has_empty {
            objects.extend(path(&empty));
        }
        Ok(json!({
            "repositories": repositories,
            "storages": storages,
            "objects": objects,
            "label_rows": self.table(Table::Label).len(),
        }))
    }

    /// The digests of the blobs whose bytes are there, and are theirs. Bytes that no row names are a fault.
    async fn stored(&self, ports: &Ports) -> Result<BTreeSet<String>, Broken> {
        let named: BTreeMap<&Location, &str> =
            self.table(Table::Blob).iter().filter_map(|row| Some((row.location.as_ref()?, row.key.as_str()))).collect();
        let trash = ports.collection.trash(u32::MAX, NEVER).await?;
        let (mut digests, mut after) = (BTreeSet::new(), None);
        loop {
            let page = ports.bytes.list(after, PAGE).await?;
            for stored in &page.items {
                match named.get(&stored.location) {
                    Some(digest) => {
                        let found = hash(ports, &stored.location).await?;
                        if found != **digest {
                            return Err(Broken(format!("the bytes of {digest} have the digest {found}")));
                        }
                        digests.insert(found);
                    }
                    None if trash.contains(&stored.location) => {}
                    None => return Err(Broken(format!("no row names the bytes at {}", stored.location))),
                }
            }
            after = page.items.last().map(|stored| stored.location.clone());
            if !page.more {
                return Ok(digests);
            }
        }
    }

    async fn repository(&self, ports: &Ports, repo: &RepositoryName, collected: &Collected) -> Result<Value, Broken> {
        let mut manifests = Map::new();
        let prefix = format!("{repo}@");
        for row in self.table(Table::Manifest) {
            if let Some(digest) = row.key.strip_prefix(&prefix) {
                manifests.insert(digest.to_owned(), self.manifest_state(ports, repo, row, digest).await?);
            }
        }
        // Quay's row of an upload is here the lease of an access row; the row of the empty layer comes with a manifest.
        let empty = empty_layer::digest().to_string();
        let uploaded: BTreeSet<&str> = self
            .leases(repo)
            .filter(|(digest, lease)| *digest != empty && *lease > collected.last(repo))
            .map(|(digest, _)| digest)
            .collect();
        Ok(json!({"tags": self.tags(repo), "manifests": manifests, "uploaded": uploaded}))
    }

    /// The blobs of a repository, and until when the lease of each lasts.
    pub(super) fn leases(&self, repo: &RepositoryName) -> impl Iterator<Item = (&str, Millis)> {
        let prefix = format!("{repo}@");
        let rows = self.table(Table::RepositoryBlob).iter();
        rows.filter_map(move |row| Some((row.key.strip_prefix(&prefix)?, moment(row, "lease_until"))))
    }

    fn tags(&self, repo: &RepositoryName) -> Value {
        let prefix = format!("{repo}:");
        let of = |table: Table, end: &'static str| {
            let rows = self.table(table).iter().filter_map({
                let prefix = prefix.clone();
                move |row| Some((row.key.strip_prefix(&prefix)?.to_owned(), row))
            });
            rows.map(move |(name, row)| {
                let name = name.split('#').next().unwrap_or_default();
                json!({
                    "name": name, "manifest": column(row, "target"), "start": start(row, &row.key),
                    "end": json_end(moment(row, end)), "hidden": false,
                    "reversion": column(row, "reversion") == "true", "immutable": column(row, "immutable") == "true",
                })
            })
        };
        sorted(of(Table::Tag, "expires").chain(of(Table::TagHistory, "end")).collect())
    }

    async fn manifest_state(
        &self,
        ports: &Ports,
        repo: &RepositoryName,
        row: &Record,
        digest: &str,
    ) -> Result<Value, Broken> {
        let document = document(ports, repo, digest).await?;
        let at = format!("{}#", row.key);
        let of = |table: Table| self.table(table).iter().filter(|row| row.key.starts_with(&at)).collect::<Vec<_>>();
        let blobs: Vec<&str> = of(Table::ManifestBlob)
            .into_iter()
            // What may be absent Quay does not link.
            .filter(|row| column(row, "required") == "true")
            .filter_map(|row| row.key.strip_prefix(&at))
            .collect();
        // A child that is not there has no row that Quay could link.
        let is_there = |child: &&str| {
            let key = format!("{repo}@{child}");
            self.table(Table::Manifest).iter().any(|row| row.key == key)
        };
        let children: BTreeSet<&str> =
            of(Table::ManifestChild).into_iter().map(|row| column(row, "child")).filter(is_there).collect();
        let labels: Vec<Value> = of(Table::Label)
            .into_iter()
            .map(|row| {
                let media_type = if column(row, "json") == "true" { MediaType::JSON } else { MediaType::TEXT };
                json!([column(row, "key"), column(row, "value"), media_type, column(row, "source")])
            })
            .collect();
        let optional = |name: &str| row.columns.get(name).map(String::as_str);
        let declared = document.config().filter(|_| document.schema1().is_none());
        if optional("artifact_type") != document.artifact_type() {
            return Err(Broken(format!("{digest}: its row has another artifact type than its bytes")));
        }
        Ok(json!({
            "media_type": optional("media_type"),
            "config_media_type": declared.map(|config| config.media_type.as_str()),
            "layers_compressed_size": optional("layers_size").and_then(|size| size.parse::<u64>().ok()),
            "subject": optional("subject"),
            "artifact_type": document.declared_artifact_type(),
            "blobs": blobs,
            "children": children,
            "labels": sorted(labels),
        }))
    }
}

/// The manifest as it is stored.
async fn document(ports: &Ports, repo: &RepositoryName, digest: &str) -> Result<Document, Broken> {
    let ask = FetchAsk {
        repository: repo.clone(),
        reference: Reference::Digest(parse(digest)?),
        now: START,
        liveness: Liveness::Any,
        have: None,
        at: None,
    };
    let Fetched::Found(found) = ports.manifests.fetch(&ask).await? else {
        return Err(Broken(format!("{digest}: there is a row, and it is not found")));
    };
    let bytes = found.bytes.ok_or_else(|| Broken(format!("{digest}: found without its bytes")))?;
    Document::parse(Some(&found.media_type), bytes, &Limits::default()).map_err(|error| Broken(error.to_string()))
}

async fn hash(ports: &Ports, at: &Location) -> Result<String, Broken> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut stream = ports.bytes.read(at, None).await?;
    while let Some(chunk) = stream.next().await {
        hasher.update(&chunk?);
    }
    Ok(hasher.finish().to_string())
}

/// Where Quay stores the bytes of that digest.
fn path(digest: &str) -> Option<String> {
    let (algorithm, hex) = digest.split_once(':')?;
    Some(format!("{algorithm}/{}/{hex}", hex.get(..2)?))
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Broken> {
    text.parse().map_err(|error| Broken(format!("a row has the key `{text}`: {error}")))
}

fn column<'a>(row: &'a Record, name: &str) -> &'a str {
    row.columns.get(name).map_or("", String::as_str)
}

/// A column that holds a time; 0 where there is none.
pub(super) fn moment(row: &Record, name: &str) -> Millis {
    column(row, name).parse().unwrap_or_default()
}

/// When an interval started: it is in the row, or in the key.
fn start(row: &Record, key: &str) -> Millis {
    let in_key = key.rsplit_once('#').and_then(|(_, start)| start.parse().ok());
    in_key.unwrap_or_else(|| moment(row, "start")) - START
}

/// The end of a tag, which is null if there is none.
pub(super) fn json_end(end: Millis) -> Value {
    if end == NEVER { Value::Null } else { json!(end - START) }
}

/// A list whose order says nothing.
pub(super) fn sorted(mut list: Vec<Value>) -> Value {
    list.sort_by_cached_key(Value::to_string);
    Value::from(list)
}
