//! Single requests on many connections, from one thread.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{Timespec, epoll};

use super::{Histogram, Timing, Until};
use crate::http::{Expect, Framing, Head, chunks};

/// How long all connections may be silent.
const SILENCE: Timespec = Timespec { tv_sec: 60, tv_nsec: 0 };

/// Where requests come from.
pub(crate) trait Source {
    /// Writes the next request, head and body, over what the buffer holds, and says what its answer must be.
    fn next(&mut self, request: &mut Vec<u8>) -> Result<Expect>;
}

impl<F: FnMut(&mut Vec<u8>) -> Result<Expect>> Source for F {
    fn next(&mut self, request: &mut Vec<u8>) -> Result<Expect> {
        self(request)
    }
}

/// Sends requests on that many connections, the next on each as soon as the last is answered.
pub(crate) fn requests(address: &str, connections: u32, until: Until<'_>, source: &mut dyn Source) -> Result<Timing> {
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut open: Vec<Connection> = (0..connections).map(|_| Connection::open(address)).collect::<Result<_>>()?;
    for (number, connection) in (0..).zip(&open) {
        let flags = epoll::EventFlags::IN;
        epoll::add(&poll, &connection.stream, epoll::EventData::new_u64(number), flags)?;
    }
    let start = Instant::now();
    let mut load = Load { start, until, begun: 0, pending: 0, latencies: Histogram::default(), source };
    for connection in &mut open {
        load.begin(connection)?;
    }
    let mut events = Vec::with_capacity(open.len());
    while load.pending > 0 {
        events.clear();
        epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), Some(&SILENCE))?;
        ensure!(!events.is_empty(), "{address} has not answered for {} s", SILENCE.tv_sec);
        for event in &events {
            let connection = &mut open[usize::try_from(event.data.u64())?];
            if connection.write_more()? && connection.answered().with_context(|| connection.shown())? {
                load.end(connection);
                load.begin(connection)?;
            }
            if connection.wants_to_write() != connection.watched_for_writing {
                connection.watched_for_writing = connection.wants_to_write();
                let flags = if connection.watched_for_writing { epoll::EventFlags::OUT } else { epoll::EventFlags::IN };
                epoll::modify(&poll, &connection.stream, event.data, flags)?;
            }
        }
    }
    Ok(Timing { elapsed: start.elapsed(), latencies: load.latencies })
}

struct Load<'a> {
    start: Instant,
    until: Until<'a>,
    begun: u64,
    pending: u32,
    latencies: Histogram,
    source: &'a mut dyn Source,
}

impl Load<'_> {
    fn begin(&mut self, connection: &mut Connection) -> Result<()> {
        if !self.until.more(self.start, self.begun) {
            return Ok(());
        }
        connection.expect = Some(self.source.next(&mut connection.request)?);
        connection.sent = 0;
        connection.read.clear();
        connection.since = Instant::now();
        self.begun += 1;
        self.pending += 1;
        connection.write_more()?;
        Ok(())
    }

    fn end(&mut self, connection: &Connection) {
        self.pending -= 1;
        self.latencies.record(connection.since.elapsed());
    }
}

struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    sent: usize,
    read: Vec<u8>,
    buffer: Vec<u8>,
    expect: Option<Expect>,
    since: Instant,
    watched_for_writing: bool,
}

impl Connection {
    fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("nothing listens on {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            request: Vec::new(),
            sent: 0,
            read: Vec::new(),
            buffer: vec![0; 64 * 1024],
            expect: None,
            since: Instant::now(),
            watched_for_writing: false,
        })
    }

    fn wants_to_write(&self) -> bool {
        self.sent < self.request.len()
    }

    /// Whether the whole request is out.
    fn write_more(&mut self) -> Result<bool> {
        while self.wants_to_write() {
            match self.stream.write(&self.request[self.sent..]) {
                Ok(written) => self.sent += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).with_context(|| self.shown()),
            }
        }
        Ok(true)
    }

    /// Whether the answer is complete; fails where it is not what was expected.
    fn answered(&mut self) -> Result<bool> {
        let Some(expect) = self.expect.clone() else {
            bail!("an answer that nobody asked for, or a connection closed between two");
        };
        let read = match self.stream.read(&mut self.buffer) {
            Ok(read) => read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        ensure!(read > 0, "the connection ended after {} bytes of an answer", self.read.len());
        // Nearly every answer comes in one piece and is judged where it was read.
        if self.read.is_empty() {
            let complete = complete(&self.buffer[..read], &expect)?;
            if complete.is_none() {
                self.read.extend_from_slice(&self.buffer[..read]);
            }
            return self.finish(complete);
        }
        self.read.extend_from_slice(&self.buffer[..read]);
        let complete = complete(&self.read, &expect)?;
        self.finish(complete)
    }

    fn finish(&mut self, close: Option<bool>) -> Result<bool> {
        if let Some(close) = close {
            ensure!(!close, "the server closes its connection, which a load on fixed connections cannot bear");
            self.expect = None;
        }
        Ok(close.is_some())
    }

    /// The first line of the request, for a message.
    fn shown(&self) -> String {
        let line = self.request.split(|byte| *byte == b'\r').next().unwrap_or_default();
        String::from_utf8_lossy(line).into_owned()
    }
}

/// `None` while the answer is not complete, else whether the connection ends behind it.
fn complete(read: &[u8], expect: &Expect) -> Result<Option<bool>> {
    let Some(head) = Head::parse(read)? else { return Ok(None) };
    let rest = &read[head.bytes..];
    match head.framing(expect.to_head)? {
        Framing::Length(length) => {
            let length = usize::try_from(length)?;
            if rest.len() < length {
                return Ok(None);
            }
            ensure!(rest.len() == length, "the answer is {} bytes longer than it says", rest.len() - length);
            expect.judge(&head, read, rest)?;
        }
        Framing::Chunks => {
            let Some((body, taken)) = chunks(rest)? else { return Ok(None) };
            ensure!(taken == rest.len(), "there are bytes behind the last chunk");
            expect.judge(&head, read, &body)?;
        }
    }
    Ok(Some(head.close))
}
