//! The real binary, started as a user starts it, and a client that speaks just enough HTTP.
#![expect(dead_code, reason = "each test file uses its own part")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends by panicking")]

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};

/// The binary with no variable of ours in its environment, and times in UTC.
pub(crate) fn manifestd(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_manifestd"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MANIFESTD_") {
            command.env_remove(name);
        }
    }
    command.env("TZ", "UTC").args(arguments).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    manifestd(arguments).output().unwrap()
}

/// Runs a command that must succeed; what it printed.
pub(crate) fn answer(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must fail with that code; what it said.
pub(crate) fn refusal(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    said
}

/// A running registry. Killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) greeting: String,
    pub(crate) address: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) logs: BufReader<ChildStdout>,
    pub(crate) errors: BufReader<ChildStderr>,
}

impl Server {
    /// Serves that directory on ports that the system chooses.
    pub(crate) fn on(directory: &Path) -> Self {
        Self::start(&["--data-dir", directory.to_str().unwrap()])
    }

    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = manifestd(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        Self::spawn(command.args(arguments))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let logs = BufReader::new(child.stdout.take().unwrap());
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut greeting = String::new();
        while !greeting.contains("\n  stop ") {
            let read = errors.read_line(&mut greeting).unwrap();
            assert!(read > 0, "it ended before it served: {greeting}");
        }
        let address = address_behind(&greeting, "serves http://").unwrap();
        let admin = address_behind(&greeting, "admin   http://");
        Self { child, greeting, address, admin, logs, errors }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Reads log lines until one holds the text.
    pub(crate) fn log_until(&mut self, text: &str) -> String {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(self.logs.read_line(&mut line).unwrap() > 0, "the log ended without `{text}`");
        }
        line
    }

    /// Waits for the end: its code, and the rest of what it said.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.errors.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        request(self.address, "GET", path, &[], b"")
    }

    /// Uploads a blob in one request.
    pub(crate) fn upload(&self, repository: &str, bytes: &[u8]) -> String {
        let digest = digest(bytes);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        let answer = request(self.address, "POST", &path, &[("Content-Type", "application/octet-stream")], bytes);
        assert_eq!(answer.status, 201, "{}", answer.body());
        digest
    }

    /// Pushes a manifest under a tag; its digest.
    pub(crate) fn push(&self, repository: &str, tag: &str, manifest: &str) -> String {
        let path = format!("/v2/{repository}/manifests/{tag}");
        let headers = [("Content-Type", "application/vnd.oci.image.index.v1+json")];
        let answer = request(self.address, "PUT", &path, &headers, manifest.as_bytes());
        assert_eq!(answer.status, 201, "{}", answer.body());
        digest(manifest.as_bytes())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn address_behind(text: &str, mark: &str) -> Option<SocketAddr> {
    let rest = text.split_once(mark)?.1;
    rest.split(['\n', '/']).next()?.parse().ok()
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    oci_types::Digest::of(oci_types::Algorithm::Sha256, bytes).to_string()
}

/// An empty index that differs from others by its annotation.
pub(crate) fn index(build: u32) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[],"annotations":{{"build":"{build}"}}}}"#
    )
}

/// An answer over HTTP.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn body(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// One request on a connection of its own.
pub(crate) fn request(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut stream = begin(to, method, path, headers, body.len());
    stream.write_all(body).unwrap();
    read_answer(stream)
}

/// Sends the head of a request whose body follows.
pub(crate) fn begin(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(to).unwrap();
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\nContent-Length: {length}\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    stream
}

pub(crate) fn read_answer(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, bytes: bytes[end + 4..].to_vec() }
}

/// Pushes an image with one layer; its digest and the layer's.
pub(crate) fn push_image(server: &Server, repository: &str, tag: &str, layer: &[u8]) -> (String, String) {
    let config = br#"{"os":"linux","architecture":"arm64","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let (config_digest, layer_digest) = (server.upload(repository, config), server.upload(repository, layer));
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config_digest}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer_digest}","size":{}}}]}}"#,
        config.len(),
        layer.len()
    );
    let headers = [("Content-Type", "application/vnd.oci.image.manifest.v1+json")];
    let path = format!("/v2/{repository}/manifests/{tag}");
    let pushed = request(server.address, "PUT", &path, &headers, manifest.as_bytes());
    assert_eq!(pushed.status, 201, "{}", pushed.body());
    (digest(manifest.as_bytes()), layer_digest)
}

/// Stops it as an operator does.
pub(crate) fn stop(server: Server) {
    server.signal(Signal::TERM);
    assert_eq!(server.end().0.unwrap(), 0);
}

/// The files of sealed blobs and parts.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let (mut open, mut found) = (vec![directory.join("blobs")], Vec::new());
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else if entry.file_name() != "store-id" {
                found.push(entry.path());
            }
        }
    }
    found
}
