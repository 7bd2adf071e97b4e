//! The events of a chat, in the order in which they happen, whatever the frames that show them.

use async_stream::stream;
use futures_util::Stream;
use futures_util::future::join;
use serde_json::{Map, Value};

use crate::agent::chat::service::Chat;
use crate::agent::chat::shortfall::Shortfall;
use crate::agent::model_call::ModelCall;
use crate::llm::error::LlmError;
use crate::llm::failure::retry::asking_again;
use crate::llm::model::{StopReason, StreamEvent};
use crate::platform::redact::gate::Gate;
use crate::platform::redact::text::redact_text;
use crate::platform::text::visible_prose;
use crate::runs::pieces::Pieces;

/// Something that happens while a question is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum ChatEvent {
    /// A model was chosen.
    Routed(Map<String, Value>),
    /// A file is shown to the model.
    Read {
        /// Its path, relative to the workspace.
        path: String,
    },
    /// Files were kept from the model because they may hold secrets.
    LeftOut {
        /// Their number.
        files: usize,
    },
    /// The question is on its way to the model.
    Asked,
    /// The model cannot answer now, and is asked again after a pause.
    Waits {
        /// A sentence for a person.
        message: String,
    },
    /// A piece of the answer.
    Text(String),
    /// The answer broke off and is asked for again; the pieces until here belong to none.
    BrokeOff {
        /// A sentence for a person.
        message: String,
    },
    /// The answer can be rated.
    Logged {
        /// Its number.
        gen_id: i64,
        /// Milliseconds since the epoch.
        timestamp: i64,
    },
    /// The answer is complete.
    Answered(AnsweredChat),
    /// The model failed, or its answer is not whole; what came before is all there is.
    Failed {
        /// A sentence for a person.
        error: String,
        /// A stable code.
        code: &'static str,
    },
}

/// A complete answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnsweredChat {
    /// Its text, as its pieces showed it.
    pub text: String,
    /// The files that were shown to the model.
    pub files: Vec<String>,
    /// The model that answered.
    pub model: String,
    /// Its number, for a rating; none when it could not be kept.
    pub gen_id: Option<i64>,
}

/// Asks the model and tells what happens. Dropping the stream ends the call.
pub fn events(chat: Chat) -> impl Stream<Item = ChatEvent> + Send + 'static {
    stream! {
        yield ChatEvent::Routed(chat.router_info.clone());
        for path in &chat.files {
            yield ChatEvent::Read { path: path.clone() };
        }
        if chat.secret_files > 0 {
            yield ChatEvent::LeftOut { files: chat.secret_files };
        }
        yield ChatEvent::Asked;
        let (mut telling, mut question) = (Telling::default(), chat.question());
        let ended = loop {
            let ended = match chat.ask(&mut question).await {
                Err(error) => Err(error),
                Ok(mut call) => loop {
                    match telling.next(&mut call, chat.provider_name()).await {
                        Heard::Nothing => {}
                        Heard::Text(text) => yield ChatEvent::Text(text),
                        Heard::End(ended) => break ended,
                    }
                },
            };
            let next = ended.as_ref().err().and_then(|error| {
                let pause = if telling.has_begun() {
                    question.pause_after_beginning(error)
                } else {
                    question.pause(error)
                };
                Some((error, pause?))
            });
            let Some((error, pause)) = next else {
                break ended;
            };
            if telling.was_shown() {
                yield ChatEvent::BrokeOff { message: broke_off(error) };
            }
            if let Some(message) = asking_again(error, pause) {
                yield ChatEvent::Waits { message: visible(&message) };
            }
            tokio::time::sleep(pause).await;
            telling = Telling::default();
        };
        for text in telling.rest() {
            yield ChatEvent::Text(text);
        }
        let shortfall = match ended {
            Ok(stop) => Shortfall::of(Some(stop), &telling.answer),
            Err(error) => {
                yield ChatEvent::Failed { error: visible(&error.to_string()), code: error.code() };
                return;
            }
        };
        let is_kept = shortfall.is_none_or(|lack| lack.is_worth_keeping(&telling.answer));
        let keep = async { if is_kept { chat.keep(&telling.answer).await } else { None } };
        // A client that has the whole answer has been charged for it.
        let (gen_id, ()) = join(keep, chat.deps().ledger.settled()).await;
        if let Some(gen_id) = gen_id {
            yield ChatEvent::Logged { gen_id, timestamp: chat.now() };
        }
        if let Some(shortfall) = shortfall {
            yield ChatEvent::Failed { error: shortfall.to_string(), code: shortfall.code() };
            return;
        }
        yield ChatEvent::Answered(AnsweredChat {
            text: telling.told,
            files: chat.files.clone(),
            model: chat.model_id(),
            gen_id,
        });
    }
}

fn broke_off(error: &LlmError) -> String {
    visible(&format!(
        "The answer broke off ({error}) and is asked for again"
    ))
}

/// A text that quotes a provider, made fit to be shown.
fn visible(text: &str) -> String {
    visible_prose(&redact_text(text)).into_owned()
}

/// The next news of a call.
enum Heard {
    /// Nothing that is shown, or nothing yet.
    Nothing,
    /// More of the answer.
    Text(String),
    /// Its end.
    End(Result<StopReason, LlmError>),
}

/// An answer on its way from the model to the client.
#[derive(Debug, Default)]
struct Telling {
    gate: Gate,
    pieces: Pieces,
    /// The model's answer so far.
    answer: String,
    /// The part of it that was shown.
    told: String,
}

impl Telling {
    async fn next(&mut self, call: &mut ModelCall, provider: &'static str) -> Heard {
        match call.next().await {
            Some(Ok(StreamEvent::Text { delta })) => {
                // The first piece goes alone. What came with a later one is one frame with it: the search for
                // secrets costs more than all else, and once is enough.
                let more = if self.has_begun() {
                    call.ready_text()
                } else {
                    String::new()
                };
                for piece in [delta, more] {
                    self.answer.push_str(&piece);
                    self.gate.push(&piece);
                }
                let text = self.gate.take();
                self.shown(&text).map_or(Heard::Nothing, Heard::Text)
            }
            Some(Ok(StreamEvent::Reasoning { .. } | StreamEvent::ToolCall(_))) => Heard::Nothing,
            Some(Ok(StreamEvent::Done(completion))) => Heard::End(Ok(completion.stop)),
            Some(Err(error)) => Heard::End(Err(error)),
            None => Heard::End(Err(LlmError::Truncated { provider })),
        }
    }

    fn has_begun(&self) -> bool {
        !self.answer.is_empty()
    }

    fn was_shown(&self) -> bool {
        !self.told.is_empty()
    }

    /// The text that was held back, now that nothing follows.
    fn rest(&mut self) -> Vec<String> {
        let text = self.gate.finish();
        let mut pieces: Vec<_> = self.shown(&text).into_iter().collect();
        pieces.extend(self.pieces.finish());
        pieces
    }

    fn shown(&mut self, text: &str) -> Option<String> {
        let text = visible_prose(text);
        self.told.push_str(&text);
        self.pieces.push(&text)
    }
}
