//! Entries of requests whose answers are streams.

use std::time::Duration;

use axum::http::Method;
use navi::auth::principal::Role;
use navi::llm::script::{FailKind, Script};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::stage::{Stage, says, script};
use crate::runs::stream::EventStream;
use crate::support::client::json_request;
use crate::support::model::Failing as _;

async fn stage(db: PgPool, script: Script) -> Stage {
    let script = Script {
        plan: None,
        ..script
    };
    Stage::new(db, script).await
}

async fn begin(stage: &Stage) -> EventStream {
    let body = stage.body("How are pages counted?");
    let request = json_request(Method::POST, "/api/navi/chat/stream/v2", &body);
    let response = stage.planner().send(request).await;
    EventStream::new(response.into_body().into_data_stream())
}

/// The entry of the chat.
async fn entry(stage: &Stage) -> Value {
    let admin = stage.app.client(Role::Admin);
    let (_, page) = admin.get("/api/audit?event_type=http.request").await;
    let entries = page["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{page}");
    entries[0].clone()
}

/// The entry once it has an end, for which nothing waits.
async fn ended(stage: &Stage) -> Value {
    loop {
        let entry = entry(stage).await;
        if !entry["outcome"].is_null() {
            return entry;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_entry_of_a_stream_ends_with_it(db: PgPool) {
    let stage = stage(db, script([says("From one.")])).await;
    begin(&stage).await.rest().await;
    let entry = ended(&stage).await;
    assert_eq!(
        (&entry["outcome"], &entry["status_code"]),
        (&json!("success"), &json!(200))
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_stream_that_its_reader_leaves_has_no_end_before_and_is_abandoned_then(db: PgPool) {
    let mut script = script([]).fails(FailKind::Hang);
    script.turns[0].say = vec!["From ".to_owned()];
    let stage = stage(db, script).await;
    let mut stream = begin(&stage).await;
    stream.until(|event| event["type"] == "text").await;
    assert_eq!(entry(&stage).await["outcome"], json!(null));
    drop(stream);
    let entry = ended(&stage).await;
    assert_eq!(
        (&entry["outcome"], &entry["status_code"]),
        (&json!("abandoned"), &json!(200))
    );
}
