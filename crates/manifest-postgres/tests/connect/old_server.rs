use super::{options, refusal};
use manifest_postgres::{ConnectError, Migrations};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// A server of that version, as far as its greeting goes: whoever asks more is told that there is no such setting, as an old one
/// tells it. Answers its address.
fn server(version: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for client in listener.incoming() {
            // A client that had enough is gone.
            let _gone = greet(client.unwrap(), version);
        }
    });
    address
}

fn greet(mut client: TcpStream, version: &str) -> std::io::Result<()> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    let mut start = vec![0; u32::from_be_bytes(length) as usize - 4];
    client.read_exact(&mut start)?;
    let mut said = message(b'R', &0_u32.to_be_bytes());
    said.extend(message(b'S', format!("server_version\0{version}\0").as_bytes()));
    said.extend(message(b'Z', b"I"));
    client.write_all(&said)?;
    let mut asked = [0; 1024];
    while client.read(&mut asked)? > 0 {
        let mut refused = message(b'E', b"SERROR\0C42704\0Munrecognized configuration parameter\0\0");
        refused.extend(message(b'Z', b"I"));
        client.write_all(&refused)?;
    }
    Ok(())
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind], &length.to_be_bytes()[..], body].concat()
}

#[tokio::test]
async fn an_old_server_is_refused_by_its_version() {
    for version in ["9.6.24", "11.22 (Debian 11.22-0+deb10u2)", "12.22"] {
        let url = format!("postgres://me:hunter2@{}/registry?sslmode=disable", server(version));
        let (error, text) = refusal(options(&url)).await;
        assert!(matches!(error, ConnectError::OldServer { .. }), "{version}: {error:?}");
        assert_eq!(text, format!("the database server has version {version}, and at least 13 is needed"));
        let error = Migrations::up(&options(&url)).await.unwrap_err();
        assert!(matches!(error, ConnectError::OldServer { .. }), "{version}: {error:?}");
    }
    // What is new enough, or says nothing that is a version, is asked on.
    for version in ["13.0", "18beta1", "devel"] {
        let (error, text) =
            refusal(options(&format!("postgres://me@{}/registry?sslmode=disable", server(version)))).await;
        assert!(text.contains("unrecognized configuration parameter"), "{version}: {error:?}");
    }
}
