//! Web origins: reading them from a request's header, and the rules that say which are trusted.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use url::{Host, Url};

/// The scheme of the pages that VS Code shows for its extensions.
const VSCODE_WEBVIEW: &str = "vscode-webview";
/// The hosts that `ALLOW_DEV_CORS` trusts, as browsers write them.
const DEVELOPMENT_HOSTS: &[&str] = &["localhost", "127.0.0.1", "[::1]"];

/// An origin, or an authority without a scheme, in its parts. Browsers send the serialised form of
/// the URL standard: lower case, no default port, no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// A name or an address; an IPv6 address in brackets.
    pub host: &'a str,
    /// The port, if one is named.
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Reads `host` or `host:port`, as the header `Host` holds it.
    pub fn parse(text: &'a str) -> Option<Self> {
        let host_ends = match text.strip_prefix('[') {
            Some(rest) => rest.find(']')? + 2,
            None => text.find(':').unwrap_or(text.len()),
        };
        let (host, rest) = text.split_at(host_ends);
        let port = match rest.strip_prefix(':') {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(port.parse().ok()?)
            }
            None if rest.is_empty() => None,
            Some(_) | None => return None,
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
        (!host.is_empty() && host.bytes().all(plain)).then_some(Self { host, port })
    }

    /// True when only programs on this machine are reached by this name.
    ///
    /// `localhost` and names that end with `.localhost` (RFC 6761 §6.3), the addresses of 127.0.0.0/8 in
    /// their usual form, and `[::1]`.
    pub fn is_loopback(&self) -> bool {
        let host = self.host.to_ascii_lowercase();
        if let Some(address) = host.strip_prefix('[') {
            let address = address.trim_end_matches(']').parse::<Ipv6Addr>();
            return address.is_ok_and(|address| address.is_loopback());
        }
        let below = host.strip_suffix(".localhost");
        host == "localhost"
            || below.is_some_and(|names| names.split('.').all(|name| !name.is_empty()))
            || host
                .parse::<Ipv4Addr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

/// Splits `scheme://authority`, which is all that an origin has.
fn parts(origin: &str) -> Option<(&str, Authority<'_>)> {
    let (scheme, authority) = origin.split_once("://")?;
    Some((scheme, Authority::parse(authority)?))
}

/// True when a page of this origin came from the server with this authority.
pub fn is_same(origin: &str, server: &str) -> bool {
    let Some((scheme @ ("http" | "https"), page)) = parts(origin) else {
        return false;
    };
    let usual = if scheme == "https" { 443 } else { 80 };
    Authority::parse(server).is_some_and(|server| {
        page.host.eq_ignore_ascii_case(server.host)
            && page.port.unwrap_or(usual) == server.port.unwrap_or(usual)
    })
}

/// The origins whose pages may read answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedOrigins {
    /// True when the pages of VS Code's extensions are among them.
    pub vscode_webviews: bool,
    /// True when pages of this machine are among them, on any port.
    pub this_machine: bool,
    /// Those that are named.
    pub named: Vec<OriginRule>,
}

impl AllowedOrigins {
    /// True when a page of this origin may read answers.
    pub fn allow(&self, origin: &str) -> bool {
        let Some((scheme, authority)) = parts(origin) else {
            return false;
        };
        let is_webview = scheme == VSCODE_WEBVIEW && authority.port.is_none();
        let is_web = matches!(scheme, "http" | "https");
        (self.vscode_webviews && is_webview)
            || (self.this_machine && is_web && DEVELOPMENT_HOSTS.contains(&authority.host))
            || self.named.iter().any(|rule| rule.matches(origin))
    }
}

/// One origin, or all hosts directly below a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginRule {
    /// This origin, as browsers write it.
    Exactly(String),
    /// `scheme://LABEL.domain`, for any one label.
    Below {
        /// `scheme://`.
        scheme: String,
        /// `.domain` and the port, if there is one.
        rest: String,
    },
}

impl OriginRule {
    fn matches(&self, origin: &str) -> bool {
        match self {
            Self::Exactly(this) => this == origin,
            Self::Below { scheme, rest } => {
                let label = origin.strip_prefix(scheme.as_str());
                let label = label.and_then(|host| host.strip_suffix(rest.as_str()));
                label.is_some_and(|label| !label.is_empty() && !label.contains('.'))
            }
        }
    }
}

impl fmt::Display for OriginRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(origin) => f.write_str(origin),
            Self::Below { scheme, rest } => write!(f, "{scheme}*{rest}"),
        }
    }
}

