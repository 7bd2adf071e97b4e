//! Plans on their own, and the work on them.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Method, Request};
use chrono::TimeDelta;
use navi::auth::principal::Role;
use navi::jobs::plans::expiring::end_unstarted_plans;
use navi::jobs::plans::store;
use navi::llm::script::{FailKind, Script, Turn};
use navi::platform::idempotency::model::IdempotencyKey;
use navi::platform::idempotency::store as keys;
use navi::platform::ids::{OrgId, UserId};
use navi::runs::log::audience::Readers;
use navi::runs::store::runs;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::jobs::desk::Desk;
use crate::runs::stage::{Stage, calls, plan, says, script};
use crate::support::app::{ORG, USER};
use crate::support::client::{Answer, Client, json_request};
use crate::support::model::Failing as _;

const PLAN: &str = "/api/navi/plan";
const NEXT: &str = "/api/navi/next";

/// The body of the editor's client when its user asks to fix what it reports.
fn fix(stage: &Stage) -> Value {
    json!({
        "message": "fix problems in the problems tab",
        "intent": {
            "raw_text": "fix problems in the problems tab", "kind": "fix_diagnostics",
            "confidence": 0.7, "source": "chat", "context": {},
        },
        "context": {
            "workspace": {"name": "ws1", "root": stage.workspace()},
            "repo": null,
            "diagnostics": [{
                "file": "stats.py", "severity": "error", "message": "Division by zero possible",
                "source": "pyright", "code": "x",
                "range": {"startLine": 1, "startChar": 0, "endLine": 1, "endChar": 5},
            }],
            "active_file": null,
        },
    })
}

async fn planned(client: &Client, body: Value) -> Value {
    let (status, answer) = client.post(PLAN, body).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn session(answer: &Value) -> String {
    answer["session_id"].as_str().unwrap().to_owned()
}

/// Asks as the editor's client does, until there is nothing more to come. Answers everything that was told.
async fn done(client: &Client, session: &str) -> Vec<Value> {
    let mut told = Vec::new();
    loop {
        let (status, answer) = client.post(NEXT, json!({ "run_id": session })).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["type"], "assistant_message");
        let is_final = answer["final"] == true;
        told.push(answer);
        if is_final {
            return told;
        }
    }
}

