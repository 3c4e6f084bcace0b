use crate::config::{AdminListen, Auth, Flag, Levels, LogFormat, Size};
use crate::target::Target;
use clap::{Args, Parser, Subcommand, ValueHint};
use figment::value::Value;
use manifest_postgres::DatabaseUrl;
use oci_types::{MediaType, RepositoryName};
use std::net::SocketAddr;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  manifestd serve                              Serve http://127.0.0.1:5000 from ./manifestd-data
  manifestd serve --data-dir /srv/registry     Serve from another directory
  manifestd serve --ephemeral                  Serve from memory, for tests
  manifestd tags library/alpine                List tags while the registry runs
  manifestd config --sample > manifestd.toml   Begin a configuration file

Exit codes:
  0  done, or stopped by a signal after running transfers ended
  1  could not start, could not answer, was cut short by a second signal, or fsck found something
  2  wrong usage or wrong configuration";

/// A container registry in one binary.
#[derive(Debug, Parser)]
#[command(name = "manifestd", version, max_term_width = 110, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Common {
    /// Read this TOML file; `manifestd config --sample` shows what it may hold
    #[arg(long, value_name = "FILE", global = true, env = "MANIFESTD_CONFIG", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// The directory of the database and the blobs [default: manifestd-data]
    #[arg(long, value_name = "DIR", global = true, value_hint = ValueHint::DirPath)]
    pub(crate) data_dir: Option<String>,
    /// The Postgres database of the rows, `postgres://user@host/name`; without it they are in the data directory
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) database_url: Option<String>,
    /// How much is logged: error, warn, info, debug, trace, or by module: `info,registry_http=debug` [default: info]
    #[arg(long, value_name = "LEVEL", global = true)]
    pub(crate) log_level: Option<Levels>,
    /// Log text for people, JSON lines for machines, or what fits where the log goes [default: auto]
    #[arg(long, value_name = "FORMAT", global = true, value_enum)]
    pub(crate) log_format: Option<LogFormat>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve a registry
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Serve),
    /// Print the configuration in effect as TOML, with where each value came from
    Config(ShowConfig),
    /// Remove what nothing keeps, where nothing is served (`serve` does it by itself)
    #[command(after_help = GC_EXAMPLES)]
    Gc(Gc),
    /// Check that the database and the blobs agree, and change nothing; exit code 1 if they do not
    #[command(after_help = FSCK_EXAMPLES)]
    Fsck(Fsck),
    /// Replace the key that signs schema 1 manifests; `serve` uses the new one from its next start on
    #[command(after_help = ROTATE_EXAMPLES)]
    RotateKey(RotateKey),
    /// Bring the tables of the database up to date, or show what that would run
    #[command(after_help = MIGRATE_EXAMPLES)]
    Migrate(Migrate),
    /// Copy the rows of a data directory into a Postgres database, and verify them
    #[command(after_help = COPY_EXAMPLES)]
    CopyMetadata(Box<CopyMetadata>),
    #[command(flatten)]
    Look(Look),
}

/// The commands that read a data directory, also while `serve` uses it.
#[derive(Debug, Subcommand)]
pub(crate) enum Look {
    /// Show a repository, or what a tag or digest in it is
    #[command(after_help = INSPECT_EXAMPLES)]
    Inspect(OfTarget),
    /// Show what keeps a manifest, or when it goes
    #[command(after_help = WHY_EXAMPLES)]
    Why(OfManifest),
    /// List the tags of a repository with what they point at
    Tags(OfRepository),
    /// List what the tags of a repository, or one of them, pointed at, newest first
    History(OfHistory),
    /// List the repositories
    Ls(Ls),
    /// Print what a push of a manifest file would need and do, without doing it
    #[command(after_help = EXPLAIN_EXAMPLES)]
    ExplainPush(ExplainPush),
}

const SERVE_EXAMPLES: &str = "\
Examples:
  manifestd serve
  manifestd serve --listen 127.0.0.1:5002 --admin-listen off --data-dir /srv/registry
  manifestd serve --listen 0.0.0.0:5000 --auth none
  manifestd serve --ephemeral --ephemeral-limit 4GiB";

