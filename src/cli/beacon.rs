//! Where a server listens, for the commands beside it that use the same data folder.
//!
//! Each server keeps a file in `servers` below the data folder, and a lock on it. The kernel lets go of the
//! lock when the server is gone, however it ended, so that what a lost server left behind is told from what
//! is true.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use url::Url;

/// The folder of the files, below the data folder.
const FOLDER: &str = "servers";

/// The file of this process; gone with this value.
#[derive(Debug)]
pub struct Beacon {
    path: PathBuf,
    _lock: File,
}

/// A server that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundServer {
    /// Its address.
    pub url: Url,
    /// Its process.
    pub process: String,
}

impl Beacon {
    /// Tells that this process listens at an address.
    pub fn light(data_dir: &Path, address: SocketAddr) -> io::Result<Self> {
        let folder = data_dir.join(FOLDER);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)?;
        let process = std::process::id();
        let name = format!("{process}-{:016x}", rand::random::<u64>());
        // Locked before it has its name, so that it is never found without its lock.
        let draft = folder.join(format!(".{name}"));
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&draft)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
        })?;
        writeln!(file, "http://{}\n{process}", reachable(address))?;
        let path = folder.join(name);
        std::fs::rename(&draft, &path)?;
        Ok(Self { path, _lock: file })
    }
}

impl Drop for Beacon {
    fn drop(&mut self) {
        let _gone = std::fs::remove_file(&self.path);
    }
}

/// A server over this data folder, if one runs.
pub fn find(data_dir: &Path) -> Option<FoundServer> {
    let entries = std::fs::read_dir(data_dir.join(FOLDER))
        .into_iter()
        .flatten();
    let paths = entries.flatten().map(|entry| entry.path());
    let mut found: Vec<_> = paths.filter_map(|path| read(&path)).collect();
    // The same one each time where there are several.
    found.sort_by(|one, other| one.url.cmp(&other.url));
    found.into_iter().next()
}

fn read(path: &Path) -> Option<FoundServer> {
    let file = File::open(path).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {}
        Ok(()) => {
            // Its server is gone.
            let _gone = std::fs::remove_file(path);
            return None;
        }
        Err(TryLockError::Error(_)) => return None,
    }
    let text = io::read_to_string(file).ok()?;
    let mut lines = text.lines();
    let url = Url::parse(lines.next()?).ok()?;
    let process = lines.next()?.to_owned();
    Some(FoundServer { url, process })
}

/// The address by which a program on this machine comes to a server that listens there.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_found_as_long_as_it_lives() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(find(data.path()), None);
        let beacon = Beacon::light(data.path(), "0.0.0.0:8787".parse().unwrap()).unwrap();
        let found = find(data.path()).unwrap();
        assert_eq!(found.url.as_str(), "http://127.0.0.1:8787/");
        assert_eq!(found.process, std::process::id().to_string());
        drop(beacon);
        assert_eq!(find(data.path()), None);
    }

    #[test]
    fn what_a_lost_server_left_is_removed() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join(FOLDER);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("1-1"), "http://127.0.0.1:1\n1\n").unwrap();
        assert_eq!(find(data.path()), None);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    }
}
