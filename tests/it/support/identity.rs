//! An identity provider that can be told how to fail.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::signing::SigningKey;

/// The answer that it gives.
#[derive(Clone)]
pub(crate) enum Answer {
    /// This document, whatever is asked for.
    Document(Value),
    /// This text under this status.
    Text(u16, String),
    /// A redirection to a place that answers.
    Elsewhere(String),
    /// Nothing for so long, and then what comes next.
    Late(Duration, Box<Self>),
}

/// A real server on a port of its own.
pub(crate) struct Stub {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    answer: Mutex<Answer>,
    asked: AtomicUsize,
}

impl Stub {
    /// A provider that has these keys.
    pub(crate) async fn with(keys: &[&SigningKey]) -> Self {
        let stub = Self::answering(Answer::Text(500, String::new())).await;
        stub.has(keys);
        stub
    }

    /// A provider that answers so.
    pub(crate) async fn answering(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            answer: Mutex::new(answer),
            asked: AtomicUsize::new(0),
        });
        let router = Router::new().fallback(answered).with_state(shared.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "it ends with the test's runtime, and there is nothing to wait for"
        )]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    /// From now on it has these keys.
    pub(crate) fn has(&self, keys: &[&SigningKey]) {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        self.answers(Answer::Document(json!({ "keys": keys })));
    }

    /// From now on it answers so.
    pub(crate) fn answers(&self, answer: Answer) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    /// The number of requests so far.
    pub(crate) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }
}

async fn answered(State(shared): State<Arc<Shared>>, _: Request) -> Response {
    shared.asked.fetch_add(1, Ordering::SeqCst);
    let mut answer = shared.answer.lock().unwrap().clone();
    loop {
        answer = match answer {
            Answer::Document(document) => return document.to_string().into_response(),
            Answer::Text(status, text) => {
                return (StatusCode::from_u16(status).unwrap(), text).into_response();
            }
            Answer::Elsewhere(url) => {
                return (StatusCode::FOUND, [(header::LOCATION, url)]).into_response();
            }
            Answer::Late(by, next) => {
                tokio::time::sleep(by).await;
                *next
            }
        };
    }
}
