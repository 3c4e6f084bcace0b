use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Long enough for a machine that is busy with something else; no test waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection on which exactly the given bytes are sent.
pub(crate) struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), unread: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends what the server takes; it may close while we are at it.
    pub(crate) async fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// A request with a body of a known length.
    pub(crate) async fn request(&mut self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.head(line, headers, Some(body.len())).await;
        self.send(body).await;
        self.answer(line).await
    }

    /// The head of a request, with `Host` and, if there is one, a content length.
    pub(crate) async fn head(&mut self, line: &str, headers: &[(&str, &str)], length: Option<usize>) {
        let mut head = format!("{line} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str("Host: localhost\r\n");
        }
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        match length {
            Some(0) | None => {}
            Some(length) => head.extend(["Content-Length: ", &length.to_string(), "\r\n"]),
        }
        self.send(head + "\r\n").await;
    }

    /// Closes our half.
    pub(crate) async fn half_close(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// The next answer; `line` says whether one to HEAD, which has no body.
    pub(crate) async fn answer(&mut self, line: &str) -> Answer {
        self.try_answer(line).await.expect("an answer")
    }

    pub(crate) async fn try_answer(&mut self, line: &str) -> Option<Answer> {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.more().await {
                return None;
            }
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let split = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("a header: {line:?}"));
            (name.to_ascii_lowercase(), value.to_owned())
        };
        let mut answer = Answer { status, headers: lines.map(split).collect(), body: Vec::new() };
        if !line.starts_with("HEAD ") && !matches!(status, 100 | 204 | 304) {
            let length = answer.header("content-length").parse().unwrap();
            while self.unread.len() < length && self.more().await {}
            answer.body = self.unread.drain(..length.min(self.unread.len())).collect();
        }
        Some(answer)
    }

    /// Everything until the server closes.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.unread)
    }

    /// Reads some more; `false` once nothing will come.
    async fn more(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await.expect("the server is silent");
        matches!(read, Ok(bytes) if bytes > 0)
    }
}

impl Answer {
    /// A header's value; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// All values of a header.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(found, _)| found == name)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// Status and code of a refusal; the envelope is checked on the way.
    pub(crate) fn refusal(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        let json = self.json();
        let error = &json["errors"][0];
        assert!(!error["message"].as_str().unwrap().is_empty(), "{json}");
        (self.status, error["code"].as_str().unwrap().to_owned())
    }

    pub(crate) fn detail(&self) -> Value {
        self.json()["errors"][0]["detail"].clone()
    }

    /// The same, for the one who only cares that it went well.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!(self.refusal(), (status, code.to_owned()), "{:?}", self.text());
        self
    }
}
