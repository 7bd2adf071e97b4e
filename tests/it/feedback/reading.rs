//! Reading what was said.

use axum::http::StatusCode;
use chrono::TimeDelta;
use navi::auth::principal::Role;
use navi::feedback::model::{Category, Generation};
use navi::platform::db::MIGRATOR;
use serde_json::json;
use sqlx::PgPool;

use crate::feedback::desk::{Desk, SUBMIT, answer, now};
use crate::support::app::{ORG, USER};

const STATS: &str = "/api/feedback/stats";
const RECENT: &str = "/api/feedback/recent";

#[sqlx::test(migrator = "MIGRATOR")]
async fn the_numbers_are_those_of_the_answers_of_the_period(db: PgPool) {
    let desk = Desk::new(db).await;
    let client = desk.app.client(Role::Viewer);
    let (status, empty) = client.get(STATS).await;
    assert_eq!(status, StatusCode::OK);
    insta::assert_json_snapshot!(empty, @r#"
    {
      "total_generations": 0,
      "total_feedback": 0,
      "feedback_rate": 0.0,
      "acceptance_rate": null,
      "rating_distribution": {
        "-1": 0,
        "0": 0,
        "1": 0
      },
      "reason_distribution": {},
      "signals": {},
      "by_category": [],
      "period_days": 30
    }
    "#);
    let docs = Generation {
        category: Category::Docs,
        ..answer()
    };
    for (generation, rating, reason) in [
        (answer(), Some(1), None),
        (answer(), Some(1), Some("style")),
        (answer(), Some(-1), Some("style")),
        (answer(), None, None),
        (docs.clone(), Some(-1), Some("correctness")),
        (docs.clone(), Some(0), Some("security")),
        (docs, None, None),
    ] {
        let id = desk.log(&generation).await;
        if let Some(rating) = rating {
            let body = json!({"gen_id": id, "rating": rating, "reason": reason});
            assert_eq!(client.post(SUBMIT, body).await.0, StatusCode::OK);
        } else {
            desk.see(id, "edited").await;
        }
    }
    let elsewhere = Generation {
        org_id: "org-2".parse().unwrap(),
        ..answer()
    };
    desk.log(&elsewhere).await;
    let (_, stats) = client.get(STATS).await;
    insta::assert_json_snapshot!(stats, @r#"
    {
      "total_generations": 7,
      "total_feedback": 4,
      "feedback_rate": 57.1,
      "acceptance_rate": 0.6667,
      "rating_distribution": {
        "-1": 2,
        "0": 1,
        "1": 2
      },
      "reason_distribution": {
        "correctness": 1,
        "style": 2
      },
      "signals": {
        "edited": 2
      },
      "by_category": [
        {
          "category": "docs",
          "generations": 3,
          "feedback": 1,
          "accepted": 1,
          "rejected": 1,
          "acceptance_rate": 0.5
        },
        {
          "category": "fix",
          "generations": 4,
          "feedback": 3,
          "accepted": 3,
          "rejected": 1,
          "acceptance_rate": 0.75
        }
      ],
      "period_days": 30
    }
    "#);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_rating_counts_with_its_answer_so_the_rate_is_never_beyond_a_hundred(db: PgPool) {
    let desk = Desk::new(db).await;
    let client = desk.app.client(Role::Planner);
    let old = Generation {
        created_at: now() - TimeDelta::days(40),
        ..answer()
    };
    for _ in 0..3 {
        let id = desk.log(&old).await;
        desk.rate(id, 1).await;
    }
    let id = desk.log(&answer()).await;
    desk.rate(id, -1).await;
    let (_, stats) = client.get(STATS).await;
    let told = [
        "total_generations",
        "total_feedback",
        "feedback_rate",
        "acceptance_rate",
    ];
    assert_eq!(
        json!(told.map(|name| &stats[name])),
        json!([1, 1, 100.0, 0.0])
    );
    let (_, stats) = client.get("/api/feedback/stats?days=365").await;
    assert_eq!(
        json!(told.map(|name| &stats[name])),
        json!([4, 4, 100.0, 0.75])
    );
    for days in ["0", "366", "-1"] {
        let (status, problem) = client.get(&format!("{STATS}?days={days}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(problem["detail"], "Days must be between 1 and 365");
    }
    let (status, _) = client.get("/api/feedback/stats?days=many").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_was_said_is_read_at_once_page_by_page_with_the_real_total(db: PgPool) {
    let desk = Desk::new(db).await;
    let admin = desk.app.client(Role::Admin);
    let mut ids = Vec::new();
    for n in 0..7 {
        let id = desk.log(&answer()).await;
        ids.push(id);
        desk.rate(id, if n % 2 == 0 { 1 } else { -1 }).await;
        let (_, page) = admin.get("/api/feedback/recent?limit=1").await;
        let first = &page["feedback"][0];
        assert_eq!(
            json!([first["gen_id"], page["total_count"]]),
            json!([id, n + 1])
        );
        // Two of them at the same moment.
        if n != 3 {
            desk.app.app.clock.advance(TimeDelta::seconds(1));
        }
    }
    // A change of mind moves nothing in the list.
    desk.rate(ids[0], -1).await;
    desk.see(ids[6], "kept").await;
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let (status, page) = admin.get(&format!("{RECENT}?limit=3{cursor}")).await;
        assert_eq!((status, &page["total_count"]), (StatusCode::OK, &json!(7)));
        let ids = page["feedback"].as_array().unwrap().iter();
        seen.extend(ids.map(|one| one["gen_id"].as_i64().unwrap()));
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }
    ids.reverse();
    assert_eq!(seen, ids);
    let (_, page) = admin.get("/api/feedback/recent?limit=1").await;
    insta::assert_json_snapshot!(page["feedback"][0], {
        ".id" => "number", ".gen_id" => "number",
    }, @r#"
    {
      "id": "number",
      "gen_id": "number",
      "rating": 1,
      "reason": null,
      "comment": null,
      "created_at": "2026-11-25T17:40:05Z",
      "updated_at": "2026-11-25T17:40:05Z",
      "task_type": "codegen",
      "category": "fix",
      "model": "claude-sonnet-4",
      "temperature": 0.3,
      "task_id": "0197",
      "signals": [
        "kept"
      ]
    }
    "#);
    let elsewhere = desk.app.client_of("org-2", USER, Role::Admin);
    let (_, page) = elsewhere.get(RECENT).await;
    assert_eq!(
        page,
        json!({"feedback": [], "total_count": 0, "next_cursor": null})
    );
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn what_people_wrote_is_for_administrators_and_pages_have_bounds(db: PgPool) {
    let desk = Desk::new(db).await;
    for role in [Role::Viewer, Role::Planner] {
        let (status, _) = desk.app.client(role).get(RECENT).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    let admin = desk.app.client_of(ORG, "grace", Role::Admin);
    for limit in ["0", "201", "-5"] {
        let (status, problem) = admin.get(&format!("{RECENT}?limit={limit}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(problem["detail"], "Limit must be between 1 and 200");
    }
    let (status, _) = admin.get("/api/feedback/recent?limit=200").await;
    assert_eq!(status, StatusCode::OK);
    let (status, problem) = admin.get("/api/feedback/recent?cursor=nonsense").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        problem["detail"],
        "`cursor` is not valid; use the `next_cursor` of an earlier page"
    );
    let (status, _) = desk.app.stranger().get(STATS).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}
