//! One trace through everything a request leads to, and the view that follows it.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use insta::assert_json_snapshot;
use navi::platform::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::jobs::desk::Desk;
use crate::runs::stage::{Stage, calls, says, script};
use crate::runs::stream::EventStream;
use crate::support::app::ORG;
use crate::support::client::json_request;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CHAT_TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn traced(path: &str, trace: &str, body: &Value) -> axum::http::Request<axum::body::Body> {
    let mut request = json_request(Method::POST, path, body);
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    request
        .headers_mut()
        .insert("traceparent", parent.parse().unwrap());
    request
}

/// A run that writes a file, in [`TRACE`]; its id.
async fn run(stage: &Stage) -> String {
    stage.put("notes.py", "def notes():\n    return 'do it'\n");
    let request = traced("/api/navi/chat/autonomous", TRACE, &stage.body("do it"));
    let response = stage.planner().send(request).await;
    assert_eq!(response.status(), StatusCode::OK);
    let mut stream = EventStream::new(response.into_body().into_data_stream());
    stream.rest().await;
    stage.ended(stream).await.run_id()
}

async fn stage(db: PgPool) -> Stage {
    let write = json!({"path": "a", "content": "b"});
    Stage::new(db, script([calls(&[("write_file", write)]), says("Done.")])).await
}

/// Stores an error that a client reported.
async fn report(db: &PgPool, org: &str, trace: Option<&str>, run: Option<&str>) -> i64 {
    sqlx::query_scalar(
        "insert into error_events (org_id, user_id, error_type, severity, error_message, session_id,
                                   group_id, trace_id, run_id, created_at)
         values ($1, 'user-1', 'TypeError', 'error', 'x is undefined', 'tab-1', 7, $2, $3::uuid,
                 '2026-01-02T04:00:00Z')
         returning id",
    )
    .bind(org)
    .bind(trace)
    .bind(run)
    .fetch_one(db)
    .await
    .unwrap()
}

/// The thread of an error.
async fn around(db: &PgPool, error: i64) -> Value {
    sqlx::query_scalar("select to_jsonb(t) from error_threads t where error_id = $1")
        .bind(error)
        .fetch_one(db)
        .await
        .unwrap()
}

