//! The service behind a real socket, and a client that writes its own bytes.

use std::net::SocketAddr;
use std::time::Duration;

use navi::http::sockets::connections::{Departure, serve};
use navi::http::sockets::listeners::Listeners;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::support::app::TestApp;

/// The silence after which a test gives up on the server.
const PATIENCE: Duration = Duration::from_secs(40);

/// Serves the tests' application on a port of its own.
pub(crate) async fn listen(app: &TestApp, head_time: Duration) -> (SocketAddr, CancellationToken) {
    let bind = "127.0.0.1:0".parse().unwrap();
    let listeners = Listeners::open(&bind).await.unwrap();
    let address = listeners.address();
    let departure = Departure::default();
    let stop = departure.begun.clone();
    let (router, tasks) = (navi::http::router::router(&app.app), app.app.tasks.clone());
    let serving = serve(listeners, router, tasks, departure, head_time);
    app.app.tasks.spawn(serving);
    (address, stop)
}

/// A client with a token.
pub(crate) struct Wire {
    address: SocketAddr,
    token: String,
    _stop: CancellationToken,
}

impl Wire {
    /// Serves the application, and is a client of it.
    pub(crate) async fn to(app: &TestApp, token: String) -> Self {
        let (address, stop) = listen(app, Duration::from_mins(1)).await;
        Self {
            address,
            token,
            _stop: stop,
        }
    }

    /// Opens a connection and sends the head of a request whose body has this many bytes.
    pub(crate) async fn head(&self, method: &str, path: &str, bytes: usize) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: navi\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {bytes}\r\n\r\n",
            self.token
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    /// Opens a connection and sends a whole request.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> TcpStream {
        let mut stream = self.head(method, path, body.len()).await;
        stream.write_all(body.as_bytes()).await.unwrap();
        stream
    }
}

/// Reads what the server says until it closes the connection.
pub(crate) async fn until_closed(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    let reading = stream.read_to_end(&mut said);
    // A reset is an end too.
    let _end = tokio::time::timeout(PATIENCE, reading).await.unwrap();
    String::from_utf8_lossy(&said).into_owned()
}

/// Reads what the server says until this was among it.
pub(crate) async fn until_said(stream: &mut TcpStream, text: &str) -> String {
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains(text) {
        let reading = stream.read_buf(&mut said);
        let read = tokio::time::timeout(PATIENCE, reading).await.unwrap();
        let so_far = String::from_utf8_lossy(&said);
        assert_ne!(read.unwrap(), 0, "{text:?} was never said: {so_far}");
    }
    String::from_utf8_lossy(&said).into_owned()
}
