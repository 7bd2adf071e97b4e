//! Notices of runs, in the transaction of the event.

use navi::auth::principal::Role;
use navi::notices::model::NoticeId;
use navi::notices::notice::Notice;
use navi::notices::store::outbox;
use navi::platform::ids::{OrgId, RunId};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::jobs::desk::{Desk, nothing};
use crate::notices::sink::{Received, Sink};
use crate::notices::{office, send_all, webhook, webhook_at};
use crate::runs::stage::{calls, says, script};
use crate::support::app::{ORG, USER};
use crate::vault::DEV_KEY;

/// A word of the prompts and of the model that no notice may hold.
const CANARY: &str = "owl-1729";

async fn desk(db: PgPool, script: navi::llm::script::Script) -> Desk {
    let base = "https://navi.acme.example/";
    let flags = ["--dev-encryption-key", DEV_KEY, "--public-base-url", base];
    Desk::with(db, script, &flags).await
}

fn of_kind(received: &[Received], kind: &str) -> Vec<Value> {
    let all = received.iter().map(Received::json);
    all.filter(|body| body["type"] == kind).collect()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_that_succeeds_is_told_with_ids_and_links_and_nothing_that_was_said(db: PgPool) {
    let desk = desk(db, script([says(CANARY)])).await;
    let sink = Sink::start().await;
    webhook_at(&desk.stage.app, &sink.url).await;
    let id = desk
        .create(json!({ "message": format!("say {CANARY}") }))
        .await;
    desk.ended(&id).await;
    let received = sink.until(1).await;
    assert!(!String::from_utf8_lossy(&received[0].body).contains(CANARY));
    let body = received[0].json();
    assert_eq!(body["type"], "run.succeeded");
    assert!(body["timestamp"].is_string());
    let data = &body["data"];
    assert_eq!(
        (&data["run_id"], &data["user_id"]),
        (&json!(id), &json!(USER))
    );
    assert_eq!(data["stopped_reason"], "completed");
    let link = format!("https://navi.acme.example/api/jobs/{id}");
    assert_eq!(data["links"]["run"], link);
    let mut fields: Vec<_> = data
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    fields.sort_unstable();
    let expected = [
        "conversation_id",
        "cost_usd",
        "elapsed_ms",
        "links",
        "run_id",
        "stopped_reason",
        "user_id",
        "verification",
    ];
    assert_eq!(fields, expected);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_approval_a_question_and_a_cancelled_run_are_told_to_those_that_get_them(db: PgPool) {
    let command = format!("git push origin {CANARY}");
    let turns = [
        calls(&[("run_command", json!({ "command": command }))]),
        calls(&[(
            "ask_user",
            json!({ "question": format!("Which {CANARY}?") }),
        )]),
        says("Done."),
    ];
    let desk = desk(db, script(turns)).await;
    let (sink, narrow) = (Sink::start().await, Sink::start().await);
    webhook_at(&desk.stage.app, &sink.url).await;
    let admin = desk.stage.app.client(Role::Admin);
    webhook(
        &admin,
        json!({"url": narrow.url, "events": ["run.cancelled"]}),
    )
    .await;
    let id = desk.create(nothing()).await;
    let asked = desk.until(&id, "command.consent_required").await;
    let received = sink.until(1).await;
    let consent = of_kind(&received, "approval.requested")[0]["data"].clone();
    assert_eq!(consent["approval"], "consent");
    assert_eq!(consent["consent_id"], asked["data"]["consent_id"]);
    assert_eq!(consent["tool"], "run_command");
    assert_eq!(consent["run_id"], id.as_str());
    let path = consent["links"]["approval"].as_str().unwrap();
    let wanted = format!(
        "https://navi.acme.example/api/navi/consent/{}",
        asked["data"]["consent_id"].as_str().unwrap()
    );
    assert_eq!(path, wanted);

    desk.ask(&id, "approve", json!({ "choice": "deny" })).await;
    let prompt = desk.until(&id, "prompt_request").await;
    let received = sink.until(2).await;
    let question = of_kind(&received, "approval.requested")[1]["data"].clone();
    assert_eq!(question["approval"], "prompt");
    assert_eq!(question["prompt_id"], prompt["data"]["prompt_id"]);

    desk.ask(&id, "cancel", json!({})).await;
    desk.ended(&id).await;
    let received = sink.until(3).await;
    assert_eq!(of_kind(&received, "run.cancelled").len(), 1);
    let told = narrow.until(1).await;
    assert_eq!(told[0].json()["data"]["run_id"], id.as_str());
    for one in sink.received().iter().chain(&told) {
        let text = String::from_utf8_lossy(&one.body).into_owned();
        assert!(!text.contains(CANARY), "{text}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_that_fails_is_told_as_failed(db: PgPool) {
    let desk = desk(db.clone(), script([says("Done.")])).await;
    let sink = Sink::start().await;
    webhook_at(&desk.stage.app, &sink.url).await;
    let id = desk.create(json!({ "auto_start": false })).await;
    let stored = "insert into run_messages (org_id, run_id, position, content, created_at)
                  select org_id, run_id, 0, '{\"role\": 7}', now() from runs";
    sqlx::query(stored).execute(&db).await.unwrap();
    desk.ask(&id, "start", nothing()).await;
    desk.until_status(&id, "failed").await;
    let body = sink.until(1).await[0].json();
    assert_eq!(body["type"], "run.failed");
    assert_eq!(body["data"]["run_id"], id.as_str());
    assert_ne!(body["data"]["stopped_reason"], "completed");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_is_rolled_back_is_not_told_and_what_was_told_is_left_as_it_is(db: PgPool) {
    let app = office(db.clone(), &[]).await;
    let sink = Sink::start().await;
    webhook_at(&app, &sink.url).await;
    let (org, user): (OrgId, _) = (ORG.parse().unwrap(), USER.parse().unwrap());
    let clock = &app.app.clock;
    let notice = Notice::run_paused(RunId::new(clock), &user, "model_unavailable");
    let id = NoticeId::new(clock);
    let mut tx = db.begin().await.unwrap();
    assert_eq!(
        outbox::tell(&mut tx, &org, id, &notice, clock.now())
            .await
            .unwrap(),
        1
    );
    tx.rollback().await.unwrap();
    assert_eq!(send_all(&app).await, 0);
    let mut conn = db.acquire().await.unwrap();
    for new in [1, 0] {
        let told = outbox::tell(&mut conn, &org, id, &notice, clock.now()).await;
        assert_eq!(told.unwrap(), new);
    }
    assert_eq!(send_all(&app).await, 1);
    assert_eq!(sink.ids(), [id.to_string()]);
    // Another organisation has no webhook, and nothing is written for it.
    let other: OrgId = "org-2".parse().unwrap();
    let told = outbox::tell(
        &mut conn,
        &other,
        NoticeId::new(clock),
        &notice,
        clock.now(),
    )
    .await;
    assert_eq!(told.unwrap(), 0);
}
