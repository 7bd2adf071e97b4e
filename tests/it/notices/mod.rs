//! Notices: webhooks over HTTP, what they are told, and sinks that misbehave.

mod costs;
mod crashes;
mod oracle;
mod sealing;
mod sending;
mod sink;
mod slack;
mod telling;
mod webhooks;

use axum::http::StatusCode;
use chrono::DateTime;
use navi::auth::principal::Role;
use navi::notices::model::NoticeId;
use navi::notices::notice::Notice;
use navi::notices::store::outbox;
use navi::platform::clock::Clock;
use navi::platform::ids::{OrgId, RunId};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::app::{ORG, TestApp, USER};
use crate::support::client::Client;
use crate::vault::DEV_KEY;

/// A service with a clock that stands still, whose dispatcher sends on request.
pub(super) async fn office(db: PgPool, flags: &[&str]) -> TestApp {
    let at = DateTime::from_timestamp(1_767_323_045, 0).unwrap();
    let ours = ["--dev-encryption-key", DEV_KEY];
    let flags: Vec<_> = ours.iter().chain(flags).copied().collect();
    // A large future within one of a test.
    Box::pin(TestApp::with(db, Clock::fixed(at), &flags)).await
}

/// Makes a webhook. Answers its id and its secret.
pub(super) async fn webhook(client: &Client, body: Value) -> (String, Option<String>) {
    let (status, answer) = client.post("/api/webhooks", body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let id = answer["webhook"]["id"].as_str().unwrap().to_owned();
    (id, answer["secret"].as_str().map(str::to_owned))
}

/// Makes a webhook of [`ORG`] that gets everything.
pub(super) async fn webhook_at(app: &TestApp, url: &str) -> (String, Option<String>) {
    webhook(&app.client(Role::Admin), json!({ "url": url })).await
}

/// The list's entry of a webhook.
pub(super) async fn shown(app: &TestApp, id: &str) -> Value {
    let (_, list) = app.client(Role::Admin).get("/api/webhooks").await;
    let all = list["webhooks"].as_array().unwrap();
    all.iter()
        .find(|webhook| webhook["id"] == id)
        .unwrap()
        .clone()
}

/// Deliveries of a webhook, newest first.
pub(super) async fn deliveries(app: &TestApp, id: &str, query: &str) -> Vec<Value> {
    let path = format!("/api/webhooks/{id}/deliveries{query}");
    let (status, page) = app.client(Role::Admin).get(&path).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    page["deliveries"].as_array().unwrap().clone()
}

/// Writes a notice about a run, as the end of a run does.
pub(super) async fn tell(app: &TestApp) -> NoticeId {
    let clock = &app.app.clock;
    let (org, user): (OrgId, _) = (ORG.parse().unwrap(), USER.parse().unwrap());
    let notice = Notice::run_paused(RunId::new(clock), &user, "model_unavailable");
    let id = NoticeId::new(clock);
    let mut conn = app.app.db.acquire().await.unwrap();
    outbox::tell(&mut conn, &org, id, &notice, clock.now())
        .await
        .unwrap();
    id
}

/// Sends everything that is due.
pub(super) async fn send_all(app: &TestApp) -> usize {
    Box::pin(app.app.notices.dispatcher.send_all())
        .await
        .unwrap()
}