const INSPECT_EXAMPLES: &str = "\
Examples:
  manifestd inspect library/alpine
  manifestd inspect library/alpine:3.20
  manifestd inspect library/alpine@sha256:… --json";

const GC_EXAMPLES: &str = "\
Examples:
  manifestd gc --dry-run           What would go and why, and how many bytes that frees; also while it is served
  manifestd gc --data-dir DIR      Remove it";

const FSCK_EXAMPLES: &str = "\
Examples:
  manifestd fsck                   Compare rows, files and sizes, and hash the manifests
  manifestd fsck --deep --json     Hash every blob as well

Works while the registry is served. Findings are listed, at most 1,000 of them; exit code 1 if there are any.";

const ROTATE_EXAMPLES: &str = "\
Examples:
  manifestd rotate-key --data-dir DIR
  manifestd rotate-key --json

Pulls go on: a tag that is asked for in schema 1 is then signed with the new key, under the digest that it had.
The public half of the old key stays in signing-key.pem.earlier. A key of your own, P-256 or RSA, goes into
signing-key.pem, or where `legacy.signing_key` says: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048
This command makes P-256 keys, and refuses to replace an RSA key.";

const MIGRATE_EXAMPLES: &str = "\
Examples:
  manifestd migrate status --database-url postgres://registry@db.example/registry
  manifestd migrate up --dry-run
  manifestd migrate up

`serve` does it by itself when it starts. Nodes that start at the same time wait for one another.";

const COPY_EXAMPLES: &str = "\
Examples:
  manifestd copy-metadata --from sqlite:/srv/registry/manifestd.sqlite --to postgres://registry@db.example/registry

Nothing may serve the directory meanwhile. The database is new, or one that an earlier copy began to fill: what it has written is not sent
again. The blobs stay where they are.";

const WHY_EXAMPLES: &str = "\
Examples:
  manifestd why library/alpine:3.20
  manifestd why library/alpine@sha256:… --json";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  manifestd explain-push library/alpine:3.20 manifest.json
  manifestd explain-push library/alpine index.json --media-type application/vnd.oci.image.index.v1+json --json";

/// Flags that override the configuration.
#[derive(Debug, Default, Args)]
pub(crate) struct Serve {
    /// Where clients connect [default: 127.0.0.1:5000]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where /metrics, /healthz and /readyz are for operators, or `off` [default: 127.0.0.1:5001]
    #[arg(long, value_name = "ADDRESS|off")]
    pub(crate) admin_listen: Option<AdminListen>,
    /// `none`: whoever can connect may read, write and delete; needed to listen beyond loopback
    #[arg(long, value_enum)]
    pub(crate) auth: Option<Auth>,
    /// Keep everything in memory, and nothing after the end
    #[arg(long)]
    pub(crate) ephemeral: bool,
    /// How many bytes of blobs an ephemeral registry takes [default: 1GiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) ephemeral_limit: Option<Size>,
}

#[derive(Debug, Args)]
pub(crate) struct ShowConfig {
    /// Print every key with its default and what it means instead
    #[arg(long)]
    pub(crate) sample: bool,
    #[command(flatten)]
    pub(crate) serve: Serve,
}

#[derive(Debug, Args)]
pub(crate) struct OfTarget {
    /// A repository, a tag or a manifest in it
    #[arg(value_name = "NAME[:TAG|@DIGEST]")]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Debug, Args)]
pub(crate) struct OfManifest {
    /// A manifest, or a tag that points at it
    #[arg(value_name = "NAME:TAG|NAME@DIGEST")]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Change nothing, and say what would go and why
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Debug, Args)]
pub(crate) struct RotateKey {
    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Debug, Args)]
pub(crate) struct CopyMetadata {
    /// The rows: the database file of a data directory, or the directory
    #[arg(long, value_name = "sqlite:PATH", value_parser = sqlite_path)]
    pub(crate) from: PathBuf,
    /// Where they go
    #[arg(long, value_name = "URL")]
    pub(crate) to: DatabaseUrl,
}

