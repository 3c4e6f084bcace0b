use crate::config::Problem;
use manifest_postgres::ConnectError;
use std::error::Error;
use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

type Source = Box<dyn Error + Send + Sync>;

/// Why a command did not do what it was asked for. Each has one next step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The configuration is wrong.
    #[error("{}", lines(.0))]
    Config(Vec<Problem>),
    /// Everybody could write, and nobody said that this is meant.
    #[error("{address} can be reached from other machines, and nobody has to log in here")]
    Exposed { address: SocketAddr },
    /// Somebody else listens there.
    #[error("{} {address} is already in use", listener.words())]
    PortInUse { listener: Listener, address: SocketAddr, by_default: bool },
    /// Nobody can listen there.
    #[error("{} {address} cannot be listened on", listener.words())]
    Listen { listener: Listener, address: SocketAddr, source: io::Error },
    /// Another process has the directory.
    #[error("the data directory {} is in use by {}", directory.display(), holder(*pid))]
    InUse { directory: PathBuf, pid: Option<u32> },
    /// The directory cannot be made or written.
    #[error("the data directory {} cannot be written", directory.display())]
    NotWritable { directory: PathBuf, uid: u32, source: Source },
    /// Something that is no directory is in the way, or the system fails.
    #[error("the data directory {} cannot be made or opened", directory.display())]
    NoDirectory { directory: PathBuf, source: io::Error },
    /// A newer manifestd has written the database.
    #[error("the database in {} was written by a newer manifestd than this one ({})", directory.display(), env!("CARGO_PKG_VERSION"))]
    NewerDatabase { directory: PathBuf, source: Source },
    /// A command that may not migrate the database found one that needs it.
    #[error("the database in {} was written by an older manifestd than this one ({})", directory.display(), env!("CARGO_PKG_VERSION"))]
    OlderDatabase { directory: PathBuf, source: Source },
    /// Somebody asked for the history of a digest.
    #[error("a digest has no history: it is always the same manifest")]
    DigestHasNoHistory,
    /// Somebody asked about a manifest and named only a repository.
    #[error("that is a repository, and this command is about one manifest")]
    NoReference,
    /// Somebody wants to collect where a process serves.
    #[error("the data directory {} is in use by {}, which collects by itself", directory.display(), holder(*pid))]
    Serving { directory: PathBuf, pid: Option<u32> },
    /// A store cannot be opened.
    #[error("the {what} in {} cannot be opened", directory.display())]
    Open { what: &'static str, directory: PathBuf, source: Source },
    /// The Postgres database cannot be used.
    #[error(transparent)]
    Database(ConnectError),
    /// The rows in the database are about the bytes of another directory.
    #[error("the blobs in {} are not those of the database: it names the store {expected}, and {}", directory.display(), found_store(found.as_deref()))]
    OtherBlobs { directory: PathBuf, expected: String, found: Option<String> },
    /// Rows of one registry would be mixed with those of another.
    #[error("the database holds the rows of another registry")]
    OccupiedDatabase,
    /// Some rows are still to come.
    #[error("the rows of another database are being copied into this one, and not all are there")]
    UnfinishedCopy,
    /// The rows that were copied are not those of the source.
    #[error("the copy of `{table}` differs: {rows_there} rows there, {rows_here} rows here")]
    CopyDiffers { table: String, rows_there: u64, rows_here: u64 },
    /// A command for Postgres was given no database.
    #[error("no Postgres database is named")]
    NoDatabaseUrl,
    /// Nothing was ever served from there.
    #[error("{} holds no registry", directory.display())]
    NoRegistry { directory: PathBuf },
    /// A read-only command was pointed at a registry in memory.
    #[error("an ephemeral registry keeps nothing that this command could read")]
    Ephemeral,
    /// What was asked for is not there.
    #[error("{what}")]
    Unknown { what: String, next: String },
    /// A file that was named cannot be read.
    #[error("{} cannot be read", path.display())]
    File { path: PathBuf, source: io::Error },
    /// A push of this file would be refused before anything is looked up.
    #[error("a push of {} would be refused", path.display())]
    Refused { path: PathBuf, source: Source },
    /// A use case failed.
    #[error("{doing} failed")]
    UseCase { doing: &'static str, source: Source },
    /// The key that signs cannot be used.
    #[error("the signing key{} cannot be used", path.as_ref().map(|path| format!(" {}", path.display())).unwrap_or_default())]
    SigningKey { path: Option<PathBuf>, source: Source },
    /// The key that signs is an RSA key, and the new one would be of another kind.
    #[error(
        "the signing key{} is an RSA key, and this command makes P-256 keys alone",
        path.as_ref().map(|path| format!(" {}", path.display())).unwrap_or_default()
    )]
    RsaKey { path: Option<PathBuf> },
    /// The process itself cannot do something.
    #[error("{doing} failed")]
    Process { doing: &'static str, source: io::Error },
    /// A second signal came.
    #[error("stopped by a second signal; transfers that were running were cut off")]
    CutShort,
}

