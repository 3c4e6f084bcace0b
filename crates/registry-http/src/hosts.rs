use crate::errors::{Code, Refusal};
use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{StatusCode, Version};
use std::net::IpAddr;

/// Under which names a registry may be asked. Everything else is answered 403.
///
/// A web page can make a browser send requests to a registry on the loopback interface or in a local network: openly from the
/// page's own origin, or by DNS rebinding, where the page's own host name is made to resolve to the registry's address. In the
/// first case the browser sends a foreign `Origin`, in the second a `Host` that is the page's. So a request is taken iff
///
/// - its `Host` is a configured name, or
/// - the address listened on says so: on a loopback address `localhost` and every loopback address; on the unspecified address
///   (`0.0.0.0`, `::`) `localhost` and every IP address, since nobody can make an address resolve to something else; on any
///   other address exactly that one;
/// - and it has no `Origin`, or one whose host and port are those of its `Host`, or whose host is configured.
///
/// Ports are compared only where a configured name has one: forwarded ports change them, and rebinding does not.
#[derive(Clone, Debug)]
pub struct Hosts {
    listening: IpAddr,
    configured: Vec<Configured>,
    any: bool,
}

#[derive(Clone, Debug)]
struct Configured {
    name: Box<str>,
    port: Option<u16>,
}

/// A text that names no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no host name or address with an optional port")]
pub struct ParseHostError(pub String);

impl Hosts {
    /// Only what the address listened on says.
    #[must_use]
    pub fn listening_on(address: IpAddr) -> Self {
        Self { listening: address, configured: Vec::new(), any: false }
    }

    /// These names too: `registry.example.com`, `registry.example.com:5000`, `192.0.2.1`, `[2001:db8::1]:5000`, or `*` for
    /// every name, where something in front of the registry already looks at `Host`.
    ///
    /// # Errors
    ///
    /// [`ParseHostError`] for the first that is none of these.
    pub fn and<I>(mut self, names: I) -> Result<Self, ParseHostError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        for name in names {
            match name.as_ref() {
                "*" => self.any = true,
                name => {
                    let (host, port) = split(name).ok_or_else(|| ParseHostError(name.to_owned()))?;
                    self.configured.push(Configured { name: host.to_ascii_lowercase().into(), port });
                }
            }
        }
        Ok(self)
    }

    /// Refuses a request that comes from a foreign page, or under a name that is not ours.
    pub(crate) fn check(&self, request: &Parts) -> Result<(), Refusal> {
        if self.any && !request.headers.contains_key(ORIGIN) {
            return Ok(());
        }
        let host = host_of(request)?;
        if let Some(host) = host
            && !self.admits(host)
        {
            let message = format!(
                "host `{}` is not one that this registry serves; its operator can allow it",
                host.escape_debug()
            );
            return Err(Refusal::new(StatusCode::FORBIDDEN, Code::Denied, message));
        }
        match request.headers.get(ORIGIN) {
            None => Ok(()),
            Some(origin) if self.is_ours(origin.to_str().unwrap_or_default(), host) => Ok(()),
            Some(_) => {
                let message = "requests on behalf of web pages of other origins are refused";
                Err(Refusal::new(StatusCode::FORBIDDEN, Code::Denied, message))
            }
        }
    }

    fn admits(&self, authority: &str) -> bool {
        if self.any {
            return true;
        }
        let Some((host, port)) = split(authority) else { return false };
        self.is_listened_on(host) || self.is_configured(host, port)
    }

    fn is_listened_on(&self, host: &str) -> bool {
        let listening = self.listening.to_canonical();
        let local = listening.is_loopback() || listening.is_unspecified();
        match host.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(address) => {
                address == listening || listening.is_unspecified() || (listening.is_loopback() && address.is_loopback())
            }
            Err(_) => local && host.eq_ignore_ascii_case("localhost"),
        }
    }

    fn is_configured(&self, host: &str, port: Option<u16>) -> bool {
        self.configured.iter().any(|configured| {
            configured.name.eq_ignore_ascii_case(host) && (configured.port.is_none() || configured.port == port)
        })
    }

    fn is_ours(&self, origin: &str, host: Option<&str>) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let default = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return false,
        };
        let Some((name, port)) = split(authority) else { return false };
        // Behind a proxy that ends TLS, the scheme of the origin is not ours: it only says what the default port is.
        let same = host.and_then(split).is_some_and(|(host, host_port)| {
            host.eq_ignore_ascii_case(name) && host_port.unwrap_or(default) == port.unwrap_or(default)
        });
        same || self.is_configured(name, port)
    }
}

/// The one name under which a request was made. HTTP/1.0 knows requests without.
fn host_of(request: &Parts) -> Result<Option<&str>, Refusal> {
    if let Some(authority) = request.uri.authority() {
        return Ok(Some(authority.as_str()));
    }
    let mut hosts = request.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => Ok(Some(host.to_str().unwrap_or_default())),
        (None, _) if request.version < Version::HTTP_11 => Ok(None),
        (None, _) => Err(Refusal::new(StatusCode::BAD_REQUEST, Code::Unsupported, "the header `Host` is missing")),
        (Some(_), Some(_)) => {
            Err(Refusal::new(StatusCode::BAD_REQUEST, Code::Unsupported, "there is more than one header `Host`"))
        }
    }
}

/// Host and port; an IPv6 address without its brackets, a name without its final dot.
fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.parse::<IpAddr>().ok()?;
        (host, rest.strip_prefix(':').or(rest.is_empty().then_some(""))?)
    } else {
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        let host = host.strip_suffix('.').unwrap_or(host);
        let is_name = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_');
        if host.is_empty() || !host.bytes().all(is_name) {
            return None;
        }
        (host, port)
    };
    if port.is_empty() {
        return Some((host, None));
    }
    port.bytes().all(|b| b.is_ascii_digit()).then(|| port.parse().ok())?.map(|port| (host, Some(port)))
}

#[cfg(test)]
#[path = "hosts_tests.rs"]
mod tests;
