//! The frames of a run's stream, one after another.

use std::pin::Pin;

use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use serde_json::Value;

use crate::cli::failure::Failure;
use crate::llm::wire::sse::FrameReader;
use crate::platform::outbound::client::innermost;

/// The frame that ends every stream.
const DONE: &str = "[DONE]";

/// A stream of frames.
pub struct Frames {
    server: String,
    bytes: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    reader: FrameReader,
    chunk: Bytes,
}

impl Frames {
    /// The frames that a server answers with.
    pub fn new(server: &str, response: reqwest::Response) -> Self {
        Self {
            server: server.to_owned(),
            bytes: Box::pin(response.bytes_stream()),
            reader: FrameReader::default(),
            chunk: Bytes::new(),
        }
    }

    /// The next frame; none when the stream is over. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<Value>, Failure> {
        loop {
            let mut input = &self.chunk[..];
            let read = self.reader.next_frame(&mut input);
            let used = self.chunk.len() - input.len();
            self.chunk.advance(used);
            match read.map_err(|_| self.broke("a frame is too large"))? {
                Some(frame) if frame.data == DONE => return Ok(None),
                Some(frame) => {
                    if let Ok(frame) = serde_json::from_str(&frame.data) {
                        return Ok(Some(frame));
                    }
                }
                None => match self.bytes.next().await {
                    Some(Ok(chunk)) => self.chunk = chunk,
                    Some(Err(error)) => return Err(self.broke(innermost(&error))),
                    None => return Err(self.broke("the server ended it")),
                },
            }
        }
    }

    fn broke(&self, reason: impl Into<String>) -> Failure {
        Failure::Broken {
            server: self.server.clone(),
            reason: reason.into(),
            run: None,
        }
    }
}
