use crate::target::Target;
use std::fs;
use std::path::{Path, PathBuf};

/// The inputs of a target that the project keeps, in the order of their names.
pub fn corpus(target: &Target) -> Result<Vec<Vec<u8>>, UnreadableCorpus> {
    let dir = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus")).join(target.name);
    read(&dir).map_err(|source| UnreadableCorpus { dir, source })
}

fn read(dir: &Path) -> std::io::Result<Vec<Vec<u8>>> {
    let mut paths = fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    paths.iter().map(fs::read).collect()
}

/// A target's inputs cannot be read.
#[derive(Debug)]
pub struct UnreadableCorpus {
    dir: PathBuf,
    source: std::io::Error,
}

impl std::fmt::Display for UnreadableCorpus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the inputs in {} cannot be read", self.dir.display())
    }
}

impl std::error::Error for UnreadableCorpus {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
