//! One address for several nodes, as operators have it: each new connection goes to the next node in turn.
//!
//! A client that opens a connection for each of its requests, or a second client, talks to another node than before. So an
//! upload that is begun on one node is finished on the other, and what is pushed to one is pulled from the other.

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};

use anyhow::{Context, Result};

/// Listens until the process ends.
#[derive(Debug)]
pub(crate) struct Balancer {
    /// Where it listens on loopback.
    pub(crate) port: u16,
}

impl Balancer {
    /// Begins to listen. The nodes behind those ports of loopback may start later, and may come and go.
    pub(crate) fn start(nodes: Vec<u16>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port of 127.0.0.1 is free")?;
        let port = listener.local_addr()?.port();
        thread::spawn(move || {
            for (client, node) in listener.incoming().flatten().zip(nodes.iter().cycle()) {
                let node = *node;
                // A connection that breaks off is what the client sees of a node that is gone, and its to report.
                thread::spawn(move || pass(&client, node).is_ok());
            }
        });
        Ok(Self { port })
    }
}

/// Passes bytes in both directions until both sides have said their last.
fn pass(client: &TcpStream, node: u16) -> io::Result<()> {
    let node = TcpStream::connect(("127.0.0.1", node))?;
    client.set_nodelay(true)?;
    node.set_nodelay(true)?;
    thread::scope(|scope| {
        let answers = scope.spawn(|| copy(&node, client));
        copy(client, &node)?;
        answers.join().unwrap_or(Ok(()))
    })
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let copied = io::copy(&mut from, &mut to);
    // Each side may close first, and the other must learn of it; it may know already.
    let _closed = to.shutdown(Shutdown::Write);
    if copied.is_err() {
        let _closed = from.shutdown(Shutdown::Both);
    }
    copied.map(drop)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
        thread,
    };

    use super::Balancer;

    /// Answers each connection with its own name and what it was sent.
    fn node(name: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                let mut asked = String::new();
                client.read_to_string(&mut asked).unwrap();
                write!(client, "{name} {asked}").unwrap();
            }
        });
        port
    }

    #[test]
    fn connections_go_to_the_nodes_in_turn() {
        let balancer = Balancer::start(vec![node("one"), node("two")]).unwrap();
        for expected in ["one hello", "two hello", "one hello"] {
            let mut client = TcpStream::connect(("127.0.0.1", balancer.port)).unwrap();
            client.write_all(b"hello").unwrap();
            client.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, expected);
        }
    }
}
