//! Patterns of hosts that runs may reach, as settings and consents write them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::Host;

use crate::exec::egress::error::EgressError;
use crate::exec::egress::target::{EgressTarget, host, host_and_port};
use crate::platform::outbound::address::{Network, network};

/// The ports of a pattern that names none.
const USUAL_PORTS: [u16; 2] = [443, 80];
/// The end of a pattern whose hosts may be in private networks.
const PRIVATE: &str = "=private";

/// The networks in which the addresses of an allowed host may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostReach {
    /// Public ones only.
    Public,
    /// Private ones too, because the host was named as such.
    Private,
}

/// Hosts that are allowed: `example.com` at ports 443 and 80, `example.com:8443`, `*.example.com` for the
/// names below a domain and not the domain itself, an address, and any of these with `=private` when its
/// addresses may be private ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    named: NamedHosts,
    port: Option<u16>,
    reach: HostReach,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum NamedHosts {
    Exactly(Host),
    Below(String),
}

impl HostPattern {
    /// Exactly this host at this port, in public networks.
    pub fn exactly(target: &EgressTarget) -> Self {
        Self {
            named: NamedHosts::Exactly(target.host.clone()),
            port: Some(target.port),
            reach: HostReach::Public,
        }
    }

    /// The networks that it lets its hosts be in.
    pub fn reach(&self) -> HostReach {
        self.reach
    }

    /// Compares a host and port with those that are meant.
    pub fn matches(&self, target: &EgressTarget) -> bool {
        let at_port = match self.port {
            Some(port) => port == target.port,
            None => USUAL_PORTS.contains(&target.port),
        };
        let host = match (&self.named, &target.host) {
            (NamedHosts::Exactly(named), asked) => named == asked,
            (NamedHosts::Below(domain), Host::Domain(name)) => name
                .strip_suffix(domain.as_str())
                .is_some_and(|before| before.len() > 1 && before.ends_with('.')),
            (NamedHosts::Below(_), Host::Ipv4(_) | Host::Ipv6(_)) => false,
        };
        at_port && host
    }

    fn read(text: &str) -> Result<Self, &'static str> {
        let (rest, reach) = match text.strip_suffix(PRIVATE) {
            Some(rest) => (rest, HostReach::Private),
            None => (text, HostReach::Public),
        };
        if rest.contains('=') {
            return Err("after `=` stands `private` or nothing");
        }
        if rest.contains('/') {
            return Err("write the host alone, without a scheme or path");
        }
        let (below, rest) = match rest.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        if rest.contains('*') {
            return Err("`*` stands for everything below a domain, as in `*.example.com`");
        }
        let (named, port) = host_and_port(rest)?;
        let named = match host(named)? {
            Host::Domain(name) if below && name.contains('.') => NamedHosts::Below(name),
            Host::Domain(_) if below => return Err("everything below that domain is too much"),
            Host::Ipv4(_) | Host::Ipv6(_) if below => return Err("nothing is below an address"),
            host @ (Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_)) => NamedHosts::Exactly(host),
        };
        let address = match &named {
            NamedHosts::Exactly(Host::Ipv4(address)) => Some(IpAddr::from(*address)),
            NamedHosts::Exactly(Host::Ipv6(address)) => Some(IpAddr::from(*address)),
            NamedHosts::Exactly(Host::Domain(_)) | NamedHosts::Below(_) => None,
        };
        if reach == HostReach::Public
            && address.is_some_and(|address| network(address) != Network::Public)
        {
            return Err("its address is not public; with `=private` behind it that is meant");
        }
        Ok(Self { named, port, reach })
    }
}

impl FromStr for HostPattern {
    type Err = EgressError;

    fn from_str(text: &str) -> Result<Self, EgressError> {
        let text = text.trim();
        Self::read(text).map_err(|reason| EgressError::Pattern {
            pattern: text.to_owned(),
            reason,
        })
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.named {
            NamedHosts::Exactly(host) => write!(f, "{host}")?,
            NamedHosts::Below(domain) => write!(f, "*.{domain}")?,
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        match self.reach {
            HostReach::Public => Ok(()),
            HostReach::Private => f.write_str(PRIVATE),
        }
    }
}

/// A list of hosts that are allowed. An empty one allows none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<HostPattern>);

impl AllowedHosts {
    /// These patterns.
    pub fn new(patterns: impl IntoIterator<Item = HostPattern>) -> Self {
        Self(patterns.into_iter().collect())
    }

    /// The patterns, in their order.
    pub fn patterns(&self) -> &[HostPattern] {
        &self.0
    }

    /// Adds the patterns of another list.
    pub fn extend(&mut self, more: impl IntoIterator<Item = HostPattern>) {
        self.0.extend(more);
    }

