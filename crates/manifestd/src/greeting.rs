use crate::config::{Auth, HostName};
use crate::words;
use manifest_core::ports::Totals;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The first lines that a user sees: what is served, from where, who may write, and what to try.
#[derive(Clone, Debug)]
pub(crate) struct Greeting {
    /// Where the registry listens.
    pub(crate) address: SocketAddr,
    /// Where the admin listener listens, if there is one.
    pub(crate) admin: Option<SocketAddr>,
    /// Names under which clients reach the registry.
    pub(crate) hosts: Vec<HostName>,
    /// Who may connect.
    pub(crate) auth: Auth,
    /// Where the data is.
    pub(crate) home: Home,
    /// How long running transfers may go on after a signal.
    pub(crate) grace: Duration,
}

/// Where the data is.
#[derive(Clone, Debug)]
pub(crate) enum Home {
    Directory {
        path: PathBuf,
        /// Whether it was made by this start.
        new: bool,
        /// Bytes that can still be written, where that is known.
        free: Option<u64>,
        /// What was there, if that could be counted at once.
        holds: Option<Totals>,
    },
    /// Rows in a database that many nodes use.
    Shared {
        /// The blobs.
        path: PathBuf,
        /// Where the rows are, without a password.
        database: String,
        free: Option<u64>,
    },
    Memory {
        /// How many bytes of blobs it takes.
        limit: u64,
    },
}

impl fmt::Display for Greeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "manifestd {} serves http://{}", env!("CARGO_PKG_VERSION"), self.address)?;
        writeln!(f, "  data    {}", self.home)?;
        writeln!(f, "  writes  {}", self.writers())?;
        if let Some(admin) = self.admin {
            writeln!(f, "  admin   http://{admin}/metrics, /healthz and /readyz")?;
        }
        let at = self.reached_at();
        writeln!(f, "  try     docker pull alpine && docker tag alpine {at}/alpine && docker push {at}/alpine")?;
        writeln!(f, "          skopeo copy --dest-tls-verify=false docker://alpine docker://{at}/alpine")?;
        writeln!(
            f,
            "          crane copy{} alpine {at}/alpine",
            if self.crane_needs_insecure() { " --insecure" } else { "" }
        )?;
        let grace = self.grace.as_secs();
        writeln!(f, "  stop    Ctrl-C; running transfers may go on for {grace} s, a second Ctrl-C ends them")
    }
}

impl Greeting {
    fn writers(&self) -> String {
        let loopback = self.address.ip().to_canonical().is_loopback();
        match (self.auth, loopback) {
            (Auth::Loopback | Auth::None, true) => {
                "everybody on this machine may push and delete, nobody else can connect; nobody logs in".to_owned()
            }
            (Auth::Loopback | Auth::None, false) => {
                format!("EVERYBODY who can reach {} may push and delete; nobody logs in", self.address)
            }
        }
    }

    /// The address as a client on this machine writes it.
    fn reached_at(&self) -> String {
        if let Some(host) = self.hosts.iter().find(|host| host.as_str() != "*") {
            return host.as_str().to_owned();
        }
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            IpAddr::V4(_) | IpAddr::V6(_) => self.address.ip(),
        };
        SocketAddr::new(ip, self.address.port()).to_string()
    }

    /// crane speaks plain HTTP to loopback and private addresses by itself.
    fn crane_needs_insecure(&self) -> bool {
        match self.address.ip() {
            _ if !self.hosts.is_empty() => true,
            IpAddr::V4(ip) => !(ip.is_loopback() || ip.is_unspecified() || ip.is_private()),
            IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unspecified()),
        }
    }
}

