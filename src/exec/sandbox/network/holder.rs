//! The process that holds a run's network, and connects with what listens there.
//!
//! A network namespace can only be entered with the right to do so. So the server gets the sockets that
//! it needs from inside, already open. The first is a listening socket, for the proxy that is the only
//! way out. The holder is this program started again, with its standard input as the line to the server.
//! When the line ends, the holder ends, and the network with its last process.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};

use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::kernel::{namespaces, privileges};
use crate::exec::sandbox::network::descriptors;
use crate::exec::sandbox::wall::CommandUser;

/// The only argument of a holder, besides the user that it becomes, as `UID:GID`.
pub const ARGUMENT: &str = "__hold-network";

/// The word that comes with the listening socket; the others answer requests.
pub const READY: &str = "ready";
/// Comes with a connection.
pub const CONNECTED: &str = "connected";

/// The time that a program in the run has to accept a connection.
const CONNECTING: Duration = Duration::from_secs(2);

/// Acts as a holder when this program was started as one. Must be called before anything else in
/// `main`, while there is one thread.
pub fn main_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != ARGUMENT {
        return None;
    }
    let user = arguments.next().and_then(|user| CommandUser::parse(&user));
    Some(match hold(user) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

fn hold(user: Option<CommandUser>) -> std::io::Result<()> {
    let line = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let listener = match prepare(user) {
        Ok(listener) => listener,
        Err(error) => return (&line).write_all(format!("failed {error}").as_bytes()),
    };
    descriptors::send(&line, READY, &[listener.as_fd()])?;
    drop(listener);
    loop {
        let (word, _) = descriptors::receive(&line)?;
        if word.is_empty() {
            return Ok(());
        }
        match word
            .trim()
            .parse()
            .map_err(std::io::Error::other)
            .and_then(connect)
        {
            Ok(stream) => descriptors::send(&line, CONNECTED, &[stream.as_fd()])?,
            Err(error) => descriptors::send(&line, &format!("failed {error}"), &[])?,
        }
    }
}

fn prepare(user: Option<CommandUser>) -> Result<TcpListener, WallError> {
    if let Some(user) = user {
        privileges::become_user(user)?;
    }
    namespaces::leave_network()?;
    loopback_up().map_err(WallError::at("starting the network of the run"))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listener = listener.map_err(WallError::at("starting the network of the run"))?;
    privileges::drop_all()?;
    Ok(listener)
}

/// Connects with a program of the run. Some listen on only one of the two loopback addresses.
fn connect(port: u16) -> std::io::Result<TcpStream> {
    let to = |ip: IpAddr| TcpStream::connect_timeout(&SocketAddr::new(ip, port), CONNECTING);
    to(Ipv4Addr::LOCALHOST.into()).or_else(|_| to(Ipv6Addr::LOCALHOST.into()))
}

/// Switches the loopback interface on, by a message of `rtnetlink(7)`.
fn loopback_up() -> std::io::Result<()> {
    const NEW_LINK: u16 = 16;
    const REQUEST_AND_ACKNOWLEDGE: u16 = 1 | 4;
    const UP: u32 = 1;
    const LOOPBACK: u32 = 1;
    const ERROR: u16 = 2;
    let mut message = Vec::with_capacity(32);
    // nlmsghdr: length, type, flags, sequence, port.
    message.extend(32_u32.to_ne_bytes());
    message.extend(NEW_LINK.to_ne_bytes());
    message.extend(REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    message.extend([0; 8]);
    // ifinfomsg: family and type, index, flags, which flags change.
    message.extend([0; 4]);
    for word in [LOOPBACK, UP, UP] {
        message.extend(word.to_ne_bytes());
    }
    let kernel = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    let raw = std::os::fd::AsRawFd::as_raw_fd(&kernel);
    sendto(raw, &message, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    let mut answer = [0; 64];
    let length = recv(raw, &mut answer, MsgFlags::empty())?;
    let kind = answer.get(4..6).and_then(|it| it.try_into().ok());
    let code = answer.get(16..20).and_then(|it| it.try_into().ok());
    match (kind.map(u16::from_ne_bytes), code.map(i32::from_ne_bytes)) {
        (Some(ERROR), Some(0)) if length >= 20 => Ok(()),
        (_, code) => Err(std::io::Error::from_raw_os_error(-code.unwrap_or(-5))),
    }
}