    /// The widest reach that the list gives a host and port; none if it is not allowed.
    pub fn reach(&self, target: &EgressTarget) -> Option<HostReach> {
        let matching = self.0.iter().filter(|pattern| pattern.matches(target));
        matching.map(|pattern| pattern.reach).max()
    }
}

impl IntoIterator for AllowedHosts {
    type Item = HostPattern;
    type IntoIter = std::vec::IntoIter<HostPattern>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromStr for AllowedHosts {
    type Err = EgressError;

    /// Reads patterns between commas or white space.
    fn from_str(text: &str) -> Result<Self, EgressError> {
        text.split(|c: char| c == ',' || c.is_whitespace())
            .filter(|pattern| !pattern.is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl fmt::Display for AllowedHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, pattern) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{pattern}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(text: &str) -> HostPattern {
        text.parse().unwrap()
    }

    fn matches(text: &str, target: &str) -> bool {
        pattern(text).matches(&EgressTarget::parse(target, None).unwrap())
    }

    #[test]
    fn a_name_alone_means_https_and_http() {
        assert!(matches("example.com", "example.com:443"));
        assert!(matches("example.com", "EXAMPLE.COM.:80"));
        for other in [
            "example.com:25",
            "example.com:22",
            "www.example.com:443",
            "notexample.com:443",
            "example.com.evil.example:443",
        ] {
            assert!(!matches("example.com", other), "{other}");
        }
    }

    #[test]
    fn a_port_means_that_port_alone() {
        assert!(matches("example.com:22", "example.com:22"));
        assert!(!matches("example.com:22", "example.com:443"));
        assert!(matches("[2606:4700::1111]:853", "[2606:4700::1111]:853"));
    }

    #[test]
    fn everything_below_a_domain_begins_at_a_dot_and_leaves_the_domain_out() {
        assert!(matches("*.example.com", "a.example.com:443"));
        assert!(matches("*.example.com", "a.b.Example.com.:443"));
        for other in [
            "example.com:443",
            "notexample.com:443",
            "a.example.com:8443",
            "a.example.com.evil.example:443",
            "1.1.1.1:443",
        ] {
            assert!(!matches("*.example.com", other), "{other}");
        }
    }

    #[test]
    fn names_are_compared_in_punycode() {
        assert!(matches("bücher.example", "xn--bcher-kva.example:443"));
        assert!(matches("*.BÜCHER.example", "a.xn--bcher-kva.example:443"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", "not a host name"),
            ("https://example.com", "without a scheme"),
            ("example.com/path", "without a scheme or path"),
            ("*", "`*` stands for"),
            ("a*.example.com", "`*` stands for"),
            ("*.*.example.com", "`*` stands for"),
            ("*.com", "too much"),
            ("*.1.1.1.1", "below an address"),
            ("user@example.com", "a user"),
            ("example.com:0", "a port is"),
            ("example.com:http", "a port is"),
            ("::1", "a port is"),
            ("example.com=public", "after `=`"),
            ("10.0.0.5", "is not public"),
            ("127.0.0.1:8080", "is not public"),
            ("169.254.169.254", "is not public"),
            ("[::1]", "is not public"),
            ("[fd12::1]:443", "is not public"),
            ("2130706433", "four decimal numbers"),
            ("0x7f.1", "four decimal numbers"),
            ("[::ffff:8.8.8.8]", "four decimal numbers"),
            ("[fe80::1%eth0]", "zone"),
        ] {
            let error = text.parse::<HostPattern>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn private_addresses_are_named_as_such() {
        assert_eq!(pattern("10.0.0.5:8080=private").reach(), HostReach::Private);
        assert_eq!(pattern("git.internal=private").reach(), HostReach::Private);
        assert_eq!(pattern("1.1.1.1").reach(), HostReach::Public);
        let hosts: AllowedHosts = "*.internal.example, git.internal.example=private"
            .parse()
            .unwrap();
        let reach = |text| hosts.reach(&EgressTarget::parse(text, None).unwrap());
        assert_eq!(reach("git.internal.example:443"), Some(HostReach::Private));
        assert_eq!(reach("www.internal.example:443"), Some(HostReach::Public));
        assert_eq!(reach("internal.example:443"), None);
    }

    #[test]
    fn a_list_stands_between_commas_and_white_space() {
        let hosts: AllowedHosts = " example.com, *.example.org:8443\n10.0.0.5=private,"
            .parse()
            .unwrap();
        assert_eq!(
            hosts.to_string(),
            "example.com,*.example.org:8443,10.0.0.5=private"
        );
        assert_eq!(hosts.to_string().parse::<AllowedHosts>().unwrap(), hosts);
        assert_eq!("".parse::<AllowedHosts>().unwrap(), AllowedHosts::default());
        assert!("example.com, http://x".parse::<AllowedHosts>().is_err());
    }

    proptest! {
        #[test]
        fn a_pattern_is_what_it_prints(text in "(\\*\\.)?[a-z0-9.-]{1,12}(:[0-9]{1,5})?(=private)?") {
            if let Ok(pattern) = text.parse::<HostPattern>() {
                prop_assert_eq!(pattern.to_string().parse::<HostPattern>().unwrap(), pattern);
            }
        }

        #[test]
        fn only_whole_labels_before_a_domain_match(before in "[a-z0-9.-]{0,8}", after in "[a-z0-9.-]{0,4}") {
            let text = format!("{before}example.com{after}:443");
            if let Ok(target) = EgressTarget::parse(&text, None) {
                let name = target.host.to_string();
                let is_below = name.ends_with(".example.com");
                prop_assert_eq!(pattern("*.example.com").matches(&target), is_below);
                prop_assert_eq!(pattern("example.com").matches(&target), name == "example.com");
            }
        }
    }
}
