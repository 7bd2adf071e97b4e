//! Hosts and ports as requests and settings name them, each read into one spelling.

use std::fmt;

use url::Host;

/// The longest name that DNS takes, and the longest of its labels.
const NAME_BYTES: usize = 253;
const LABEL_BYTES: usize = 63;

/// A host and a port that a client asks for, in the one spelling that is compared and connected to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EgressTarget {
    /// A name in lower case and punycode, without a dot at its end, or an address.
    pub host: Host,
    /// The port.
    pub port: u16,
}

impl fmt::Display for EgressTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl EgressTarget {
    /// Reads `HOST:PORT`, or `HOST` alone where there is a usual port. The error names the problem.
    pub fn parse(text: &str, usual_port: Option<u16>) -> Result<Self, &'static str> {
        let (named, port) = host_and_port(text)?;
        let port = port.or(usual_port).ok_or("it names no port")?;
        let host = host(named)?;
        Ok(Self { host, port })
    }
}

/// Takes `HOST:PORT` or `HOST` apart.
pub(super) fn host_and_port(text: &str) -> Result<(&str, Option<u16>), &'static str> {
    // The colons of an IPv6 address stand in brackets.
    let end = match text.strip_prefix('[') {
        Some(rest) => rest.find(']').ok_or("a bracket is not closed")? + 2,
        None => text.find(':').unwrap_or(text.len()),
    };
    let (host, rest) = text.split_at(end);
    if rest.is_empty() {
        return Ok((host, None));
    }
    let digits = rest.strip_prefix(':').ok_or("a port follows after `:`")?;
    let is_short = (1..=5).contains(&digits.len());
    let port = digits
        .parse()
        .ok()
        .filter(|port| *port != 0 && is_short && digits.bytes().all(|b| b.is_ascii_digit()));
    match port {
        Some(port) => Ok((host, Some(port))),
        None => Err("a port is a number from 1 to 65535; an IPv6 address stands in brackets"),
    }
}

/// Reads a host: a name, or an address in its usual spelling. Addresses that are written in any of
/// the other ways, which some programs take for names and some for numbers, are refused.
pub(super) fn host(text: &str) -> Result<Host, &'static str> {
    if text.contains('@') {
        return Err("a user stands before the host");
    }
    if text.contains('%') {
        return Err("it is encoded, or an address with a zone");
    }
    let text = text.strip_suffix('.').unwrap_or(text);
    match Host::parse(text) {
        Ok(Host::Ipv4(address)) if address.to_string() == text => Ok(Host::Ipv4(address)),
        Ok(Host::Ipv4(_)) => Err("an IPv4 address is written as four decimal numbers"),
        Ok(Host::Ipv6(address)) if address.to_ipv4_mapped().is_some() => {
            Err("an IPv4 address is written as four decimal numbers")
        }
        Ok(Host::Domain(name)) if !is_name(&name) => Err("it is not a host name"),
        Ok(host) => Ok(host),
        Err(_) => Err("it is not a host name"),
    }
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    let is_label =
        |label: &str| (1..=LABEL_BYTES).contains(&label.len()) && label.bytes().all(fits);
    name.len() <= NAME_BYTES && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<String, &'static str> {
        EgressTarget::parse(text, Some(80)).map(|target| target.to_string())
    }

    #[test]
    fn spellings_of_a_name_are_one() {
        for text in [
            "example.com:80",
            "EXAMPLE.com",
            "example.com.",
            "Example.Com.:80",
            "example。com",
            "ｅｘａｍｐｌｅ.com",
        ] {
            assert_eq!(read(text).unwrap(), "example.com:80", "{text}");
        }
        assert_eq!(
            read("bücher.example:443").unwrap(),
            "xn--bcher-kva.example:443"
        );
        assert_eq!(
            read("XN--BCHER-KVA.example").unwrap(),
            "xn--bcher-kva.example:80"
        );
        assert_eq!(
            read("[2606:4700:0:0::1111]:443").unwrap(),
            "[2606:4700::1111]:443"
        );
    }

    #[test]
    fn addresses_in_unusual_spellings_are_refused() {
        for text in [
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "127.1",
            "127.0.1",
            "0177.0.0.1",
            "127.0.0.01",
            "127.0.0.1..",
            "1.2.3.4.5",
            "256.0.0.1",
            "example.0x1",
            "１２７.0.0.1",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[fe80::1%25eth0]",
            "[fe80::1%eth0]",
            "[::1",
            "::1",
            "[::1]x:80",
            "[127.0.0.1]",
            "[example.com]",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(read("127.0.0.1").unwrap(), "127.0.0.1:80");
    }

    #[test]
    fn what_is_more_than_a_host_and_a_port_is_refused() {
        for text in [
            "",
            ".",
            ":80",
            "user@example.com",
            "user:secret@example.com:443",
            "allowed.example@evil.example",
            "allowed.example:80@evil.example:80",
            "example.com/",
            "example.com/path",
            "example.com?",
            "example.com#",
            "example.com\\evil.example",
            "exa mple.com",
            "example.com\t",
            "example.com\r\nhost: evil.example",
            "example.com\0",
            "example%2ecom",
            "a..example",
            ".example.com",
            "*.example.com",
            "example.com:",
            "example.com:0",
            "example.com:+80",
            "example.com:-80",
            "example.com:65536",
            "example.com:000080",
            "example.com:80:443",
            "example.com:http",
            "xn--a.example",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
        assert!(read(&format!("{}.example", "a".repeat(64))).is_err());
        assert!(read(&"a.".repeat(127)).is_ok());
        assert!(read(&"a.".repeat(128)).is_err());
    }

    #[test]
    fn a_target_without_a_port_needs_a_usual_one() {
        assert_eq!(
            EgressTarget::parse("example.com", None),
            Err("it names no port")
        );
        assert!(EgressTarget::parse("example.com:22", None).is_ok());
    }

    proptest! {
        #[test]
        fn what_was_read_reads_as_itself(text in "[a-zA-Z0-9.:@%\\[\\]xü。 /-]{0,24}", port in 1_u16..) {
            if let Ok(target) = EgressTarget::parse(&text, Some(port)) {
                prop_assert_eq!(EgressTarget::parse(&target.to_string(), None), Ok(target));
            }
        }

        #[test]
        fn a_name_that_was_read_is_no_address_to_anything(text in "[0-9a-fx.]{1,20}") {
            if let Ok(target) = EgressTarget::parse(&text, Some(80))
                && let Host::Domain(name) = target.host
            {
                // Programs take a name for an address only if its last part is a number.
                let last = name.rsplit('.').next().unwrap();
                prop_assert!(last.parse::<u64>().is_err());
                let is_hex = |rest: &str| rest.bytes().all(|b| b.is_ascii_hexdigit());
                prop_assert!(!last.strip_prefix("0x").is_some_and(is_hex));
            }
        }

        #[test]
        fn every_address_is_read_as_it_is_printed(bits: u32, port in 1_u16..) {
            let address = Ipv4Addr::from(bits);
            let target = EgressTarget::parse(&format!("{address}:{port}"), None).unwrap();
            prop_assert_eq!(target, EgressTarget { host: Host::Ipv4(address), port });
            let number = bits.to_string();
            prop_assert!(EgressTarget::parse(&number, Some(port)).is_err());
        }
    }
}
