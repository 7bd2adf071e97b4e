//! Tells connections from processes that a run started.
//!
//! The kernel names the owner of a socket by its inode (`/proc/net/tcp`), and a process shows which
//! inodes it holds (`/proc/PID/fd`). Everything that a run starts is below this process, because its
//! supervisors adopt what is orphaned, and carries the run's mark.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::exec::supervision::sweep::MARK;

/// Answers whether a connection that arrived at `local` from `remote` may come from a process of a
/// run. That its socket is another user's says nothing: what a run starts may become another user.
/// Where its owner cannot be found, doubt counts against it.
pub fn is_of_a_run(remote: SocketAddr, local: SocketAddr) -> bool {
    let Some(socket) = socket(remote, local) else {
        // It is of another machine, or was closed before anybody could ask whose it was.
        return remote.ip() == local.ip() || is_of_this_machine(remote.ip());
    };
    let processes = ProcessTable::look();
    match processes.holder(socket.inode) {
        Some(pid) => processes.is_of_a_run(pid),
        // A process can hide its files; one that is not below this one has no reason here. A proxy of
        // another user hides them from this one, and is no process of a run.
        None => socket.inode == 0 || processes.hides_one_of(socket.user),
    }
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

/// A connected socket as the kernel lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SocketEntry {
    user: u32,
    inode: u64,
}

fn socket(own: SocketAddr, other: SocketAddr) -> Option<SocketEntry> {
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

/// All processes, by their parents.
struct ProcessTable {
    parents: HashMap<u32, u32>,
}

impl ProcessTable {
    fn look() -> Self {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let parents = pids.filter_map(|pid: u32| Some((pid, parent(pid)?)));
        Self {
            parents: parents.collect(),
        }
    }

    fn holder(&self, inode: u64) -> Option<u32> {
        let wanted = format!("socket:[{inode}]");
        let holds = |pid: &&u32| files(**pid).is_some_and(|files| files.contains(&wanted));
        // Of several that share it, one of a run counts.
        let (of_runs, others): (Vec<u32>, Vec<u32>) = self
            .parents
            .keys()
            .filter(holds)
            .partition(|pid| self.is_of_a_run(**pid));
        of_runs.into_iter().chain(others).next()
    }

    /// True if a process of this user below this one does not show which files it holds.
    fn hides_one_of(&self, user: u32) -> bool {
        let mut below = self.parents.keys().filter(|pid| self.is_below(**pid));
        below.any(|pid| files(*pid).is_none() && users(*pid).contains(&user))
    }

    fn is_of_a_run(&self, pid: u32) -> bool {
        self.is_below(pid) || is_marked(pid)
    }

    fn is_below(&self, pid: u32) -> bool {
        let own = std::process::id();
        let mut at = pid;
        // A process that ends meanwhile can leave a circle behind.
        let mut seen = HashSet::new();
        while let Some(parent) = self.parents.get(&at).filter(|_| seen.insert(at)) {
            if *parent == own {
                return true;
            }
            at = *parent;
        }
        false
    }
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold some itself.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(1)?.parse().ok()
}

/// The users that a process is, or can become again: real, effective, saved, and of its files. None for
/// one that is gone.
fn users(pid: u32) -> Vec<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let ids = line.unwrap_or_default().split_whitespace();
    ids.filter_map(|id| id.parse().ok()).collect()
}

/// The targets of a process's file descriptors; none where they are not shown.
fn files(pid: u32) -> Option<HashSet<String>> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let targets = entries
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok());
    Some(
        targets
            .map(|target| target.to_string_lossy().into_owned())
            .collect(),
    )
}

fn is_marked(pid: u32) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let name = format!("{MARK}=");
    environment
        .split(|byte| *byte == 0)
        .any(|variable| variable.starts_with(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

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
    fn the_holder_of_a_connection_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_server, remote) = listener.accept().unwrap();
        let found = socket(remote, listener.local_addr().unwrap()).unwrap();
        assert_eq!(found.user, nix::unistd::getuid().as_raw());
        assert!(users(std::process::id()).contains(&found.user));
        let processes = ProcessTable::look();
        assert_eq!(processes.holder(found.inode), Some(std::process::id()));
        assert!(!processes.is_below(std::process::id()));
        assert!(!is_of_a_run(remote, listener.local_addr().unwrap()));
        drop(client);
    }

    #[test]
    fn a_child_that_became_another_user_is_of_a_run() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let code = format!("exec 3<>/dev/tcp/127.0.0.1/{}; read -u 3", address.port());
        #[expect(clippy::disallowed_methods, reason = "stands for a command of a run")]
        let mut command = Command::new("bash");
        command.args(["-c", &code]);
        // Nobody else can become another user.
        if nix::unistd::geteuid().is_root() {
            command.uid(65_534).gid(65_534);
        }
        let mut child = command.spawn().unwrap();
        let (server, remote) = listener.accept().unwrap();
        assert!(is_of_a_run(remote, address));
        drop(server);
        child.wait().unwrap();
    }
}
