//! The bandit's learning from ratings.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use chrono::TimeDelta;
use navi::auth::principal::Role;
use navi::feedback::bandit::model::ARMS;
use navi::feedback::bandit::service::{choose, rebuild};
use navi::platform::db::MIGRATOR;
use serde_json::json;
use sqlx::PgPool;

use crate::feedback::desk::{Desk, answer, now};
use crate::support::app::ORG;

const LEARNING: &str = "/api/feedback/learning";
const CONTEXT: &str = "codegen_small_expert";

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_report_has_every_context_and_the_first_rating_counts(db: PgPool) {
    let desk = Desk::new(db).await;
    let admin = desk.app.client(Role::Admin);
    let (status, report) = admin.get(LEARNING).await;
    assert_eq!(status, StatusCode::OK);
    let contexts = report["contexts"].as_object().unwrap();
    assert_eq!(contexts.len(), 24);
    for (context, arms) in contexts {
        let names: Vec<_> = arms.as_object().unwrap().keys().collect();
        assert_eq!(names, ["balanced", "creative", "precise"], "{context}");
    }
    assert_eq!(report["last_updated"], json!(null));
    for rating in [1, 1, 1, -1] {
        let id = desk.log(&answer()).await;
        desk.rate(id, rating).await;
    }
    let (_, report) = admin.get(LEARNING).await;
    let told = json!({
        "org_key": report["org_key"],
        "last_updated": report["last_updated"],
        "temperatures": report["contexts"][CONTEXT],
        "models": report["contexts"][format!("{CONTEXT}:model")],
    });
    insta::assert_json_snapshot!(told, @r#"
    {
      "org_key": "org-1",
      "last_updated": "2026-11-25T17:40:00Z",
      "temperatures": {
        "balanced": {
          "successes": 3.0,
          "failures": 1.0,
          "total_trials": 4.0,
          "success_rate": 0.75,
          "confidence": 0.2,
          "mean": 0.6667,
          "low": 0.3006,
          "high": 0.9544
        },
        "creative": {
          "successes": 0.0,
          "failures": 0.0,
          "total_trials": 0.0,
          "success_rate": null,
          "confidence": 0.0,
          "mean": 0.5,
          "low": 0.0,
          "high": 1.0
        },
        "precise": {
          "successes": 0.0,
          "failures": 0.0,
          "total_trials": 0.0,
          "success_rate": null,
          "confidence": 0.0,
          "mean": 0.5,
          "low": 0.0,
          "high": 1.0
        }
      },
      "models": {
        "claude-sonnet-4": {
          "successes": 3.0,
          "failures": 1.0,
          "total_trials": 4.0,
          "success_rate": 0.75,
          "confidence": 0.2,
          "mean": 0.6667,
          "low": 0.3006,
          "high": 0.9544
        }
      }
    }
    "#);
    assert_eq!(report["contexts"].as_object().unwrap().len(), 25);
    for role in [Role::Viewer, Role::Planner] {
        let (status, _) = desk.app.client(role).get(LEARNING).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    let elsewhere = desk.app.client_of("org-2", "user-1", Role::Admin);
    let (_, other) = elsewhere.get(LEARNING).await;
    assert_eq!(other["last_updated"], json!(null));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_said_fades_by_half_in_thirty_days(db: PgPool) {
    let desk = Desk::new(db).await;
    for _ in 0..8 {
        let id = desk.log(&answer()).await;
        desk.rate(id, 1).await;
    }
    desk.app.app.clock.advance(TimeDelta::days(30));
    let admin = desk.app.client(Role::Admin);
    let (_, report) = admin.get(LEARNING).await;
    let arm = &report["contexts"][CONTEXT]["balanced"];
    assert_eq!(
        json!([arm["successes"], arm["confidence"]]),
        json!([4.0, 0.2])
    );
    let id = desk.log(&answer()).await;
    desk.rate(id, -1).await;
    assert_eq!(desk.arm().await, (4.0, 1.0));
    // Centuries later nothing fails for it.
    desk.app.app.clock.advance(TimeDelta::days(365 * 300));
    desk.rate(id, 1).await;
    assert_eq!(desk.arm().await, (1.0, 0.0));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_is_liked_is_chosen_more_often_and_nothing_for_ever(db: PgPool) {
    let desk = Desk::new(db).await;
    let org_id = ORG.parse().unwrap();
    let arms = ARMS.map(|arm| arm.name.to_owned());
    let mut conn = desk.db.acquire().await.unwrap();
    let none = choose(&mut conn, &org_id, CONTEXT, &[], now())
        .await
        .unwrap();
    assert_eq!(none, None);
    for (arm, rating, times) in [("balanced", 1, 20), ("creative", -1, 20)] {
        for _ in 0..times {
            let mut one = answer();
            one.params["bandit_arm"] = json!(arm);
            let id = desk.log(&one).await;
            desk.rate(id, rating).await;
        }
    }
    let mut chosen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..300 {
        let arm = choose(&mut conn, &org_id, CONTEXT, &arms, now())
            .await
            .unwrap();
        *chosen.entry(arm.unwrap()).or_default() += 1;
    }
    assert!(chosen["balanced"] > 200, "{chosen:?}");
    assert!(
        chosen.get("creative").is_none_or(|times| *times < 10),
        "{chosen:?}"
    );
    // A year later it is open again.
    let mut chosen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..300 {
        let later = now() + TimeDelta::days(365);
        let arm = choose(&mut conn, &org_id, CONTEXT, &arms, later)
            .await
            .unwrap();
        *chosen.entry(arm.unwrap()).or_default() += 1;
    }
    assert!(chosen.values().all(|times| *times > 50), "{chosen:?}");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn ratings_that_arrive_while_it_is_made_anew_count_once(db: PgPool) {
    let desk = Desk::new(db).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(desk.log(&answer()).await);
    }
    let org_id = ORG.parse().unwrap();
    let rebuilding = async {
        for _ in 0..10 {
            let mut tx = desk.db.begin().await.unwrap();
            rebuild(&mut tx, &org_id).await.unwrap();
            tx.commit().await.unwrap();
        }
    };
    let rating = futures_util::future::join_all(ids.iter().map(|id| desk.rate(*id, 1)));
    tokio::join!(rebuilding, rating);
    assert_eq!(desk.arm().await, (20.0, 0.0));
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn an_answer_for_which_nothing_was_chosen_moves_nothing(db: PgPool) {
    let desk = Desk::new(db).await;
    let mut one = answer();
    for params in [
        json!({}),
        json!({"bandit_context": CONTEXT}),
        json!({"bandit_arm": "precise"}),
    ] {
        one.params = params;
        let id = desk.log(&one).await;
        desk.rate(id, 1).await;
    }
    assert_eq!(desk.rows("learning_bandit_arms").await, 0);
}
