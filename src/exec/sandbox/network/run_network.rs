//! The network of a run, as the server sees it: a proxy's socket inside, and connections on demand.

use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use crate::exec::sandbox::error::WallError;
use crate::exec::sandbox::network::{descriptors, holder};
use crate::exec::sandbox::wall::CommandUser;
use crate::platform::sync::lock;

/// The time that a holder has for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The network of one run. It ends with this value and the run's last process.
#[derive(Debug)]
pub struct RunNetwork {
    /// Until it is waited for, its id is no other process's.
    holder: Child,
    line: Mutex<UnixStream>,
}

impl RunNetwork {
    /// Makes a network, and the socket in it on which a proxy is to listen. Blocks.
    pub fn open(
        program: &Path,
        user: Option<CommandUser>,
    ) -> Result<(Self, TcpListener), WallError> {
        let failed = "starting the network of the run";
        let (line, theirs) = UnixStream::pair().map_err(WallError::at(failed))?;
        line.set_read_timeout(Some(PATIENCE))
            .map_err(WallError::at(failed))?;
        #[expect(
            clippy::disallowed_methods,
            reason = "this is where the holders of networks are started"
        )]
        let mut command = Command::new(program);
        command
            .arg0("navi-network")
            .arg(holder::ARGUMENT)
            .args(user.map(|user| user.to_string()))
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let started = command.spawn().map_err(WallError::at(failed))?;
        drop(command);
        let (word, mut received) = descriptors::receive(&line).map_err(WallError::at(failed))?;
        let Some(listener) = received.pop().filter(|_| word == holder::READY) else {
            return Err(WallError::new(failed, word));
        };
        let network = Self {
            holder: started,
            line: Mutex::new(line),
        };
        Ok((network, TcpListener::from(listener)))
    }

    /// The process that holds it.
    pub fn holder(&self) -> i32 {
        self.holder.id().cast_signed()
    }

    /// Connects with a program of the run that listens on its loopback address. Blocks.
    pub fn connect(&self, port: u16) -> std::io::Result<TcpStream> {
        let line = lock(&self.line);
        descriptors::send(&line, &port.to_string(), &[])?;
        let (word, mut received) = descriptors::receive(&line)?;
        match received.pop() {
            Some(stream) => Ok(TcpStream::from(stream)),
            None => Err(std::io::Error::other(
                word.strip_prefix("failed ").unwrap_or(&word).to_owned(),
            )),
        }
    }
}

impl Drop for RunNetwork {
    fn drop(&mut self) {
        // It holds nothing that a clean end would save.
        let _ended = self.holder.kill();
        if let Err(error) = self.holder.wait() {
            tracing::warn!(%error, "the holder of a run's network could not be waited for");
        }
    }
}
