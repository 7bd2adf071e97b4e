//! A client over one kept connection that knows when each frame of an answer arrived. It blocks and
//! does nothing else, so that what is measured is the server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::clock::nanos;

pub(crate) struct Connection {
    socket: TcpStream,
    waiting: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        Self {
            socket,
            waiting: Vec::new(),
        }
    }

    pub(crate) fn post(&mut self, path: &str, token: &str, body: &str) {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.socket.write_all(request.as_bytes()).unwrap();
    }

    /// Hands over every frame of the answer, with the time of the read that completed it.
    pub(crate) fn frames(&mut self, mut each: impl FnMut(&str, u64)) {
        let mut packet = vec![0; 64 * 1024];
        let mut seen = String::new();
        loop {
            let read = self.socket.read(&mut packet).unwrap();
            let arrived = nanos();
            assert!(read > 0, "the connection was closed after: {seen}");
            self.waiting.extend_from_slice(&packet[..read]);
            // A refusal has no frames, so nothing below would end it.
            let refused = seen.is_empty() && !self.waiting.starts_with(b"HTTP/1.1 200");
            assert!(!refused, "{}", String::from_utf8_lossy(&self.waiting));
            let mut from = 0;
            while let Some(length) = find(&self.waiting[from..], b"\n\n") {
                // Between frames there may be the length of a chunk, which does no harm.
                let frame = String::from_utf8_lossy(&self.waiting[from..from + length]);
                each(&frame, arrived);
                seen = frame.into_owned();
                from += length + 2;
            }
            self.waiting.drain(..from);
            if self.waiting.ends_with(b"\r\n0\r\n\r\n") {
                self.waiting.clear();
                return;
            }
        }
    }
}

pub(crate) fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