/// Why a text names no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoOrigin {
    /// It has no `scheme://`, or no host after it.
    #[error(
        "is not an origin: write SCHEME://HOST or SCHEME://HOST:PORT, such as \
         https://app.example"
    )]
    Malformed,
    /// It has more than an origin.
    #[error(
        "is more than an origin: remove everything after the host and port, including a \
         trailing /"
    )]
    MoreThanAnOrigin,
    /// Its wildcard stands elsewhere.
    #[error("may have one *, as the whole first label of a domain, such as https://*.app.example")]
    Wildcard,
}

impl FromStr for OriginRule {
    type Err = NoOrigin;

    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        let (_, authority) = text.split_once("://").ok_or(NoOrigin::Malformed)?;
        if authority.contains(['/', '?', '#', '@', '\\']) {
            return Err(NoOrigin::MoreThanAnOrigin);
        }
        let url = Url::parse(text).map_err(|_| NoOrigin::Malformed)?;
        let host = url.host_str().ok_or(NoOrigin::Malformed)?;
        let scheme = format!("{}://", url.scheme());
        let port = url.port().map(|port| format!(":{port}"));
        // Browsers write a host in small letters whatever the scheme.
        let rest = format!("{}{}", host.to_ascii_lowercase(), port.unwrap_or_default());
        let Some(domain) = host.strip_prefix("*.") else {
            if text.contains('*') {
                return Err(NoOrigin::Wildcard);
            }
            return Ok(Self::Exactly(scheme + &rest));
        };
        let is_domain = matches!(url.host(), Some(Host::Domain(_)));
        if !is_domain || domain.contains('*') || !domain.contains('.') {
            return Err(NoOrigin::Wildcard);
        }
        let rest = rest.trim_start_matches('*').to_owned();
        Ok(Self::Below { scheme, rest })
    }
}

