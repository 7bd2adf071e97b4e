//! Connections: accepted, bounded in how slowly they may ask, ended in good order.

use std::time::Duration;

use axum::Router;
use futures_util::future::join_all;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::http::guard::host::CameOverWire;
use crate::http::sockets::listeners::Listeners;
use crate::http::sockets::peers::ConnectionEnds;
use crate::http::sockets::socket::Socket;
use crate::platform::descriptors::accept;
use crate::platform::tasks::Tasks;

/// How long a client may take for the head of its next request, and so how long a connection may
/// be idle. More than the minute after which the usual load balancers let go of one, so that none
/// of them sends a request into a connection that we are closing.
pub const HEAD_TIME: Duration = Duration::from_secs(75);

/// How long connections that were just made have for their first request once no more are taken. A proxy
/// that sent one is told nothing of it when the connection closes, and may not send what changes something again.
const LATE: Duration = Duration::from_millis(500);

/// How long an end waits for one more connection among those that wait to be taken.
const NO_MORE: Duration = Duration::from_millis(5);

/// The largest head of a request, in bytes. It is also what a connection may read ahead, which counts
/// when thousands of them send at once.
const HEAD_BYTES: usize = 32 * 1024;

/// Serves until `stop`, then takes the connections that wait, ends idle ones, lets the others finish
/// their answer, and returns. What is still open when `tasks` end is dropped.
pub async fn serve(
    listeners: Listeners,
    router: Router,
    tasks: Tasks,
    stop: CancellationToken,
    head_time: Duration,
) {
    // HTTP/1 alone: what stands in front of servers speaks it, and nothing else does without TLS.
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(head_time)
        // See the socket: what a client means by it depends on the answer.
        .half_close(true)
        .max_buf_size(HEAD_BYTES);
    let server = Server {
        http,
        router,
        tasks,
        open: GracefulShutdown::new(),
    };
    let sockets = listeners.into_sockets();
    let accepting = sockets
        .iter()
        .map(|socket| server.accept_from(socket, &stop));
    join_all(accepting).await;
    let waiting = sockets.iter().map(|socket| server.take_waiting(socket));
    // What keeps coming must not keep the server.
    let _all_or_late = tokio::time::timeout(LATE, join_all(waiting)).await;
    drop(sockets);
    tokio::time::sleep(LATE).await;
    server.open.shutdown().await;
}

/// What every connection is served with.
struct Server {
    http: http1::Builder,
    router: Router,
    tasks: Tasks,
    open: GracefulShutdown,
}

impl Server {
    /// Serves the connections of one socket until `stop`.
    async fn accept_from(&self, listener: &TcpListener, stop: &CancellationToken) {
        loop {
            let stream = tokio::select! {
                stream = accept(listener, "the server") => stream,
                () = stop.cancelled() => return,
            };
            self.serve(stream);
        }
    }

    /// Serves the connections that the system has made and nobody has taken yet: with the socket they
    /// would be reset.
    async fn take_waiting(&self, listener: &TcpListener) {
        while let Ok(stream) = tokio::time::timeout(NO_MORE, accept(listener, "the server")).await {
            self.serve(stream);
        }
    }

    fn serve(&self, stream: TcpStream) {
        let ends = ends(&stream);
        let socket = Socket::new(stream);
        let (guard, io) = (socket.clone(), TokioIo::new(socket.clone()));
        let answering = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            if let Some(ends) = ends {
                request.extensions_mut().insert(ends);
            }
            request.extensions_mut().insert(CameOverWire);
            let (answer, guard) = (answering.call(request), guard.clone());
            async move { answer.await.map(|response| guard.guard(response)) }
        });
        let connection = self.open.watch(self.http.serve_connection(io, service));
        let stopping = self.tasks.stopping();
        self.tasks.spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                },
                () = socket.broken() => tracing::debug!("a client is gone"),
                () = stopping.cancelled() => return,
            }
            tokio::select! {
                () = socket.linger() => {}
                () = stopping.cancelled() => {}
            }
        });
    }
}

/// Both ends of a connection; none when it is gone already.
fn ends(stream: &TcpStream) -> Option<ConnectionEnds> {
    Some(ConnectionEnds {
        remote: stream.peer_addr().ok()?,
        local: stream.local_addr().ok()?,
    })
}
