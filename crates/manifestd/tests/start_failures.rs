//! Every reason not to start says what to do next.

mod common;

use common::{Server, manifestd, refusal};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use rustix::process::Signal;
use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

#[test]
fn a_port_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let holder = TcpListener::bind(taken).unwrap();
    let (address, port) = (taken.to_string(), taken.port());
    let serve = ["serve", "--data-dir", data, "--listen", &address, "--admin-listen", "off"];
    let said = refusal(&mut manifestd(&serve), 1);
    let expected = format!(
        "error: the address {address} is already in use\n  next: stop what listens there (`ss -ltnp 'sport = :{port}'` shows \
         it), or choose another with --listen 127.0.0.1:PORT\n"
    );
    assert_eq!(said, expected);

    let serve = ["serve", "--data-dir", data, "--listen", "127.0.0.1:0", "--admin-listen", &address];
    let said = refusal(&mut manifestd(&serve), 1);
    assert!(said.starts_with(&format!("error: the admin address {address} is already in use\n")), "{said}");
    assert!(said.contains("or choose another with --admin-listen 127.0.0.1:PORT"), "{said}");
    drop(holder);
}

#[test]
fn an_address_that_is_not_ours() {
    // 192.0.2.0/24 is for documentation: no machine has it.
    let serve = ["serve", "--ephemeral", "--listen", "192.0.2.1:5000", "--auth", "none", "--admin-listen", "off"];
    let said = refusal(&mut manifestd(&serve), 1);
    assert!(
        said.starts_with(
            "error: the address 192.0.2.1:5000 cannot be listened on\n  next: this machine has no such address"
        ),
        "{said}"
    );
    assert!(said.contains("\n  because: Cannot assign requested address"), "{said}");
}

#[test]
fn beyond_loopback_without_a_word() {
    let said = refusal(&mut manifestd(&["serve", "--ephemeral", "--listen", "0.0.0.0:5000"]), 2);
    let expected = "error: 0.0.0.0:5000 can be reached from other machines, and nobody has to log in here\n  next: listen on \
                    loopback (--listen 127.0.0.1:5000), or say with --auth none that everybody who can connect may read, \
                    write and delete\n";
    assert_eq!(said, expected);
    // The same through the file or the environment, and for addresses that only look local.
    let mut command = manifestd(&["serve", "--ephemeral"]);
    let said = refusal(command.env("MANIFESTD_SERVER__LISTEN", "[::]:5000"), 2);
    assert!(said.starts_with("error: [::]:5000 can be reached"), "{said}");
}

#[test]
fn beyond_loopback_with_the_word() {
    let mut command =
        manifestd(&["serve", "--ephemeral", "--listen", "0.0.0.0:0", "--auth", "none", "--admin-listen", "off"]);
    let server = Server::spawn(&mut command);
    assert!(server.greeting.contains("EVERYBODY who can reach 0.0.0.0:"), "{}", server.greeting);
}

#[test]
fn a_directory_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let server = Server::on(directory.path());
    let said = refusal(&mut manifestd(&["serve", "--data-dir", data, "--listen", "127.0.0.1:0"]), 1);
    let pid = server.pid();
    let expected = format!(
        "error: the data directory {data} is in use by process {pid}\n  next: stop it (kill {pid}), or choose another \
         directory with --data-dir (and other ports); reading commands need not wait\n"
    );
    assert_eq!(said, expected);
    // A killed process holds nothing.
    server.kill();
    Server::on(directory.path());
}

#[test]
fn a_directory_that_cannot_be_written() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let data = directory.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, Permissions::from_mode(0o555)).unwrap();
    let mut command = manifestd(&["serve", "--data-dir", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    let mut uid = rustix::process::geteuid().as_raw();
    let binary = directory.path().join("manifestd");
    if uid == 0 {
        // Permissions do not stop root, so nobody runs it, from a place where nobody may read it.
        uid = 65_534;
        fs::copy(env!("CARGO_BIN_EXE_manifestd"), &binary).unwrap();
        let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        command = std::process::Command::new(&binary);
        command.args(arguments).uid(uid).gid(uid);
    }
    let said = refusal(&mut command, 1);
    let expected = format!(
        "error: the data directory {0} cannot be written\n  next: give it to the user that runs manifestd (chown -R {uid} {0}), \
         or choose another with --data-dir\n  because: Permission denied (os error 13)\n",
        data.display()
    );
    assert_eq!(said, expected);
}

#[test]
fn a_file_where_the_directory_should_be() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let said = refusal(&mut manifestd(&["serve", "--data-dir", file.to_str().unwrap()]), 1);
    assert!(
        said.starts_with(&format!(
            "error: the data directory {} cannot be made or opened\n  next: name another",
            file.display()
        )),
        "{said}"
    );
}

#[test]
fn a_database_of_a_newer_version() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let server = Server::on(directory.path());
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
    let database = directory.path().join("manifestd.sqlite");
    let mut connection = SqliteConnection::establish(database.to_str().unwrap()).unwrap();
    connection.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('9999')").unwrap();
    drop(connection);
    for command in [&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"][..], &["ls"]] {
        let said = refusal(manifestd(command).args(["--data-dir", data]), 1);
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "error: the database in {data} was written by a newer manifestd than this one ({version})\n  next: run that version \
             again, or put the copy of the database back that it made before it migrated (manifestd.sqlite.*.bak)\n  because: the database has version \
             9999, "
        );
        assert!(said.starts_with(&expected), "{said}");
    }
}

#[test]
fn a_database_of_another_program() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    let database = directory.path().join("manifestd.sqlite");
    let mut connection = SqliteConnection::establish(database.to_str().unwrap()).unwrap();
    connection.batch_execute("CREATE TABLE recipe (name TEXT)").unwrap();
    drop(connection);
    let said =
        refusal(&mut manifestd(&["serve", "--data-dir", data, "--listen", "127.0.0.1:0", "--admin-listen", "off"]), 1);
    assert!(said.starts_with(&format!("error: the database in {data} cannot be opened\n  next: ")), "{said}");
    assert!(
        said.contains(&format!("\n  because: {} is a database of another program\n", database.display())),
        "{said}"
    );
}

#[test]
fn reading_where_nothing_was_served() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().to_str().unwrap();
    for command in
        [&["ls"][..], &["tags", "a"], &["history", "a"], &["inspect", "a"], &["explain-push", "a:v1", "/dev/null"]]
    {
        let said = refusal(manifestd(command).args(["--data-dir", data]), 1);
        let expected = format!(
            "error: {data} holds no registry\n  next: name the directory that `manifestd serve` uses with --data-dir, or start \
             it first\n"
        );
        assert_eq!(said, expected, "{command:?}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "reading must make nothing");
    let said = refusal(manifestd(&["ls"]).env("MANIFESTD_STORAGE__EPHEMERAL", "true"), 1);
    assert!(said.starts_with("error: an ephemeral registry keeps nothing"), "{said}");
}
