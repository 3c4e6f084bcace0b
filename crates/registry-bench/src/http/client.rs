//! A connection that waits for each answer, for what takes several requests and for bodies that are large.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use super::{Expect, Framing, Head, Request, chunks};

/// How long a server may say nothing.
const TIMEOUT: Duration = Duration::from_mins(2);
/// How much is read at once.
const READ: usize = 256 * 1024;

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    head: Head,
    read: Vec<u8>,
    body: Vec<u8>,
}

impl Answer {
    /// The status code.
    pub(crate) fn status(&self) -> u16 {
        self.head.status
    }

    /// The path in `Location`, without scheme and host, which some servers put before it.
    pub(crate) fn location(&self) -> Result<String> {
        let range = self.head.location.clone().context("the answer has no Location")?;
        let text = std::str::from_utf8(&self.read[range])?;
        let Some((_, rest)) = text.split_once("://") else {
            return Ok(text.to_owned());
        };
        let path = rest.find('/').map(|slash| &rest[slash..]);
        Ok(path.with_context(|| format!("`{text}` has no path"))?.to_owned())
    }

    /// Fails unless it is what was expected.
    pub(crate) fn judge(&self, expect: &Expect) -> Result<()> {
        expect.judge(&self.head, &self.read, &self.body)
    }
}

/// A connection that is used again for each request.
#[derive(Debug)]
pub(crate) struct Client {
    address: String,
    stream: TcpStream,
    read: Vec<u8>,
    request: Vec<u8>,
}

impl Client {
    /// Connects.
    pub(crate) fn connect(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("nothing listens on {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self { address: address.to_owned(), stream, read: Vec::new(), request: Vec::new() })
    }

    /// A request without a body.
    pub(crate) fn call(&mut self, method: &str, path: &str) -> Result<Answer> {
        let mut head = std::mem::take(&mut self.request);
        let request = Request::new(&mut head, method, path);
        // Go's servers want a length with methods that may have a body.
        if matches!(method, "POST" | "PUT" | "PATCH") {
            request.body("application/octet-stream", 0).end();
        } else {
            request.end();
        }
        let sent = self.stream.write_all(&head);
        self.request = head;
        self.answered(sent.map_err(anyhow::Error::from), method, path)
    }

    /// A request with a body.
    pub(crate) fn send(&mut self, method: &str, path: &str, media_type: &str, body: &[u8]) -> Result<Answer> {
        let mut head = std::mem::take(&mut self.request);
        Request::new(&mut head, method, path).body(media_type, u64::try_from(body.len())?).end();
        let sent = if body.len() < 64 * 1024 {
            head.extend_from_slice(body);
            self.stream.write_all(&head)
        } else {
            self.stream.write_all(&head).and_then(|()| self.stream.write_all(body))
        };
        self.request = head;
        self.answered(sent.map_err(anyhow::Error::from), method, path)
    }

    /// A request whose body is written by a function, piece by piece.
    pub(crate) fn stream(
        &mut self,
        (method, path): (&str, &str),
        bytes: u64,
        write: impl FnOnce(&mut TcpStream) -> Result<()>,
    ) -> Result<Answer> {
        let mut head = Vec::new();
        Request::new(&mut head, method, path).body("application/octet-stream", bytes).end();
        let sent = self.stream.write_all(&head).map_err(anyhow::Error::from).and_then(|()| write(&mut self.stream));
        self.answered(sent, method, path)
    }

    /// A GET whose body is handed to a function as it comes, with its offset. Answers its length.
    pub(crate) fn download(&mut self, path: &str, mut see: impl FnMut(u64, &[u8]) -> Result<()>) -> Result<u64> {
        let mut head = Vec::new();
        Request::new(&mut head, "GET", path).end();
        self.stream.write_all(&head)?;
        let head = self.head().with_context(|| format!("GET {path}"))?;
        ensure!(head.status == 200, "GET {path}: status {} and not 200", head.status);
        let Framing::Length(length) = head.framing(false)? else { bail!("GET {path}: a blob in chunks") };
        self.read.drain(..head.bytes);
        see(0, &self.read)?;
        let mut at = u64::try_from(self.read.len())?;
        self.read.clear();
        let mut buffer = vec![0; READ];
        while at < length {
            let read = self.stream.read(&mut buffer).with_context(|| format!("GET {path}: after {at} bytes"))?;
            ensure!(read > 0, "GET {path}: the connection ended after {at} of {length} bytes");
            see(at, &buffer[..read])?;
            at += u64::try_from(read)?;
        }
        ensure!(at == length, "GET {path}: more bytes than {length}");
        if head.close {
            self.again()?;
        }
        Ok(length)
    }

    /// Reads the answer also where sending failed: a server that refuses a body may say why and close.
    fn answered(&mut self, sent: Result<()>, method: &str, path: &str) -> Result<Answer> {
        let answer = self.answer(method == "HEAD");
        match (sent, answer) {
            (_, Ok(answer)) => Ok(answer),
            (Err(error), Err(_)) | (Ok(()), Err(error)) => Err(error.context(format!("{method} {path}"))),
        }
    }

    fn answer(&mut self, to_head: bool) -> Result<Answer> {
        let head = self.head()?;
        let body = match head.framing(to_head)? {
            Framing::Length(length) => {
                let end = head.bytes + usize::try_from(length)?;
                while self.read.len() < end {
                    self.more()?;
                }
                ensure!(self.read.len() == end, "the answer is longer than it says");
                self.read[head.bytes..].to_vec()
            }
            Framing::Chunks => loop {
                if let Some((body, _)) = chunks(&self.read[head.bytes..])? {
                    break body;
                }
                self.more()?;
            },
        };
        let read = self.read[..head.bytes].to_vec();
        self.read.clear();
        if head.close {
            self.again()?;
        }
        Ok(Answer { head, read, body })
    }

    fn head(&mut self) -> Result<Head> {
        loop {
            if let Some(head) = Head::parse(&self.read)? {
                if head.status >= 200 {
                    return Ok(head);
                }
                self.read.drain(..head.bytes);
            } else {
                self.more()?;
            }
        }
    }

    fn more(&mut self) -> Result<()> {
        let filled = self.read.len();
        self.read.resize(filled + READ.min(filled.max(4096)), 0);
        let read = loop {
            match self.stream.read(&mut self.read[filled..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.read.truncate(filled + *read.as_ref().unwrap_or(&0));
        ensure!(read? > 0, "the connection ended after {filled} bytes of an answer");
        Ok(())
    }

    /// A server that says `Connection: close` wants a new connection, which is no fault.
    fn again(&mut self) -> Result<()> {
        *self = Self::connect(&self.address)?;
        Ok(())
    }
}
