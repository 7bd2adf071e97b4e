//! The identity that a development server lends to requests without a token, and which requests may
//! have it.
//!
//! A loopback address keeps other machines out and no page that the user's browser shows: a page can
//! send requests to this machine, and by a name of its own that leads here (DNS rebinding) even read the
//! answers. Browsers say where a request comes from, and who says something else is refused.

use crate::auth::principal::Principal;
use crate::platform::origin::{AllowedOrigins, Authority, all_loopback, is_same};

/// The identity, and the pages that may have it.
#[derive(Clone, Debug)]
pub struct DevelopmentIdentity {
    /// The identity of requests without a token.
    pub identity: Principal,
    /// The origins whose pages may send them, beside the server's own.
    pub pages: AllowedOrigins,
}

/// The headers that show where a request comes from; a header that is sent twice is here twice.
#[derive(Clone, Debug, Default)]
pub struct Provenance<'a> {
    /// The header `Host`.
    pub hosts: Vec<&'a str>,
    /// The server's name in the request's address, if that is a whole one.
    pub authority: Option<&'a str>,
    /// The header `Origin`.
    pub origins: Vec<&'a str>,
    /// The header `Sec-Fetch-Site`.
    pub sites: Vec<&'a str>,
    /// The header `X-Forwarded-For`.
    pub forwarded_for: Vec<&'a str>,
    /// True when another header of proxies is there, such as `Forwarded` or `Via`.
    pub is_proxied: bool,
}

impl DevelopmentIdentity {
    /// The identity, for a request of this machine. Otherwise the reason against it.
    pub fn to(&self, from: &Provenance<'_>) -> Result<&Principal, &'static str> {
        let [host] = from.hosts[..] else {
            return Err("the header Host is absent, or there are several");
        };
        let mut names = std::iter::once(host).chain(from.authority);
        let is_here = |name| Authority::parse(name).is_some_and(|name| name.is_loopback());
        if !names.all(is_here) {
            return Err("the header Host names no loopback address, so it may be a foreign page's");
        }
        if from.is_proxied || !from.forwarded_for.iter().all(|list| all_loopback(list)) {
            return Err("a proxy forwarded it for another machine");
        }
        let is_known = |origin: &str| self.pages.allow(origin) || is_same(origin, host);
        match from.origins[..] {
            [origin] if is_known(origin) => Ok(&self.identity),
            // Programs send no such header. Pages of other ports of this machine say `same-site`, and
            // may belong to the untrusted project that is worked on.
            [] if matches!(from.sites[..], [] | ["none" | "same-origin"]) => Ok(&self.identity),
            [] => Err("a page of another origin sent it"),
            [_, ..] => Err("a page sent it whose origin is not allowed, see CORS_ORIGINS"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::principal::{Proof, Role};

    fn lent() -> DevelopmentIdentity {
        DevelopmentIdentity {
            identity: Principal {
                org_id: "dev_org".parse().unwrap(),
                user_id: "dev_user".parse().unwrap(),
                team_id: None,
                role: Role::Viewer,
                proof: Proof::Development,
            },
            pages: AllowedOrigins {
                vscode_webviews: true,
                ..AllowedOrigins::default()
            },
        }
    }

    fn at(host: &'static str) -> Provenance<'static> {
        Provenance {
            hosts: vec![host],
            ..Provenance::default()
        }
    }

    fn is_let_in(from: &Provenance<'_>) -> bool {
        lent().to(from).is_ok()
    }

    #[test]
    fn programs_of_this_machine_have_it() {
        for host in [
            "127.0.0.1:8787",
            "localhost:8787",
            "[::1]",
            "navi.localhost",
        ] {
            assert!(is_let_in(&at(host)), "{host}");
        }
        let whole = Provenance {
            authority: Some("localhost:8787"),
            forwarded_for: vec!["127.0.0.1, ::1"],
            sites: vec!["none"],
            ..at("localhost:8787")
        };
        assert!(is_let_in(&whole));
    }

    #[test]
    fn a_name_that_leads_here_is_not_enough() {
        for host in [
            "evil.example",
            "evil.example:8787",
            "192.168.1.5",
            "",
            "0.0.0.0",
        ] {
            assert!(!is_let_in(&at(host)), "{host}");
        }
        assert!(!is_let_in(&Provenance::default()), "no name");
        let twice = Provenance {
            hosts: vec!["localhost", "localhost"],
            ..Provenance::default()
        };
        assert!(!is_let_in(&twice));
        let whole = Provenance {
            authority: Some("evil.example"),
            ..at("localhost")
        };
        assert!(!is_let_in(&whole));
    }

    #[test]
    fn only_pages_of_known_origins_have_it() {
        let page = |origin, site| Provenance {
            origins: vec![origin],
            sites: vec![site],
            ..at("localhost:8787")
        };
        assert!(is_let_in(&page("vscode-webview://abc", "cross-site")));
        assert!(is_let_in(&page("http://localhost:8787", "same-origin")));
        for (origin, site) in [
            ("https://evil.example", "cross-site"),
            ("http://localhost:3000", "same-site"),
            ("null", "cross-site"),
            ("", "same-origin"),
        ] {
            assert!(!is_let_in(&page(origin, site)), "{origin}");
        }
        let twice = Provenance {
            origins: vec!["vscode-webview://abc", "https://evil.example"],
            ..at("localhost")
        };
        assert!(!is_let_in(&twice));
        // Requests without preflight and origin: images, links, scripts.
        let silent = |sites| Provenance {
            sites,
            ..at("localhost:8787")
        };
        assert!(is_let_in(&silent(vec!["same-origin"])));
        for sites in [
            &["cross-site"][..],
            &["same-site"],
            &["none", "cross-site"],
            &["none", "none"],
            &[""],
        ] {
            assert!(!is_let_in(&silent(sites.to_vec())), "{sites:?}");
        }
    }

    #[test]
    fn a_proxys_clients_elsewhere_do_not_have_it() {
        let forwarded = Provenance {
            forwarded_for: vec!["203.0.113.5, 127.0.0.1"],
            ..at("localhost:8787")
        };
        assert!(!is_let_in(&forwarded));
        let tunnelled = Provenance {
            is_proxied: true,
            ..at("localhost:8787")
        };
        assert!(!is_let_in(&tunnelled));
    }
}
