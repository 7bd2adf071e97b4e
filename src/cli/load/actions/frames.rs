//! The frames of an event stream.

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use serde_json::Value;

use crate::cli::load::actions::error::ActionError;
use crate::llm::wire::sse::FrameReader;

/// The frame that ends every stream.
const DONE: &str = "[DONE]";

/// A frame of a stream, or its end.
#[derive(Debug)]
pub enum StreamStep {
    /// A frame.
    Frame(Value),
    /// The last frame.
    Done,
}

/// An event stream that is read.
pub struct LoadFrames {
    bytes: BoxStream<'static, reqwest::Result<Bytes>>,
    reader: FrameReader,
    waiting: Bytes,
}

impl LoadFrames {
    /// The frames of an answer.
    pub fn of(response: reqwest::Response) -> Self {
        Self {
            bytes: response.bytes_stream().boxed(),
            reader: FrameReader::default(),
            waiting: Bytes::new(),
        }
    }

    /// The next frame. A stream that ends without its last one was cut off.
    pub async fn next(&mut self) -> Result<StreamStep, ActionError> {
        loop {
            let mut input = &self.waiting[..];
            let found = self.reader.next_frame(&mut input);
            let used = self.waiting.len() - input.len();
            self.waiting = self.waiting.slice(used..);
            match found.map_err(|_| ActionError::Garbled)? {
                Some(frame) if frame.data == DONE => return Ok(StreamStep::Done),
                Some(frame) => {
                    let value = serde_json::from_str(&frame.data);
                    return value
                        .map(StreamStep::Frame)
                        .map_err(|_| ActionError::Garbled);
                }
                None => match self.bytes.next().await {
                    Some(Ok(more)) => self.waiting = more,
                    Some(Err(_)) | None => return Err(ActionError::CutOff),
                },
            }
        }
    }
}
