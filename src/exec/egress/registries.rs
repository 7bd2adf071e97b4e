//! The package registries that builds fetch from, which an operator may allow as one.

use url::Host;

use crate::exec::egress::pattern::HostPattern;
use crate::exec::egress::target::EgressTarget;

/// Ecosystems and the hosts that their packages come from, all of them over TLS.
///
/// The storage of clouds is not among them, although some registries send clients there: with an
/// account of one's own it is a way out for all that a run can read. Some of these hosts take uploads
/// too, for which a token is needed.
pub const REGISTRIES: &[(&str, &[&str])] = &[
    (
        "Rust",
        &["crates.io", "index.crates.io", "static.crates.io"],
    ),
    (
        "JavaScript",
        &["registry.npmjs.org", "registry.yarnpkg.com"],
    ),
    ("Python", &["pypi.org", "files.pythonhosted.org"]),
    ("Go", &["proxy.golang.org", "sum.golang.org"]),
    ("Maven", &["repo.maven.apache.org", "repo1.maven.org"]),
    (
        "Gradle",
        &["plugins.gradle.org", "plugins-artifacts.gradle.org"],
    ),
    ("Ruby", &["rubygems.org", "index.rubygems.org"]),
    (".NET", &["api.nuget.org"]),
    ("PHP", &["repo.packagist.org"]),
    ("Elixir", &["repo.hex.pm"]),
    ("Haskell", &["hackage.haskell.org"]),
];

/// The registries' hosts at the port of TLS.
pub fn registries() -> impl Iterator<Item = HostPattern> {
    let hosts = REGISTRIES.iter().flat_map(|(_, hosts)| hosts.iter());
    hosts.map(|host| {
        HostPattern::exactly(&EgressTarget {
            host: Host::Domain((*host).to_owned()),
            port: 443,
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::exec::egress::pattern::AllowedHosts;

    #[test]
    fn every_registry_is_written_as_it_is_compared_and_stands_there_once() {
        let mut seen = BTreeSet::new();
        for host in REGISTRIES.iter().flat_map(|(_, hosts)| hosts.iter()) {
            let target = EgressTarget::parse(host, Some(443)).unwrap();
            assert_eq!(target.host.to_string(), *host);
            assert!(seen.insert(host), "{host} stands there twice");
        }
    }

    #[test]
    fn registries_are_reached_over_tls_alone() {
        let hosts = AllowedHosts::new(registries());
        let is_allowed = |text| {
            let target = EgressTarget::parse(text, None).unwrap();
            hosts.reach(&target).is_some()
        };
        assert!(is_allowed("static.crates.io:443"));
        assert!(is_allowed("files.pythonhosted.org:443"));
        assert!(!is_allowed("static.crates.io:80"));
        assert!(!is_allowed("upload.pypi.org:443"));
        assert!(!is_allowed("evil.crates.io:443"));
    }
}
