//! The sockets that a command may make, for [`crate::exec::sandbox::kernel::syscalls`].

use nix::libc;
use seccompiler::SeccompCondition;

use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::kernel::conditions::{is, is_masked, is_not};
use crate::exec::sandbox::wall::CommandNetwork;

/// The bits of a socket's type that are its type.
const SOCKET_TYPE: u64 = 0xf;

/// The first Landlock that knows connections over TCP.
const KNOWS_TCP: u8 = 4;

/// The part of a wall that a filter has to stand in for, where there are no namespaces.
#[derive(Clone, Copy, Debug)]
pub struct WithoutNamespaces {
    /// The network that the command may reach.
    pub network: CommandNetwork,
    /// The Landlock that bounds its files.
    pub landlock: u8,
}

/// The sockets that are refused: of other families, of other types, of other protocols.
pub(super) fn sockets(
    without: Option<WithoutNamespaces>,
) -> Result<Vec<Vec<SeccompCondition>>, WallError> {
    let (local, v4, v6, kernel) = (
        libc::AF_UNIX as u64,
        libc::AF_INET as u64,
        libc::AF_INET6 as u64,
        libc::AF_NETLINK as u64,
    );
    let (stream, datagram) = (libc::SOCK_STREAM as u64, libc::SOCK_DGRAM as u64);
    let tcp = libc::IPPROTO_TCP as u64;
    let free = without.is_none_or(|it| it.network == CommandNetwork::OfMachine);
    // Without namespaces a socket's path or name could lead to any program of the machine, and
    // connected pairs need no `socket`.
    let mut families = vec![v4, v6, kernel];
    if without.is_none() {
        families.push(local);
    }
    let mut refused = vec![
        families
            .iter()
            .map(|family| is_not(0, *family))
            .collect::<Result<Vec<_>, _>>()?,
        // Only what lists interfaces and routes.
        vec![is(0, kernel)?, is_not(2, libc::NETLINK_ROUTE as u64)?],
    ];
    for family in [v4, v6] {
        // Raw and whatever comes after it; the kernel knows none below.
        for other in (stream..=SOCKET_TYPE).filter(|it| *it != stream && !(free && *it == datagram))
        {
            refused.push(vec![is(0, family)?, is_masked(1, SOCKET_TYPE, other)?]);
        }
        // Of streams only TCP: Landlock knows no other.
        refused.push(vec![
            is(0, family)?,
            is_masked(1, SOCKET_TYPE, stream)?,
            is_not(2, 0)?,
            is_not(2, tcp)?,
        ]);
    }
    if !free && without.is_some_and(|it| it.landlock < KNOWS_TCP) {
        refused.push(vec![is(0, v4)?]);
        refused.push(vec![is(0, v6)?]);
    }
    Ok(refused)
}

/// The connected pairs that are refused: of other families, and without namespaces also those whose
/// ends may send to any other name.
pub(super) fn pairs(
    without: Option<WithoutNamespaces>,
) -> Result<Vec<Vec<SeccompCondition>>, WallError> {
    let mut refused = vec![vec![is_not(0, libc::AF_UNIX as u64)?]];
    if without.is_some() {
        let bound = [libc::SOCK_STREAM as u64, libc::SOCK_SEQPACKET as u64];
        for other in (0..=SOCKET_TYPE).filter(|it| !bound.contains(it)) {
            refused.push(vec![is_masked(1, SOCKET_TYPE, other)?]);
        }
    }
    Ok(refused)
}
