//! The address and port that the server listens on, as an operator writes them.

use std::fmt;
use std::net::{AddrParseError, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Addresses and a port to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindAddress {
    /// Every address of this machine: `:8787`.
    All(u16),
    /// Both loopback addresses: `localhost:8787`. The name is reserved for them (RFC 6761), so no
    /// resolver is asked.
    Localhost(u16),
    /// One address, which may be `0.0.0.0` or `[::]`.
    Address(SocketAddr),
    /// Every address that the name resolves to when the server starts.
    Name {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
}

/// The text is no address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBindAddress {
    /// There is no port.
    #[error("a port is missing; {EXPECTED}")]
    NoPort,
    /// The port is no port.
    #[error("a port is a number from 0 to 65535; {EXPECTED}")]
    Port,
    /// The host is neither an address nor a name.
    #[error("the host is not an address or a name; {EXPECTED}")]
    Host,
    /// An IPv6 address without brackets, whose end cannot be told from a port.
    #[error("an IPv6 address stands in brackets; {EXPECTED}")]
    NoBrackets,
}

/// The forms of an address, for error messages.
const EXPECTED: &str = "expected ADDRESS:PORT, such as 127.0.0.1:8787, localhost:8787, [::1]:8787 or \
                        0.0.0.0:8787, or :8787 for all addresses";

impl BindAddress {
    /// Returns the port, which is 0 for any free one.
    pub fn port(&self) -> u16 {
        match self {
            Self::All(port) | Self::Localhost(port) | Self::Name { port, .. } => *port,
            Self::Address(address) => address.port(),
        }
    }

    /// Returns the same addresses with another port.
    #[must_use]
    pub fn with_port(&self, port: u16) -> Self {
        match self {
            Self::All(_) => Self::All(port),
            Self::Localhost(_) => Self::Localhost(port),
            Self::Address(address) => Self::Address(SocketAddr::new(address.ip(), port)),
            Self::Name { host, .. } => Self::Name {
                host: host.clone(),
                port,
            },
        }
    }

    /// Returns true only if no other machine can reach any of the addresses. A name other than
    /// `localhost` counts as reachable: a resolver decides what it means.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Localhost(_) => true,
            Self::Address(address) => address.ip().to_canonical().is_loopback(),
            Self::All(_) | Self::Name { .. } => false,
        }
    }
}

impl From<SocketAddr> for BindAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address)
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(port) => write!(f, ":{port}"),
            Self::Localhost(port) => write!(f, "localhost:{port}"),
            Self::Address(address) => address.fmt(f),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

impl FromStr for BindAddress {
    type Err = InvalidBindAddress;

    fn from_str(text: &str) -> Result<Self, InvalidBindAddress> {
        let text = text.trim();
        let parsed: Result<SocketAddr, AddrParseError> = text.parse();
        if let Ok(address) = parsed {
            return Ok(Self::Address(address));
        }
        if text.parse::<Ipv6Addr>().is_ok() {
            return Err(InvalidBindAddress::NoBrackets);
        }
        let (host, port) = text.rsplit_once(':').ok_or(InvalidBindAddress::NoPort)?;
        // `[::1]` has colons and no port.
        if port.is_empty() || port.ends_with(']') {
            return Err(InvalidBindAddress::NoPort);
        }
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| digits);
        let port = port.ok_or(InvalidBindAddress::Port)?;
        match host {
            "" => Ok(Self::All(port)),
            host if host.eq_ignore_ascii_case("localhost") => Ok(Self::Localhost(port)),
            host if is_name(host) => Ok(Self::Name {
                host: host.to_owned(),
                port,
            }),
            host if host.contains(':') && !host.starts_with('[') && !host.contains('/') => {
                Err(InvalidBindAddress::NoBrackets)
            }
            _ => Err(InvalidBindAddress::Host),
        }
    }
}

/// Returns whether this can be the name of a host. One that ends with a number would be an IPv4
/// address, and is none, since it was not read as one.
fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && label.len() <= 63 && label.bytes().all(allowed)
    };
    let mut labels = host.strip_suffix('.').unwrap_or(host).split('.');
    let last = labels.clone().next_back().unwrap_or_default();
    host.len() <= 253 && labels.all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<BindAddress, InvalidBindAddress> {
        text.parse()
    }

    #[test]
    fn every_form_is_read_and_shown_as_it_was_written() {
        for (text, loopback) in [
            ("127.0.0.1:8787", true),
            ("127.9.9.9:0", true),
            ("localhost:8787", true),
            ("[::1]:8787", true),
            ("[::ffff:127.0.0.1]:8787", true),
            (":8787", false),
            ("0.0.0.0:8787", false),
            ("[::]:8787", false),
            ("192.0.2.7:80", false),
            ("[::ffff:192.0.2.7]:80", false),
            ("navi.example:8787", false),
            ("my_host-1:8787", false),
            ("localhost.example:8787", false),
        ] {
            let address = parse(text).unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(address.is_loopback(), loopback, "{text}");
            let moved = address.with_port(9);
            assert_eq!((moved.port(), moved.is_loopback()), (9, loopback), "{text}");
            assert_eq!(moved.with_port(address.port()), address, "{text}");
        }
        assert_eq!(parse(" LocalHost:1 "), Ok(BindAddress::Localhost(1)));
    }

    #[test]
    fn anything_else_is_refused_with_what_is_expected() {
        use InvalidBindAddress::{Host, NoBrackets, NoPort, Port};
        for (text, expected) in [
            ("", NoPort),
            ("8787", NoPort),
            ("localhost", NoPort),
            ("localhost:", NoPort),
            (":", NoPort),
            ("[::1]", NoPort),
            ("localhost:http", Port),
            ("localhost:65536", Port),
            ("localhost:-1", Port),
            ("localhost:+1", Port),
            ("127.0.0.1:99999", Port),
            ("::1", NoBrackets),
            ("::1:8787", NoBrackets),
            ("fe80::1:2:3:4:5:6:8787", NoBrackets),
            ("999.0.0.1:80", Host),
            ("127.1:80", Host),
            ("http://localhost:8787", Host),
            ("a b:80", Host),
            ("*:80", Host),
            ("a..b:80", Host),
            ("[::1:80", Host),
            ("user@host:80", Host),
        ] {
            let refused = parse(text).unwrap_err();
            assert_eq!(refused, expected, "{text}");
            let shown = refused.to_string();
            assert!(shown.contains("localhost:8787"), "{shown}");
        }
    }
}