impl fmt::Display for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { limit } => {
                write!(f, "in memory, at most {} of blobs; everything is lost at the end", words::size(*limit))
            }
            Self::Shared { path, database, free } => {
                let free = free.map(|bytes| format!(" ({} free)", words::size(bytes))).unwrap_or_default();
                write!(f, "{database} and {}{free}", path.display())
            }
            Self::Directory { path, new, free, holds } => {
                let free = free.map(|bytes| format!(", {} free", words::size(bytes))).unwrap_or_default();
                if *new {
                    write!(f, "{} (new{free})", path.display())
                } else {
                    let holds = holds.as_ref().map(|holds| format!(" with {}", held(holds))).unwrap_or_default();
                    write!(f, "{} (opened{free}){holds}", path.display())
                }
            }
        }
    }
}

fn held(holds: &Totals) -> String {
    format!(
        "{}, {}, {}, {} of {}",
        words::counted(holds.repositories, "repository", "repositories"),
        words::counted(holds.tags, "tag", "tags"),
        words::counted(holds.manifests, "manifest", "manifests"),
        words::counted(holds.blobs, "blob", "blobs"),
        words::size(holds.blob_bytes),
    )
}

#[cfg(test)]
mod tests {
    use super::{Greeting, Home};
    use crate::config::Auth;
    use manifest_core::ports::Totals;
    use std::time::Duration;

    fn at(address: &str) -> Greeting {
        Greeting {
            address: address.parse().unwrap(),
            admin: Some("127.0.0.1:5001".parse().unwrap()),
            hosts: Vec::new(),
            auth: Auth::None,
            home: Home::Memory { limit: 1 << 30 },
            grace: Duration::from_secs(30),
        }
    }

    #[test]
    fn a_directory_that_was_opened() {
        let greeting = Greeting {
            auth: Auth::Loopback,
            home: Home::Directory {
                path: "/srv/registry".into(),
                new: false,
                free: Some(44_239_000_000),
                holds: Some(Totals {
                    repositories: 12,
                    manifests: 1_340,
                    tags: 1,
                    blobs: 4_100,
                    blob_bytes: 19_650_000_000,
                }),
            },
            ..at("127.0.0.1:5000")
        };
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "\
manifestd {version} serves http://127.0.0.1:5000
  data    /srv/registry (opened, 41.2 GiB free) with 12 repositories, 1 tag, 1,340 manifests, 4,100 blobs of 18.3 GiB
  writes  everybody on this machine may push and delete, nobody else can connect; nobody logs in
  admin   http://127.0.0.1:5001/metrics, /healthz and /readyz
  try     docker pull alpine && docker tag alpine 127.0.0.1:5000/alpine && docker push 127.0.0.1:5000/alpine
          skopeo copy --dest-tls-verify=false docker://alpine docker://127.0.0.1:5000/alpine
          crane copy alpine 127.0.0.1:5000/alpine
  stop    Ctrl-C; running transfers may go on for 30 s, a second Ctrl-C ends them
"
        );
        assert_eq!(greeting.to_string(), expected);
    }

    #[test]
    fn the_commands_name_an_address_that_answers() {
        let check = |greeting: Greeting, expected: &str| {
            let text = greeting.to_string();
            assert!(text.contains(expected), "{text}");
        };
        check(at("0.0.0.0:80"), "crane copy alpine 127.0.0.1:80/alpine");
        check(at("[::]:80"), "crane copy alpine [::1]:80/alpine");
        check(at("192.168.1.2:80"), "crane copy alpine 192.168.1.2:80/alpine");
        check(at("8.8.8.8:80"), "crane copy --insecure alpine 8.8.8.8:80/alpine");
        let named = Greeting { hosts: vec!["registry.example:5000".parse().unwrap()], ..at("0.0.0.0:80") };
        check(named, "docker push registry.example:5000/alpine");
    }

    #[test]
    fn who_may_write_is_said_loudly_beyond_loopback() {
        let text = at("0.0.0.0:80").to_string();
        assert!(text.contains("EVERYBODY who can reach 0.0.0.0:80 may push and delete"), "{text}");
        let text = at("127.0.0.1:80").to_string();
        assert!(text.contains("in memory, at most 1.0 GiB of blobs; everything is lost at the end"), "{text}");
        assert!(text.contains("everybody on this machine"), "{text}");
    }
}
