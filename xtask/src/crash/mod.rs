//! `cargo xtask crash`: whatever goes wrong while a push is made durable, nothing acknowledged is lost and nothing is half there.
//!
//! The release binary is killed, or told an error, at one of the calls of a push that sync, link, rename or make a
//! directory; in another run at the next one, until each had its turn. After the fault what was acknowledged is there byte
//! for byte, `fsck --deep` is clean, an upload under way goes on, and the push succeeds when it is repeated, also with the
//! process that got the error.
//!
//! A process that is killed loses nothing that it wrote, so the power fails as well: only what was synced is left. That this
//! is seen is proved in the same way: each sync in turn brings nothing to the disk, and the run must find out.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod durable;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod push;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod sweep;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod tracer;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod trial;

use anyhow::Result;
use clap::ValueEnum;

use crate::workspace::Workspace;

/// Arguments of `cargo xtask crash`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Only what goes wrong in this way; may be given several times.
    #[arg(long, value_enum)]
    mode: Vec<Mode>,
}

/// What goes wrong at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Mode {
    /// The process dies before the call.
    KillBefore,
    /// The process dies after the call.
    KillAfter,
    /// The call fails with EIO, and the same process is asked again.
    Error,
    /// The call fails with EIO, and the process dies once it has answered.
    ErrorThenKill,
    /// The call fails with ENOSPC, and the same process is asked again.
    NoSpace,
    /// The power fails after the call: what was not synced is lost. Once more when everything was acknowledged.
    PowerCut,
    /// The call is a sync that only pretends, and the power fails when what depended on it was acknowledged: the loss must be found.
    LostSync,
}

/// Lets each thing go wrong at each call.
pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let all = Mode::value_variants();
    let modes = if arguments.mode.is_empty() { all } else { &arguments.mode };
    sweep(workspace, modes)
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
use sweep::sweep;

/// Calls are failed by way of registers, whose names differ from machine to machine.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn sweep(_: &Workspace, _: &[Mode]) -> Result<()> {
    anyhow::bail!("calls can be failed on Linux on x86-64 only")
}
