//! A port of a run's server on this machine's own loopback address, so that a person can look at it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::exec::process::Processes;
use crate::platform::process::descriptors::accept;
use crate::platform::tasks::Tasks;

/// A port that leads into a run. When it is dropped, it and its connections are closed.
#[derive(Debug)]
pub struct Forward {
    address: SocketAddr,
    stop: CancellationToken,
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Forward {
    /// Opens the same port on this machine, or any free one when that is taken.
    pub async fn open(processes: &Processes, port: u16, tasks: &Tasks) -> io::Result<Self> {
        let listener = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?,
        };
        let forward = Self {
            address: listener.local_addr()?,
            stop: tasks.stopping().child_token(),
        };
        let (stop, accepting) = (forward.stop.clone(), tasks.clone());
        let processes = processes.clone();
        tasks.spawn(async move {
            let accepting = accept_all(listener, processes, port, stop.clone(), accepting);
            stop.run_until_cancelled(accepting).await;
        });
        Ok(forward)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept_all(
    listener: TcpListener,
    processes: Processes,
    port: u16,
    stop: CancellationToken,
    tasks: Tasks,
) {
    loop {
        let outside = accept(&listener, "a forwarded port").await;
        let (processes, stop) = (processes.clone(), stop.clone());
        tasks.spawn(async move {
            stop.run_until_cancelled(connect(outside, &processes, port))
                .await;
        });
    }
}

async fn connect(mut outside: TcpStream, processes: &Processes, port: u16) {
    // A port that does not answer inside is closed outside, as any server's port would be.
    if let Some(Ok(mut inside)) = processes.connect(port).await {
        let _ended = copy_bidirectional(&mut outside, &mut inside).await;
    }
}
