//! Asking for jobs, and who may see them.

use axum::http::{Method, StatusCode};
use navi::auth::principal::Role;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::jobs::desk::{Desk, nothing};
use crate::runs::stage::{calls, says, script};
use crate::support::client::{Answer, json_request};

impl Desk {
    async fn keyed(&self, path: &str, key: &str, body: &Value) -> Answer {
        let mut request = json_request(Method::POST, path, body);
        let headers = request.headers_mut();
        headers.insert("idempotency-key", key.parse().unwrap());
        self.client.answer(request).await
    }

    async fn count(&self) -> i64 {
        self.stage.count("select count(*) from runs").await
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_its_events_and_a_whole_answer_say_that_another_model_was_asked_for(db: PgPool) {
    let desk = Desk::new(db, script([says("Done.")])).await;
    for (asked, fell_back) in [
        ("anthropic/claude-sonnet-4", true),
        ("scripted/demo", false),
    ] {
        let id = desk.create(json!({ "model": asked })).await;
        let told = desk.ended(&id).await;
        let job = desk.job(&id).await;
        let (_, page) = desk.client.get("/api/jobs").await;
        let mut jobs = page["jobs"].as_array().unwrap().iter();
        let listed = jobs.find(|job| job["job_id"] == id.as_str());
        let question = json!({ "message": "Where?", "model": asked });
        let (_, answer) = desk.client.post("/api/navi/chat", question).await;
        for info in [
            &job["router_info"],
            &listed.unwrap()["router_info"],
            &told.all("router_info")[0]["router_info"],
            &answer["router_info"],
        ] {
            assert_eq!(info["requestedModelId"], asked, "{info}");
            assert_eq!(info["wasFallback"], fell_back, "{info}");
            assert_eq!(info["effectiveModelId"], "scripted/demo", "{info}");
            let why = info["fallbackReason"].as_str().unwrap_or_default();
            assert_eq!(
                why.ends_with("`scripted/demo` answers instead"),
                fell_back,
                "{info}"
            );
        }
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_is_worked_on_and_keeps_what_its_client_noted(db: PgPool) {
    let write = calls(&[("write_file", json!({"path": "new", "content": "1\n"}))]);
    let desk = Desk::new(db, script([write, says("Done.")])).await;
    let note = json!({"ticket": "NAVI-7", "nested": {"nul": "a\u{0}b"}});
    let body = desk.body(json!({"metadata": note}));
    let (status, answer) = desk.client.post("/api/navi/jobs", body).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["started"], true);
    assert_eq!(answer["start_reason"], "queued");
    let id = answer["job"]["job_id"].as_str().unwrap().to_owned();
    assert_eq!(answer["events_url"], format!("/api/jobs/{id}/events"));
    assert_eq!(answer["job"]["status"], "queued");
    let told = desk.ended(&id).await;
    assert_eq!(told.stopped_reason(), "completed");
    assert_eq!(told.all("job_started").len(), 1);
    assert_eq!(told.all("job_resumed").len(), 0);
    assert_eq!(told.last(3), ["complete", "job_completed", "job_terminal"]);
    let job = desk.job(&id).await;
    assert_eq!(
        job["metadata"],
        json!({"ticket": "NAVI-7", "nested": {"nul": "ab"}})
    );
    assert_eq!(job["status"], "completed");
    assert_eq!(job["takeovers"], 0);
    assert_eq!(&job["summary"], &told.all("complete")[0]["summary"]);
    let (_, mirrored) = desk.client.get(&format!("/api/navi/jobs/{id}")).await;
    assert_eq!(mirrored["job"], job, "both addresses show the same");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_that_cannot_be_is_refused_and_leaves_nothing(db: PgPool) {
    let desk = Desk::new(db, script([says("Done.")])).await;
    let large = json!({"text": "x".repeat(16 * 1024)});
    for (fields, expected) in [
        (json!({"metadata": large}), 413),
        (json!({"metadata": "text"}), 422),
        (json!({"metadata": [1]}), 422),
        (json!({"auto_start": "yes"}), 422),
        (json!({"message": " "}), 422),
        (json!({"workspace_path": "/nowhere/at/all"}), 404),
    ] {
        let body = desk.body(fields);
        let (status, problem) = desk.client.post("/api/jobs", body).await;
        assert_eq!(status, expected, "{problem}");
    }
    assert_eq!(desk.count().await, 0);
    let fits = json!({"text": "x".repeat(16 * 1024 - 11)});
    desk.create(json!({"metadata": fits, "auto_start": false}))
        .await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_request_sent_twice_with_a_key_makes_one_job(db: PgPool) {
    let desk = Desk::new(db, script([says("Done.")])).await;
    let body = desk.body(json!({"auto_start": false}));
    let first = desk.keyed("/api/jobs", "k", &body).await;
    assert_eq!(first.status, StatusCode::OK);
    // The job has moved on meanwhile; the answer is the one that was given.
    let id = first.body["job"]["job_id"].as_str().unwrap();
    desk.ask(id, "cancel", nothing()).await;
    let second = desk.keyed("/api/jobs", "k", &body).await;
    assert_eq!((second.status, &second.body), (first.status, &first.body));
    let other = desk.keyed("/api/jobs", "k", &desk.body(nothing())).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(desk.count().await, 1);
    // The other address of the same route is another request.
    let mirror = desk.keyed("/api/navi/jobs", "k", &body).await;
    assert_eq!(mirror.status, StatusCode::UNPROCESSABLE_ENTITY);
    let at_once = (0..6).map(|_| desk.keyed("/api/jobs", "k2", &body));
    let answers = futures_util::future::join_all(at_once).await;
    for answer in answers {
        let status = answer.status.as_u16();
        assert!(status == 200 || status == 409, "{status}");
    }
    assert_eq!(desk.count().await, 2);
}

/// Every route, with the token of another user of the same organisation, and with that of a user of the
/// same name in another one.
#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn nobody_else_sees_or_moves_a_job(db: PgPool) {
    let push = calls(&[("run_command", json!({"command": "git push origin main"}))]);
    let desk = Desk::new(db, script([push, says("Done.")])).await;
    let id = desk.create(nothing()).await;
    let asked = desk.until(&id, "command.consent_required").await;
    let consent = asked["data"]["consent_id"].as_str().unwrap();
    let held = desk.create(json!({"auto_start": false})).await;
    for (org, user) in [("org-1", "user-2"), ("org-2", "user-1")] {
        let stranger = desk.stage.app.client_of(org, user, Role::Admin);
        for job in [&id, &held] {
            for base in ["/api/jobs", "/api/navi/jobs"] {
                for path in [format!("{base}/{job}"), format!("{base}/{job}/events")] {
                    let (status, problem) = stranger.get(&path).await;
                    assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
                    assert_eq!(problem["error_code"], "JOB_NOT_FOUND");
                }
                for what in ["start", "resume", "cancel", "approve"] {
                    let path = format!("{base}/{job}/{what}");
                    let body = json!({"choice": "allow_once", "consent_id": consent});
                    let (status, _) = stranger.post(&path, body).await;
                    assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
                }
            }
        }
        let path = format!("/api/navi/consent/{consent}");
        let (status, _) = stranger.post(&path, json!({"choice": "allow_once"})).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let (_, list) = stranger.get("/api/jobs").await;
        assert_eq!(list["jobs"], json!([]));
        for list in ["/api/navi/consent-audit", "/api/navi/consent-preferences"] {
            let (_, list) = stranger.get(list).await;
            assert_eq!(list["count"], 0, "{list}");
        }
    }
    assert_eq!(desk.job(&id).await["status"], "paused_for_approval");
    assert_eq!(desk.job(&held).await["status"], "queued");
    let unknown = "00000000-0000-7000-8000-000000000000";
    let (status, _) = desk.client.get(&format!("/api/jobs/{unknown}")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = desk.stage.app.stranger().get("/api/jobs").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(desk.ask(&id, "cancel", nothing()).await.0, 200);
    desk.ended(&id).await;
}