/// True when all addresses in a header such as `X-Forwarded-For` are of this machine.
pub fn all_loopback(addresses: &str) -> bool {
    addresses.split(',').map(str::trim).all(|address| {
        address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(text: &str) -> OriginRule {
        text.parse().unwrap()
    }

    fn named(texts: &[&str]) -> AllowedOrigins {
        AllowedOrigins {
            named: texts.iter().map(|text| rule(text)).collect(),
            ..AllowedOrigins::default()
        }
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (text, expected) in [
            ("https://app.example", "https://app.example"),
            ("HTTPS://App.Example:443", "https://app.example"),
            ("http://app.example:8080", "http://app.example:8080"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("tauri://Localhost", "tauri://localhost"),
            ("https://*.Vscode-CDN.net", "https://*.vscode-cdn.net"),
            ("https://*.app.example:8443", "https://*.app.example:8443"),
        ] {
            assert_eq!(rule(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_for_its_reason() {
        for (text, expected) in [
            ("", NoOrigin::Malformed),
            ("null", NoOrigin::Malformed),
            ("app.example", NoOrigin::Malformed),
            ("localhost:3000", NoOrigin::Malformed),
            ("https://", NoOrigin::Malformed),
            ("https://a b", NoOrigin::Malformed),
            ("https://app.example:port", NoOrigin::Malformed),
            ("file:///", NoOrigin::MoreThanAnOrigin),
            ("https://app.example/", NoOrigin::MoreThanAnOrigin),
            ("https://app.example/path", NoOrigin::MoreThanAnOrigin),
            ("https://app.example?q", NoOrigin::MoreThanAnOrigin),
            ("https://u:p@app.example", NoOrigin::MoreThanAnOrigin),
            ("https://*", NoOrigin::Wildcard),
            ("https://*.net", NoOrigin::Wildcard),
            ("https://a.*.example", NoOrigin::Wildcard),
            ("https://*.*.example", NoOrigin::Wildcard),
            ("https://a*.app.example", NoOrigin::Wildcard),
            ("vscode-webview://*", NoOrigin::Wildcard),
        ] {
            assert_eq!(text.parse::<OriginRule>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_wildcard_stands_for_one_label_of_one_domain_scheme_and_port() {
        let allowed = named(&["https://*.vscode-cdn.net"]);
        assert!(allowed.allow("https://abc-1.vscode-cdn.net"));
        for other in [
            "https://vscode-cdn.net",
            "https://.vscode-cdn.net",
            "https://a.b.vscode-cdn.net",
            "https://evilvscode-cdn.net",
            "https://a.vscode-cdn.net.evil.example",
            "https://a.vscode-cdn.net:8443",
            "http://a.vscode-cdn.net",
            "https://evil.example/.vscode-cdn.net",
            "https://evil.example#.vscode-cdn.net",
            "https://u@a.vscode-cdn.net",
        ] {
            assert!(!allowed.allow(other), "{other}");
        }
    }

    #[test]
    fn a_named_origin_allows_itself_alone() {
        let allowed = named(&["https://app.example", "http://localhost:3000"]);
        assert!(allowed.allow("https://app.example"));
        assert!(allowed.allow("http://localhost:3000"));
        for other in [
            "null",
            "",
            "*",
            "http://app.example",
            "https://app.example:8443",
            "https://app.example.evil.example",
            "https://evil-app.example",
            "https://app.example/",
            "http://localhost",
            "http://localhost:30000",
            "vscode-webview://abc",
        ] {
            assert!(!allowed.allow(other), "{other}");
        }
    }

    #[test]
    fn pages_of_extensions_and_of_this_machine_are_switches() {
        let webviews = AllowedOrigins {
            vscode_webviews: true,
            ..AllowedOrigins::default()
        };
        assert!(webviews.allow("vscode-webview://1a2b3c-d4"));
        for other in [
            "vscode-webview://",
            "vscode-webview://a/b",
            "vscode-webviews://a",
            "https://vscode-webview.example",
            "http://localhost:3000",
        ] {
            assert!(!webviews.allow(other), "{other}");
        }
        let this_machine = AllowedOrigins {
            this_machine: true,
            ..AllowedOrigins::default()
        };
        for origin in [
            "http://localhost",
            "https://localhost:5173",
            "http://127.0.0.1:3000",
            "http://[::1]:3000",
        ] {
            assert!(this_machine.allow(origin), "{origin}");
        }
        for other in [
            "http://localhost.evil.example",
            "http://evil.localhost",
            "http://127.0.0.2",
            "ftp://localhost",
            "http://localhost:99999",
            "http://localhost:",
            "vscode-webview://a",
        ] {
            assert!(!this_machine.allow(other), "{other}");
        }
    }

    #[test]
    fn only_names_and_addresses_of_this_machine_are_loopback() {
        for host in [
            "localhost",
            "LOCALHOST:8787",
            "navi.localhost:1",
            "127.0.0.1:8787",
            "127.8.9.10",
            "[::1]",
            "[::1]:8787",
        ] {
            let authority = Authority::parse(host).unwrap();
            assert!(authority.is_loopback(), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "evillocalhost",
            ".localhost",
            "a..localhost",
            "127.0.0.1.evil.example",
            "127.1",
            "0x7f.0.0.1",
            "2130706433",
            "0.0.0.0:8787",
            "192.168.1.2",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[fe80::1]",
        ] {
            let authority = Authority::parse(host);
            assert!(!authority.is_some_and(|host| host.is_loopback()), "{host}");
        }
        for text in [
            "",
            ":80",
            "localhost:",
            "localhost:x",
            "localhost:80:80",
            "[::1",
            "a b",
        ] {
            assert_eq!(Authority::parse(text).map(|a| a.port), None, "{text}");
        }
    }

    #[test]
    fn a_page_is_the_servers_own_only_with_its_host_and_port() {
        assert!(is_same("http://127.0.0.1:8787", "127.0.0.1:8787"));
        assert!(is_same("http://localhost", "localhost:80"));
        assert!(is_same("https://localhost:8443", "localhost:8443"));
        for (origin, host) in [
            ("http://localhost:8787", "127.0.0.1:8787"),
            ("http://localhost:3000", "localhost:8787"),
            ("http://localhost", "localhost:8787"),
            ("null", "localhost"),
            ("vscode-webview://localhost", "localhost"),
        ] {
            assert!(!is_same(origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn an_address_elsewhere_shows_in_a_list_of_addresses() {
        assert!(all_loopback("127.0.0.1, ::1"));
        for list in ["203.0.113.5", "127.0.0.1, 10.0.0.1", "", "unknown"] {
            assert!(!all_loopback(list), "{list}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_of_any_text_is_what_it_says(
            text in "\\PC{0,60}|[a-z]{1,5}://[A-Za-z.*]{0,12}(:[0-9]{0,5})?|[a-z.\\[\\]:0-9]{0,20}",
        ) {
            if let Ok(rule) = text.parse::<OriginRule>() {
                prop_assert_eq!(rule.to_string().parse(), Ok(rule));
            }
            if let Some(Authority { host, port }) = Authority::parse(&text) {
                let rest = text.strip_prefix(host).unwrap();
                prop_assert_eq!(rest.strip_prefix(':').map(|port| port.parse().unwrap()), port);
            }
            let below = text.starts_with("https://") && text.ends_with(".vscode-cdn.net");
            prop_assert!(below || !named(&["https://*.vscode-cdn.net"]).allow(&text));
        }
    }
}
