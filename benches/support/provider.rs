//! A provider of models that speaks the Chat Completions protocol: plain threads and sockets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// Serves on a port of its own for as long as the process lives. `answer` gets every request's body.
pub(crate) fn serve(answer: impl Fn(&str, &mut Reply<'_>) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let (socket, answer) = (socket.unwrap(), Arc::clone(&answer));
            std::thread::spawn(move || converse(socket, &*answer));
        }
    });
    address
}

fn converse(mut socket: TcpStream, answer: &dyn Fn(&str, &mut Reply<'_>)) {
    socket.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(socket.try_clone().unwrap());
    while let Some(body) = request(&mut reader) {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut reply = Reply {
            socket: &mut socket,
            waiting: head.to_owned(),
        };
        answer(&body, &mut reply);
        reply.raw("data: [DONE]\n\n");
        reply.waiting.push_str("0\r\n\r\n");
        reply.flush();
    }
}

fn request(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(String::from_utf8(body).unwrap())
}

/// An answer under way. What it says leaves with [`Self::flush`], or when it is over.
pub(crate) struct Reply<'a> {
    socket: &'a mut TcpStream,
    waiting: String,
}

impl Reply<'_> {
    pub(crate) fn text(&mut self, text: &str) {
        self.choice(&format!(
            r#"{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}"#
        ));
    }

    /// One choice, as the protocol writes it.
    pub(crate) fn choice(&mut self, choice: &str) {
        self.raw(&format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1763890000,\"model\":\"m\",\"choices\":[{choice}],\"usage\":null}}\n\n"
        ));
    }

    /// Why the answer ends, and what it used.
    pub(crate) fn end(&mut self, reason: &str) {
        self.raw(&format!(
            "data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"{reason}\"}}],\"usage\":{{\"prompt_tokens\":900,\"completion_tokens\":60}}}}\n\n"
        ));
    }

    fn raw(&mut self, frame: &str) {
        let chunk = format!("{:x}\r\n{frame}\r\n", frame.len());
        self.waiting.push_str(&chunk);
    }

    pub(crate) fn flush(&mut self) {
        // A reader that left is found out by its next request, which does not come.
        let _ = self.socket.write_all(self.waiting.as_bytes());
        self.waiting.clear();
    }
}
