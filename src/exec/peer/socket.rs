//! The kernel's record of a connection.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;

use nix::sys::socket;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType};

/// The message that asks for sockets of a family, and the one that answers.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
const QUESTION_BYTES: usize = 72;

/// A connected socket as the kernel lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SocketEntry {
    /// Its user.
    pub(super) user: u32,
    /// Its inode; zero when no process has it any more.
    pub(super) inode: u64,
}

/// The socket with these two ends on this machine. A kernel without the protocol for the question, or one
/// that knows no answer, is asked for its whole table.
pub(super) fn owner(own: SocketAddr, other: SocketAddr) -> Option<SocketEntry> {
    asked_for(own, other).or_else(|| listed(own, other))
}

/// The kernel's answer about one socket (Linux, `sock_diag(7)`): a lookup by its ends, where the table is read
/// bucket by bucket.
fn asked_for(own: SocketAddr, other: SocketAddr) -> Option<SocketEntry> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let protocol = SockProtocol::NetlinkSockDiag;
    let kernel =
        socket::socket(AddressFamily::Netlink, SockType::Datagram, flags, protocol).ok()?;
    socket::send(kernel.as_raw_fd(), &question(own, other), MsgFlags::empty()).ok()?;
    let mut answer = [0; 512];
    let length = socket::recv(kernel.as_raw_fd(), &mut answer, MsgFlags::empty()).ok()?;
    entry_of(answer.get(..length)?, own, other)
}

/// A header of 16 bytes, and `struct inet_diag_req_v2` of `linux/inet_diag.h`: the ends are in the order of
/// the network, the rest in the machine's.
fn question(own: SocketAddr, other: SocketAddr) -> Vec<u8> {
    let (own_ip, other_ip) = (own.ip().to_canonical(), other.ip().to_canonical());
    let family = if own_ip.is_ipv4() { AF_INET } else { AF_INET6 };
    let mut sent = Vec::with_capacity(QUESTION_BYTES);
    sent.extend(
        u32::try_from(QUESTION_BYTES)
            .unwrap_or_default()
            .to_ne_bytes(),
    );
    sent.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    sent.extend(NLM_F_REQUEST.to_ne_bytes());
    // The number of the question and of the one who asks; the kernel gives both back.
    sent.extend([0; 8]);
    sent.extend([family, IPPROTO_TCP, 0, 0]);
    // In any state, on any interface, without the cookie of an earlier answer.
    sent.extend(u32::MAX.to_ne_bytes());
    sent.extend(own.port().to_be_bytes());
    sent.extend(other.port().to_be_bytes());
    sent.extend(padded(own_ip));
    sent.extend(padded(other_ip));
    sent.extend([0; 4]);
    sent.extend([u8::MAX; 8]);
    sent
}

fn padded(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(ip) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&ip.octets());
            bytes
        }
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// The socket in an answer, a header and `struct inet_diag_msg`. None for an error, and for the socket that
/// listens where the wanted one is gone.
fn entry_of(answer: &[u8], own: SocketAddr, other: SocketAddr) -> Option<SocketEntry> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let found = answer.get(16..88)?;
    let port = |at: usize| Some(u16::from_be_bytes(found.get(at..at + 2)?.try_into().ok()?));
    let word = |at: usize| Some(u32::from_ne_bytes(found.get(at..at + 4)?.try_into().ok()?));
    let is_it = kind == SOCK_DIAG_BY_FAMILY && port(4)? == own.port() && port(6)? == other.port();
    is_it.then_some(())?;
    Some(SocketEntry {
        user: word(64)?,
        inode: word(68)?.into(),
    })
}

fn listed(own: SocketAddr, other: SocketAddr) -> Option<SocketEntry> {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        .find_map(|table| entry(&table, own, other))
}

/// The row of a socket with these two ends: `sl local remote state queues timers retransmits uid
/// timeout inode …` (Linux, `Documentation/networking/proc_net_tcp.rst`).
fn entry(table: &str, own: SocketAddr, other: SocketAddr) -> Option<SocketEntry> {
    let same = |text: &str, wanted: SocketAddr| {
        address(text).is_some_and(|found| {
            found.port() == wanted.port() && found.ip().to_canonical() == wanted.ip().to_canonical()
        })
    };
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = same(fields.get(1)?, own) && same(fields.get(2)?, other);
        is_it.then_some(())?;
        Some(SocketEntry {
            user: fields.get(7)?.parse().ok()?,
            inode: fields.get(9)?.parse().ok()?,
        })
    })
}

/// `0100007F:1F90`: the address in words of four bytes, each in the order of the machine.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words = (0..ip.len() / 8).map(|at| {
        let word = u32::from_str_radix(ip.get(at * 8..at * 8 + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    });
    let bytes: Vec<u8> = words.collect::<Option<Vec<_>>>()?.concat();
    let ip = match bytes.len() {
        4 => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        assert_eq!(
            address("0100007F:1F90"),
            Some("127.0.0.1:8080".parse().unwrap())
        );
        let mapped = address("0000000000000000FFFF00000100007F:1F90").unwrap();
        assert_eq!(mapped.ip().to_canonical(), Ipv4Addr::LOCALHOST);
        let loopback = address("00000000000000000000000001000000:0050");
        assert_eq!(loopback, Some("[::1]:80".parse().unwrap()));
        assert_eq!(address("0100007F"), None);
    }

    #[test]
    fn the_question_to_the_kernel_and_its_table_say_the_same() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            let bound = TcpListener::bind(host);
            // A machine may have no IPv6.
            if host.starts_with('[') && bound.is_err() {
                continue;
            }
            let here = bound.as_ref().unwrap().local_addr().unwrap();
            let client = TcpStream::connect(here).unwrap();
            let remote = client.local_addr().unwrap();
            let found = owner(remote, here).unwrap();
            assert_eq!(found.user, nix::unistd::getuid().as_raw());
            assert_ne!(found.inode, 0);
            assert_eq!(listed(remote, here), Some(found));
            // Kernels without the protocol answer nothing.
            assert!(asked_for(remote, here).is_none_or(|asked| asked == found));
        }
    }

    #[test]
    fn a_socket_that_only_listens_is_not_the_end_of_a_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (here, other) = (
            listener.local_addr().unwrap(),
            "127.0.0.1:1".parse().unwrap(),
        );
        assert_eq!(asked_for(here, other), None);
        assert_eq!(owner(here, other), None);
    }
}
