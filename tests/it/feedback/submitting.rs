//! Rating an answer.

use axum::http::{Method, StatusCode};
use chrono::TimeDelta;
use futures_util::future::join_all;
use navi::auth::principal::Role;
use navi::feedback::model::Generation;
use navi::platform::db::MIGRATOR;
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::feedback::desk::{Desk, SIGNALS, SUBMIT, answer, numbered};
use crate::support::app::{ORG, USER};
use crate::support::client::json_request;

#[sqlx::test(migrator = "MIGRATOR")]
async fn ones_own_rating_can_be_read_back_from_before_it_is_given_until_it_is_withdrawn(
    db: PgPool,
) {
    let desk = Desk::new(db).await;
    let id = desk.log(&answer()).await;
    let path = format!("/api/feedback/generations/{id}");
    let client = desk.app.client(Role::Viewer);
    let (status, before) = client.get(&path).await;
    assert_eq!(status, StatusCode::OK, "{before}");
    let nothing = json!({
        "gen_id": id, "rating": null, "reason": null, "comment": null, "updated_at": null,
    });
    assert_eq!(before, nothing);
    let body = json!({"gen_id": id, "rating": -1, "reason": "style", "comment": "Too long."});
    client.post(SUBMIT, body).await;
    let (_, rated) = client.get(&path).await;
    let expected = json!({
        "gen_id": id, "rating": -1, "reason": "style", "comment": "Too long.",
        "updated_at": "2026-11-25T17:40:00Z",
    });
    assert_eq!(rated, expected);
    desk.rate(id, 0).await;
    let (_, withdrawn) = client.get(&path).await;
    let shown = (&withdrawn["rating"], &withdrawn["reason"]);
    assert_eq!(shown, (&json!(0), &Value::Null));

    // Another user's answer is as unknown as one that never was, for an administrator too.
    let unknown = client.get("/api/feedback/generations/4711").await;
    assert_eq!(unknown.0, StatusCode::NOT_FOUND);
    assert_eq!(unknown.1["error_code"], "GENERATION_NOT_FOUND");
    for (org, user) in [(ORG, "user-2"), ("org-2", USER)] {
        let other = desk.app.client_of(org, user, Role::Admin);
        let (status, problem) = other.get(&path).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(problem["detail"], unknown.1["detail"]);
    }
    for wrong in ["x", "1.5", "99999999999999999999"] {
        let path = format!("/api/feedback/generations/{wrong}");
        let (status, _) = client.get(&path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{wrong}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_rating_is_stored_with_what_the_analyzer_reads_of_it(db: PgPool) {
    let desk = Desk::new(db).await;
    let id = desk.log(&answer()).await;
    let body = json!({
        "gen_id": id, "rating": 1, "reason": " style ", "comment": "  Short and right.\n",
        "org_key": "default-org", "user_sub": "dev-user",
    });
    let (status, stored) = desk.app.client(Role::Viewer).post(SUBMIT, body).await;
    assert_eq!(status, StatusCode::OK, "{stored}");
    insta::assert_json_snapshot!(numbered(&stored, id), @r#"
    {
      "success": true,
      "message": "Feedback submitted successfully",
      "gen_id": 1,
      "rating": 1,
      "reason": "style",
      "comment": "Short and right.",
      "updated_at": "2026-11-25T17:40:00Z"
    }
    "#);
    let rows = desk
        .value("select to_jsonb(f) - 'id' as row from ai_feedback f")
        .await;
    insta::assert_json_snapshot!(numbered(&rows, id), @r#"
    [
      {
        "row": {
          "gen_id": 1,
          "rating": 1,
          "reason": "style",
          "comment": "Short and right.",
          "org_key": "org-1",
          "user_sub": "user-1",
          "created_at": "2026-11-25T17:40:00+00:00",
          "updated_at": "2026-11-25T17:40:00+00:00"
        }
      }
    ]
    "#);
    let learned = desk
        .value("select to_jsonb(s) - 'id' - 'changed_xid' as row from learning_suggestions s")
        .await;
    insta::assert_json_snapshot!(numbered(&learned, id), @r#"
    [
      {
        "row": {
          "gen_id": 1,
          "org_id": "org-1",
          "rating": 1,
          "reason": "style",
          "comment": "Short and right.",
          "context": {
            "run": "0197",
            "params": {
              "bandit_arm": "balanced",
              "bandit_context": "codegen_small_expert",
              "bandit_model_arm": "claude-sonnet-4",
              "bandit_model_context": "codegen_small_expert:model"
            },
            "task_type": "codegen"
          },
          "task_id": "0197",
          "team_id": null,
          "user_id": "user-1",
          "category": "fix",
          "language": "python",
          "confidence": 0.5,
          "created_at": "2026-11-25T17:40:00+00:00",
          "model_used": "claude-sonnet-4",
          "pattern_id": null,
          "session_id": "0198",
          "updated_at": "2026-11-25T17:40:00+00:00",
          "pattern_tags": [
            "length=brief",
            "quotes@python=single"
          ],
          "feedback_type": "accepted",
          "similar_count": 0,
          "suggestion_text": "The cause was an open file."
        }
      }
    ]
    "#);
    let counts = desk
        .value(
            "select subject, value, category, team_id, user_id, week, accepted, rejected
             from learning_counts order by subject, value",
        )
        .await;
    insta::assert_json_snapshot!(counts, @r#"
    [
      {
        "week": "2026-11-23",
        "value": "*",
        "subject": "*",
        "team_id": "",
        "user_id": "user-1",
        "accepted": 2,
        "category": "fix",
        "rejected": 0
      },
      {
        "week": "2026-11-23",
        "value": "brief",
        "subject": "length",
        "team_id": "",
        "user_id": "user-1",
        "accepted": 2,
        "category": "",
        "rejected": 0
      },
      {
        "week": "2026-11-23",
        "value": "single",
        "subject": "quotes@python",
        "team_id": "",
        "user_id": "user-1",
        "accepted": 2,
        "category": "",
        "rejected": 0
      }
    ]
    "#);
    let arms = desk
        .value("select context, arm, successes, failures from learning_bandit_arms order by 1, 2")
        .await;
    insta::assert_json_snapshot!(arms, @r#"
    [
      {
        "arm": "balanced",
        "context": "codegen_small_expert",
        "failures": 0,
        "successes": 1
      },
      {
        "arm": "claude-sonnet-4",
        "context": "codegen_small_expert:model",
        "failures": 0,
        "successes": 1
      }
    ]
    "#);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_no_rating_is_refused_and_stores_nothing(db: PgPool) {
    let desk = Desk::new(db).await;
    let real = desk.log(&answer()).await;
    // Refused before anything is looked for.
    let id = 1;
    let client = desk.app.client(Role::Viewer);
    let mut told = Vec::new();
    for body in [
        json!({"gen_id": id, "rating": 2}),
        json!({"gen_id": id, "rating": -2}),
        json!({"gen_id": id, "rating": 5}),
        json!({"gen_id": id, "rating": i64::MAX}),
        json!({"gen_id": id, "rating": 1.5}),
        json!({"gen_id": id, "rating": "1"}),
        json!({"gen_id": id, "rating": true}),
        json!({"gen_id": id, "rating": null}),
        json!({"gen_id": id}),
        json!({"rating": 1}),
        json!({"gen_id": "msg-17", "rating": 1}),
        json!({"gen_id": u64::MAX, "rating": 1}),
        json!({"gen_id": id, "rating": 1, "reason": 7}),
        json!({"gen_id": id, "rating": 1, "reason": "é".repeat(65)}),
        json!({"gen_id": id, "rating": 1, "comment": ["a"]}),
        json!({"gen_id": id, "rating": 1, "comment": "é".repeat(1_001)}),
        json!({"gen_id": id, "rating": 1, "comment": "x".repeat(10 * 1024)}),
    ] {
        let answer = desk.app.client(Role::Viewer);
        let answer = answer
            .answer(json_request(Method::POST, SUBMIT, &body))
            .await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{body}: {}",
            answer.body
        );
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        told.push(answer.body["detail"].as_str().unwrap().to_owned());
    }
    insta::assert_json_snapshot!(told, @r#"
    [
      "`rating` must be -1, 0 or 1",
      "`rating` must be -1, 0 or 1",
      "`rating` must be -1, 0 or 1",
      "`rating` must be -1, 0 or 1",
      "`rating` must be a whole number, not a fraction",
      "`rating` must be a whole number, not a text",
      "`rating` must be a whole number, not a truth value",
      "`rating` must be a whole number, not null",
      "`rating` is missing",
      "`gen_id` is missing",
      "`gen_id` must be a whole number, not a text",
      "`gen_id` must be a whole number from -9223372036854775808 to 9223372036854775807",
      "`reason` must be a text, not a whole number",
      "`reason` is longer than 64 characters",
      "`comment` must be a text, not a list",
      "`comment` is longer than 1000 characters",
      "`comment` is longer than 1000 characters"
    ]
    "#);
    let (status, _) = client.post(SUBMIT, json!([id, 1])).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(desk.rows("ai_feedback").await, 0);
    assert_eq!(desk.rows("learning_suggestions").await, 0);
    let longest = json!({"gen_id": real, "rating": 1, "reason": "é".repeat(64), "comment": "é".repeat(1_000)});
    let (status, _) = client.post(SUBMIT, longest).await;
    assert_eq!(status, StatusCode::OK);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_answer_of_somebody_else_is_as_good_as_none(db: PgPool) {
    let desk = Desk::new(db).await;
    let theirs = desk.log(&answer()).await;
    let elsewhere = Generation {
        org_id: "org-2".parse().unwrap(),
        ..answer()
    };
    let elsewhere = desk.log(&elsewhere).await;
    let colleague = desk.app.client_of(ORG, "user-2", Role::Admin);
    let namesake = desk.app.client_of("org-2", USER, Role::Admin);
    let owner = desk.app.client(Role::Admin);
    let mut bodies = Vec::new();
    for (client, gen_id) in [
        (&colleague, theirs),
        (&namesake, theirs),
        (&owner, elsewhere),
        (&owner, 4_711),
        (&owner, 0),
        (&owner, -1),
        (&owner, i64::MAX),
    ] {
        for (path, body) in [
            (SUBMIT, json!({"gen_id": gen_id, "rating": -1})),
            (SIGNALS, json!({"gen_id": gen_id, "signal": "reverted"})),
            (
                SUBMIT,
                json!({"gen_id": gen_id, "rating": 1, "org_key": ORG, "user_sub": USER}),
            ),
        ] {
            let (status, mut problem) = client.post(path, body).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{gen_id}: {problem}");
            problem.as_object_mut().unwrap().remove("request_id");
            bodies.push(problem);
        }
    }
    bodies.dedup();
    insta::assert_json_snapshot!(bodies, @r#"
    [
      {
        "type": "/problems/generation-not-found",
        "title": "Not Found",
        "status": 404,
        "detail": "generation not found",
        "error_code": "GENERATION_NOT_FOUND"
      }
    ]
    "#);
    for table in [
        "ai_feedback",
        "ai_feedback_signals",
        "learning_suggestions",
        "learning_counts",
    ] {
        assert_eq!(desk.rows(table).await, 0, "{table}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_hundred_connections_to_two_servers_that_say_the_same_leave_one_rating(db: PgPool) {
    let pool = || {
        PgPoolOptions::new()
            .max_connections(30)
            .connect_with((*db.connect_options()).clone())
    };
    let desks = [
        Desk::new(pool().await.unwrap()).await,
        Desk::new(pool().await.unwrap()).await,
    ];
    let id = desks[0].log(&answer()).await;
    let all = (0..100).map(|n| desks[n % 2].rate(id, 1));
    let answers = join_all(all).await;
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    let desk = &desks[0];
    assert_eq!(desk.rows("ai_feedback").await, 1);
    assert_eq!(desk.rows("learning_suggestions").await, 1);
    assert_eq!(
        desk.overall().await,
        json!([{"accepted": 2, "rejected": 0}])
    );
    assert_eq!(desk.arm().await, (1.0, 0.0));
    // And when they do not agree, one of them was the last.
    let all = (0..100_u32).map(|n| desks[(n % 2) as usize].rate(id, i64::from(n % 3) - 1));
    join_all(all).await;
    let last = desk.value("select rating from ai_feedback").await;
    let (ups, counts) = match last[0]["rating"].as_i64().unwrap() {
        1 => ((1.0, 0.0), json!([{"accepted": 2, "rejected": 0}])),
        -1 => ((0.0, 1.0), json!([{"accepted": 0, "rejected": 2}])),
        _ => ((0.0, 0.0), json!([{"accepted": 0, "rejected": 0}])),
    };
    assert_eq!((desk.arm().await, desk.overall().await), (ups, counts));
    assert_eq!(desk.rows("learning_suggestions").await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_change_of_mind_takes_the_place_of_what_was_said_and_a_thumb_up_is_never_a_rejection(
    db: PgPool,
) {
    let desk = Desk::new(db).await;
    let id = desk.log(&answer()).await;
    let learned = async || {
        let learned = "select feedback_type, rating, reason, comment from learning_suggestions";
        desk.value(learned).await
    };
    let client = desk.app.client(Role::Viewer);
    let down = json!({"gen_id": id, "rating": -1, "reason": "style", "comment": "too long"});
    client.post(SUBMIT, down).await;
    assert_eq!(
        learned().await,
        json!([{"feedback_type": "rejected", "rating": -1, "reason": "style", "comment": "too long"}])
    );
    desk.app.app.clock.advance(TimeDelta::minutes(5));
    let up = desk.rate(id, 1).await;
    assert_eq!(up["reason"], Value::Null, "it belonged to the other rating");
    assert_eq!(
        learned().await,
        json!([{"feedback_type": "accepted", "rating": 1, "reason": null, "comment": null}])
    );
    assert_eq!(
        desk.overall().await,
        json!([{"accepted": 2, "rejected": 0}])
    );
    let (ups, downs) = desk.arm().await;
    assert!((ups - 1.0).abs() < 1e-9 && downs < 1e-9, "{ups} {downs}");
    desk.app.app.clock.advance(TimeDelta::minutes(5));
    assert_eq!(
        desk.rate(id, 1).await,
        up,
        "saying it again changes nothing"
    );
    assert_eq!(desk.rows("ai_feedback").await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_rating_that_is_taken_back_keeps_its_row_and_counts_for_nothing(db: PgPool) {
    let desk = Desk::new(db).await;
    let id = desk.log(&answer()).await;
    desk.rate(id, -1).await;
    let changed = "select changed_xid::text from learning_suggestions";
    let before = desk.value(changed).await;
    let withdrawn = desk.rate(id, 0).await;
    assert_eq!(withdrawn["rating"], 0);
    assert_ne!(
        desk.value(changed).await,
        before,
        "the analyzer would not notice"
    );
    assert_eq!(
        desk.value("select feedback_type, rating from learning_suggestions")
            .await,
        json!([{"feedback_type": "ignored", "rating": 0}])
    );
    assert_eq!(
        desk.overall().await,
        json!([{"accepted": 0, "rejected": 0}])
    );
    assert_eq!(desk.arm().await, (0.0, 0.0));
    assert_eq!(desk.rows("ai_feedback").await, 1);
    let (_, stats) = desk
        .app
        .client(Role::Viewer)
        .get("/api/feedback/stats")
        .await;
    let told = ["total_feedback", "acceptance_rate"].map(|name| &stats[name]);
    assert_eq!(json!(told), json!([0, null]));
    desk.rate(id, 1).await;
    assert_eq!(
        desk.overall().await,
        json!([{"accepted": 2, "rejected": 0}])
    );
    // A rating that was never given can be taken back too, and teaches nothing.
    let other = desk.log(&answer()).await;
    desk.rate(other, 0).await;
    assert_eq!(desk.rows("learning_suggestions").await, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn no_secret_and_no_nul_of_a_comment_is_stored(db: PgPool) {
    let desk = Desk::new(db).await;
    let id = desk.log(&answer()).await;
    let client = desk.app.client(Role::Viewer);
    let secret = "sk-ant-api03-0123456789abcdefghijklmnop";
    let body = json!({
        "gen_id": id, "rating": -1, "reason": "pass\0word=hunter2hunter2",
        "comment": format!("it printed {secret}\0 twice"),
    });
    let (status, stored) = client.post(SUBMIT, body.clone()).await;
    assert_eq!(status, StatusCode::OK, "{stored}");
    for table in ["ai_feedback", "learning_suggestions"] {
        let rows = desk
            .value(&format!("select * from {table}"))
            .await
            .to_string();
        assert!(
            !rows.contains("0123456789abcdef") && !rows.contains("hunter2"),
            "{rows}"
        );
        assert!(rows.contains("it printed"), "{rows}");
    }
    assert!(!stored.to_string().contains("0123456789abcdef"), "{stored}");
    let (_, again) = client.post(SUBMIT, body).await;
    assert_eq!(again, stored);
    let empty = json!({"gen_id": id, "rating": -1, "reason": "  ", "comment": "\0"});
    let (_, stored) = client.post(SUBMIT, empty).await;
    assert_eq!([&stored["reason"], &stored["comment"]], [&Value::Null; 2]);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn who_rates_too_fast_waits_and_keeps_nobody_from_rating_or_themselves_from_working(
    db: PgPool,
) {
    let flags = ["--feedback-per-minute", "5", "--feedback-burst", "3"];
    let desk = Desk::with(db, &flags).await;
    let id = desk.log(&answer()).await;
    for _ in 0..3 {
        desk.rate(id, 1).await;
    }
    let client = desk.app.client(Role::Viewer);
    let body = json!({"gen_id": id, "rating": -1});
    let refused = client
        .answer(json_request(Method::POST, SUBMIT, &body))
        .await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(refused.headers["ratelimit-policy"], "\"feedback\";q=5;w=60");
    assert_eq!(refused.body["error_code"], "RATE_LIMITED");
    let other = desk.app.client_of(ORG, "user-2", Role::Viewer);
    let (status, _) = other.post(SUBMIT, body).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "not theirs, but not limited");
    let title = json!({"title": "something else"});
    let (status, _) = client.post("/api/navi-memory/conversations", title).await;
    assert!(status.is_success(), "{status}");
    let (status, _) = client.get("/api/feedback/stats").await;
    assert_eq!(status, StatusCode::OK);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_rating_is_counted_audited_and_told_to_whoever_learns(db: PgPool) {
    let desk = Desk::new(db).await;
    let changed = desk.app.app.feedback.changed();
    let id = desk.log(&answer()).await;
    desk.rate(id, -1).await;
    desk.app.app.clock.advance(TimeDelta::seconds(1));
    desk.rate(id, 1).await;
    desk.rate(id, 1).await;
    // Without the notification the wait has no end.
    changed.notified().await;
    let (_, metrics) = desk.app.stranger().get("/metrics").await;
    for line in [
        "navi_feedback_ratings_total{rating=\"down\"} 1",
        "navi_feedback_ratings_total{rating=\"up\"} 1",
        "navi_feedback_ratings_total{rating=\"withdrawn\"} 0",
    ] {
        assert!(metrics.as_str().unwrap().contains(line), "{line}");
    }
    let admin = desk.app.client(Role::Admin);
    let (_, log) = admin.get("/api/audit?limit=2").await;
    let entry = &log["entries"][1];
    assert_eq!(entry["route"], SUBMIT);
    let path = format!("/api/audit/{}/decrypt", entry["id"].as_str().unwrap());
    let (_, opened) = admin.post(&path, json!({"reason": "a test"})).await;
    let changes = &opened["changes"];
    let ratings = [&changes["before"]["rating"], &changes["after"]["rating"]];
    assert_eq!(json!(ratings), json!([-1, 1]), "{opened}");
}
