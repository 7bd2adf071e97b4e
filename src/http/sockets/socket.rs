//! The socket of a connection, shared by what speaks HTTP over it and by what watches its other end.
//!
//! A client may close its sending side when it has asked, as `nc -N` does, and still wait for its
//! answer. One that leaves closes both, which looks the same until something is sent to it. So a plain
//! answer is given to both, and the end of an event stream is the end of sending: there, closing the
//! connection is how clients stop a run.

use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, Response, header};
use hyper::body::{Frame, SizeHint};
use nix::sys::socket::{Shutdown, shutdown};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The timeout for a client to read the last answer of a connection and to close its side.
const LINGER: Duration = Duration::from_secs(5);
/// The number of bytes read at a time of late data from a client.
const DISCARD_BUFFER_BYTES: usize = 4 * 1024;

/// A connected socket; cheap to clone.
#[derive(Clone, Debug)]
pub struct Socket(Arc<TcpStream>);

impl Socket {
    /// Shares a connection.
    pub fn new(stream: TcpStream) -> Self {
        // Frames of a stream are small and should leave at once.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
        Self(Arc::new(stream))
    }

    /// Resolves when the client has closed its sending side, or is gone.
    async fn closed(&self) {
        // Interest in what is readable would end with everything that the client sends; this ends with
        // urgent data, which is not registered for, and with the end of sending.
        let _ready = self.0.ready(Interest::PRIORITY).await;
    }

    /// Resolves when the connection is broken: the client is gone and answers with a reset, or does
    /// not answer any more.
    pub async fn broken(&self) {
        let _ready = self.0.ready(Interest::ERROR).await;
    }

    /// Ends an answer early when the client closes its sending side, if the answer is an event stream.
    pub fn guard(&self, response: Response<Body>) -> Response<Body> {
        let kind = response.headers().get(header::CONTENT_TYPE);
        let is_stream = |kind: &HeaderValue| kind.as_bytes().starts_with(b"text/event-stream");
        if !kind.is_some_and(is_stream) {
            return response;
        }
        let socket = self.clone();
        response.map(|body| {
            Body::new(Guarded {
                body,
                closed: Box::pin(async move { socket.closed().await }),
            })
        })
    }

    /// Lets the client read the last answer before the socket is closed: closing it while the client
    /// still sends resets the connection, and the answer may be lost with it.
    pub async fn linger(&self) {
        self.end_sending();
        let _in_time = timeout(LINGER, self.discard()).await;
    }

    async fn discard(&self) {
        // On the heap: it would be part of every connection, from its beginning.
        let mut discarded = vec![0; DISCARD_BUFFER_BYTES];
        while self.0.readable().await.is_ok() {
            match self.0.try_read(&mut discarded) {
                Ok(0) => return,
                // A client that sends faster than this reads would keep the thread for itself, and the
                // timeout from being looked at.
                Ok(_) => tokio::task::coop::consume_budget().await,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(cx))?;
            match write(&self.0) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn end_sending(&self) {
        // It fails when the client is gone, and then nothing is to be ended.
        let _gone = shutdown(self.0.as_raw_fd(), Shutdown::Write);
    }
}

/// An event stream that fails when its client closes the connection.
struct Guarded {
    body: Body,
    closed: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if this.closed.as_mut().poll(cx).is_ready() {
            let left = io::Error::from(io::ErrorKind::ConnectionAborted);
            return Poll::Ready(Some(Err(axum::Error::new(left))));
        }
        Pin::new(&mut this.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(cx))?;
            match self.0.try_read_buf(buf) {
                Ok(_) => return Poll::Ready(Ok(())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end_sending();
        Poll::Ready(Ok(()))
    }
}
