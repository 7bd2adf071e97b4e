//! Requests that become entries, and the content of an entry.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use chrono::{DateTime, Utc};
use navi::audit::event::Event;
use navi::audit::model::{Filter, Log, Outcome};
use navi::auth::principal::Role;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::jobs::desk::Desk;
use crate::runs::stage::{calls, says, script};
use crate::support::app::{ORG, TestApp};
use crate::support::client::Client;
use crate::support::packing::{gzip, zstd};
use crate::support::promises::{REFUSED_WITHIN, kept};

const CONVERSATIONS: &str = "/api/navi-memory/conversations";

/// The entries of the organisation as an administrator sees them, newest first.
async fn entries(app: &TestApp, query: &str) -> Vec<Value> {
    let (status, page) = app
        .client(Role::Admin)
        .get(&format!("/api/audit{query}"))
        .await;
    assert_eq!(status, StatusCode::OK, "{page}");
    page["entries"].as_array().unwrap().clone()
}

async fn begin_conversation(client: &Client, title: &str) -> String {
    let (status, answer) = client.post(CONVERSATIONS, json!({"title": title})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["id"].as_str().unwrap().to_owned()
}

async fn opened(app: &TestApp, id: &str) -> Value {
    let path = format!("/api/audit/{id}/decrypt");
    let body = json!({"reason": "a test wants to know"});
    let (status, answer) = app.client(Role::Admin).post(&path, body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_request_that_changes_something_is_an_entry_that_says_who_did_what(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let id = begin_conversation(&client, "one").await;
    client.get(CONVERSATIONS).await;
    let entries = entries(&app, "").await;
    assert_eq!(entries.len(), 1, "reading is no entry");
    insta::assert_json_snapshot!(entries[0], {
        ".id" => "[id]", ".request_id" => "[id]", ".trace_id" => "[id]", ".resource_id" => "[id]",
        ".duration_ms" => "[ms]",
    }, @r#"
    {
      "id": "[id]",
      "sequence": 1,
      "event_type": "http.request",
      "created_at": "2026-01-02T03:04:05Z",
      "completed_at": "2026-01-02T03:04:05Z",
      "actor_kind": "user",
      "actor_sub": "user-1",
      "actor_role": "viewer",
      "method": "POST",
      "route": "/api/navi-memory/conversations",
      "resource_id": "[id]",
      "status_code": 200,
      "outcome": "success",
      "duration_ms": "[ms]",
      "request_id": "[id]",
      "trace_id": "[id]",
      "run_id": null,
      "has_payload": true,
      "erased": false
    }
    "#);
    assert_eq!(entries[0]["resource_id"], id, "what was made is named");
    let payload = opened(&app, entries[0]["id"].as_str().unwrap()).await;
    assert_eq!(payload["payload"], json!({"body": {"title": "one"}}));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_was_said_is_kept_without_secrets_however_it_was_written(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let said = |title: &str| {
        let secret = r#""initial_context": {"password": "correct horse"}"#;
        format!(r#"{{"title": "{title}", {secret}}}"#).into_bytes()
    };
    let marked = [b"\xef\xbb\xbf", &said("one")[..]].concat();
    for (body, encoding, title) in [
        (said("one"), "identity", "one"),
        (gzip(&said("one")), "gzip", "one"),
        (zstd(&said("one")), "zstd", "one"),
        (marked, "identity", "one"),
        (said(r"\ud83d"), "identity", "\u{fffd}"),
    ] {
        let request = Request::post(CONVERSATIONS)
            .header("content-type", "application/json")
            .header("content-encoding", encoding)
            .body(Body::from(body));
        let answer = client.answer(request.unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{:#}", answer.body);
        let entry = &entries(&app, "").await[0];
        let payload = opened(&app, entry["id"].as_str().unwrap()).await;
        let kept = &payload["payload"]["body"];
        assert_eq!(kept["title"], title, "{kept}");
        assert!(kept["initial_context"]["password"].is_string(), "{kept}");
        assert!(!kept.to_string().contains("correct horse"), "{kept}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_change_says_how_it_was_before_and_after(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let id = begin_conversation(&client, "one").await;
    let path = format!("{CONVERSATIONS}/{id}");
    let (status, _) = client.patch(&path, json!({"title": "two"})).await;
    assert_eq!(status, StatusCode::OK);
    let entry = &entries(&app, "").await[0];
    assert_eq!(
        (&entry["method"], &entry["resource_id"]),
        (&json!("PATCH"), &json!(id))
    );
    let payload = opened(&app, entry["id"].as_str().unwrap()).await;
    assert_eq!(payload["changes"]["before"]["title"], "one");
    assert_eq!(payload["changes"]["after"]["title"], "two");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_is_refused_or_wrong_is_an_entry_too(db: PgPool) {
    let app = TestApp::new(db).await;
    let viewer = app.client(Role::Viewer);
    viewer.post("/api/jobs", json!({"message": "x"})).await;
    viewer.post(CONVERSATIONS, json!({"title": 7})).await;
    viewer
        .delete(&format!("{CONVERSATIONS}/{}", uuid::Uuid::nil()))
        .await;
    let told: Vec<_> = entries(&app, "")
        .await
        .iter()
        .rev()
        .map(|entry| {
            (
                entry["status_code"].as_i64().unwrap(),
                entry["outcome"].clone(),
            )
        })
        .collect();
    let refused = json!("refused");
    assert_eq!(told.len(), 3);
    assert!(
        told.iter()
            .all(|(status, outcome)| *status >= 400 && *outcome == refused),
        "{told:?}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_secret_in_a_request_is_in_no_payload(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let secret = format!("ghp_{}", "Zx9".repeat(12));
    let body = json!({"token": secret, "password": "hunter2hunter2", "total_tokens": 12});
    client
        .call(
            axum::http::Method::PUT,
            "/api/connectors/github?access_token=hidden77hidden",
            &body,
        )
        .await;
    let entry = &entries(&app, "?event_type=http.request").await[0];
    let payload = opened(&app, entry["id"].as_str().unwrap())
        .await
        .to_string();
    for hidden in [secret.as_str(), "hunter2", "hidden77"] {
        assert!(!payload.contains(hidden), "{payload}");
    }
    assert!(payload.contains("\"total_tokens\":12"), "{payload}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn nothing_changes_when_it_cannot_be_audited_and_the_answer_comes_within_a_second(
    db: PgPool,
) {
    let app = TestApp::new(db.clone()).await;
    let client = app.client(Role::Viewer);
    begin_conversation(&client, "before").await;
    let mut lock = db.begin().await.unwrap();
    sqlx::query("lock table audit_chains in access exclusive mode")
        .execute(&mut *lock)
        .await
        .unwrap();
    let began = Instant::now();
    let (status, answer) = client.post(CONVERSATIONS, json!({"title": "lost"})).await;
    kept(REFUSED_WITHIN, began);
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer["error_code"], "AUDIT_UNAVAILABLE");
    lock.rollback().await.unwrap();
    // The writer finds its way back by itself.
    let began = Instant::now();
    while client
        .post(CONVERSATIONS, json!({"title": "after"}))
        .await
        .0
        != StatusCode::OK
    {
        assert!(began.elapsed() < Duration::from_secs(10));
    }
    let (_, list) = client.get(CONVERSATIONS).await;
    let titles = list
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["title"].as_str().unwrap());
    let titles: std::collections::BTreeSet<_> = titles.collect();
    assert_eq!(titles, ["after", "before"].into());
    let report = app.app.audit.verify(&log(), &[], |_, _| {}).await.unwrap();
    assert!(report.ok, "{report:?}");
}

fn log() -> Log {
    Log::from_name(ORG)
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_entry_is_opened_for_a_reason_which_is_noted_first(db: PgPool) {
    let app = TestApp::new(db).await;
    begin_conversation(&app.client(Role::Viewer), "one").await;
    let id = entries(&app, "").await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/audit/{id}/decrypt");
    let admin = app.client(Role::Admin);
    for bad in [
        json!({}),
        json!({"reason": " "}),
        json!({"reason": "x".repeat(501)}),
    ] {
        let (status, _) = admin.post(&path, bad).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    opened(&app, &id).await;
    let noted = entries(&app, "?event_type=audit.decrypted").await;
    assert_eq!(noted.len(), 1);
    assert_eq!(
        (&noted[0]["resource_id"], &noted[0]["actor_sub"]),
        (&json!(id), &json!("user-1"))
    );
    let reason = opened(&app, noted[0]["id"].as_str().unwrap()).await;
    assert_eq!(reason["payload"]["reason"], "a test wants to know");
    // An administrator of another organisation finds nothing, and no lower role is let in.
    let stranger = app.client_of("org-2", "user-1", Role::Admin);
    let (status, _) = stranger.post(&path, json!({"reason": "curious"})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = app.client(Role::Planner).get("/api/audit").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn entries_are_filtered_and_paged(db: PgPool) {
    let app = TestApp::new(db).await;
    for n in 0..5 {
        begin_conversation(&app.client(Role::Viewer), &format!("{n}")).await;
    }
    let other = app.client_of(ORG, "user-2", Role::Viewer);
    begin_conversation(&other, "theirs").await;
    assert_eq!(entries(&app, "?actor=user-2").await.len(), 1);
    assert_eq!(entries(&app, "?actor=nobody").await.len(), 0);
    assert_eq!(entries(&app, "?outcome=refused").await.len(), 0);
    assert_eq!(entries(&app, "?since=2026-01-02T03:04:05Z").await.len(), 6);
    assert_eq!(entries(&app, "?until=2026-01-02T03:04:05Z").await.len(), 0);
    let (mut cursor, mut seen) = (String::new(), Vec::new());
    loop {
        let path = format!("/api/audit?limit=4{cursor}");
        let (_, page) = app.client(Role::Admin).get(&path).await;
        seen.extend(
            page["entries"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["id"].clone()),
        );
        match page["next_cursor"].as_i64() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 6);
    seen.dedup();
    assert_eq!(seen.len(), 6);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_refused_token_is_noted_in_the_servers_own_log_and_a_flood_is_counted(db: PgPool) {
    let app = TestApp::new(db).await;
    let forged = app.client_with("eyJhbGciOiJub25lIn0.e30.");
    for _ in 0..100 {
        let (status, _) = forged.get("/api/auth/me").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    app.stranger().get("/api/auth/me").await;
    let filter = Filter {
        event: Some(Event::LoginFailed),
        ..Filter::default()
    };
    let began = Instant::now();
    let noted = loop {
        let noted = app
            .app
            .audit
            .entries(&Log::Server, &filter, None, 200)
            .await
            .unwrap();
        if noted.len() >= 20 || began.elapsed() > Duration::from_secs(5) {
            break noted;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    // A hundred may fall into two seconds.
    assert!((20..=60).contains(&noted.len()), "{}", noted.len());
    assert!(
        noted
            .iter()
            .all(|entry| entry.outcome == Some(Outcome::Refused))
    );
    assert!(entries(&app, "").await.is_empty(), "it is in nobody's log");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_action_of_the_agent_is_an_entry_of_its_user(db: PgPool) {
    let desk = Desk::new(
        db,
        script([
            calls(&[("write_file", json!({"path": "a.txt", "content": "hello"}))]),
            calls(&[("run_command", json!({"command": "sudo rm -rf /"}))]),
            calls(&[("read_file", json!({"path": "missing.txt"}))]),
            says("done"),
        ]),
    )
    .await;
    let id = desk.create(json!({})).await;
    desk.ended(&id).await;
    let app = &desk.stage.app;
    let mut told = Vec::new();
    for entry in entries(app, "?event_type=tool.call").await.iter().rev() {
        assert_eq!(
            (&entry["run_id"], &entry["actor_kind"]),
            (&json!(id), &json!("agent"))
        );
        let payload = opened(app, entry["id"].as_str().unwrap()).await;
        told.push(format!(
            "{} {}",
            payload["payload"]["tool"], entry["outcome"]
        ));
    }
    assert_eq!(
        told,
        [
            r#""write_file" "success""#,
            r#""run_command" "refused""#,
            r#""read_file" "failure""#
        ]
    );
}

/// For every call of a tool: when its entry began, when it ended, and when its result was told.
const TIMES: &str = "
    select begun.created_at as begun, ended.created_at as ended, told.created_at as told
    from audit_records begun
    join audit_records ended on ended.entry_id = begun.entry_id and ended.phase = 'completed'
    join tool_calls call on call.tool_call_id::text = begun.resource
    join run_events told on told.run_id = call.run_id and told.kind = 'tool_result'
      and told.payload -> 'tool_result' ->> 'id' = call.provider_call_id
    where begun.event = 'tool.call' and begun.phase = 'begun'";

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn no_result_of_a_call_is_told_before_its_entry_has_ended(db: PgPool) {
    let read = ("read_file", json!({"path": "a.txt"}));
    let write = ("write_file", json!({"path": "b.txt", "content": "b"}));
    let turns = [calls(&[read.clone(), read]), calls(&[write]), says("Done.")];
    let desk = Desk::new(db.clone(), script(turns)).await;
    desk.stage.put("a.txt", "a");
    let id = desk.create(json!({})).await;
    assert_eq!(desk.ended(&id).await.stopped_reason(), "completed");
    let calls: Vec<(DateTime<Utc>, DateTime<Utc>, DateTime<Utc>)> =
        sqlx::query_as(TIMES).fetch_all(&db).await.unwrap();
    assert_eq!(calls.len(), 3);
    for (begun, ended, told) in calls {
        assert!(begun <= ended && ended <= told, "{begun} {ended} {told}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_consent_is_an_entry_of_whoever_gave_it(db: PgPool) {
    let command = "git push origin main";
    let desk = Desk::new(
        db,
        script([
            calls(&[("run_command", json!({ "command": command }))]),
            says("done"),
        ]),
    )
    .await;
    let id = desk.create(json!({})).await;
    let asked = desk.until(&id, "command.consent_required").await;
    let consent = asked["data"]["consent_id"].as_str().unwrap().to_owned();
    let path = format!("/api/navi/consent/{consent}");
    let (status, answer) = desk.client.post(&path, json!({"choice": "deny"})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    desk.ended(&id).await;
    let app = &desk.stage.app;
    let decided = entries(app, "?event_type=consent.decided").await;
    assert_eq!(decided.len(), 1);
    assert_eq!(
        (&decided[0]["resource_id"], &decided[0]["actor_sub"]),
        (&json!(consent), &json!("user-1"))
    );
    let payload = opened(app, decided[0]["id"].as_str().unwrap()).await;
    assert_eq!(payload["payload"]["choice"], "deny");
    let refused = entries(app, "?event_type=tool.call&outcome=refused").await;
    assert_eq!(refused.len(), 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn settings_that_differ_from_the_last_start_are_noted_without_the_secrets(db: PgPool) {
    use navi::audit::settings::Setting;
    let app = TestApp::new(db).await;
    let audit = &app.app.audit;
    let settings = |level: &str, secret: &str| {
        [
            ("LOG_LEVEL".to_owned(), Setting::Plain(level.to_owned())),
            ("JWT_SECRET".to_owned(), Setting::Secret(secret.into())),
        ]
        .into()
    };
    assert_eq!(
        audit
            .note_settings(&settings("info", "planted-secret"))
            .await
            .unwrap(),
        2
    );
    assert_eq!(
        audit
            .note_settings(&settings("info", "planted-secret"))
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        audit
            .note_settings(&settings("info", "planted-other!"))
            .await
            .unwrap(),
        1
    );
    let noted = audit
        .entries(&Log::Server, &Filter::default(), None, 10)
        .await
        .unwrap();
    assert_eq!(noted.len(), 2);
    let asker = navi::cli::audit::opened::operator();
    let last = audit
        .decrypt(&Log::Server, noted[0].entry_id, &asker, "test")
        .await
        .unwrap();
    let last = last.begun.unwrap().to_string();
    assert!(
        last.contains("JWT_SECRET") && !last.contains("planted"),
        "{last}"
    );
}
