//! Open files and connections of a process: their limit, their names, and accepting more.

use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};

/// The pause after a failure to accept, most often for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// The limit that programs expect: some pass over every number up to the limit, and `select` knows no
/// more.
const USUAL: u64 = 1024;

/// Raises the limit of this process as far as it may: every connection and every stream takes one
/// descriptor, and the usual limit is lower than the number of streams a server can have.
pub fn raise_limit() -> std::io::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, most, most)?)
}

/// Takes the raise back, for a program that is about to be started. It may raise it again.
pub fn usual_limit() -> std::io::Result<()> {
    let (now, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, now.min(USUAL), most)?)
}

/// The name under which this process, and a child before it becomes another program, reaches an
/// open descriptor: immune to renames of the path it was opened by.
pub fn descriptor_path(descriptor: &impl AsRawFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd()))
}

/// The next connection. A failure is logged under the name of the listener, and tried again.
pub async fn accept(listener: &TcpListener, name: &'static str) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // The client thought better of it.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionAborted
                        | ErrorKind::ConnectionRefused
                        | ErrorKind::ConnectionReset
                ) => {}
            Err(error) => {
                tracing::error!(%error, listener = name, "no connection can be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_goes_up_and_comes_back() {
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        raise_limit().unwrap();
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (most, most));
        usual_limit().unwrap();
        let usual = most.min(USUAL);
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (usual, most));
    }
}
