//! A provider server that speaks exactly the bytes it is told to, and what asks it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::StreamExt;
use navi::llm::error::LlmError;
use navi::llm::http_provider::{HttpProvider, Patience};
use navi::llm::model::{ChatRequest, Message, StreamEvent};
use navi::llm::provider::{EventStream, Provider};
use navi::llm::wire::anthropic::codec::Anthropic;
use navi::llm::wire::codec::Codec;
use navi::llm::wire::openai::codec::OpenAi;
use navi::llm::wire::openai::dialect::Dialect;
use navi::llm::wire::sse::FrameReader;
use navi::platform::clock::Clock;
use navi::platform::metrics::Metrics;
use navi::platform::outbound::client::{CONNECT_TIMEOUT, Client};
use navi::platform::outbound::reach::Reach;
use navi::platform::tasks::Tasks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// A step of the server with a connection.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Sends bytes at once.
    Send(Vec<u8>),
    /// Waits.
    Pause(Duration),
    /// Says nothing more and keeps the connection.
    Hang,
}

/// A server that answers the n-th request with the n-th reply, and with the last one from then on. The
/// question for its models is none of these: it has no list, unless it is given one.
pub(crate) struct RawServer {
    pub(crate) base: Url,
    requests: Arc<Mutex<Vec<String>>>,
    list: Arc<Mutex<Option<String>>>,
    _tasks: Tasks,
}

impl RawServer {
    pub(crate) async fn start(replies: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let tasks = Tasks::new();
        let (seen, spawner) = (Arc::clone(&requests), tasks.clone());
        let list = Arc::new(Mutex::new(None));
        let listed: Arc<Mutex<Option<String>>> = Arc::clone(&list);
        tasks.spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                socket.set_nodelay(true).unwrap();
                let (seen, replies) = (Arc::clone(&seen), replies.clone());
                let listed = Arc::clone(&listed);
                spawner.spawn(async move {
                    let request = read_request(&mut socket).await;
                    if request.starts_with("GET ") {
                        let list = listed.lock().unwrap().clone();
                        let reply = match list {
                            Some(list) => answer(200, "", &list),
                            None => answer(404, "", "{}"),
                        };
                        socket.write_all(&reply).await.unwrap();
                        return;
                    }
                    let number = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(request);
                        seen.len() - 1
                    };
                    let reply = replies.get(number).or(replies.last()).unwrap();
                    for step in reply {
                        match step {
                            Step::Send(bytes) => {
                                if socket.write_all(bytes).await.is_err() {
                                    return;
                                }
                            }
                            Step::Pause(time) => tokio::time::sleep(*time).await,
                            Step::Hang => std::future::pending().await,
                        }
                    }
                });
            }
        });
        Self {
            base: Url::parse(&base).unwrap(),
            requests,
            list,
            _tasks: tasks,
        }
    }

    /// Answers every request with the same bytes.
    pub(crate) async fn with(reply: impl Into<Vec<u8>>) -> Self {
        Self::start(vec![vec![Step::Send(reply.into())]]).await
    }

    /// Lists these models from now on.
    pub(crate) fn serve_models(&self, names: &[&str]) {
        let data: Vec<_> = names
            .iter()
            .map(|id| serde_json::json!({"id": id}))
            .collect();
        let list = serde_json::json!({"object": "list", "data": data});
        *self.list.lock().unwrap() = Some(list.to_string());
    }

    /// The base URL of a compatible server, with `/v1`.
    pub(crate) fn v1(&self) -> String {
        format!("{}v1", self.base)
    }

    /// The requests so far: head and body as they came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn read_request(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = socket.read(&mut buffer).await.unwrap_or(0);
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert!(count > 0, "the request ended early");
            continue;
        };
        let length: usize = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(0, |(_, length)| length.parse().unwrap());
        if body.len() >= length || count == 0 {
            return text;
        }
    }
}

/// A streamed answer that ends where the connection ends.
pub(crate) fn sse(body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut reply =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n".to_vec();
    reply.extend_from_slice(body.as_ref());
    reply
}

/// An answer with a status, headers (each with its line end) and a body.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

pub(crate) const KEY: &str = "sk-test-0123456789";

pub(crate) fn patience(millis: u64) -> Patience {
    Patience {
        response: Duration::from_millis(millis),
        idle: Duration::from_millis(millis),
    }
}

pub(crate) fn provider(codec: Box<dyn Codec>, server: &RawServer, waits: Patience) -> HttpProvider {
    HttpProvider::new(
        codec,
        Client::new(Reach::public().and_named(&server.base), CONNECT_TIMEOUT).unwrap(),
        &server.base,
        Some(KEY.into()),
        waits,
        Clock::System,
    )
}

pub(crate) fn openai() -> Box<dyn Codec> {
    Box::new(OpenAi(Dialect::OPENAI))
}

pub(crate) fn anthropic() -> Box<dyn Codec> {
    Box::new(Anthropic)
}

pub(crate) fn request(model: &str) -> ChatRequest {
    ChatRequest {
        model: model.to_owned(),
        messages: vec![Message::user("hello")],
        ..ChatRequest::default()
    }
}

pub(crate) async fn drain(mut events: EventStream) -> (Vec<StreamEvent>, Option<LlmError>) {
    let mut seen = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => seen.push(event),
            Err(error) => return (seen, Some(error)),
        }
    }
    (seen, None)
}

/// Asks once; all events, and the error if there was one.
pub(crate) async fn ask(provider: &dyn Provider) -> (Vec<StreamEvent>, Option<LlmError>) {
    match provider.stream(&request("model-x")).await {
        Ok(events) => drain(events).await,
        Err(error) => (Vec::new(), Some(error)),
    }
}

/// Decodes packets without a network, as they would come from one.
pub(crate) fn decode(
    codec: &dyn Codec,
    packets: &[&[u8]],
) -> (Vec<StreamEvent>, Result<(), LlmError>) {
    let mut reader = FrameReader::default();
    let mut decoder = codec.decoder(&request("model-x"));
    let mut events = Vec::new();
    for packet in packets {
        let mut input = *packet;
        while let Some(frame) = reader.next_frame(&mut input).unwrap() {
            if let Err(error) = decoder.frame(&frame, &mut events) {
                return (events, Err(error));
            }
            if decoder.is_done() {
                return (events, Ok(()));
            }
        }
    }
    if let Some(frame) = reader.finish().unwrap()
        && decoder.frame(&frame, &mut events).is_err()
    {
        return (
            events,
            Err(LlmError::Truncated {
                provider: codec.provider(),
            }),
        );
    }
    let end = decoder.end(&mut events);
    (events, end)
}

pub(crate) fn metrics() -> Metrics {
    Metrics::new(&[], &navi::llm::config::ProviderId::names()).unwrap()
}
