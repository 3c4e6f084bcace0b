#[cfg(test)]
mod tests;
mod weigh;

pub use weigh::{Weighed, weigh};

use super::{FetchError, Registry};
use crate::access::{Action, Context};
use crate::ports::{Support, SupportAsk, SupportLink};
use crate::time::{Millis, NEVER};
use oci_types::{Digest, Reference, RepositoryName, TagName};

/// Why a manifest is there, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// When it was deleted, if it was.
    pub deleted: Option<Millis>,
    /// The shortest chain by which it is served; none if it is not served.
    pub visible: Option<Chain>,
    /// The chain that keeps it from being collected for longest; none if the next collection takes it.
    pub retained: Option<Chain>,
}

impl Why {
    /// From when on a collection may take it, if nothing changes: [`NEVER`] if something without an end keeps it, none if it may go now.
    #[must_use]
    pub fn goes(&self) -> Option<Millis> {
        self.retained.as_ref().map(|chain| chain.until)
    }

    /// Whether it stays until somebody changes something.
    #[must_use]
    pub fn stays(&self) -> bool {
        self.goes() == Some(NEVER)
    }
}

/// How a manifest is kept: the ancestors up to the one that is held, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// From the manifest's parent or subject upward, each with how it keeps the one before it; empty if the manifest itself is held, or if
    /// the first is one that the caller may not know of.
    pub links: Vec<(SupportLink, Digest)>,
    /// What holds the last of them.
    pub hold: Hold,
    /// Until when the chain keeps the manifest, the history window included where it counts; [`NEVER`] for ever.
    pub until: Millis,
}

/// What holds a manifest by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// A tag that is alive points at it.
    Tag {
        /// Which.
        name: TagName,
        /// When it expires; [`NEVER`] if it does not.
        expires: Millis,
    },
    /// A tag pointed at it within the history window, so it can be restored.
    History {
        /// Which.
        name: TagName,
        /// When it moved, was deleted, or expired.
        ended: Millis,
    },
    /// A push by digest, or a tag that left it, pinned it.
    Pin {
        /// Until then.
        until: Millis,
    },
    /// It was deleted within the history window, so it can be restored.
    Deletion {
        /// When.
        deleted: Millis,
    },
    /// It has more ancestors than are looked at, and counts as kept.
    ManyAncestors,
}

impl Registry {
    /// Why a manifest is kept, or when it goes. Also for one that is not served any more, as long as its row is there.
    ///
    /// One that was deleted is unknown to all but administrators. Others learn neither which deleted manifest keeps one
    /// that was not: the links end before it.
    ///
    /// Example: [the guide](crate::guide#why-a-manifest-is-there). As JSON: `docs/api.md`, "Why a manifest is there".
    ///
    /// # Errors
    ///
    /// [`FetchError`]; `ManifestUnknown` if there is no row.
    pub async fn why(&self, cx: &Context, repository: &RepositoryName, digest: &Digest) -> Result<Why, FetchError> {
        let may = self.decide::<FetchError>(cx, repository, &[Action::Pull, Action::Admin]).await?;
        let administers = may.get(1) == Some(&true);
        let ask = |window| SupportAsk { repository: repository.clone(), digest: *digest, now: cx.now, window };
        // Two walks, because a chain through a manifest that is deleted retains, but does not serve: the shortest chain of one is
        // not that of the other.
        let window = self.policy.history_window;
        let (serving, retaining) = (ask(0), ask(window));
        let (retaining, serving) = (self.supported(&retaining).await?, self.supported(&serving).await?);
        let deleted = retaining.nodes.first().and_then(|node| node.deleted);
        if deleted.is_some() && !administers {
            return Err(unknown(repository, digest));
        }
        let visible = if deleted.is_some() { None } else { weigh(&serving, cx.now, 0).shortest };
        let mut retained = weigh(&retaining, cx.now, window).longest;
        if let Some(chain) = retained.as_mut().filter(|_| !administers) {
            hide_deleted(chain, &retaining);
        }
        Ok(Why { deleted, visible, retained })
    }

    async fn supported(&self, ask: &SupportAsk) -> Result<Support, FetchError> {
        if let Some(support) = self.ports.manifests.support(ask).await? {
            return Ok(support);
        }
        Err(self.missing_in(&ask.repository, unknown(&ask.repository, &ask.digest)).await)
    }
}

fn unknown(repository: &RepositoryName, digest: &Digest) -> FetchError {
    FetchError::ManifestUnknown { repository: repository.clone(), reference: Reference::Digest(*digest) }
}

/// Ends the links of a chain before the first manifest that was deleted.
fn hide_deleted(chain: &mut Chain, support: &Support) {
    let deleted = |digest: &Digest| support.nodes.iter().any(|node| node.digest == *digest && node.deleted.is_some());
    let shown = chain.links.iter().take_while(|(_, digest)| !deleted(digest)).count();
    chain.links.truncate(shown);
}
