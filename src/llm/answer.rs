//! An answer on its way over HTTP: packets become frames, frames events.

use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use reqwest::Response;
use serde::de::IgnoredAny;
use tokio::time::{Instant, Sleep};

use crate::llm::error::LlmError;
use crate::llm::failure::unreached::{Address, unreached};
use crate::llm::model::StreamEvent;
use crate::llm::provider::EventStream;
use crate::llm::wire::codec::Decoder;
use crate::llm::wire::packing::{Packing, Unpacker};
use crate::llm::wire::sse::FrameReader;
use crate::platform::secret::{ExposeSecret, SecretString};

/// The largest answer that is read, streamed or whole; in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// The largest answer that is accepted as one document instead of a stream; in bytes.
const MAX_WHOLE_BYTES: usize = 16 * 1024 * 1024;

/// The events of a response. `idle` is the longest silence between two packets; `key` is here only
/// so that no error repeats it.
pub(super) fn events(
    response: Response,
    packing: Packing,
    decoder: Box<dyn Decoder>,
    provider: &'static str,
    idle: Duration,
    key: Option<SecretString>,
    at: Address,
) -> EventStream {
    let answer = Answer {
        provider,
        at,
        decoder,
        response,
        unpacker: Unpacker::new(packing),
        frames: FrameReader::default(),
        packet: Bytes::new(),
        events: Vec::new(),
        given: 0,
        received: 0,
        idle,
        alarm: Box::pin(tokio::time::sleep(idle)),
        phase: Phase::Beginning,
        failed: None,
        key,
    };
    stream::unfold(Box::new(answer), |mut answer| async move {
        let event = answer.next().await?;
        Some((event, answer))
    })
    .boxed()
}

/// An error whose explanation does not repeat the key. A beginning of it is enough to hide the
/// explanation, because explanations are shortened.
pub(super) fn hide_key(mut error: LlmError, key: Option<&SecretString>) -> LlmError {
    let Some(beginning) = key.and_then(|key| key.expose_secret().get(..8)) else {
        return error;
    };
    if let Some(reason) = error.reason_mut()
        && reason.contains(beginning)
    {
        "the explanation repeats the API key and is left out".clone_into(reason);
    }
    error
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing but blanks arrived: it may still become a document.
    Beginning,
    Streaming,
    Ended,
}

struct Answer {
    provider: &'static str,
    at: Address,
    decoder: Box<dyn Decoder>,
    response: Response,
    unpacker: Unpacker,
    frames: FrameReader,
    /// The rest of the packet that is being read.
    packet: Bytes,
    /// Events of the last frame, of which `given` were handed out.
    events: Vec<StreamEvent>,
    given: usize,
    received: usize,
    idle: Duration,
    /// Rings at the earliest moment at which the silence may be too long. It is set again only when
    /// it rings: setting it for every packet would wake the timer's thread for every packet.
    alarm: Pin<Box<Sleep>>,
    phase: Phase,
    failed: Option<LlmError>,
    key: Option<SecretString>,
}

impl Answer {
    async fn next(&mut self) -> Option<Result<StreamEvent, LlmError>> {
        loop {
            if let Some(event) = self.events.get_mut(self.given) {
                self.given += 1;
                let taken = StreamEvent::Text {
                    delta: String::new(),
                };
                return Some(Ok(std::mem::replace(event, taken)));
            }
            self.events.clear();
            self.given = 0;
            if self.phase == Phase::Ended {
                return self.failed.take().map(Err);
            }
            if let Err(error) = self.advance().await {
                // Events read before the failure come first.
                self.failed = Some(hide_key(error, self.key.as_ref()));
                self.phase = Phase::Ended;
            }
        }
    }

    /// Reads one frame, or one packet if no frame is complete.
    async fn advance(&mut self) -> Result<(), LlmError> {
        if !self.packet.is_empty() {
            let mut rest: &[u8] = &self.packet;
            let frame = self.frames.next_frame(&mut rest);
            let used = self.packet.len() - rest.len();
            let _ = self.packet.split_to(used);
            if let Some(frame) = frame.map_err(|error| self.broken(&error))? {
                self.decoder.frame(&frame, &mut self.events)?;
                if self.decoder.is_done() {
                    self.phase = Phase::Ended;
                }
            }
            return Ok(());
        }
        let Some(packet) = self.receive().await? else {
            return self.end();
        };
        self.packet = packet;
        if self.phase == Phase::Beginning {
            match self.packet.iter().find(|byte| !byte.is_ascii_whitespace()) {
                Some(b'{' | b'[') => return self.whole().await,
                Some(_) => self.phase = Phase::Streaming,
                None => {}
            }
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<Option<Bytes>, LlmError> {
        let waiting = Instant::now();
        let mut chunk = pin!(self.response.chunk());
        let packet = loop {
            tokio::select! {
                biased;
                packet = &mut chunk => break packet,
                () = self.alarm.as_mut() => {
                    if waiting.elapsed() >= self.idle {
                        return Err(LlmError::TimedOut {
                            provider: self.provider,
                            waited: self.idle,
                        });
                    }
                    self.alarm.as_mut().reset(waiting + self.idle);
                }
            }
        }
        .map_err(|error| unreached(self.provider, &self.at, error))?;
        let Some(packet) = packet else {
            return Ok(None);
        };
        let left = MAX_ANSWER_BYTES.saturating_sub(self.received);
        let packet = self.unpacker.unpack(packet, left);
        let packet = packet.map_err(|broken| broken.by(self.provider))?;
        self.received += packet.len();
        if self.received > MAX_ANSWER_BYTES {
            return Err(LlmError::Protocol {
                provider: self.provider,
                reason: "the answer exceeds 64 MiB".to_owned(),
            });
        }
        Ok(Some(packet))
    }

    fn end(&mut self) -> Result<(), LlmError> {
        self.phase = Phase::Ended;
        if let Some(frame) = self.frames.finish().map_err(|error| self.broken(&error))? {
            // A last frame without its end that cannot be understood was cut off.
            let read = self.decoder.frame(&frame, &mut self.events);
            read.map_err(|error| {
                if matches!(error, LlmError::Protocol { .. }) {
                    LlmError::Truncated {
                        provider: self.provider,
                    }
                } else {
                    error
                }
            })?;
        }
        self.decoder.end(&mut self.events)
    }

    /// The server did not stream: the body is one JSON document.
    async fn whole(&mut self) -> Result<(), LlmError> {
        let mut body = std::mem::take(&mut self.packet).to_vec();
        while let Some(packet) = self.receive().await? {
            body.extend_from_slice(&packet);
            if body.len() > MAX_WHOLE_BYTES {
                return Err(LlmError::Protocol {
                    provider: self.provider,
                    reason: "the answer exceeds 16 MiB".to_owned(),
                });
            }
        }
        self.phase = Phase::Ended;
        if serde_json::from_slice::<IgnoredAny>(&body).is_err_and(|error| error.is_eof()) {
            return Err(LlmError::Truncated {
                provider: self.provider,
            });
        }
        self.decoder.whole(&body, &mut self.events)
    }

    fn broken(&self, error: &dyn std::error::Error) -> LlmError {
        LlmError::Protocol {
            provider: self.provider,
            reason: error.to_string(),
        }
    }
}
