//! The sockets that the server accepts connections on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::{TcpListener, TcpSocket, lookup_host};

use crate::config::bind::BindAddress;

/// The number of connections that may wait to be accepted, as in tokio's own listeners.
const BACKLOG: u32 = 1024;
/// The number of attempts to find a port that is free at every address.
const ATTEMPTS: usize = 16;
/// Seconds of silence after which the system asks whether a client is still there, and between the
/// questions. A client that vanished, or that closed its connection while a plain answer was awaited,
/// says nothing by itself.
const PROBE_SECONDS: u32 = 15;
/// The number of unanswered questions after which the connection counts as broken.
const PROBES: u32 = 4;

/// Sockets that listen, at least one.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<TcpListener>,
    address: SocketAddr,
}

impl Listeners {
    /// Listens on every address that is meant. Those that this machine does not have are left out, as
    /// long as one remains: often there is no IPv6. One that is taken is an error, because clients
    /// that know the server by the same name would reach another program there.
    pub async fn open(bind: &BindAddress) -> io::Result<Self> {
        let addresses = addresses(bind).await?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            match open(&addresses) {
                Err(error)
                    if bind.port() == 0
                        && attempt < ATTEMPTS
                        && error.kind() == io::ErrorKind::AddrInUse => {}
                opened => return opened,
            }
        }
    }

    /// Returns the first address. All have the same port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the sockets.
    pub fn into_sockets(self) -> Vec<TcpListener> {
        self.sockets
    }
}

async fn addresses(bind: &BindAddress) -> io::Result<Vec<SocketAddr>> {
    let both = |v4: Ipv4Addr, v6: Ipv6Addr, port| {
        let addresses = [IpAddr::from(v4), IpAddr::from(v6)];
        addresses.map(|ip| SocketAddr::new(ip, port)).to_vec()
    };
    Ok(match bind {
        BindAddress::All(port) => both(Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED, *port),
        BindAddress::Localhost(port) => both(Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST, *port),
        BindAddress::Address(address) => vec![*address],
        BindAddress::Name { host, port } => {
            let mut found: Vec<_> = lookup_host((host.as_str(), *port)).await?.collect();
            // A resolver may list an address once for every kind of socket.
            found.sort(); // IPv4 before IPv6, as `SocketAddr` is ordered
            found.dedup();
            found
        }
    })
}

fn open(addresses: &[SocketAddr]) -> io::Result<Listeners> {
    let mut sockets = Vec::new();
    let mut first: Option<SocketAddr> = None;
    let mut unavailable = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        let mut address = *address;
        if let Some(first) = first {
            address.set_port(first.port());
        }
        match listen(address, addresses.len() > 1) {
            Ok(socket) => {
                first.get_or_insert(socket.local_addr()?);
                sockets.push(socket);
            }
            Err(error) if is_unavailable(&error) => unavailable = error,
            Err(error) => return Err(error),
        }
    }
    match first {
        Some(address) => Ok(Listeners { sockets, address }),
        None => Err(unavailable),
    }
}

/// Listens on one address. `has_siblings` says that others are listened on too, so that an IPv6 socket
/// for all addresses leaves those of IPv4 alone, whatever the system's default is.
fn listen(address: SocketAddr, has_siblings: bool) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if address.is_ipv6() && has_siblings {
        setsockopt(&socket, sockopt::Ipv6V6Only, &true)?;
    }
    // Accepted connections inherit these.
    setsockopt(&socket, sockopt::KeepAlive, &true)?;
    setsockopt(&socket, sockopt::TcpKeepIdle, &PROBE_SECONDS)?;
    setsockopt(&socket, sockopt::TcpKeepInterval, &PROBE_SECONDS)?;
    setsockopt(&socket, sockopt::TcpKeepCount, &PROBES)?;
    // A restarted server need not wait for the connections of the one before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Returns whether this machine does not have the address, or nothing of its kind.
fn is_unavailable(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(Errno::EAFNOSUPPORT as i32)
}
