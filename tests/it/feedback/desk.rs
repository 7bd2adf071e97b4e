//! A service over answers that can be rated.

use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use navi::auth::principal::Role;
use navi::feedback::model::{Category, Exposure, Generation, Sha256Hex, TaskType};
use navi::feedback::store::generations::insert_generation;
use navi::feedback::traits::Trait;
use navi::platform::clock::Clock;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

use crate::support::app::{ORG, TestApp, USER};

pub(crate) const SUBMIT: &str = "/api/feedback/submit";
pub(crate) const SIGNALS: &str = "/api/feedback/signals";

/// When it is: a Wednesday.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-25T17:40:00Z".parse().unwrap()
}

/// An answer to [`USER`] a moment ago; tests change what matters to them.
pub(crate) fn answer() -> Generation {
    let of = |subject: &str, value| Trait {
        subject: subject.to_owned(),
        value,
    };
    Generation {
        org_id: ORG.parse().unwrap(),
        user_id: USER.parse().unwrap(),
        task_type: TaskType::Codegen,
        input_fingerprint: None,
        model: "claude-sonnet-4".to_owned(),
        temperature: Some(0.3),
        params: json!({
            "bandit_context": "codegen_small_expert",
            "bandit_arm": "balanced",
            "bandit_model_context": "codegen_small_expert:model",
            "bandit_model_arm": "claude-sonnet-4",
        }),
        prompt_hash: Sha256Hex::of("the prompt"),
        result_ref: Some("0197".to_owned()),
        team_id: None,
        session_id: Some("0198".to_owned()),
        category: Category::Fix,
        language: Some("python"),
        answer: "The cause was an open file.".to_owned(),
        traits: [of("quotes@python", "single"), of("length", "brief")].into(),
        verification: None,
        exposure: Exposure::default(),
        trace_id: None,
        created_at: now(),
    }
}

pub(crate) struct Desk {
    pub(crate) app: TestApp,
    pub(crate) db: PgPool,
}

impl Desk {
    pub(crate) async fn new(db: PgPool) -> Self {
        Self::with(db, &["--feedback-per-minute", "0"]).await
    }

    pub(crate) async fn with(db: PgPool, flags: &[&str]) -> Self {
        let app = TestApp::with(db.clone(), Clock::fixed(now()), flags).await;
        Self { app, db }
    }

    /// Logs an answer; answers its number.
    pub(crate) async fn log(&self, generation: &Generation) -> i64 {
        let mut conn = self.db.acquire().await.unwrap();
        insert_generation(&mut conn, generation).await.unwrap()
    }

    /// Its owner rates an answer.
    pub(crate) async fn rate(&self, gen_id: i64, rating: i64) -> Value {
        let body = json!({"gen_id": gen_id, "rating": rating});
        let (status, answer) = self.app.client(Role::Viewer).post(SUBMIT, body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// Its owner's client says what happened to an answer.
    pub(crate) async fn see(&self, gen_id: i64, signal: &str) -> Value {
        let body = json!({"gen_id": gen_id, "signal": signal});
        let (status, answer) = self.app.client(Role::Viewer).post(SIGNALS, body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// The rows of a query, as one JSON value.
    pub(crate) async fn value(&self, select: &str) -> Value {
        let sql = format!("select coalesce(jsonb_agg(t), '[]')::text from ({select}) t");
        let text: String = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&self.db)
            .await
            .unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The number of rows of a table.
    pub(crate) async fn rows(&self, table: &str) -> i64 {
        let sql = format!("select count(*) from {table}");
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&self.db)
            .await
            .unwrap()
    }

    /// The counts of everything, as accepted and rejected halves.
    pub(crate) async fn overall(&self) -> Value {
        self.value(
            "select accepted, rejected from learning_counts where subject = '*'
             order by category, user_id, week",
        )
        .await
    }

    /// The bandit's counts for the temperature of [`answer`], as they weighed when they last changed.
    pub(crate) async fn arm(&self) -> (f64, f64) {
        let row: Option<(f64, f64)> = sqlx::query_as(
            "select successes, failures from learning_bandit_arms
             where context = 'codegen_small_expert' and arm = 'balanced'",
        )
        .fetch_optional(&self.db)
        .await
        .unwrap();
        row.unwrap_or_default()
    }
}

/// An answer with 1 in place of this id, which is another one each time.
pub(crate) fn numbered(value: &Value, id: i64) -> Value {
    serde_json::from_str(&value.to_string().replace(&id.to_string(), "1")).unwrap()
}