fn sqlite_path(text: &str) -> Result<PathBuf, &'static str> {
    text.strip_prefix("sqlite:").filter(|path| !path.is_empty()).map(PathBuf::from).ok_or("it starts with `sqlite:`")
}

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    #[command(subcommand)]
    pub(crate) step: MigrateStep,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MigrateStep {
    /// Run the migrations that are missing
    Up {
        /// Say which, and run none
        #[arg(long)]
        dry_run: bool,
    },
    /// Show which migrations ran, and which are missing
    Status,
}

#[derive(Debug, Args)]
pub(crate) struct Fsck {
    /// Read every blob and hash it again
    #[arg(long)]
    pub(crate) deep: bool,
    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Debug, Args)]
pub(crate) struct OfHistory {
    /// A repository, or a tag in it
    #[arg(value_name = "NAME[:TAG]")]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Debug, Args)]
pub(crate) struct OfRepository {
    /// A repository
    #[arg(value_name = "NAME")]
    pub(crate) repository: RepositoryName,
    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Only names that begin with this
    #[arg(value_name = "PREFIX")]
    pub(crate) prefix: Option<String>,
    #[command(flatten)]
    pub(crate) form: Form,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainPush {
    /// Where the push would go
    #[arg(value_name = "NAME[:TAG|@DIGEST]")]
    pub(crate) target: Target,
    /// The manifest
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The content type of the push [default: what the manifest's own mediaType says]
    #[arg(long, value_name = "TYPE")]
    pub(crate) media_type: Option<MediaType>,
    #[command(flatten)]
    pub(crate) form: Form,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Form {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Cli {
    /// The flags that set keys of the configuration.
    pub(crate) fn flags(&self) -> Vec<Flag> {
        let mut flags = self.common.flags();
        match &self.command {
            Command::Serve(serve) => flags.extend(serve.flags()),
            Command::Config(show) => flags.extend(show.serve.flags()),
            Command::Gc(_)
            | Command::Fsck(_)
            | Command::RotateKey(_)
            | Command::Migrate(_)
            | Command::CopyMetadata(_)
            | Command::Look(_) => {}
        }
        flags
    }
}

impl Common {
    fn flags(&self) -> Vec<Flag> {
        [
            self.data_dir.as_ref().map(|path| Flag::new("storage.data_dir", "--data-dir", path.as_str())),
            self.database_url.as_ref().map(|url| Flag::new("metadata.url", "--database-url", url.as_str())),
            self.log_level.as_ref().map(|level| Flag::new("log.level", "--log-level", level.to_string())),
            self.log_format.and_then(|format| typed("log.format", "--log-format", format)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Serve {
    fn flags(&self) -> Vec<Flag> {
        [
            self.listen.map(|address| Flag::new("server.listen", "--listen", address.to_string())),
            self.admin_listen.map(|address| Flag::new("server.admin_listen", "--admin-listen", address.to_string())),
            self.auth.and_then(|auth| typed("server.auth", "--auth", auth)),
            self.ephemeral.then(|| Flag::new("storage.ephemeral", "--ephemeral", true)),
            self.ephemeral_limit
                .map(|limit| Flag::new("storage.ephemeral_limit", "--ephemeral-limit", limit.to_string())),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn typed(key: &'static str, name: &'static str, value: impl serde::Serialize) -> Option<Flag> {
    // The values are unit variants, which always have a form; a test of the flags would show a missing one.
    Value::serialize(value).ok().map(|value| Flag::new(key, name, value))
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_set_keys() {
        let check = |line: &str, expected: &[&str]| {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            let keys: Vec<&str> = cli.flags().iter().map(|flag| flag.key).collect();
            assert_eq!(keys, expected, "{line}");
        };
        check("manifestd serve", &[]);
        check(
            "manifestd serve --listen [::1]:80 --admin-listen off --auth none --ephemeral --ephemeral-limit 1GiB",
            &["server.listen", "server.admin_listen", "server.auth", "storage.ephemeral", "storage.ephemeral_limit"],
        );
        check(
            "manifestd --data-dir /x tags a/b --log-level debug --log-format json",
            &["storage.data_dir", "log.level", "log.format"],
        );
        check("manifestd config --listen 127.0.0.1:1", &["server.listen"]);
    }
}
