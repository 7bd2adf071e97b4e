//! The answer to where a connection comes from.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::exec::peer::processes::ProcessTable;
use crate::exec::peer::socket::owner;

/// Answers whether a connection that arrived at `local` from `remote` may come from a process of a
/// run. That its socket is another user's says nothing: what a run starts may become another user.
/// Where its owner cannot be found, doubt counts against it.
pub fn is_of_a_run(remote: SocketAddr, local: SocketAddr) -> bool {
    let Some(socket) = owner(remote, local) else {
        // It is of another machine, or was closed before its owner could be asked for.
        return remote.ip() == local.ip() || is_of_this_machine(remote.ip());
    };
    let processes = ProcessTable::look();
    if processes.run_holds(socket.inode) {
        return true;
    }
    // A process can hide its files; one that is not below this one has no reason here. A proxy of
    // another user hides them from this one, and is no process of a run.
    let is_in_doubt = socket.inode == 0 || processes.hides_one_of(socket.user);
    is_in_doubt && !processes.any_holds(socket.inode)
}

/// True if an address is one of this machine, whatever its interface.
fn is_of_this_machine(ip: IpAddr) -> bool {
    let tables = ["/proc/net/fib_trie", "/proc/net/if_inet6"];
    let [own_v4, own_v6] = tables.map(|path| fs::read_to_string(path).unwrap_or_default());
    match ip.to_canonical() {
        ip if ip.is_loopback() => true,
        IpAddr::V4(ip) => is_local_v4(&own_v4, ip),
        IpAddr::V6(ip) => {
            let digits = format!("{:032x}", ip.to_bits());
            own_v6.lines().any(|line| line.starts_with(&digits))
        }
    }
}

/// True if the table of routes has an address as one of this machine: `|-- address`, and below it
/// `/32 host LOCAL`.
fn is_local_v4(table: &str, ip: Ipv4Addr) -> bool {
    let mut lines = table.lines().map(str::trim).peekable();
    let wanted = format!("|-- {ip}");
    while let Some(line) = lines.next() {
        if line == wanted && lines.peek().is_some_and(|next| next.contains("host LOCAL")) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn an_address_of_another_interface_is_of_this_machine() {
        let table = "Main:\n  +-- 10.0.0.0/8 2 0 2\n     |-- 10.0.0.4\n        /32 host LOCAL\n     \
                     |-- 10.0.0.255\n        /32 link BROADCAST\n";
        assert!(is_local_v4(table, Ipv4Addr::new(10, 0, 0, 4)));
        assert!(!is_local_v4(table, Ipv4Addr::new(10, 0, 0, 255)));
        assert!(!is_local_v4(table, Ipv4Addr::new(10, 0, 0, 40)));
        assert!(is_of_this_machine(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9))));
        assert!(!is_of_this_machine(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))));
    }

    #[test]
    fn a_child_that_became_another_user_under_a_name_of_its_own_is_of_a_run() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // It can also give itself a name that is no text.
        let code = format!(
            "printf '\\xff' > /proc/$$/comm; exec 3<>/dev/tcp/127.0.0.1/{}; read -u 3",
            address.port()
        );
        #[expect(clippy::disallowed_methods, reason = "stands for a command of a run")]
        let mut command = Command::new("bash");
        command.args(["-c", &code]);
        // Only root can become another user.
        if nix::unistd::geteuid().is_root() {
            command.uid(65_534).gid(65_534);
        }
        let mut child = command.spawn().unwrap();
        let (server, remote) = listener.accept().unwrap();
        assert!(is_of_a_run(remote, address));
        drop(server);
        child.wait().unwrap();
    }

    #[test]
    fn a_connection_of_this_process_is_of_no_run() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_server, remote) = listener.accept().unwrap();
        assert!(!is_of_a_run(remote, listener.local_addr().unwrap()));
        drop(client);
    }
}
