//! The head of an answer, found in what has been read so far without copying it.

use std::ops::Range;

use anyhow::{Context, Result, bail, ensure};

/// Heads longer than this are not what a registry sends.
const LIMIT: usize = 64 * 1024;

/// What the head of an answer says about how to go on, and what is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The status code.
    pub(crate) status: u16,
    /// How many bytes the head has, the empty line included.
    pub(crate) bytes: usize,
    /// `Content-Length`.
    pub(crate) length: Option<u64>,
    /// Whether the body is in chunks.
    pub(crate) chunked: bool,
    /// Whether the server ends the connection behind this answer.
    pub(crate) close: bool,
    /// Where `Docker-Content-Digest` stands.
    pub(crate) digest: Option<Range<usize>>,
    /// Where `Location` stands.
    pub(crate) location: Option<Range<usize>>,
}

impl Head {
    /// The head at the front of `read`; `None` while it is not complete.
    pub(crate) fn parse(read: &[u8]) -> Result<Option<Self>> {
        let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") else {
            ensure!(read.len() <= LIMIT, "the head of an answer has more than {LIMIT} bytes");
            return Ok(None);
        };
        let line = read.iter().position(|byte| *byte == b'\r').unwrap_or(end);
        let mut head = Self {
            status: status(&read[..line])?,
            bytes: end + 4,
            length: None,
            chunked: false,
            close: read.starts_with(b"HTTP/1.0"),
            digest: None,
            location: None,
        };
        let mut at = line + 2;
        while at < end {
            let length = read[at..end].iter().position(|byte| *byte == b'\r').unwrap_or(end - at);
            head.header(read, at..at + length)?;
            at += length + 2;
        }
        Ok(Some(head))
    }

    fn header(&mut self, read: &[u8], line: Range<usize>) -> Result<()> {
        let colon = read[line.clone()].iter().position(|byte| *byte == b':').context("a header has no colon")?;
        let name = &read[line.start..line.start + colon];
        let blank = |byte: &&u8| **byte == b' ';
        let start = line.start + colon + 1;
        let start = start + read[start..line.end].iter().take_while(blank).count();
        let value = &read[start..line.end];
        if name.eq_ignore_ascii_case(b"content-length") {
            self.length = Some(std::str::from_utf8(value)?.trim().parse().context("Content-Length is no number")?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            ensure!(value.eq_ignore_ascii_case(b"chunked"), "a transfer encoding that is not `chunked`");
            self.chunked = true;
        } else if name.eq_ignore_ascii_case(b"connection") {
            self.close = value.eq_ignore_ascii_case(b"close");
        } else if name.eq_ignore_ascii_case(b"docker-content-digest") {
            self.digest = Some(start..line.end);
        } else if name.eq_ignore_ascii_case(b"location") {
            self.location = Some(start..line.end);
        }
        Ok(())
    }

    /// How the body is delimited, for the answer to a request of that kind.
    pub(crate) fn framing(&self, to_head: bool) -> Result<Framing> {
        if to_head || matches!(self.status, 204 | 304) {
            return Ok(Framing::Length(0));
        }
        match (self.chunked, self.length) {
            (true, _) => Ok(Framing::Chunks),
            (false, Some(length)) => Ok(Framing::Length(length)),
            (false, None) => bail!("an answer {} says neither how long it is nor that it is in chunks", self.status),
        }
    }
}

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes.
    Length(u64),
    /// In chunks.
    Chunks,
}

fn status(line: &[u8]) -> Result<u16> {
    let code = line.strip_prefix(b"HTTP/1.").and_then(|rest| rest.get(2..5));
    let code = code.and_then(|code| std::str::from_utf8(code).ok()).and_then(|code| code.parse().ok());
    code.with_context(|| format!("`{}` is no status line", String::from_utf8_lossy(line)))
}

/// The body in chunks at the front of `read`, and how many bytes it took there; `None` while it is not complete.
pub(crate) fn chunks(read: &[u8]) -> Result<Option<(Vec<u8>, usize)>> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let Some(length) = read[at..].windows(2).position(|window| window == b"\r\n") else {
            return Ok(None);
        };
        let line = std::str::from_utf8(&read[at..at + length])?;
        let size = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16);
        let size = size.with_context(|| format!("`{line}` is no size of a chunk"))?;
        let start = at + length + 2;
        let Some(chunk) = read.get(start..start.saturating_add(size).saturating_add(2)) else {
            return Ok(None);
        };
        ensure!(chunk.ends_with(b"\r\n"), "a chunk is longer than it says");
        at = start + size + 2;
        if size == 0 {
            return Ok(Some((body, at)));
        }
        body.extend_from_slice(&chunk[..size]);
    }
}

#[cfg(test)]
mod tests {
    use super::{Framing, Head, chunks};

    #[test]
    fn a_head_is_taken_apart() {
        let text = b"HTTP/1.1 201 Created\r\nDocker-Content-Digest: sha256:ab\r\nLOCATION:/v2/\r\nContent-Length: 7\r\n\r\nbody";
        let head = Head::parse(text).unwrap().unwrap();
        assert_eq!((head.status, head.length, head.close), (201, Some(7), false));
        assert_eq!(&text[head.digest.clone().unwrap()], b"sha256:ab");
        assert_eq!(&text[head.location.clone().unwrap()], b"/v2/");
        assert_eq!(&text[head.bytes..], b"body");
        assert_eq!(head.framing(false).unwrap(), Framing::Length(7));
        assert_eq!(head.framing(true).unwrap(), Framing::Length(0), "an answer to HEAD has no body");
        assert_eq!(Head::parse(&text[..40]).unwrap(), None);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        assert!(Head::parse(b"SSH-2.0-x\r\n\r\n").is_err());
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n").is_err());
        let endless = Head::parse(b"HTTP/1.1 200 OK\r\n\r\n").unwrap().unwrap();
        assert!(endless.framing(false).is_err(), "where the body ends is not said");
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").unwrap().unwrap().close);
    }

    #[test]
    fn chunks_are_joined() {
        assert_eq!(chunks(b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\nrest").unwrap(), Some((b"abcde".to_vec(), 24)));
        assert_eq!(chunks(b"3\r\nabc\r\n2\r\nd").unwrap(), None);
        assert_eq!(chunks(b"3\r\nabc\r\n0\r\n").unwrap(), None);
        assert!(chunks(b"3\r\nabcd\r\n0\r\n\r\n").is_err());
        assert!(chunks(b"zz\r\n").is_err());
    }
}
