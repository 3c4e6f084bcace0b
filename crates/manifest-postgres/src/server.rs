//! The server as the pool sees it: there, or away.
//!
//! While it is away one attempt is made at a time, in the background, and whoever needs a connection is told at once: a request that
//! waited for each attempt anew would wait in vain as long as it is patient.

use crate::connection::{OpenConnectionError, Opener};
use diesel_async::AsyncPgConnection;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// Opens connections.
pub(crate) struct Server {
    opener: Opener,
    failing: watch::Sender<Option<Failing>>,
}

/// Why no connection can be opened.
pub(crate) type Away = Arc<OpenConnectionError>;

/// What is known while connections cannot be opened.
#[derive(Clone)]
pub(crate) struct Failing {
    since: Instant,
    last: Away,
}

impl Failing {
    /// Why the server is away, once that is more than a stumble: then the next attempt may well succeed.
    pub(crate) fn away(&self) -> Option<Away> {
        (self.since.elapsed() >= STUMBLE).then(|| Arc::clone(&self.last))
    }
}

impl Server {
    pub(crate) fn new(opener: Opener) -> Self {
        Self { opener, failing: watch::Sender::new(None) }
    }

    /// Opens a connection, and says when that began. While the server is away it waits for it, though not for long: it may be that
    /// nobody needs the connection any more.
    pub(crate) async fn open(self: &Arc<Self>) -> Result<(AsyncPgConnection, Instant), Away> {
        // Late, or in vain if there were no sender, which is this very server.
        drop(timeout(LONGEST, self.watch().wait_for(Option::is_none)).await);
        if let Some(failure) = self.failure() {
            return Err(failure);
        }
        let begun = Instant::now();
        let opened = self.opener.open().await.map_err(Arc::new);
        if let Err(failure) = &opened
            && self.note(failure)
        {
            tokio::spawn(knock(Arc::downgrade(self)));
        }
        opened.map(|connection| (connection, begun))
    }

    /// Why the last connection could not be opened, if it could not.
    pub(crate) fn failure(&self) -> Option<Away> {
        self.failing.borrow().as_ref().map(|failing| Arc::clone(&failing.last))
    }

    /// What is known of it, told anew after each attempt that failed.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Failing>> {
        self.failing.subscribe()
    }

    /// Notes that an attempt failed. `true` if it is the first one.
    fn note(&self, failure: &Away) -> bool {
        let last = Arc::clone(failure);
        let mut is_first = false;
        self.failing.send_modify(|failing| {
            is_first = failing.is_none();
            let since = failing.as_ref().map_or_else(Instant::now, |failing| failing.since);
            *failing = Some(Failing { since, last });
        });
        is_first
    }
}

/// Tries until the server is back, or nobody needs it any more. The connection is not kept: the pool knows how many it may have.
async fn knock(server: Weak<Server>) {
    let mut pause = SHORTEST;
    loop {
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
        let Some(server) = server.upgrade() else { return };
        match server.opener.open().await {
            Ok(_) => {
                server.failing.send_replace(None);
                return;
            }
            Err(failure) => {
                server.note(&Arc::new(failure));
            }
        }
    }
}

/// How long attempts must have failed before callers are told.
const STUMBLE: Duration = Duration::from_millis(300);

/// The pauses between attempts: each twice the one before, up to what a node may be late in finding its server again.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);
