use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Where the admin listener listens, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AdminListen {
    Off,
    At(SocketAddr),
}

/// A text that is neither an address with a port nor `off`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an address with a port, such as 127.0.0.1:5001, nor `off`")]
pub(crate) struct ParseAdminListenError(String);

impl FromStr for AdminListen {
    type Err = ParseAdminListenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse().map(Self::At).map_err(|_| ParseAdminListenError(text.to_owned()))
    }
}

impl fmt::Display for AdminListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => write!(f, "{address}"),
        }
    }
}

impl Serialize for AdminListen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AdminListen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// A name under which clients reach the registry, as a `Host` header says it: `registry.example` or
/// `registry.example:5000`; `*` is every name. Held in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostName(String);

/// A text that no `Host` header can be.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host name with or without a port, such as registry.example:5000")]
pub(crate) struct ParseHostNameError(String);

impl HostName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = ParseHostNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self(text.to_owned()));
        }
        let (host, port) = match text.rsplit_once(':') {
            // The last colon of a bare IPv6 address in brackets is inside them.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let named = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .is_some_and(|host| host.parse::<Ipv6Addr>().is_ok());
        if (named || bracketed) && port.is_none_or(|port| port.parse::<u16>().is_ok()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(ParseHostNameError(text.to_owned()))
        }
    }
}

impl Serialize for HostName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

// A list's elements are read by `list::parsed`; this is what serde's derive asks of the element type.
impl<'de> Deserialize<'de> for HostName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{AdminListen, HostName};

    #[test]
    fn admin_addresses_read_what_they_print() {
        let check = |text: &str| assert_eq!(text.parse::<AdminListen>().unwrap().to_string(), text);
        check("off");
        check("127.0.0.1:5001");
        check("[::1]:5001");
        let refused = |text: &str| assert!(text.parse::<AdminListen>().is_err(), "{text}");
        refused("");
        refused("on");
        refused("localhost:5001");
        refused("127.0.0.1");
    }

    #[test]
    fn host_names() {
        let check = |text: &str, expected: &str| assert_eq!(text.parse::<HostName>().unwrap().as_str(), expected);
        check("Registry.Example", "registry.example");
        check("registry:5000", "registry:5000");
        check("[::1]:5000", "[::1]:5000");
        check("[::1]", "[::1]");
        check("10.0.0.7", "10.0.0.7");
        check("*", "*");
        let refused = |text: &str| assert!(text.parse::<HostName>().is_err(), "{text}");
        refused("");
        refused(":5000");
        refused("http://registry.example");
        refused("registry.example/");
        refused("registry:port");
        refused("registry:70000");
        refused("[localhost]");
        refused("::1");
    }
}
