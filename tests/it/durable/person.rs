//! A person who follows a job to its end, and answers what it asks after it has looked.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::rules;
use crate::runs::stream::EventStream;
use crate::support::served::Served;

/// The events of a job that has ended.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) events: Vec<Value>,
    /// The number of questions that a person had to answer by looking.
    pub(crate) questions: usize,
}

/// Follows a job to its end. When it asks whether a command that leaves a line in `log` is to run again,
/// the answer is what the file says.
pub(crate) async fn see_through(db: &PgPool, served: &Served, id: &str, log: &Path) -> Story {
    let mut stream = served.follow(id, 0, true).await;
    let mut questions = 0;
    while let Some(event) = stream.next().await {
        // An old question is seen again from the log.
        let asks = event["type"] == "command.consent_required";
        let consent = event["data"]["consent_id"].as_str();
        let (true, Some(consent)) = (asks, consent) else {
            continue;
        };
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let choice = if text.is_empty() {
            "allow_once"
        } else {
            "deny"
        };
        let path = format!("/api/navi/consent/{consent}");
        let (status, answer) = served.post(&path, &json!({ "choice": choice })).await;
        match status {
            200 => questions += 1,
            404 | 409 => {}
            _ => panic!("{answer}"),
        }
    }
    accounted(db, id).await;
    rules::hold_job(db, &stream).await;
    Story {
        events: events(&stream),
        questions,
    }
}

pub(crate) fn events(stream: &EventStream) -> Vec<Value> {
    let frames = stream.frames.iter();
    frames.map(|frame| frame.data.clone()).collect()
}

/// Waits until what a run spent is written: that is done within moments, and not by the run.
pub(crate) async fn accounted(db: &PgPool, id: &str) {
    let began = Instant::now();
    let sql = "select (select coalesce(sum(input_tokens), 0)::bigint from llm_metrics m
                       where m.run_id = r.run_id)
                      >= (summary #>> '{tokens,input}')::bigint
               from runs r where run_id = $1::text::uuid and finished_at is not null";
    loop {
        let done: Option<bool> = sqlx::query_scalar(sql)
            .bind(id)
            .fetch_optional(db)
            .await
            .unwrap();
        if done == Some(true) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{id}: {done:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Story {
    pub(crate) fn all(&self, kind: &str) -> Vec<&Value> {
        let events = self.events.iter();
        events.filter(|event| event["type"] == kind).collect()
    }

    /// The model's text without the pieces that `job_resumed` discards.
    pub(crate) fn text(&self) -> String {
        let mut pieces: Vec<(i64, &str)> = Vec::new();
        for event in &self.events {
            match event["type"].as_str().unwrap() {
                "text" => {
                    let sequence = event["sequence"].as_i64().unwrap();
                    pieces.push((sequence, event["text"].as_str().unwrap()));
                }
                "job_resumed" => {
                    let settled = event["discard_after"].as_i64().unwrap();
                    pieces.retain(|(sequence, _)| *sequence <= settled);
                }
                _ => {}
            }
        }
        pieces.into_iter().map(|(_, piece)| piece).collect()
    }

    /// The calls, by name.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = self.all("tool_call").into_iter();
        calls
            .map(|event| event["tool_call"]["name"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) fn results(&self) -> Vec<&Value> {
        let results = self.all("tool_result").into_iter();
        results
            .map(|event| &event["tool_result"]["result"])
            .collect()
    }

    /// The summary without what was measured.
    /// Without what is measured, and without the verdict, to which a question after a kill adds.
    pub(crate) fn summary(&self) -> Value {
        let mut summary = self.all("complete")[0]["summary"].clone();
        for measured in [
            "task_id",
            "tokens",
            "cost_usd",
            "elapsed_ms",
            "verdict",
            "obstacles",
        ] {
            summary.as_object_mut().unwrap().shift_remove(measured);
        }
        summary
    }
}
