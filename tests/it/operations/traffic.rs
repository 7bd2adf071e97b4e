//! An hour of a server's traffic in a few seconds: work that succeeds and fails, chats, ratings, reports of
//! clients, requests that are refused.

#![expect(
    clippy::disallowed_methods,
    reason = "a test is a client of the server"
)]

use std::time::Duration;

use navi::auth::principal::Role;
use navi::llm::script::{Fail, FailKind, Script, Turn};
use navi::platform::clock::Clock;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::stage::{calls, says, script};
use crate::support::app::ORG;
use crate::support::served::{Served, token_of, url};

/// The number of people who rate answers, and of answers that each of them rates.
const PEOPLE: usize = 8;
const ANSWERS: usize = 3;

/// The model's script: the first run is refused, every other one reads a file and ends well.
fn words() -> Script {
    let refused = Fail {
        kind: FailKind::Rejected,
        retry_after_ms: None,
        times: Some(1),
    };
    let reads = Turn {
        fail: Some(refused),
        ..calls(&[("read_file", json!({"path": "pages.py"}))])
    };
    // Long enough to be seen at work.
    let answers = Turn {
        delay_ms: 1_500,
        ..says("Pages are counted from 1, in `pages.py`.")
    };
    script([reads, answers])
}

/// A server whose model has a price, and a workspace with code.
pub(crate) async fn serve(db: &PgPool) -> Served {
    sqlx::query(
        "insert into model_prices values ('scripted', 'demo', '2020-01-01', 3, 15, null, null, 'contract')",
    )
    .execute(db)
    .await
    .unwrap();
    let served = Served::start(&words(), Some(&url(&db.connect_options()))).await;
    let code = "def page(number):\n    \"\"\"Pages are counted from 1.\"\"\"\n    return pages[number - 1]\n";
    std::fs::write(served.workspace().join("pages.py"), code).unwrap();
    served
}

/// Lets everything happen.
pub(crate) async fn happen(served: &Served, db: &PgPool) {
    for _ in 0..4 {
        served
            .begin("Where are pages counted from?")
            .await
            .rest()
            .await;
    }
    rate(served).await;
    report(served).await;
    fail(served, db).await;
}

/// A client's request; what is answered. Sent again when the server says when: a busy disk makes it wait.
async fn post(served: &Served, token: &str, path: &str, body: &Value) -> (u16, Value) {
    loop {
        let response = reqwest::Client::new()
            .post(format!("{}{path}", served.url))
            .bearer_auth(token)
            .json(body)
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        let answer: Value = response.json().await.unwrap();
        match answer["retry_after"].as_u64() {
            Some(seconds) if status == 503 => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            _ => return (status, answer),
        }
    }
}

/// People chat, and most of them dislike what they get.
async fn rate(served: &Served) {
    for person in 0..PEOPLE {
        let token = token_of(ORG, &format!("person-{person}"), Role::Planner);
        for answer in 0..ANSWERS {
            let body = json!({
                "message": format!("Fix the bug number {answer} in pages.py"),
                "model": "scripted/demo",
                "workspace_path": served.workspace(),
            });
            let (status, chat) = post(served, &token, "/api/navi/chat", &body).await;
            assert_eq!(status, 200, "{chat}");
            let rating = if person == 0 { 1 } else { -1 };
            let rated =
                json!({"gen_id": chat["gen_id"], "rating": rating, "comment": "Too long for me."});
            let (status, said) = post(served, &token, "/api/feedback/submit", &rated).await;
            assert_eq!(status, 200, "{said}");
            let signal = ["kept", "edited", "reverted"][answer];
            let seen = json!({"gen_id": chat["gen_id"], "signal": signal});
            let (status, said) = post(served, &token, "/api/feedback/signals", &seen).await;
            assert_eq!(status, 200, "{said}");
        }
    }
}

/// A client reports what happened to it: errors of three kinds, one of which comes back.
async fn report(served: &Served) {
    let error = |kind: &str, severity: &str| {
        json!({"type": "navi.error", "timestamp": now(), "sessionId": "session_1", "data": {
            "errorType": kind, "severity": severity, "error": format!("{kind}: nothing is there"),
            "component": "chat", "version": "1.2.0",
        }})
    };
    let events = json!([
        error("TypeError", "error"),
        error("RangeError", "critical"),
        error("NetworkError", "warning"),
        {"type": "navi.streaming.performance", "timestamp": now(),
         "data": {"time_to_first_token_ms": 210, "total_duration_ms": 1800}},
        {"type": "navi.llm.generation", "timestamp": now(),
         "data": {"success": true, "latencyMs": 2400, "model": "demo"}},
        {"type": 7},
    ]);
    send(served, "first", &events, 200).await;
    send(served, "first", &events, 200).await;
    send(served, "bad", &json!([{"type": 7}]), 422).await;
    let list = "/api/telemetry/errors";
    let (_, groups) = served.call(reqwest::Method::GET, list, &json!({})).await;
    for group in groups["errors"].as_array().unwrap() {
        if group["error_type"] != "TypeError" && group["error_type"] != "RangeError" {
            continue;
        }
        let path = format!("/api/telemetry/errors/{}/resolve", group["id"]);
        let (status, said) = served.post(&path, &json!({"notes": "fixed"})).await;
        assert_eq!(status, 200, "{said}");
    }
    let again = json!([
        error("TypeError", "error"),
        error("SyntaxError", "critical")
    ]);
    send(served, "second", &again, 200).await;
}

async fn send(served: &Served, id: &str, events: &Value, expected: u16) {
    let batch = json!({"events": events, "batchId": id, "timestamp": now()});
    let (status, said) = served.post("/api/telemetry", &batch).await;
    assert_eq!(status, expected, "{said}");
}

/// Requests that fail on our side, and requests that are not let in.
async fn fail(served: &Served, db: &PgPool) {
    let rename = async |from: &str, to: &str| {
        let sql = format!("alter table {from} rename to {to}");
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(db)
            .await
            .unwrap();
    };
    rename("conversations", "gone").await;
    for _ in 0..3 {
        let list = "/api/navi-memory/conversations";
        let (status, said) = served.call(reqwest::Method::GET, list, &json!({})).await;
        assert_eq!(status, 500, "{said}");
    }
    rename("gone", "conversations").await;
    let viewer = token_of(ORG, "viewer", Role::Viewer);
    for (token, expected) in [("nonsense", 401), (&viewer, 403)] {
        let path = "/api/telemetry/errors/1/resolve";
        let (status, said) = post(served, token, path, &json!({})).await;
        assert_eq!(status, expected, "{said}");
    }
}

fn now() -> i64 {
    Clock::System.now().timestamp_millis()
}