/// Which of the two listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listener {
    Registry,
    Admin,
}

impl Listener {
    fn words(self) -> &'static str {
        match self {
            Self::Registry => "the address",
            Self::Admin => "the admin address",
        }
    }

    fn flag(self) -> &'static str {
        match self {
            Self::Registry => "--listen",
            Self::Admin => "--admin-listen",
        }
    }
}

const KEY_STEP: &str = "give it to the user that runs manifestd, or put a P-256 or RSA key there as `openssl genpkey` writes \
                        it; without the file `manifestd serve` makes one";

const RSA_STEP: &str = "make another with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out FILE`, put it in \
                        its place or name it in `legacy.signing_key`, and start `manifestd serve` again";

impl Failure {
    /// The code that the process ends with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        let code =
            if matches!(self, Self::Config(_) | Self::Exposed { .. } | Self::DigestHasNoHistory | Self::NoReference) {
                2
            } else {
                1
            };
        ExitCode::from(code)
    }

    /// What to do about it.
    fn next(&self) -> Option<String> {
        Some(match self {
            Self::Config(problems) => config_step(problems),
            Self::Exposed { address } => format!(
                "listen on loopback (--listen 127.0.0.1:{}), or say with --auth none that everybody who can connect may \
                 read, write and delete",
                address.port()
            ),
            Self::PortInUse { listener: Listener::Admin, by_default: true, .. } => {
                "choose another with --admin-listen 127.0.0.1:PORT, or do without with --admin-listen off".to_owned()
            }
            Self::PortInUse { listener, address, .. } => port_step(*listener, *address),
            Self::Listen { listener, source, .. } => listen_step(*listener, source),
            Self::InUse { pid, .. } => in_use_step(*pid),
            Self::NotWritable { directory, uid, .. } => format!(
                "give it to the user that runs manifestd (chown -R {uid} {}), or choose another with --data-dir",
                directory.display()
            ),
            Self::NoDirectory { .. } => "name another with --data-dir, or move what is in the way".to_owned(),
            Self::NewerDatabase { .. } => {
                "run that version again, or put the copy of the database back that it made before it \
                 migrated (manifestd.sqlite.*.bak)"
                    .to_owned()
            }
            Self::OlderDatabase { .. } => {
                "start `manifestd serve` of this version on it once, which migrates it".to_owned()
            }
            Self::NoReference => "name a tag (NAME:TAG) or a digest (NAME@DIGEST)".to_owned(),
            Self::Serving { .. } => {
                "leave it to that process (`collection.interval` says how often); `manifestd gc --dry-run` \
                                     shows what it would remove"
                    .to_owned()
            }
            Self::DigestHasNoHistory => "name a tag, or the repository alone".to_owned(),
            Self::Open { directory, .. } => {
                format!("see below why; if the files are damaged, restore {} from a backup", directory.display())
            }
            Self::Database(error) => database_step(error),
            Self::OtherBlobs { .. } => {
                "mount the directory that the other nodes use, or name it with --data-dir; or name the database that belongs \
                 to these blobs"
                    .to_owned()
            }
            Self::OccupiedDatabase | Self::CopyDiffers { .. } => {
                "copy into a new database (DROP DATABASE, CREATE DATABASE), which nobody serves meanwhile".to_owned()
            }
            Self::UnfinishedCopy => "let `manifestd copy-metadata` end, or start it again with the same arguments".to_owned(),
            Self::NoDatabaseUrl => "name it with --database-url, or as `metadata.url`".to_owned(),
            Self::NoRegistry { .. } => {
                "name the directory that `manifestd serve` uses with --data-dir, or start it first".to_owned()
            }
            Self::Ephemeral => "ask the running registry over HTTP, or serve without --ephemeral".to_owned(),
            Self::Unknown { next, .. } => next.clone(),
            Self::File { .. } => "check the path and its permissions".to_owned(),
            Self::Refused { .. } => "see below why, and correct the file or what it is pushed to".to_owned(),
            Self::RsaKey { .. } => RSA_STEP.to_owned(),
            Self::SigningKey { path: Some(_), .. } => KEY_STEP.to_owned(),
            Self::SigningKey { path: None, .. } | Self::UseCase { .. } | Self::Process { .. } => "see below why".to_owned(),
            Self::CutShort => return None,
        })
    }

    /// All that is said about it: what is wrong, what to do next, then the chain of causes.
    pub(crate) fn report(&self) -> String {
        let mut text = String::new();
        for line in self.to_string().lines() {
            // Writing to a string cannot fail.
            let _infallible = writeln!(text, "error: {line}");
        }
        if let Some(next) = self.next() {
            let _infallible = writeln!(text, "  next: {next}");
        }
        let mut cause = self.source();
        while let Some(error) = cause {
            let _infallible = writeln!(text, "  because: {error}");
            cause = error.source();
        }
        text
    }
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

