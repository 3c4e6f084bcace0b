//! A proxy between a store and its database: it counts round trips, and loses answers.

use futures_util::future::BoxFuture;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// The proxy, which goes on while its runtime does.
pub(crate) struct Wire {
    url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Questions whose answers were awaited: the `Sync` messages and simple queries of all connections.
    rounds: AtomicU64,
    /// Whether the answer to the next execution is to be lost.
    armed: AtomicBool,
    lost: AtomicU64,
    /// What happens before the client is told that the answer is lost.
    meanwhile: Mutex<Option<BoxFuture<'static, ()>>>,
    /// Whether the client of the next execution is cut off before it has an answer.
    cutting: AtomicBool,
}

impl Wire {
    /// A proxy before the server of that address.
    pub(crate) async fn before(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (authority, path) = rest.split_once('/').unwrap();
        let (user, server) = authority.rsplit_once('@').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let separator = if path.contains('?') { '&' } else { '?' };
        let url = format!("{scheme}://{user}@127.0.0.1:{port}/{path}{separator}sslmode=disable");
        let state = Arc::<State>::default();
        let (server, shared) = (server.to_owned(), Arc::clone(&state));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                Connection::new(Arc::clone(&shared)).start(client, server);
            }
        });
        Self { url, state }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn rounds(&self) -> u64 {
        self.state.rounds.load(Ordering::SeqCst)
    }

    /// Loses the answer to the next execution, with its connection, once the server has given it.
    pub(crate) fn lose_next(&self) {
        self.state.armed.store(true, Ordering::SeqCst);
    }

    /// The same, and has something happen before the client finds out.
    pub(crate) fn lose_next_after(&self, meanwhile: impl Future<Output = ()> + Send + 'static) {
        *self.state.meanwhile.lock().unwrap() = Some(Box::pin(meanwhile));
        self.lose_next();
    }

    /// Cuts the client of the next execution off when this is over, whatever the server makes of the question.
    pub(crate) fn cut_next_after(&self, meanwhile: impl Future<Output = ()> + Send + 'static) {
        *self.state.meanwhile.lock().unwrap() = Some(Box::pin(meanwhile));
        self.state.cutting.store(true, Ordering::SeqCst);
    }

    pub(crate) fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::SeqCst)
    }
}

impl State {
    async fn wait(&self) {
        let meanwhile = self.meanwhile.lock().unwrap().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile.await;
        }
    }
}

#[derive(Clone)]
struct Connection {
    state: Arc<State>,
    losing: Arc<AtomicBool>,
}

impl Connection {
    fn new(state: Arc<State>) -> Self {
        Self { state, losing: Arc::default() }
    }

    fn start(self, client: TcpStream, server: TcpStream) {
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let questions = self.clone();
        tokio::spawn(async move {
            // Whichever ends first takes the other along: who asks is told nothing more, and the server sees the client go.
            tokio::select! {
                _ = questions.ask(from_client, to_server) => {}
                _ = self.answer(from_server, to_client) => {}
            }
        });
    }

    async fn ask(&self, mut client: OwnedReadHalf, mut server: OwnedWriteHalf) -> Option<()> {
        // The first message has no kind.
        let start = message(&mut client, None).await?;
        server.write_all(&start).await.ok()?;
        let mut is_cut = false;
        loop {
            let kind = client.read_u8().await.ok()?;
            let message = message(&mut client, Some(kind)).await?;
            match kind {
                b'S' | b'Q' => {
                    self.state.rounds.fetch_add(1, Ordering::SeqCst);
                }
                b'E' if self.state.cutting.swap(false, Ordering::SeqCst) => is_cut = true,
                b'E' if self.state.armed.swap(false, Ordering::SeqCst) => self.losing.store(true, Ordering::SeqCst),
                _ => {}
            }
            server.write_all(&message).await.ok()?;
            if is_cut && kind == b'S' {
                self.state.wait().await;
                return None;
            }
        }
    }

    async fn answer(&self, mut server: OwnedReadHalf, mut client: OwnedWriteHalf) -> Option<()> {
        loop {
            let kind = server.read_u8().await.ok()?;
            let message = message(&mut server, Some(kind)).await?;
            if !self.losing.load(Ordering::SeqCst) {
                client.write_all(&message).await.ok()?;
            } else if kind == b'Z' {
                // The server is ready for the next question, so this one is done for good.
                self.state.wait().await;
                self.state.lost.fetch_add(1, Ordering::SeqCst);
                return None;
            }
        }
    }
}

/// A message whose kind was read, whole.
async fn message(from: &mut OwnedReadHalf, kind: Option<u8>) -> Option<Vec<u8>> {
    let length = from.read_u32().await.ok()?;
    let mut message = Vec::from_iter(kind);
    message.extend_from_slice(&length.to_be_bytes());
    let start = message.len();
    message.resize(start + length as usize - 4, 0);
    from.read_exact(&mut message[start..]).await.ok()?;
    Some(message)
}
