//! Where the workspace is, and what cargo says about it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};

/// The workspace that xtask was built from.
#[derive(Debug)]
pub(crate) struct Workspace {
    metadata: Metadata,
}

impl Workspace {
    /// Asks cargo, which knows the target directory that the environment or a configuration file names.
    pub(crate) fn find() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let metadata = MetadataCommand::new()
            .manifest_path(manifest)
            .other_options(["--locked".to_owned()])
            .exec()
            .context("`cargo metadata` failed; if Cargo.lock is out of date, run `cargo update --workspace`")?;
        Ok(Self { metadata })
    }

    /// The graph of packages.
    pub(crate) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The directory of the workspace's `Cargo.toml`.
    pub(crate) fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    /// The directory that cargo builds into.
    pub(crate) fn target(&self) -> &Path {
        self.metadata.target_directory.as_std_path()
    }

    /// The directory that [`crate::setup`] installs tools into, kept between runs.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target().join("tools")
    }
}

/// The program that runs cargo: the one that started xtask, or the first on the path.
pub(crate) fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}
