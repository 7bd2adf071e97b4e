//! Names to addresses, and which of the addresses a connection may go to.

use std::io;
use std::net::IpAddr;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use url::Host;

use crate::exec::egress::pattern::HostReach;
use crate::platform::outbound::address::{Network, network};

/// The source of the addresses of names.
pub trait NameResolver: Send + Sync {
    /// Looks a name up.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The machine's own resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl NameResolver for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        }
        .boxed()
    }
}

/// Tells names that mean this machine, wherever they are resolved.
pub(super) fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// A connection to a host may go to this address.
///
/// The name of a private host lifts the ban on private networks. Not so on this machine and on the
/// services of clouds for it: what hands out a name's addresses could then have a run reach the
/// server itself. Those are reached only if the host is named as what it is.
pub(super) fn admits(host: &Host, reach: HostReach, address: IpAddr) -> bool {
    let address = address.to_canonical();
    let private = reach == HostReach::Private;
    // Connections to the unspecified address go to this machine.
    if address.is_unspecified() {
        return private && is_this_machine(host);
    }
    match network(address) {
        Network::Public => true,
        Network::Private => private,
        Network::Loopback => private && is_this_machine(host),
        Network::Metadata => private && !matches!(host, Host::Domain(_)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(host: &str, reach: HostReach, address: &str) -> bool {
        admits(&Host::parse(host).unwrap(), reach, address.parse().unwrap())
    }

    const NOT_PUBLIC: &[&str] = &[
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.192",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:0.0.0.0",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:a00:1::",
        "fc00::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::1",
        "ff02::1",
    ];

    #[test]
    fn a_public_host_is_never_at_an_address_that_is_not() {
        for address in NOT_PUBLIC {
            for host in ["example.com", "localhost", "a.localhost", "10.0.0.1"] {
                assert!(
                    !admitted(host, HostReach::Public, address),
                    "{host} {address}"
                );
            }
        }
        assert!(admitted("example.com", HostReach::Public, "1.1.1.1"));
        assert!(admitted(
            "example.com",
            HostReach::Public,
            "2606:4700::1111"
        ));
    }

    #[test]
    fn a_private_host_is_in_private_networks_and_not_on_this_machine() {
        for address in [
            "10.0.0.1",
            "192.168.1.1",
            "fd12::1",
            "::ffff:10.0.0.1",
            "1.1.1.1",
        ] {
            assert!(
                admitted("git.internal", HostReach::Private, address),
                "{address}"
            );
        }
        for address in [
            "127.0.0.1",
            "::1",
            "0.0.0.0",
            "::",
            "::ffff:127.0.0.1",
            "::ffff:0.0.0.0",
            "64:ff9b::7f00:1",
            "169.254.169.254",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "fe80::1",
        ] {
            assert!(
                !admitted("git.internal", HostReach::Private, address),
                "{address}"
            );
        }
    }

    #[test]
    fn this_machine_is_reached_by_names_that_say_so() {
        for host in ["localhost", "app.localhost", "127.0.0.1", "[::1]"] {
            assert!(admitted(host, HostReach::Private, "127.0.0.1"), "{host}");
            assert!(admitted(host, HostReach::Private, "::1"), "{host}");
        }
        assert!(!admitted("notlocalhost", HostReach::Private, "127.0.0.1"));
        assert!(!admitted(
            "localhost.evil.example",
            HostReach::Private,
            "127.0.0.1"
        ));
        assert!(!admitted(
            "localhost",
            HostReach::Private,
            "169.254.169.254"
        ));
        assert!(admitted(
            "169.254.169.254",
            HostReach::Private,
            "169.254.169.254"
        ));
    }

    #[tokio::test]
    async fn the_machine_knows_itself() {
        let found = SystemResolver.resolve("localhost").await.unwrap();
        assert!(
            found.iter().all(IpAddr::is_loopback) && !found.is_empty(),
            "{found:?}"
        );
    }
}
