//! `cargo xtask durability`: what the registry answers with 201 is on the disk before the answer leaves.
//!
//! The release binary runs under `strace` while an image is pushed, and the order of its system calls is judged: the
//! bytes of each blob, the directory entry that names them, every directory made on the way, and the database's log. Small blobs come
//! before, so that one begins a pack and others are appended to it.

mod judge;
mod trace;

use anyhow::{Result, ensure};

use crate::{
    clients::seed,
    count::Count,
    images::{Fixtures, digest::sha256},
    server::{Program, Server},
    workspace::Workspace,
};

/// Arguments of `cargo xtask durability`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// The registry to start.
    #[arg(long, value_enum, default_value_t)]
    server: Program,
    /// Keep the trace and print where it is.
    #[arg(long)]
    keep: bool,
}

/// Pushes one image and judges every 201.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let mut directory = tempfile::Builder::new().prefix("durability-").tempdir()?;
    directory.disable_cleanup(arguments.keep);
    // The kernel tells real paths, and the temporary folder may be a symbolic link.
    let path = directory.path().canonicalize()?;
    let image = Fixtures::write(&path.join("fixtures"))?.oci;
    let trace = path.join("trace");
    let server = Server::start_traced(workspace, arguments.server, &path.join("registry"), &trace)?;
    let mut pushed = Vec::new();
    for small in ["one small blob", "another small blob"] {
        let digest = sha256(small.as_bytes())?;
        seed::push_blob(&server.address(), "durability", &digest, small.as_bytes())?;
        pushed.push(digest);
    }
    seed::push(&server.address(), "durability", "v1", &image)?;
    pushed.extend(image.blobs.iter().chain([&image.root]).map(|descriptor| descriptor.digest.clone()));
    let events = trace::read(&server.end_trace()?);
    let verdicts = judge::judge(&events, pushed.len() - 1);
    ensure!(verdicts.len() == pushed.len(), "the trace has {} answers of 201", verdicts.len());
    let mut count = Count::default();
    for (digest, wrong) in pushed.iter().zip(verdicts) {
        count.add(wrong.is_empty());
        if wrong.is_empty() {
            println!("ok {digest}");
        } else {
            println!("FAILED {digest}: answered with 201, but {}", wrong.join(", "));
        }
    }
    if arguments.keep {
        println!("kept: {}", path.display());
    }
    count.close()
}
