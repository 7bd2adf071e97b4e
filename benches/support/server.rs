//! The server as people run it: the built program, in a process of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub(crate) const SECRET: &str = "a secret for benchmarks, which protects nothing";
const PATIENCE: Duration = Duration::from_mins(1);

/// The program that is measured: the one that `NAVI_BINARY` names, a release as `scripts/bench.sh` builds it, or
/// else one that is linked as these programs are.
pub(crate) fn measured() -> PathBuf {
    let named = std::env::var_os("NAVI_BINARY");
    named.map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_navi")), PathBuf::from)
}

/// A running `navi serve`. It is ended with this value.
pub(crate) struct Server {
    child: Child,
    pub(crate) pid: Pid,
    pub(crate) address: SocketAddr,
}

pub(crate) fn program(data: &Path) -> Command {
    with_settings(Command::new(measured()), data)
}

/// A command with the environment that servers have here.
pub(crate) fn with_settings(mut command: Command, data: &Path) -> Command {
    command
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("NAVI_DATA_DIR", data)
        .env("JWT_SECRET", SECRET)
        .env("NAVI_WRITES_PER_MINUTE", "0")
        .env("LOG_LEVEL", "warn");
    command
}

impl Server {
    /// Starts one over `data` with these settings. Also answers how long it took from the start of
    /// the process to the first answer that says it is ready.
    pub(crate) fn start(data: &Path, settings: &[(&str, &str)]) -> (Self, Duration) {
        // Free now, and nothing else on the machine asks for it by number.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        Self::start_as(program(data).arg("serve"), address, settings)
    }

    /// Starts one by a command that runs it, which listens on that address.
    pub(crate) fn start_as(
        command: &mut Command,
        address: SocketAddr,
        settings: &[(&str, &str)],
    ) -> (Self, Duration) {
        let began = Instant::now();
        let child = command
            .envs(settings.iter().copied())
            .env("NAVI_BIND", address.to_string())
            .stdin(Stdio::null())
            // Its address, which is known.
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let server = Self {
            child,
            pid,
            address,
        };
        while !is_ready(server.address) {
            assert!(began.elapsed() < PATIENCE, "the server is not ready");
            std::thread::sleep(Duration::from_millis(1));
        }
        let until_ready = began.elapsed();
        (server, until_ready)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that was killed and waited for is no process any more.
        if self.child.try_wait().unwrap().is_none() {
            kill(self.pid, Signal::SIGTERM).unwrap();
            self.child.wait().unwrap();
        }
    }
}

/// Asks once. The socket listens before the server does, so a question may wait for its answer.
fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.write_all(b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\n\r\n")?;
        let mut status = [0; 12];
        socket.read_exact(&mut status)?;
        Ok(&status == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}
