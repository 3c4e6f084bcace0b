use super::{options, refusal};
use manifest_postgres::{ConnectError, PostgresStore};
use postgres_fixture::Cluster;
use std::path::Path;
use std::process::Command;

/// A certificate for that name, signed by itself, in that directory.
fn certificate(directory: &Path, name: &str) -> (Vec<u8>, Vec<u8>) {
    let (key, certificate) = (directory.join("key.pem"), directory.join("certificate.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=test", "-addext", &format!("subjectAltName=DNS:{name}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (std::fs::read(key).unwrap(), std::fs::read(certificate).unwrap())
}

#[tokio::test]
async fn every_mode_is_that_of_libpq() {
    let directory = tempfile::tempdir().unwrap();
    let cluster = Cluster::start().unwrap();
    let database = cluster.fresh().unwrap();
    let at = |host: &str, query: &str| {
        let url = database.url().replace("127.0.0.1", host);
        options(&format!("{url}?application_name=mode&{query}"))
    };
    let encrypted = || {
        let question = "SELECT ssl::text FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                        WHERE application_name = 'mode' AND state = 'idle' LIMIT 1";
        database.psql(question).unwrap()
    };
    let store = PostgresStore::connect(at("127.0.0.1", "sslmode=prefer")).await.unwrap();
    store.now().await.unwrap();
    assert_eq!(encrypted(), "false");
    drop(store);
    let (error, text) = refusal(at("127.0.0.1", "sslmode=require")).await;
    assert!(matches!(error, ConnectError::Handshake { .. }), "{error:?}");
    assert!(text.contains("server does not support TLS"), "{text}");

    let (key, public) = certificate(directory.path(), "localhost");
    let (key, public) = (cluster.write_file("key.pem", &key), cluster.write_file("certificate.pem", &public));
    let (key, public) = (key.unwrap().display().to_string(), public.unwrap().display().to_string());
    cluster.set(&[("ssl", "on"), ("ssl_key_file", &key), ("ssl_cert_file", &public)]).unwrap();
    let roots = directory.path().join("certificate.pem").display().to_string();
    for mode in ["prefer", "require"] {
        let store = PostgresStore::connect(at("127.0.0.1", &format!("sslmode={mode}"))).await.unwrap();
        store.now().await.unwrap();
        assert_eq!(encrypted(), "true", "{mode}");
    }
    for (host, mode) in [("127.0.0.1", "verify-ca"), ("localhost", "verify-full"), ("127.0.0.1", "require")] {
        let options = at(host, &format!("sslmode={mode}&sslrootcert={roots}"));
        PostgresStore::connect(options).await.unwrap().now().await.unwrap();
    }
    let check = async |host: &str, query: &str, expected: &str| {
        let (error, text) = refusal(at(host, query)).await;
        assert!(matches!(error, ConnectError::Handshake { .. } | ConnectError::Tls(_)), "{query}: {error:?}");
        assert!(text.contains(expected), "{query}: {text}");
    };
    check("127.0.0.1", &format!("sslmode=verify-full&sslrootcert={roots}"), "not valid for").await;
    check("localhost", "sslmode=verify-full&sslrootcert=/nowhere.pem", "/nowhere.pem cannot be read").await;
    let (_, other) = certificate(directory.path(), "localhost");
    let stranger = directory.path().join("other.pem");
    std::fs::write(&stranger, other).unwrap();
    check("localhost", &format!("sslmode=verify-ca&sslrootcert={}", stranger.display()), "certificate").await;
}
