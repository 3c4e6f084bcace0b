//! A minimal HTTP client for loopback: enough to ask whether a server is up, and to see what it serves with other
//! eyes than those of the clients under test. HTTP/1.0, so that no answer is chunked and each has its own connection.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result};

const TIMEOUT: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    /// The status code.
    pub(crate) status: u16,
    /// The bytes behind the headers.
    pub(crate) body: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Response {
    /// The value of the first header of that name, given in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// `GET` with the `Accept` header given.
pub(crate) fn get(address: &str, path: &str, accept: &str) -> Result<Response> {
    request(address, &format!("GET {path} HTTP/1.0\r\nAccept: {accept}\r\n"), &[])
}

/// `GET` with the headers given; those without a value are left out.
pub(crate) fn get_with(address: &str, path: &str, headers: &[(&str, &str)]) -> Result<Response> {
    let mut head = format!("GET {path} HTTP/1.0\r\n");
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        head.extend([name, ": ", value, "\r\n"]);
    }
    request(address, &head, &[])
}

/// Any method with a body.
pub(crate) fn send(address: &str, method: &str, path: &str, media_type: &str, body: &[u8]) -> Result<Response> {
    let head = format!("{method} {path} HTTP/1.0\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n", body.len());
    request(address, &head, body)
}

/// A port of loopback that nothing listens on at this moment.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port of 127.0.0.1 is free")?;
    Ok(listener.local_addr()?.port())
}

fn request(address: &str, head: &str, body: &[u8]) -> Result<Response> {
    let mut stream = TcpStream::connect(address).with_context(|| format!("nothing listens on {address}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(format!("{head}Host: {address}\r\n\r\n").as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).with_context(|| format!("{address} broke off its answer"))?;
    parse(&answer).with_context(|| format!("{address} did not answer with HTTP"))
}

fn parse(answer: &[u8]) -> Option<Response> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(key, value)| (key.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some(Response { status, body: answer[end + 4..].to_vec(), headers })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_answer_is_taken_apart() {
        let response = parse(b"HTTP/1.1 404 Not Found\r\nContent-Type: a/b\r\nX: y:z \r\n\r\n{}\r\n\r\n").unwrap();
        assert_eq!((response.status, response.body.as_slice()), (404, b"{}\r\n\r\n".as_slice()));
        assert_eq!((response.header("content-type"), response.header("x")), (Some("a/b"), Some("y:z")));
        assert!(parse(b"<html>").is_none());
    }
}