/// A turn that runs a command.
fn command(command: &str) -> Turn {
    calls(&[("run_command", json!({ "command": command }))])
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_plan_is_made_and_nothing_is_done(db: PgPool) {
    let mut script = script([command("touch done")]);
    script.plan = Some(plan(&["Guard the mean", "Test it"]));
    let desk = Desk::new(db, script).await;
    desk.stage
        .put("stats.py", "def mean(xs):\n    return sum(xs) / len(xs)\n");
    let mut answer = planned(&desk.client, fix(&desk.stage)).await;
    let id = session(&answer);
    assert_eq!(answer["plan"]["id"], answer["session_id"]);
    answer["plan"]["id"] = json!("…");
    answer["session_id"] = json!("…");
    answer["router_info"] = json!("…");
    insta::assert_json_snapshot!(answer, @r#"
    {
      "success": true,
      "plan": {
        "id": "…",
        "goal": "fix problems in the problems tab",
        "confidence": 0.5,
        "steps": [
          {
            "id": "step_1",
            "title": "Guard the mean",
            "rationale": "",
            "tool": null,
            "status": "pending",
            "requires_approval": false,
            "verify": []
          },
          {
            "id": "step_2",
            "title": "Test it",
            "rationale": "",
            "tool": null,
            "status": "pending",
            "requires_approval": false,
            "verify": []
          }
        ],
        "requires_approval": false,
        "estimated_files": [],
        "reasoning": "Planned by scripted/demo, with 1 file of the workspace in view. Nothing is done yet."
      },
      "reasoning": "Planned by scripted/demo, with 1 file of the workspace in view. Nothing is done yet.",
      "session_id": "…",
      "router_info": "…"
    }
    "#);
    let job = desk.job(&id).await;
    assert_eq!(
        (&job["status"], &job["last_sequence"], &job["metadata"]),
        (&json!("queued"), &json!(1), &json!({"source": "plan"}))
    );
    let requests = desk.stage.requests();
    assert_eq!(requests.len(), 1);
    let asked = serde_json::to_string(&requests[0].messages).unwrap();
    for part in [
        "stats.py:2: error: Division by zero possible",
        "Files:\\nstats.py",
    ] {
        assert!(asked.contains(part), "{asked}");
    }
    assert_eq!(desk.stage.calls().await, ["plan success tokens cost"]);
    let of_job = "select count(*) from llm_metrics m join runs r using (run_id)
                  where m.org_id = r.org_id and m.user_id = r.user_id and task_type = 'plan'";
    let of_job: i64 = sqlx::query_scalar(of_job)
        .fetch_one(&desk.stage.db)
        .await
        .unwrap();
    assert_eq!(of_job, 1);
    assert!(!desk.stage.path("done").exists());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_work_is_started_once_follows_the_plan_and_is_told_to_its_end(db: PgPool) {
    let mut script = script([command("echo 1 >> done"), says("Step 2: I wrote it down.")]);
    script.plan = Some(plan(&["Write it", "Look at it"]));
    let desk = Desk::new(db, script).await;
    let answer = planned(&desk.client, fix(&desk.stage)).await;
    let id = session(&answer);
    let told = done(&desk.client, &id).await;
    assert_eq!(told[0]["job_status"], "queued");
    assert!(told[0]["content"].as_str().unwrap().contains(&id));
    let last = told.last().unwrap();
    assert_eq!(
        last["content"],
        format!(
            "Step 2: I wrote it down.\n\nThe work is done. No check of the project ran. Its log is \
             that of the job `{id}`."
        )
    );
    assert_eq!(last["summary"]["success"], true);
    assert_eq!(last["events_url"], format!("/api/jobs/{id}/events"));
    assert_eq!(desk.stage.content("done"), "1\n");
    let job = desk.ended(&id).await;
    let steps = &job.all("plan_start")[0]["data"]["steps"];
    assert_eq!(
        (&steps[0]["title"], &steps[1]["title"]),
        (&json!("Write it"), &json!("Look at it"))
    );
    let plans = desk
        .stage
        .requests()
        .into_iter()
        .filter(|request| request.tools.is_empty());
    assert_eq!(plans.count(), 1, "the plan is not made again");
    // Asking again changes nothing.
    let again = done(&desk.client, &id).await;
    assert_eq!((again.len(), &again[0]["content"]), (1, &last["content"]));
    assert_eq!(desk.stage.content("done"), "1\n");
    let spent: (Option<i64>, i64) = sqlx::query_as(
        "select (select total_tokens::bigint from task_metrics), (select sum(total_tokens)::bigint from llm_metrics)",
    )
    .fetch_one(&desk.stage.db)
    .await
    .unwrap();
    assert_eq!(spent.0, Some(spent.1), "the plan's call belongs to the job");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn asking_for_progress_slows_no_edit(db: PgPool) {
    let turns = [
        command("until [ -f go ]; do sleep 0.02; done"),
        says("Done."),
    ];
    let desk = Desk::new(db, script(turns)).await;
    let id = session(&planned(&desk.client, fix(&desk.stage)).await);
    let (status, _) = desk.client.post(NEXT, json!({ "session_id": id })).await;
    assert_eq!(status, 200);
    desk.until(&id, "tool_call").await;
    let edit = async {
        // By now the other request waits for news.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let feed = &desk.stage.app.app.agent.deps().feed;
        feed.let_clients_read(id.parse().unwrap()).await
    };
    tokio::select! {
        told = done(&desk.client, &id) => panic!("the work waits for a file: {told:?}"),
        readers = edit => assert_eq!(readers, Readers::None),
    }
    desk.stage.put("go", "");
    done(&desk.client, &id).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn another_process_starts_a_plan_after_the_first_is_gone(db: PgPool) {
    let first = Stage::new(db.clone(), script([says("Done.")])).await;
    let folder = tempfile::tempdir().unwrap();
    let body = json!({"message": "write a greeting", "workspace_path": folder.path()});
    let answer = planned(&first.planner(), body).await;
    drop(first);
    let second = Desk::new(db, script([says("Done by the second.")])).await;
    let told = done(&second.client, &session(&answer)).await;
    let last = told.last().unwrap()["content"].as_str().unwrap();
    assert!(last.starts_with("Done by the second."), "{last}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn who_asks_is_told_what_the_work_waits_for(db: PgPool) {
    let turns = [
        command("git push origin main; echo pushed >> log"),
        says("Not pushed."),
    ];
    let desk = Desk::new(db, script(turns)).await;
    let id = session(&planned(&desk.client, fix(&desk.stage)).await);
    let mut told = Vec::new();
    loop {
        let (_, answer) = desk.client.post(NEXT, json!({ "session_id": id })).await;
        assert_eq!(answer["final"], false, "{answer}");
        if answer["job_status"] == "paused_for_approval" {
            told.push(answer);
            break;
        }
    }
    let content = told[0]["content"].as_str().unwrap();
    assert!(
        content.contains("waits for your consent: `git push origin main"),
        "{content}"
    );
    assert_eq!(told[0]["pending_approval"]["kind"], "consent");
    let (status, _) = desk.ask(&id, "approve", json!({"choice": "deny"})).await;
    assert_eq!(status, 200);
    let last = done(&desk.client, &id).await.pop().unwrap();
    assert!(last["content"].as_str().unwrap().starts_with("Not pushed."));
    assert!(!desk.stage.path("log").exists());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_question_of_the_work_is_told_in_its_words(db: PgPool) {
    let turns = [
        calls(&[(
            "ask_user",
            json!({"question": "Which colour?", "options": ["red", "blue"]}),
        )]),
        says("Done."),
    ];
    let desk = Desk::new(db, script(turns)).await;
    let id = session(&planned(&desk.client, fix(&desk.stage)).await);
    let asked = loop {
        let (_, answer) = desk.client.post(NEXT, json!({ "session_id": id })).await;
        assert_eq!(answer["final"], false, "{answer}");
        if answer["job_status"] == "paused_for_approval" {
            break answer;
        }
    };
    let content = asked["content"].as_str().unwrap();
    assert!(
        content.contains("asks: Which colour? The choices are `red`, `blue`. Answer"),
        "{content}"
    );
    assert_eq!(asked["pending_approval"]["description"], "Which colour?");
    let (status, problem) = desk.client.post(NEXT, json!({})).await;
    assert_eq!(status, 422);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("`session_id` is missing"), "{detail}");
    let (status, _) = desk.ask(&id, "cancel", json!({})).await;
    assert_eq!(status, 200);
    done(&desk.client, &id).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn work_that_fails_or_is_cancelled_is_told_as_that(db: PgPool) {
    let failing = Script {
        turns: script([]).fails(FailKind::Unauthorized).turns,
        ..script([])
    };
    let desk = Desk::new(db.clone(), failing).await;
    let id = session(&planned(&desk.client, fix(&desk.stage)).await);
    let last = done(&desk.client, &id).await.pop().unwrap();
    let content = last["content"].as_str().unwrap();
    assert!(content.starts_with("The work was not done: "), "{content}");
    assert_eq!(
        (&last["job_status"], &last["summary"]["success"]),
        (&json!("failed"), &json!(false))
    );
    let id = session(&planned(&desk.client, fix(&desk.stage)).await);
    assert_eq!(desk.ask(&id, "cancel", json!({})).await.0, 200);
    let told = done(&desk.client, &id).await;
    let content = told[0]["content"].as_str().unwrap();
    assert!(
        content.starts_with("The work was cancelled before it was done."),
        "{content}"
    );
    assert_eq!(told.len(), 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_plan_is_its_owners_alone(db: PgPool) {
    let desk = Desk::new(db, script([says("Done.")])).await;
    let id = session(&planned(&desk.client, fix(&desk.stage)).await);
    let app = &desk.stage.app;
    for client in [
        app.client_of(ORG, "user-2", Role::Admin),
        app.client_of("org-2", USER, Role::Admin),
    ] {
        let (status, problem) = client.post(NEXT, json!({ "session_id": id })).await;
        assert_eq!(
            (status.as_u16(), &problem["error_code"]),
            (404, &json!("JOB_NOT_FOUND"))
        );
    }
    for body in [
        json!({"run_id": "plan_1767323045_7"}),
        json!({"session_id": null}),
        json!({}),
    ] {
        let (status, problem) = desk.client.post(NEXT, body).await;
        assert_eq!(
            (status.as_u16(), &problem["error_code"]),
            (422, &json!("VALIDATION_ERROR"))
        );
    }
    assert_eq!(desk.job(&id).await["status"], "queued");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_that_is_no_plan_is_not_started_as_one(db: PgPool) {
    let desk = Desk::new(db, script([says("Done.")])).await;
    let held = json!({"auto_start": false, "metadata": {"source": "plan"}});
    let held = desk.create(held).await;
    let done = desk.create(json!({})).await;
    desk.ended(&done).await;
    for id in [&held, &done] {
        let (status, problem) = desk.client.post(NEXT, json!({ "session_id": id })).await;
        assert_eq!(
            (status.as_u16(), &problem["error_code"]),
            (404, &json!("JOB_NOT_FOUND"))
        );
    }
    let job = desk.job(&held).await;
    assert_eq!(
        (&job["status"], &job["last_sequence"]),
        (&json!("queued"), &json!(1))
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_viewers_plan_changes_nothing_when_it_is_done(db: PgPool) {
    let turns = [command("touch done"), says("I may only read.")];
    let desk = Desk::new(db, script(turns)).await;
    let viewer = desk.stage.app.client(Role::Viewer);
    let id = session(&planned(&viewer, fix(&desk.stage)).await);
    let last = done(&viewer, &id).await.pop().unwrap();
    assert!(
        last["content"]
            .as_str()
            .unwrap()
            .starts_with("I may only read."),
        "{last}"
    );
    assert!(!desk.stage.path("done").exists());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn without_a_model_or_with_one_that_fails_there_is_no_plan_and_no_job(db: PgPool) {
    let stage = Stage::without_script(db.clone(), &[]).await;
    let (status, problem) = stage.planner().post(PLAN, fix(&stage)).await;
    assert_eq!(
        (status.as_u16(), &problem["error_code"]),
        (400, &json!("NO_MODELS_AVAILABLE"))
    );
    let failing = Script {
        plan: None,
        ..Script::default().fails(FailKind::Unauthorized)
    };
    let stage = Stage::new(db, failing).await;
    let (status, problem) = stage.planner().post(PLAN, fix(&stage)).await;
    assert_eq!(
        (status.as_u16(), &problem["error_code"]),
        (502, &json!("MODEL_KEY_REFUSED"))
    );
    for (body, status, code) in [
        (json!({}), 422, "INVALID"),
        (
            json!({"message": " ", "intent": null, "context": null}),
            422,
            "INVALID",
        ),
        (
            json!({"message": "x", "workspace_path": "/nowhere/at/all"}),
            404,
            "WORKSPACE_NOT_FOUND",
        ),
    ] {
        let (told, problem) = stage.planner().post(PLAN, body).await;
        assert_eq!(
            (told.as_u16(), &problem["error_code"]),
            (status, &json!(code))
        );
    }
    assert_eq!(stage.calls().await, ["plan error cost"]);
    assert_eq!(stage.count("select count(*) from runs").await, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_answer_that_is_no_plan_makes_the_task_one_step_and_says_so(db: PgPool) {
    let script = Script {
        plan: Some("Let me think about it.".to_owned()),
        ..script([])
    };
    let stage = Stage::new(db, script).await;
    let body = json!({"intent": {"raw_text": "explain the code\nin detail"}, "session_id": null});
    let answer = planned(&stage.planner(), body).await;
    let plan = &answer["plan"];
    assert_eq!(
        (&plan["confidence"], &plan["goal"]),
        (&json!(0.0), &json!("explain the code"))
    );
    assert_eq!(plan["steps"].as_array().unwrap().len(), 1);
    let reasoning = answer["reasoning"].as_str().unwrap();
    assert!(reasoning.contains("contained no plan"), "{reasoning}");
}

/// A request for a plan that has a key.
fn keyed(key: &str, body: &Value) -> Request<Body> {
    let mut request = json_request(Method::POST, PLAN, body);
    let headers = request.headers_mut();
    headers.insert("idempotency-key", key.parse().unwrap());
    request
}

/// Waits until so many keys are kept or reserved.
async fn until_keys(stage: &Stage, count: i64) {
    let began = Instant::now();
    while stage.count("select count(*) from idempotency_keys").await != count {
        assert!(began.elapsed() < Duration::from_mins(1), "never {count}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn is_in_flight(answer: &Answer) -> bool {
    answer.status == 409
        && answer.body["error_code"] == "IDEMPOTENCY_KEY_IN_FLIGHT"
        && answer.headers["retry-after"] == "1"
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_plan_that_is_asked_for_again_is_the_same_one(db: PgPool) {
    let stage = Stage::new(db, script([])).await;
    let ask = async || {
        let request = keyed("once", &fix(&stage));
        stage.planner().answer(request).await.body
    };
    assert_eq!(ask().await, ask().await);
    assert_eq!(stage.requests().len(), 1);
    assert_eq!(stage.count("select count(*) from runs").await, 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn while_a_plan_is_made_no_other_request_with_its_key_asks_the_model(db: PgPool) {
    let slow = Turn {
        delay_ms: 2_000,
        ..says(&plan(&["Think", "Do it"]))
    };
    let script = Script {
        plan: None,
        ..script([slow])
    };
    let stage = Stage::new(db, script).await;
    let client = stage.planner();
    let first = client.answer(keyed("once", &fix(&stage)));
    let meanwhile = async {
        until_keys(&stage, 1).await;
        let again = client.answer(keyed("once", &fix(&stage))).await;
        assert!(is_in_flight(&again), "{}", again.body);
        let mut other = fix(&stage);
        other["message"] = json!("something else");
        let other = client.answer(keyed("once", &other)).await;
        assert_eq!(
            (other.status.as_u16(), &other.body["error_code"]),
            (422, &json!("IDEMPOTENCY_KEY_REUSED"))
        );
    };
    let (first, ()) = tokio::join!(first, meanwhile);
    assert_eq!(first.status, 200, "{}", first.body);
    let again = client.answer(keyed("once", &fix(&stage))).await;
    assert_eq!((again.status.as_u16(), &again.body), (200, &first.body));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert_eq!(stage.requests().len(), 1);
    assert_eq!(stage.count("select count(*) from runs").await, 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_request_for_a_plan_that_fails_or_whose_client_leaves_keeps_no_key(db: PgPool) {
    for kind in [FailKind::Unauthorized, FailKind::Hang] {
        let failing = Script::default().fails(kind);
        let stage = Stage::new(db.clone(), failing).await;
        let client = stage.planner();
        let ask = || client.answer(keyed("once", &fix(&stage)));
        if kind == FailKind::Hang {
            tokio::select! {
                answer = ask() => panic!("the model is silent: {}", answer.body),
                () = until_keys(&stage, 1) => {}
            }
            until_keys(&stage, 0).await;
        } else {
            for _ in 0..2 {
                let answer = ask().await;
                assert_eq!(answer.status, 502, "{}", answer.body);
                assert_eq!(answer.body["error_code"], "MODEL_KEY_REFUSED");
            }
            let kept = stage.count("select count(*) from idempotency_keys").await;
            assert_eq!(kept, 0);
        }
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_key_of_a_plan_whose_server_was_lost_is_free_again_after_a_time(db: PgPool) {
    let stage = Stage::new(db, script([])).await;
    let client = stage.planner();
    let body = fix(&stage);
    let (org_id, user_id): (OrgId, UserId) = (ORG.parse().unwrap(), USER.parse().unwrap());
    let text = body.to_string();
    let key = IdempotencyKey::new(b"once", "POST", PLAN, text.as_bytes()).unwrap();
    let (holder, at) = (uuid::Uuid::from_u128(1), stage.app.app.clock.now());
    let mut conn = stage.db.acquire().await.unwrap();
    let lasts = Duration::from_mins(11);
    keys::reserve(&mut conn, &org_id, &user_id, &key, holder, lasts, at)
        .await
        .unwrap();
    let early = client.answer(keyed("once", &body)).await;
    assert!(is_in_flight(&early), "{}", early.body);
    sqlx::query(
        "update idempotency_keys
         set answer = answer || jsonb_build_object('expires_at', clock_timestamp())",
    )
    .execute(&stage.db)
    .await
    .unwrap();
    let first = client.answer(keyed("once", &body)).await;
    assert_eq!(first.status, 200, "{}", first.body);
    assert!(!first.headers.contains_key("idempotent-replayed"));
    // The lost server was only slow: the answer of the other request stays.
    let late = json!({"late": true});
    let is_kept = keys::complete(&mut conn, &org_id, &user_id, &key, holder, 200, &late).await;
    assert!(!is_kept.unwrap());
    keys::release(&mut conn, &org_id, &user_id, &key, holder)
        .await
        .unwrap();
    let again = client.answer(keyed("once", &body)).await;
    assert_eq!(again.body, first.body);
    assert_eq!(stage.requests().len(), 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_plan_that_is_not_started_within_a_week_ends_and_no_other_job_does(db: PgPool) {
    let desk = Desk::new(db, script([says("Done.")])).await;
    let old = session(&planned(&desk.client, fix(&desk.stage)).await);
    let young = session(&planned(&desk.client, fix(&desk.stage)).await);
    let held = desk.create(json!({"auto_start": false})).await;
    sqlx::query(
        "update runs set created_at = created_at - interval '8 days' where run_id::text <> $1",
    )
    .bind(&young)
    .execute(&desk.stage.db)
    .await
    .unwrap();
    let agent = &desk.stage.app.app.agent;
    assert_eq!(end_unstarted_plans(agent).await.unwrap(), 1);
    assert_eq!(end_unstarted_plans(agent).await.unwrap(), 0);
    let job = desk.until_status(&old, "canceled").await;
    assert_eq!(job["error"], "the plan was not started within 7 days");
    let told = desk.ended(&old).await;
    assert_eq!(told.all("error")[0]["code"], "PLAN_NOT_STARTED");
    for id in [&young, &held] {
        assert_eq!(desk.job(id).await["status"], "queued");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn more_plans_than_are_read_together_end_in_one_pass(db: PgPool) {
    let desk = Desk::new(db, script([])).await;
    planned(&desk.client, fix(&desk.stage)).await;
    sqlx::query("update runs set created_at = created_at - interval '8 days'")
        .execute(&desk.stage.db)
        .await
        .unwrap();
    sqlx::query(
        "insert into runs
         select (jsonb_populate_record(r, jsonb_build_object('run_id', gen_random_uuid()))).*
         from runs r, generate_series(1, 120)",
    )
    .execute(&desk.stage.db)
    .await
    .unwrap();
    let agent = &desk.stage.app.app.agent;
    assert_eq!(end_unstarted_plans(agent).await.unwrap(), 121);
    assert_eq!(end_unstarted_plans(agent).await.unwrap(), 0);
    let open = "select count(*) from runs where finished_at is null";
    assert_eq!(desk.stage.count(open).await, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_plan_that_was_just_started_is_not_ended_as_one_that_never_was(db: PgPool) {
    let stage = Stage::new(db, script([])).await;
    let client = stage.planner();
    let org_id: OrgId = ORG.parse().unwrap();
    let late = stage.app.app.clock.now() + TimeDelta::days(8);
    let plan = session(&planned(&client, fix(&stage)).await);
    let mut conn = stage.db.acquire().await.unwrap();
    // No worker is there, so that the plan stays as it was started.
    let found = store::unstarted(&mut conn, late, 10).await.unwrap();
    let [(_, id)] = found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(id.to_string(), plan);
    assert!(store::lock_unstarted(&mut conn, &org_id, id).await.unwrap());
    let mut starting = stage.db.begin().await.unwrap();
    runs::make_available(&mut starting, &org_id, id, late)
        .await
        .unwrap();
    let locked = store::lock_unstarted(&mut conn, &org_id, id).await;
    assert!(!locked.unwrap(), "it is being started");
    starting.commit().await.unwrap();
    let locked = store::lock_unstarted(&mut conn, &org_id, id).await;
    assert!(!locked.unwrap(), "it was started");
}
