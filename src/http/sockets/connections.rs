//! Connections: accepted, bounded in how slowly they may ask, ended in good order.

use std::convert::Infallible;
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
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::http::guard::host::CameOverWire;
use crate::http::sockets::arrivals::Arrivals;
use crate::http::sockets::listeners::Listeners;
use crate::http::sockets::peers::ConnectionEnds;
use crate::http::sockets::refused::InWords;
use crate::http::sockets::socket::Socket;
use crate::platform::process::descriptors::accept;
use crate::platform::tasks::Tasks;

/// The timeout for the head of a client's next request, and so the longest idle time of a connection. It
/// is more than the minute after which the usual load balancers close a connection, so that none of them
/// sends a request into a connection that we are closing.
pub const HEAD_TIME: Duration = Duration::from_secs(75);

/// The largest head of a request, in bytes. It is also what a connection may read ahead, which counts
/// when thousands of them send at once.
const HEAD_BYTES: usize = 32 * 1024;

/// The longest that a server which ends goes on accepting what arrives without a pause.
const DEPARTURE: Duration = Duration::from_secs(5);

/// The longest that it waits for requests on connections that it accepted.
const LAST_READ: Duration = Duration::from_secs(1);

/// The stages of a server's end.
#[derive(Clone, Debug, Default)]
pub struct Departure {
    /// Cancelled when the server is to end.
    pub begun: CancellationToken,
    /// Cancelled when nothing arrives any more: the sockets are closed.
    pub closed: CancellationToken,
}

/// Serves until the departure begins. Then takes late arrivals for a while, ends idle connections, lets
/// the others finish their answer, and returns. Connections that are still open when `tasks` end are
/// dropped.
pub async fn serve(
    listeners: Listeners,
    router: Router,
    tasks: Tasks,
    departure: Departure,
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
        arrivals: Arrivals::default(),
    };
    let sockets = listeners.into_sockets();
    let accepting = join_all(sockets.iter().map(|socket| server.accept_from(socket)));
    tokio::select! {
        _ = accepting => {}
        () = server.departed(&departure.begun) => {}
    }
    for socket in sockets {
        server.accept_waiting(socket);
    }
    // Those that were accepted last have not been read.
    let _in_time = timeout(LAST_READ, server.arrivals.quiet()).await;
    departure.closed.cancel();
    server.open.shutdown().await;
}

/// The parts that every connection is served with.
struct Server {
    http: http1::Builder,
    router: Router,
    tasks: Tasks,
    open: GracefulShutdown,
    arrivals: Arrivals,
}

impl Server {
    /// Serves the connections of one socket.
    async fn accept_from(&self, listener: &TcpListener) {
        loop {
            self.serve(accept(listener, "the server").await);
        }
    }

    /// Resolves when the departure has begun and nothing more arrives, or too much does.
    async fn departed(&self, begun: &CancellationToken) {
        begun.cancelled().await;
        self.arrivals.leave();
        let _in_time = timeout(DEPARTURE, self.arrivals.quiet()).await;
    }

    /// Serves what waits to be accepted, since closing the socket would reset it.
    fn accept_waiting(&self, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else {
            return;
        };
        while let Ok((stream, _)) = listener.accept() {
            let stream = stream.set_nonblocking(true).map(|()| stream);
            match stream.and_then(TcpStream::from_std) {
                Ok(stream) => self.serve(stream),
                Err(error) => tracing::debug!(%error, "a connection ended early"),
            }
        }
    }

    fn serve(&self, stream: TcpStream) {
        self.arrivals.note();
        let arrivals = self.arrivals.clone();
        let ends = ends(&stream);
        let socket = Socket::new(stream);
        let (guard, io) = (socket.clone(), TokioIo::new(InWords::over(socket.clone())));
        let answering = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            if let Some(ends) = ends {
                request.extensions_mut().insert(ends);
            }
            request.extensions_mut().insert(CameOverWire);
            arrivals.note();
            let (answer, guard) = (answering.call(request), guard.clone());
            let arrivals = arrivals.clone();
            async move {
                let response = answer.await?;
                Ok::<_, Infallible>(guard.guard(arrivals.answer(response)))
            }
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
