//! Reading a run's stream as the old clients do.

use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use serde_json::Value;

/// The silence after which a test gives up on a stream; heartbeats come sooner.
const PATIENCE: Duration = Duration::from_secs(20);

/// A frame: its `id`, and its data as the client parses it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) id: Option<i64>,
    pub(crate) data: Value,
}

/// A stream that is read frame by frame. Dropping it is the client going away.
pub(crate) struct EventStream {
    bytes: BoxStream<'static, Vec<u8>>,
    buffer: Vec<u8>,
    /// The id that the next data belongs to.
    id: Option<i64>,
    /// Every frame so far, heartbeats left out.
    pub(crate) frames: Vec<Frame>,
    /// True once `[DONE]` was read, after which nothing may come.
    pub(crate) done: bool,
    /// True if the connection broke rather than ended.
    pub(crate) broken: bool,
}

impl EventStream {
    pub(crate) fn new<B, E>(bytes: impl Stream<Item = Result<B, E>> + Send + 'static) -> Self
    where
        B: AsRef<[u8]>,
    {
        // Nothing comes after an error; a broken stream is one without `[DONE]`.
        let bytes = bytes.map(|chunk| chunk.ok().map(|chunk| chunk.as_ref().to_vec()));
        let whole = bytes.take_while(|chunk| std::future::ready(chunk.is_some()));
        Self {
            bytes: whole.filter_map(std::future::ready).boxed(),
            buffer: Vec::new(),
            id: None,
            frames: Vec::new(),
            done: false,
            broken: false,
        }
    }

    /// The next frame; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let line = String::from_utf8(line).unwrap();
                if let Some(data) = self.line(line.trim_end_matches('\n')) {
                    return Some(data);
                }
            }
            let next = tokio::time::timeout(PATIENCE, self.bytes.next()).await;
            if let Some(chunk) = next.unwrap() {
                self.buffer.extend(chunk);
            } else {
                self.broken = !self.done;
                assert!(self.buffer.is_empty(), "the stream ends within a line");
                return None;
            }
        }
    }

    /// The oldest clients look at lines that begin with exactly `data: ` and at nothing else.
    fn line(&mut self, line: &str) -> Option<Value> {
        assert!(!line.contains('\r'), "{line:?}");
        if let Some(id) = line.strip_prefix("id: ") {
            // The end of a review is the only event with an id that is no number.
            self.id = (id != "end").then(|| id.parse().unwrap());
            return None;
        }
        let Some(data) = line.strip_prefix("data: ") else {
            let known = line.is_empty() || line.starts_with(": ") || line.starts_with("retry: ");
            assert!(known, "no client understands {line:?}");
            return None;
        };
        assert!(!self.done, "{data} after [DONE]");
        if data == "[DONE]" {
            self.done = true;
            return None;
        }
        let data: Value = serde_json::from_str(data).unwrap();
        let id = self.id.take();
        if data["type"] == "heartbeat" {
            assert_eq!(id, None, "a heartbeat is not part of the log");
            return None;
        }
        self.frames.push(Frame {
            id,
            data: data.clone(),
        });
        Some(data)
    }

    /// Reads until a frame `is` it, and answers it.
    pub(crate) async fn until(&mut self, is: impl Fn(&Value) -> bool) -> Value {
        while let Some(event) = self.next().await {
            if is(&event) {
                return event;
            }
        }
        panic!("never came; what came: {:#?}", self.frames);
    }

    /// Reads to the end.
    pub(crate) async fn rest(&mut self) {
        while self.next().await.is_some() {}
    }
}
