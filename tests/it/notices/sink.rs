//! A receiver of webhooks: a real server that answers, or misbehaves, as a test wants.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// The longest wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// The behaviour of a sink.
#[derive(Clone, Debug)]
pub(super) enum Mood {
    /// Answers this status with this header.
    Answers(u16, Option<(&'static str, String)>),
    /// Says nothing until it is released.
    Hangs,
    /// Answers well and never stops.
    Babbles,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// The header `webhook-id`.
    pub(super) fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Debug)]
struct Book {
    mood: Mood,
    received: Vec<Received>,
    busy: usize,
    busiest: usize,
}

/// A sink.
#[derive(Clone, Debug)]
pub(super) struct Sink {
    pub(super) url: String,
    book: Arc<Mutex<Book>>,
    released: Arc<Notify>,
}

impl Sink {
    /// One that takes everything.
    pub(super) async fn start() -> Self {
        Self::in_mood(Mood::Answers(204, None)).await
    }

    pub(super) async fn in_mood(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let sink = Self {
            url,
            book: Arc::new(Mutex::new(Book {
                mood,
                received: Vec::new(),
                busy: 0,
                busiest: 0,
            })),
            released: Arc::new(Notify::new()),
        };
        let router = Router::new().fallback(receive).with_state(sink.clone());
        #[expect(clippy::disallowed_methods, reason = "it ends with its test")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        sink
    }

    pub(super) fn answers(&self, status: u16) {
        self.turns(Mood::Answers(status, None));
    }

    pub(super) fn turns(&self, mood: Mood) {
        self.book.lock().unwrap().mood = mood;
    }

    /// Has those answer that hang, and all that come.
    pub(super) fn release(&self) {
        self.answers(204);
        self.released.notify_waiters();
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.book.lock().unwrap().received.clone()
    }

    /// The ids of what was received.
    pub(super) fn ids(&self) -> Vec<String> {
        let received = self.received();
        received.iter().map(|one| one.id().to_owned()).collect()
    }

    /// The most requests that were in it at once.
    pub(super) fn busiest(&self) -> usize {
        self.book.lock().unwrap().busiest
    }

    /// Waits until so many requests have come.
    pub(super) async fn until(&self, count: usize) -> Vec<Received> {
        let began = Instant::now();
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            assert!(began.elapsed() < PATIENCE, "{} of {count}", received.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn receive(State(sink): State<Sink>, headers: HeaderMap, body: Bytes) -> Response {
    let released = sink.released.notified();
    let mood = {
        let mut book = sink.book.lock().unwrap();
        book.received.push(Received { headers, body });
        book.busy += 1;
        book.busiest = book.busiest.max(book.busy);
        book.mood.clone()
    };
    let response = match mood {
        Mood::Answers(status, header) => {
            let status = StatusCode::from_u16(status).unwrap();
            match header {
                Some((name, value)) => (status, [(name, value)]).into_response(),
                None => status.into_response(),
            }
        }
        Mood::Hangs => {
            released.await;
            StatusCode::NO_CONTENT.into_response()
        }
        Mood::Babbles => {
            let chunks = stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 65_536]));
            Body::from_stream(chunks).into_response()
        }
    };
    sink.book.lock().unwrap().busy -= 1;
    response
}
