//! The one door for outbound HTTP: time limits, no redirects, no way into private networks.
//!
//! A [`Client`] reaches public addresses, and beyond them only what its [`Reach`] names, because
//! a base URL in the settings is the operator's own word while a host name in a request may be
//! anybody's. Names are resolved here and the connection goes to the very addresses that were
//! checked, so an answer that changes between check and use (DNS rebinding) changes nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

pub use reqwest::Method;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// The longest that a connection may take to be made, when the caller does not say.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Reasons for which a request was not allowed out, or a client could not be made.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The address is private, loopback, link-local or reserved and no setting names it.
    #[error("the address of `{host}` is not public and no setting names it")]
    Forbidden {
        /// The host as the URL spells it.
        host: String,
    },
    /// Only `https` leaves for hosts that no setting names, and nothing but HTTP leaves at all.
    #[error("`{scheme}` is not allowed for `{host}`; use https")]
    Scheme {
        /// The URL's scheme.
        scheme: String,
        /// The host as the URL spells it.
        host: String,
    },
    /// TLS could not be set up, for instance because the machine has no root certificates.
    #[error("the HTTP client could not be made: {0}")]
    Client(#[from] reqwest::Error),
}

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
    fn admits(&self, host: &str, address: IpAddr) -> bool {
        match kind(address) {
            Kind::Public => self.public || self.names_host(host),
            Kind::Loopback => self.loopback || self.names_host(host),
            Kind::Private => self.names_host(host),
            Kind::Metadata => false,
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
            || match kind(address) {
                Kind::Public => self.public,
                Kind::Loopback => self.loopback,
                Kind::Private | Kind::Metadata => false,
            };
        if admitted { Ok(()) } else { Err(forbidden()) }
    }
}

/// An HTTP client that goes only where its [`Reach`] allows. Cheap to clone; keeps its
/// connections open for reuse.
#[derive(Clone, Debug)]
pub struct Client {
    inner: reqwest::Client,
    reach: Reach,
}

impl Client {
    /// A client with small packets sent at once, no total time limit (streams last as long as
    /// they last), no redirects and no proxy from the environment.
    pub fn new(reach: Reach, connect_timeout: Duration) -> Result<Self, OutboundError> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that makes clients"
        )]
        let inner = reqwest::Client::builder()
            .user_agent(concat!("navi/", env!("CARGO_PKG_VERSION")))
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_mins(1))
            .connect_timeout(connect_timeout)
            .pool_idle_timeout(Duration::from_secs(90))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .dns_resolver(Arc::new(CheckedResolver {
                reach: reach.clone(),
            }))
            .build()?;
        Ok(Self { inner, reach })
    }

    /// Begins a request, if the URL may be reached.
    pub fn request(
        &self,
        method: Method,
        url: Url,
    ) -> Result<reqwest::RequestBuilder, OutboundError> {
        self.reach.check(&url)?;
        Ok(self.inner.request(method, url))
    }
}

/// The innermost cause of a failed request: the system's own words, without the layers around them.
pub fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// Resolves names and keeps the addresses that may be reached.
#[derive(Debug)]
struct CheckedResolver {
    reach: Reach,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let admitted: Vec<SocketAddr> = found
                .filter(|address| reach.admits(&host, address.ip()))
                .collect();
            if admitted.is_empty() {
                return Err(OutboundError::Forbidden { host }.into());
            }
            Ok(Box::new(admitted.into_iter()) as Addrs)
        })
    }
}

/// The kinds of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Public,
    Loopback,
    Private,
    /// Link-local, and the addresses at which clouds hand out credentials.
    Metadata,
}

fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    }
}

fn kind_v4(address: Ipv4Addr) -> Kind {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (127, _, _) => Kind::Loopback,
        // Link-local with the metadata service of most clouds, and Alibaba's within CGNAT space.
        (169, 254, _) | (100, 100, 100) => Kind::Metadata,
        // This network, private use, CGNAT, protocol assignments, documentation, 6to4 relays,
        // benchmarks, multicast, reserved and broadcast.
        (0 | 10 | 224..=255, _, _)
        | (172, 16..=31, _)
        | (192, 168, _)
        | (100, 64..=127, _)
        | (192, 0, 0 | 2)
        | (192, 88, 99)
        | (198, 18 | 19, _)
        | (198, 51, 100)
        | (203, 0, 113) => Kind::Private,
        _ => Kind::Public,
    }
}

fn kind_v6(address: Ipv6Addr) -> Kind {
    let segments = address.segments();
    let tail = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        kind_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => Kind::Loopback,
        [0, 0, 0, 0, 0, 0, 0, 0] => Kind::Private,
        // IPv4 in other clothes: mapped, compatible, translated (NAT64), 6to4.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            tail(high, low)
        }
        [0x2002, high, low, ..] => tail(high, low),
        // The metadata service of AWS over IPv6.
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] => Kind::Metadata,
        [first, ..] if first & 0xffc0 == 0xfe80 => Kind::Metadata,
        // Global unicast is 2000::/3, without Teredo, documentation and benchmarks.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, ..] => Kind::Private,
        [first, ..] if first & 0xe000 == 0x2000 => Kind::Public,
        _ => Kind::Private,
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

    #[tokio::test]
    async fn a_name_that_resolves_to_loopback_is_refused_when_connecting() {
        let client = Client::new(Reach::public(), CONNECT_TIMEOUT).unwrap();
        let error = client
            .request(Method::GET, url("https://localhost:1/"))
            .unwrap()
            .send()
            .await
            .unwrap_err();
        assert!(format!("{error:?}").contains("Forbidden"), "{error:?}");
    }
}
