//! The proxy of a run: the listener inside its network, served from outside.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::exec::egress::connection::{ConnectionSink, RefusalMark, RefusedHost};
use crate::exec::egress::dial::Dialer;
use crate::exec::egress::error::EgressError;
use crate::exec::egress::forward::serve;
use crate::exec::egress::hosts::RunHosts;
use crate::exec::egress::limits::EgressLimits;
use crate::exec::egress::served::ServedRun;
use crate::platform::metrics::Metrics;
use crate::platform::process::descriptors::accept;
use crate::platform::tasks::Tasks;

/// The parts that the proxies of all runs share.
#[derive(Clone)]
pub struct EgressProxy {
    limits: EgressLimits,
    dialer: Dialer,
    metrics: Metrics,
}

impl std::fmt::Debug for EgressProxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EgressProxy")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl EgressProxy {
    /// Proxies with these bounds, whose connections are made so and counted there.
    pub fn new(limits: EgressLimits, dialer: Dialer, metrics: Metrics) -> Self {
        Self {
            limits,
            dialer,
            metrics,
        }
    }

    /// Serves a run's listener until the handle is dropped or the process ends.
    ///
    /// The listener may stand in another network namespace: connections that it accepts stay there,
    /// and those to hosts are made in ours.
    pub fn serve(
        &self,
        listener: std::net::TcpListener,
        hosts: RunHosts,
        sink: Arc<dyn ConnectionSink>,
        tasks: &Tasks,
    ) -> Result<RunEgress, EgressError> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let run = ServedRun::new(
            self.limits,
            self.dialer.clone(),
            hosts,
            sink,
            self.metrics.clone(),
        );
        let egress = RunEgress {
            run: Arc::new(run),
            address,
            stop: tasks.stopping().child_token(),
            connections: TaskTracker::new(),
        };
        let accepting = accept_all(
            listener,
            egress.run.clone(),
            egress.stop.clone(),
            egress.connections.clone(),
            tasks.clone(),
        );
        tasks.spawn(egress.connections.track_future(accepting));
        Ok(egress)
    }
}

/// The way out of one run. When it is dropped, the way and all connections that took it are closed.
pub struct RunEgress {
    run: Arc<ServedRun>,
    address: SocketAddr,
    stop: CancellationToken,
    connections: TaskTracker,
}

impl std::fmt::Debug for RunEgress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RunEgress({})", self.address)
    }
}

impl Drop for RunEgress {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl RunEgress {
    /// The address of the listener, in its own network.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The hosts that the run may reach. A host that is added is allowed from the next connection on.
    pub fn hosts(&self) -> &RunHosts {
        &self.run.hosts
    }

    /// The present end of the list of refusals.
    pub fn refusal_mark(&self) -> RefusalMark {
        self.run.refusals.mark()
    }

    /// The hosts that were refused since then, each once, the latest last.
    pub fn refusals_since(&self, mark: RefusalMark) -> Vec<RefusedHost> {
        self.run.refusals.since(mark)
    }

    /// Closes the way out, and waits until every connection has ended and was told of.
    pub async fn close(self) {
        self.stop.cancel();
        self.connections.close();
        self.connections.wait().await;
    }
}

/// Variables that name a proxy at this port of the programs' own loopback, and exempt addresses on the
/// loopback from it.
pub fn proxy_variables(port: u16) -> [(&'static str, String); 8] {
    let proxy = format!("http://127.0.0.1:{port}");
    let direct = "localhost,127.0.0.1,::1".to_owned();
    [
        ("HTTP_PROXY", proxy.clone()),
        ("HTTPS_PROXY", proxy.clone()),
        ("ALL_PROXY", proxy.clone()),
        ("NO_PROXY", direct.clone()),
        ("http_proxy", proxy.clone()),
        ("https_proxy", proxy.clone()),
        ("all_proxy", proxy),
        ("no_proxy", direct),
    ]
}

/// Accepts connections until `stop`, and serves each in a task of its own.
async fn accept_all(
    listener: TcpListener,
    run: Arc<ServedRun>,
    stop: CancellationToken,
    connections: TaskTracker,
    tasks: Tasks,
) {
    let room = Arc::new(Semaphore::new(run.limits.connections));
    let accepting = async {
        // A client that finds no room waits in the kernel's queue. The semaphore is never closed.
        while let Ok(place) = room.clone().acquire_owned().await {
            let client = accept(&listener, "the proxy of a run").await;
            let (serving, stop) = (serve(run.clone(), client), stop.clone());
            tasks.spawn(connections.track_future(async move {
                tokio::select! {
                    () = serving => {}
                    () = stop.cancelled() => {}
                }
                drop(place);
            }));
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stop.cancelled() => {}
    }
}
