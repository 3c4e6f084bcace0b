//! What an answer must be. An answer that is not fails the whole run.

use std::sync::{Arc, OnceLock};

use anyhow::{Result, ensure};

use super::Head;

/// What a body is compared with.
#[derive(Clone)]
pub(crate) enum Body {
    /// No promise is made about it.
    Any,
    /// These bytes. Whoever made them computed their digest, so that equality is stricter than hashing again.
    Exact(Arc<[u8]>),
    /// A page of a listing.
    Page(Arc<Page>),
}

/// Looks through a page and says what is wrong with it.
type Check = dyn Fn(&[u8]) -> Result<()> + Send + Sync;

/// A page whose form is the server's own: the first is looked through, all others must be equal to it.
pub(crate) struct Page {
    check: Box<Check>,
    first: OnceLock<Vec<u8>>,
}

impl Page {
    /// A page that must hold what the function wants.
    pub(crate) fn new(check: impl Fn(&[u8]) -> Result<()> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { check: Box::new(check), first: OnceLock::new() })
    }

    fn judge(&self, body: &[u8]) -> Result<()> {
        if let Some(first) = self.first.get() {
            ensure!(first == body, "the page differs from the first: {}", start(body));
            return Ok(());
        }
        (self.check)(body)?;
        let _another_was_quicker = self.first.set(body.to_vec());
        Ok(())
    }
}

/// The start of a body, for a message.
pub(crate) fn start(body: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(&body[..body.len().min(300)])
}

/// What an answer must be.
#[derive(Clone)]
pub(crate) struct Expect {
    /// The status code.
    pub(crate) status: u16,
    /// `Docker-Content-Digest`.
    pub(crate) digest: Option<Arc<str>>,
    /// Whether that header may be absent, as the specification has it. If it is there, it must be right.
    pub(crate) may_lack_digest: bool,
    /// The body.
    pub(crate) body: Body,
    /// Whether the request is a HEAD, whose answer has no body. `Body::Exact` then stands for the length.
    pub(crate) to_head: bool,
}

impl Expect {
    /// An answer of which only the status is known.
    pub(crate) fn status(status: u16) -> Self {
        Self { status, digest: None, may_lack_digest: false, body: Body::Any, to_head: false }
    }

    /// Fails with a sentence about what is wrong with an answer.
    pub(crate) fn judge(&self, head: &Head, read: &[u8], body: &[u8]) -> Result<()> {
        ensure!(head.status == self.status, "status {} and not {}: {}", head.status, self.status, start(body));
        if let Some(expected) = &self.digest {
            let found = head.digest.clone().map(|range| &read[range]);
            ensure!(
                found.map_or(self.may_lack_digest, |found| found == expected.as_bytes()),
                "digest {} and not {expected}",
                found.map_or("(none)".into(), String::from_utf8_lossy)
            );
        }
        match &self.body {
            Body::Any => Ok(()),
            Body::Exact(expected) if self.to_head => {
                let length = u64::try_from(expected.len()).ok();
                ensure!(head.length == length, "Content-Length {:?} and not {length:?}", head.length);
                Ok(())
            }
            Body::Exact(expected) => {
                ensure!(
                    **expected == *body,
                    "a body of {} bytes that is not the one of {}",
                    body.len(),
                    expected.len()
                );
                Ok(())
            }
            Body::Page(page) => page.judge(body),
        }
    }
}
