//! The addresses that a client may reach.

use std::net::IpAddr;

use url::{Host, Url};

use crate::platform::outbound::address::{Network, network};
use crate::platform::outbound::error::OutboundError;

/// The addresses that a client may reach.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    public: bool,
    loopback: bool,
    named: Vec<(String, u16)>,
}

impl Reach {
    /// Public addresses only.
    pub fn public() -> Self {
        Self {
            public: true,
            ..Self::default()
        }
    }

    /// This machine only, by its loopback addresses, over http or https.
    pub fn loopback() -> Self {
        Self {
            loopback: true,
            ..Self::default()
        }
    }

    /// Also this machine, by its loopback addresses, over http or https.
    #[must_use]
    pub fn and_loopback(mut self) -> Self {
        self.loopback = true;
        self
    }

    /// Also the host and port of this URL, wherever they are, because a setting names them.
    ///
    /// A name lifts the ban on private networks; link-local and cloud metadata addresses are
    /// reached only if the URL spells the address itself.
    #[must_use]
    pub fn and_named(mut self, url: &Url) -> Self {
        if let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) {
            self.named.push((host.to_ascii_lowercase(), port));
        }
        self
    }

    fn names(&self, host: &str, port: u16) -> bool {
        self.named
            .iter()
            .any(|(named, at)| *at == port && named.eq_ignore_ascii_case(host))
    }

    fn names_host(&self, host: &str) -> bool {
        self.named
            .iter()
            .any(|(named, _)| named.eq_ignore_ascii_case(host))
    }

    /// A resolved address of `host` may be connected to.
    pub(super) fn admits(&self, host: &str, address: IpAddr) -> bool {
        match network(address) {
            Network::Public => self.public || self.names_host(host),
            Network::Loopback => self.loopback || self.names_host(host),
            Network::Private => self.names_host(host),
            Network::Metadata => false,
        }
    }

    /// Allows a URL to be requested at all, or says why not; addresses behind names are checked
    /// when resolved.
    pub fn check(&self, url: &Url) -> Result<(), OutboundError> {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        let named = self.names(host, port);
        let scheme_fits = match url.scheme() {
            "https" => true,
            "http" => named || self.loopback,
            _ => false,
        };
        if !scheme_fits {
            return Err(OutboundError::Scheme {
                scheme: url.scheme().to_owned(),
                host: host.to_owned(),
            });
        }
        let forbidden = || OutboundError::Forbidden {
            host: host.to_owned(),
        };
        let address = match url.host() {
            // The resolver knows no ports, so a named host is reached at its named port alone.
            Some(Host::Domain(_)) if named || !self.names_host(host) => return Ok(()),
            Some(Host::Domain(_)) | None => return Err(forbidden()),
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
        };
        // Addresses never pass through the resolver; here is the only place that sees them.
        let admitted = named
            || match network(address) {
                Network::Public => self.public,
                Network::Loopback => self.loopback,
                Network::Private | Network::Metadata => false,
            };
        if admitted { Ok(()) } else { Err(forbidden()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn allowed(reach: &Reach, text: &str) -> bool {
        reach.check(&url(text)).is_ok()
    }

    #[test]
    fn addresses_that_are_not_public_are_refused_in_every_spelling() {
        let reach = Reach::public();
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "0.0.0.0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "169.254.169.254",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:169.254.169.254]",
            "[::127.0.0.1]",
            "[64:ff9b::a9fe:a9fe]",
            "[2002:a00:1::]",
            "[fd00:ec2::254]",
            "[fd20:ce::254]",
            "[fd12::1]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[2001:db8::1]",
            "[2001::1]",
            "[64:ff9b:1::1]",
        ] {
            assert!(!allowed(&reach, &format!("https://{host}/")), "{host}");
        }
        for host in [
            "1.1.1.1",
            "168.63.129.17",
            "172.32.0.1",
            "192.0.1.1",
            "[2606:4700::1111]",
            "[::ffff:8.8.8.8]",
        ] {
            assert!(allowed(&reach, &format!("https://{host}/")), "{host}");
        }
    }

    #[test]
    fn a_named_base_url_is_reached_at_its_host_and_port_alone() {
        let reach = Reach::public().and_named(&url("http://10.0.0.5:8000/v1"));
        assert!(allowed(&reach, "http://10.0.0.5:8000/v1/chat/completions"));
        assert!(!allowed(&reach, "http://10.0.0.5:8001/"));
        assert!(!allowed(&reach, "http://10.0.0.6:8000/"));
        let reach = Reach::public().and_named(&url("http://models.internal:8000"));
        assert!(allowed(&reach, "http://models.internal:8000/v1"));
        assert!(!allowed(&reach, "http://models.internal:9000/v1"));
    }

    #[test]
    fn a_named_host_lifts_the_ban_on_private_networks_but_not_on_metadata() {
        let reach = Reach::public().and_named(&url("http://models.internal:8000"));
        assert!(reach.admits("models.internal", "10.1.2.3".parse().unwrap()));
        assert!(reach.admits("MODELS.internal", "127.0.0.1".parse().unwrap()));
        assert!(!reach.admits("models.internal", "169.254.169.254".parse().unwrap()));
        assert!(!reach.admits("other.internal", "10.1.2.3".parse().unwrap()));
        assert!(reach.admits("example.com", "1.1.1.1".parse().unwrap()));
    }

    #[test]
    fn plain_http_leaves_only_for_what_a_setting_names() {
        let reach = Reach::public();
        assert!(!allowed(&reach, "http://example.com/"));
        assert!(!allowed(&reach, "ftp://example.com/"));
        assert!(!allowed(&reach, "file:///etc/passwd"));
        assert!(allowed(&reach, "https://example.com/"));
    }

    #[test]
    fn the_loopback_reach_stays_on_this_machine() {
        let reach = Reach::loopback();
        assert!(allowed(&reach, "http://127.0.0.1:3000/"));
        assert!(allowed(&reach, "http://localhost:3000/"));
        assert!(!allowed(&reach, "https://1.1.1.1/"));
        assert!(!reach.admits("localhost.evil.example", "10.0.0.1".parse().unwrap()));
        assert!(!reach.admits("evil.example", "1.1.1.1".parse().unwrap()));
        assert!(reach.admits("localhost", "127.0.0.1".parse().unwrap()));
    }
}
