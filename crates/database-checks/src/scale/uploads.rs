//! Uploads and mounts, as calls of ports.

use super::data::{self, Kind, NOW};
use super::operations::{Ask, Asker, Ports};
use anyhow::Result;
use bytes::Bytes;
use manifest_core::facts::Location;
use manifest_core::ports::{FinishUpload, MountAsk, MountSource, NewUpload, Part, PublishPart, UploadId};
use oci_types::{Algorithm, Digest, RepositoryName};

/// When uploads and leases end.
const LATER: i64 = NOW + 100_000_000;
/// Bytes of a part.
const PART: u64 = 1_000;

impl Asker {
    /// A new upload.
    pub(super) fn begin(&mut self, repository: RepositoryName) -> Ask {
        Ask::Begin(begin(repository, self.upload()))
    }

    /// The first part of an upload.
    pub(super) fn append(&mut self, repository: RepositoryName) -> Result<Ask> {
        Ok(Ask::Append(PublishPart {
            repository,
            id: self.upload(),
            from: 0,
            part: self.part()?,
            hash_state: Bytes::from_static(b"behind"),
            now: NOW,
            expires: LATER,
        }))
    }

    /// The end of an upload, with all bytes and of a blob that is nowhere.
    pub(super) fn finish(&mut self, repository: RepositoryName) -> Result<Ask> {
        Ok(Ask::Finish(Box::new(FinishUpload {
            repository,
            id: self.upload(),
            from: 0,
            sealed: location(format!("sealed-{}", self.run))?,
            digest: Digest::of(Algorithm::Sha256, format!("blob {}", self.run).as_bytes()),
            size: PART,
            lease_until: LATER,
            now: NOW,
        })))
    }

    /// A mount of a blob that the repository has into another one.
    pub(super) fn mount(&self, repository: RepositoryName, number: u64) -> Result<Ask> {
        Ok(Ask::Mount(MountAsk {
            to: self.size.repository((number + self.size.0 / 2) % self.size.0 + 1)?,
            from: MountSource::Repository(repository),
            digest: data::digest(Kind::Config, number)?,
            lease_until: LATER,
            create_repository: None,
            now: NOW,
        }))
    }

    /// An upload that is not there.
    fn upload(&mut self) -> UploadId {
        self.run += 1;
        // As far from one another as random ones.
        UploadId::from_bits(u128::from(self.run).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    /// A part of the last upload.
    fn part(&self) -> Result<Part> {
        Ok(Part { location: location(format!("part-{}", self.run))?, size: PART })
    }
}

impl Ask {
    /// Does what must have been done before, and is not to be measured.
    pub(super) async fn prepare(&self, ports: &Ports) -> Result<()> {
        let begins = match self {
            Self::Append(part) => begin(part.repository.clone(), part.id),
            Self::Finish(finish) => begin(finish.repository.clone(), finish.id),
            Self::Fetch(_)
            | Self::Blob(..)
            | Self::Tags(..)
            | Self::History(_)
            | Self::Referrers(_)
            | Self::Catalogue(_)
            | Self::Facts(_)
            | Self::Apply(_)
            | Self::Begin(_)
            | Self::Mount(_) => return Ok(()),
        };
        Self::Begin(begins).ask(ports).await
    }
}

fn begin(repository: RepositoryName, id: UploadId) -> NewUpload {
    let hash_state = Bytes::from_static(b"before");
    NewUpload { repository, id, hash_state, create_repository: None, now: NOW, expires: LATER, actor: None }
}

fn location(key: String) -> Result<Location> {
    Ok(Location { store: "main".parse()?, key })
}
