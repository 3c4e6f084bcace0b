//! The head of a request.

use std::io::Write as _;

/// What registries answer with when a client says that it understands all of it.
const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
                      application/vnd.docker.distribution.manifest.v2+json, */*";

/// The head of a request under construction, written into a buffer that is used again.
pub(crate) struct Request<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Request<'a> {
    /// Begins a request, and forgets what the buffer held.
    pub(crate) fn new(out: &'a mut Vec<u8>, method: &str, path: &str) -> Self {
        out.clear();
        for part in [method, " ", path, " HTTP/1.1\r\nHost: localhost\r\nAccept: ", ACCEPT, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
        Self { out }
    }

    /// Adds a body's type and length; the body follows the head.
    pub(crate) fn body(self, media_type: &str, bytes: u64) -> Self {
        // Writing to a vector cannot fail.
        let _infallible = write!(self.out, "Content-Type: {media_type}\r\nContent-Length: {bytes}\r\n");
        self
    }

    /// Ends the head.
    pub(crate) fn end(self) {
        self.out.extend_from_slice(b"\r\n");
    }
}