/// The number of rows of each table, and of those that carry a trace.
async fn carriers(db: &PgPool, trace: &str) -> Vec<String> {
    sqlx::query_scalar(
        "select format('%s: %s of %s', name, count(*) filter (where trace_id = $1), count(*))
         from (select 'runs' as name, trace_id from runs
               union all select 'calls', trace_id from llm_metrics
               union all select 'retrievals', trace_id from rag_metrics
               union all select 'tasks', trace_id from task_metrics
               union all select 'generations', trace_id from ai_generation_log
               union all select event, trace_id from audit_records where org_id <> '') rows
         group by name order by name",
    )
    .bind(trace)
    .fetch_all(db)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn one_row_joins_an_error_to_its_run_its_cost_and_its_rating(db: PgPool) {
    let stage = stage(db.clone()).await;
    let run_id = run(&stage).await;
    assert_json_snapshot!(carriers(&db, TRACE).await, @r#"
    [
      "calls: 2 of 2",
      "generations: 1 of 1",
      "http.request: 2 of 2",
      "retrievals: 1 of 1",
      "runs: 1 of 1",
      "tasks: 1 of 1",
      "tool.call: 2 of 2",
      "workspace.bound: 2 of 2"
    ]
    "#);
    sqlx::query(
        "insert into ai_feedback (gen_id, org_key, user_sub, rating, reason)
         select id, org_key, user_sub, -1, 'incorrect' from ai_generation_log",
    )
    .execute(&db)
    .await
    .unwrap();

    let error = report(&db, ORG, Some(TRACE), None).await;
    let row = around(&db, error).await;
    assert_eq!(row["run_id"], json!(run_id));
    assert_json_snapshot!(row, {
        ".error_id" => "[error]", ".run_id" => "[run]", ".gen_id" => "[generation]",
        ".total_tokens" => "[tokens]", ".total_cost" => "[cost]",
    }, @r#"
    {
      "calls": 2,
      "gen_id": "[generation]",
      "org_id": "org-1",
      "rating": -1,
      "reason": "incorrect",
      "run_id": "[run]",
      "user_id": "user-1",
      "error_id": "[error]",
      "group_id": 7,
      "severity": "error",
      "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
      "created_at": "2026-01-02T04:00:00+00:00",
      "error_type": "TypeError",
      "retrievals": 1,
      "run_status": "completed",
      "session_id": "tab-1",
      "total_cost": "[cost]",
      "failed_calls": 0,
      "total_tokens": "[tokens]",
      "audit_entries": 3,
      "error_message": "x is undefined"
    }
    "#);
    let sums: Value = sqlx::query_scalar(
        "select jsonb_build_array(sum(total_tokens), sum(total_cost)) from llm_metrics",
    )
    .fetch_one(&db)
    .await
    .unwrap();
    assert_eq!(json!([row["total_tokens"], row["total_cost"]]), sums);

    // The run alone leads to the same.
    let by_run = around(&db, report(&db, ORG, None, Some(&run_id)).await).await;
    for same in [
        "run_id",
        "run_status",
        "calls",
        "total_cost",
        "retrievals",
        "gen_id",
        "rating",
        "audit_entries",
    ] {
        assert_eq!(by_run[same], row[same], "{same}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_error_of_another_organisation_or_of_no_trace_joins_nothing(db: PgPool) {
    let stage = stage(db.clone()).await;
    let run_id = run(&stage).await;
    let alone = json!({
        "run_status": null, "calls": 0, "failed_calls": 0, "total_tokens": 0, "total_cost": 0,
        "retrievals": 0, "gen_id": null, "rating": null, "reason": null, "audit_entries": 0,
    });
    for (org, trace, run) in [
        ("org-2", Some(TRACE), None),
        ("org-2", Some(TRACE), Some(run_id.as_str())),
        ("org-2", None, Some(run_id.as_str())),
        (ORG, Some(CHAT_TRACE), None),
        (ORG, None, None),
        (ORG, None, Some("00000000-0000-7000-8000-000000000000")),
    ] {
        let row = around(&db, report(&db, org, trace, run).await).await;
        for (name, expected) in alone.as_object().unwrap() {
            assert_eq!(&row[name], expected, "{org} {trace:?} {run:?}: {name}");
        }
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_cost_that_nobody_knows_is_unknown_in_the_thread_too(db: PgPool) {
    let stage = stage(db.clone()).await;
    run(&stage).await;
    sqlx::query(
        "update llm_metrics set input_cost = null, output_cost = null, total_cost = null,
                                status = 'error'
         where call_id = (select min(call_id::text)::uuid from llm_metrics)",
    )
    .execute(&db)
    .await
    .unwrap();
    let row = around(&db, report(&db, ORG, Some(TRACE), None).await).await;
    assert_eq!(
        (&row["total_cost"], &row["failed_calls"]),
        (&Value::Null, &json!(1))
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_chat_leaves_a_thread_without_a_run(db: PgPool) {
    let stage = stage(db.clone()).await;
    let request = traced("/api/navi/chat", CHAT_TRACE, &json!({"message": "hello"}));
    let answer = stage.planner().answer(request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let ledger = &stage.app.app.ledger;
    ledger.flush(Duration::from_secs(5)).await.unwrap();
    let row = around(&db, report(&db, ORG, Some(CHAT_TRACE), None).await).await;
    assert_eq!(row["gen_id"], answer.body["gen_id"]);
    let told = [&row["run_id"], &row["calls"], &row["audit_entries"]];
    assert_eq!(told, [&Value::Null, &json!(1), &json!(1)]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn of_several_runs_in_one_trace_the_newest_is_joined(db: PgPool) {
    let stage = stage(db.clone()).await;
    let first = run(&stage).await;
    sqlx::query("update runs set created_at = created_at - interval '1 second'")
        .execute(&db)
        .await
        .unwrap();
    let second = run(&stage).await;
    let error = report(&db, ORG, Some(TRACE), None).await;
    assert_eq!(around(&db, error).await["run_id"], json!(second));
    let named = report(&db, ORG, Some(TRACE), Some(&first)).await;
    assert_eq!(around(&db, named).await["run_id"], json!(first));
    let rows: i64 = sqlx::query_scalar("select count(*) from error_threads")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(rows, 2, "one row for each error");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_job_keeps_its_trace_when_its_worker_is_lost_and_a_person_answers(db: PgPool) {
    let push = json!({"command": "git push origin main; echo pushed >> log"});
    let asks = calls(&[("ask_user", json!({"question": "Which colour?"}))]);
    let turns = [asks, calls(&[("run_command", push)]), says("Done.")];
    let desk = Desk::with(db.clone(), script(turns), &["--lease-seconds", "2"]).await;
    let request = traced("/api/jobs", TRACE, &desk.body(json!({})));
    let answer = desk.client.answer(request).await;
    let id = answer.body["job"]["job_id"].as_str().unwrap().to_owned();
    desk.until(&id, "prompt_request").await;
    desk.until_status(&id, "paused_for_approval").await;
    sqlx::query("update workers set expires_at = clock_timestamp() - interval '1 second'")
        .execute(&db)
        .await
        .unwrap();
    let began = Instant::now();
    while desk.job(&id).await["takeovers"] == 0 {
        assert!(began.elapsed() < Duration::from_secs(15), "nobody took it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let asked = desk.until(&id, "prompt_request").await;
    let prompt = asked["data"]["prompt_id"].as_str().unwrap();
    let path = format!("/api/navi/prompt/{prompt}");
    let (status, _) = desk.client.post(&path, json!({"response": "blue"})).await;
    assert_eq!(status, StatusCode::OK);
    let asked = desk.until(&id, "command.consent_required").await;
    let consent = asked["data"]["consent_id"].as_str().unwrap();
    let path = format!("/api/navi/consent/{consent}");
    let (status, _) = desk
        .client
        .post(&path, json!({"choice": "allow_once"}))
        .await;
    assert_eq!(status, StatusCode::OK);
    desk.ended(&id).await;
    // The requests that answered have traces of their own; what they decided about the run has its.
    assert_json_snapshot!(carriers(&db, TRACE).await, @r#"
    [
      "calls: 3 of 3",
      "consent.decided: 2 of 2",
      "generations: 1 of 1",
      "http.request: 2 of 6",
      "retrievals: 1 of 1",
      "runs: 1 of 1",
      "tasks: 1 of 1",
      "tool.call: 2 of 2",
      "workspace.bound: 2 of 2"
    ]
    "#);
}