fn found_store(found: Option<&str>) -> String {
    found.map_or_else(|| "there is none".to_owned(), |id| format!("this is {id}"))
}

fn database_step(error: &ConnectError) -> String {
    match error {
        ConnectError::Tls(_) => "correct sslrootcert in the database URL",
        ConnectError::Handshake { .. } => {
            "turn TLS on in the server, or say with sslmode and sslrootcert in the database URL whom to trust"
        }
        ConnectError::Unreachable { .. } => "start it, or correct host and port in the database URL",
        ConnectError::Refused { .. } => {
            "correct the user, or the password (metadata.password_file, PGPASSWORD); pg_hba.conf of the server says who may connect"
        }
        ConnectError::NoDatabase { .. } => "create it (CREATE DATABASE), or correct the name in the database URL",
        ConnectError::OldServer { .. } => "upgrade the server",
        ConnectError::Pooler { .. } => {
            "have it pool by sessions (pool_mode = session), or use PgBouncer 1.21 or newer with max_prepared_statements = 200; \
             docs/operations.md says more"
        }
        ConnectError::NoSchema => "create a schema that the user may use, or correct the user's search_path",
        ConnectError::NoPrivilege { .. } => "grant it; docs/operations.md lists what a node needs",
        ConnectError::Foreign { .. } => "name a database of its own",
        ConnectError::Lacks { .. } => "restore the database from a backup",
        ConnectError::Newer { .. } => "run the newer manifestd, or restore a backup from before",
        ConnectError::Older { .. } => "run `manifestd migrate up`, or set metadata.migrate = true",
        ConnectError::Migration { .. } | ConnectError::Other(_) | _ => "see below why",
    }
    .to_owned()
}

fn config_step(problems: &[Problem]) -> String {
    if problems.iter().any(|problem| matches!(problem, Problem::Unreadable { .. })) {
        return "check the path; `manifestd config --sample` prints a file to begin with".to_owned();
    }
    "correct it; `manifestd config --sample` lists every key with its default and what it takes".to_owned()
}

fn port_step(listener: Listener, address: SocketAddr) -> String {
    format!(
        "stop what listens there (`ss -ltnp 'sport = :{}'` shows it), or choose another with {} {}:PORT",
        address.port(),
        listener.flag(),
        address.ip()
    )
}

fn in_use_step(pid: Option<u32>) -> String {
    let stop = pid.map_or("stop it".to_owned(), |pid| format!("stop it (kill {pid})"));
    format!("{stop}, or choose another directory with --data-dir (and other ports); reading commands need not wait")
}

fn listen_step(listener: Listener, source: &io::Error) -> String {
    let flag = listener.flag();
    if source.kind() == io::ErrorKind::PermissionDenied {
        return format!(
            "ports under 1024 need a privilege: choose a higher one with {flag}, or grant CAP_NET_BIND_SERVICE"
        );
    }
    if source.kind() == io::ErrorKind::AddrNotAvailable {
        return format!(
            "this machine has no such address: choose one that `ip addr` lists, or all with {flag} 0.0.0.0:PORT"
        );
    }
    format!("choose another address with {flag}")
}

#[cfg(test)]
mod tests {
    use super::{Failure, Listener};
    use std::io;

    #[test]
    fn a_report_says_what_then_next_then_why() {
        let failure = Failure::Listen {
            listener: Listener::Registry,
            address: "127.0.0.1:80".parse().unwrap(),
            source: io::Error::from(io::ErrorKind::PermissionDenied),
        };
        let expected = "\
error: the address 127.0.0.1:80 cannot be listened on
  next: ports under 1024 need a privilege: choose a higher one with --listen, or grant CAP_NET_BIND_SERVICE
  because: permission denied
";
        assert_eq!(failure.report(), expected);
    }

    #[test]
    fn the_default_admin_port_in_use_is_no_dead_end() {
        let address = "127.0.0.1:5001".parse().unwrap();
        let failure = Failure::PortInUse { listener: Listener::Admin, address, by_default: true };
        let expected = "\
error: the admin address 127.0.0.1:5001 is already in use
  next: choose another with --admin-listen 127.0.0.1:PORT, or do without with --admin-listen off
";
        assert_eq!(failure.report(), expected);
    }
}
