//! The commands that look at what a data directory holds, also while `serve` uses it. None writes anything.

mod card;
mod explain;
mod history;
mod inspect;
mod ls;
mod manifest;
mod tags;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod why;

use crate::cli::Look;
use crate::config::Config;
use crate::failure::Failure;
use crate::logs::{self, LogStream};
use crate::{clock, output, storage};
use explain::explain_push;
use history::history;
use inspect::{inspect_manifest, inspect_repository};
use ls::ls;
use manifest_core::service::ListError;
use manifest_core::{Context, Registry};
use oci_types::{Digest, Reference};
use tags::tags;
use why::why;

/// Answers one of the commands on standard output.
pub(crate) fn run(config: &Config, command: &Look) -> Result<(), Failure> {
    logs::start(&config.log, LogStream::Error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| Failure::Process { doing: "starting the runtime", source })?;
    let text = runtime.block_on(async {
        let registry = Registry::new(storage::open_read_only(config).await?, config.policy());
        answer(&registry, &Context::anonymous(clock::now()), command).await
    })?;
    output::print(&text)
}

async fn answer(registry: &Registry, cx: &Context, command: &Look) -> Result<String, Failure> {
    match command {
        Look::Inspect(of) => match &of.target.reference {
            None => inspect_repository(registry, cx, &of.target.repository, of.form.json).await,
            Some(reference) => inspect_manifest(registry, cx, &of.target.repository, reference, of.form.json).await,
        },
        Look::Why(of) => {
            let reference = of.target.reference.as_ref().ok_or(Failure::NoReference)?;
            why(registry, cx, &of.target.repository, reference, of.form.json).await
        }
        Look::Tags(of) => tags(registry, cx, &of.repository, of.form.json).await,
        Look::History(of) => {
            let tag = match &of.target.reference {
                Some(Reference::Tag(tag)) => Some(tag),
                Some(Reference::Digest(_)) => return Err(Failure::DigestHasNoHistory),
                None => None,
            };
            history(registry, cx, &of.target.repository, tag, of.form.json).await
        }
        Look::Ls(of) => ls(registry, cx, of.prefix.as_deref().unwrap_or_default(), of.form.json).await,
        Look::ExplainPush(push) => {
            explain_push(registry, cx, &push.target, &push.file, push.media_type.as_ref(), push.form.json).await
        }
    }
}

/// As many as a page may hold: the reader waits for all of them.
const PAGE: u32 = 1_000;

/// As people recognise it: the algorithm and twelve digits.
fn short(digest: &Digest) -> String {
    digest.to_string().chars().take("sha256:".len() + 12).collect()
}

fn no_listing(error: ListError) -> Failure {
    match error {
        ListError::RepositoryUnknown(name) => Failure::Unknown {
            what: format!("there is no repository {name}"),
            next: "`manifestd ls` lists those that there are".to_owned(),
        },
        other @ (ListError::Access(_) | ListError::Port(_)) => {
            Failure::UseCase { doing: "reading the registry", source: other.into() }
        }
    }
}
