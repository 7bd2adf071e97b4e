//! The networks that addresses belong to, in all their spellings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The network of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// The internet.
    Public,
    /// This machine.
    Loopback,
    /// Private use, and all that is neither public nor one of the others.
    Private,
    /// Link-local, and the addresses at which clouds hand out credentials.
    Metadata,
}

/// The network of an address.
pub fn network(address: IpAddr) -> Network {
    match address {
        IpAddr::V4(address) => network_v4(address),
        IpAddr::V6(address) => network_v6(address),
    }
}

fn network_v4(address: Ipv4Addr) -> Network {
    let [a, b, c, d] = address.octets();
    match (a, b, c) {
        (127, _, _) => Network::Loopback,
        // Link-local with the metadata service of most clouds, and Alibaba's within CGNAT space.
        (169, 254, _) | (100, 100, 100) => Network::Metadata,
        // Azure's host, which answers every machine at an address of public space.
        (168, 63, 129) if d == 16 => Network::Metadata,
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
        | (203, 0, 113) => Network::Private,
        _ => Network::Public,
    }
}

fn network_v6(address: Ipv6Addr) -> Network {
    let segments = address.segments();
    let tail = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        network_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => Network::Loopback,
        [0, 0, 0, 0, 0, 0, 0, 0] => Network::Private,
        // IPv4 in other clothes: mapped, compatible, translated (NAT64), 6to4.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            tail(high, low)
        }
        [0x2002, high, low, ..] => tail(high, low),
        // The metadata services of AWS and Google over IPv6.
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254] => {
            Network::Metadata
        }
        [first, ..] if first & 0xffc0 == 0xfe80 => Network::Metadata,
        // Global unicast is 2000::/3, without Teredo, documentation and benchmarks.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, ..] => Network::Private,
        [first, ..] if first & 0xe000 == 0x2000 => Network::Public,
        _ => Network::Private,
    }
}
