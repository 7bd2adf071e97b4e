//! Errors as the ingestion stores them, put there by SQL.

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use navi::auth::principal::Role;
use navi::platform::clock::Clock;
use serde_json::Value;
use sqlx::PgPool;

use crate::support::app::{ORG, TestApp};

pub(crate) const ERRORS: &str = "/api/telemetry/errors";

/// When it is.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-25T17:40:00Z".parse().unwrap()
}

/// So many minutes ago.
pub(crate) fn ago(minutes: i64) -> DateTime<Utc> {
    now() - TimeDelta::minutes(minutes)
}

/// A service over errors.
pub(crate) struct Stock {
    pub(crate) app: TestApp,
    pub(crate) db: PgPool,
}

/// A group of errors; what is not named is the same for all.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) org: &'static str,
    pub(crate) error_type: &'static str,
    pub(crate) message: &'static str,
    pub(crate) status: &'static str,
    pub(crate) severity: &'static str,
    pub(crate) source: &'static str,
    pub(crate) component: Option<&'static str>,
    pub(crate) versions: (&'static str, &'static str),
    pub(crate) last_seen: DateTime<Utc>,
    pub(crate) occurrences: i64,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            org: ORG,
            error_type: "TypeError",
            message: "Cannot read properties of undefined",
            status: "open",
            severity: "error",
            source: "client",
            component: Some("chat"),
            versions: ("1.0.0", "1.2.0"),
            last_seen: ago(10),
            occurrences: 3,
        }
    }
}

impl Stock {
    pub(crate) async fn new(db: PgPool) -> Self {
        let app = TestApp::with(db.clone(), Clock::fixed(now()), &[]).await;
        Self { app, db }
    }

    /// Stores a group; answers its number.
    pub(crate) async fn group(&self, group: Group) -> i64 {
        sqlx::query_scalar(
            "with made as (
               insert into error_groups (org_id, fingerprint, error_type, message, frames, source,
                                         first_version, created_at, status, resolved_at, resolved_by,
                                         resolution_notes, regressed_at, regressions)
               values ($1, encode(sha256(gen_random_uuid()::text::bytea), 'hex'), $2, $3,
                       '{render (app.js)}', $4, $5, $6 - interval '1 day', $7,
                       case when $7 <> 'open' then $6 - interval '2 hours' end,
                       case when $7 <> 'open' then 'grace' end,
                       case when $7 <> 'open' then 'known' end,
                       case when $7 = 'regressed' then $6 - interval '1 hour' end,
                       case when $7 = 'regressed' then 1 else 0 end)
               returning org_id, group_id
             )
             insert into error_group_activity (org_id, group_id, occurrences, affected_users,
                                               first_seen, last_seen, severity, component,
                                               last_version, last_message)
             select org_id, group_id, $8, 2, $6 - interval '1 day', $6, $9, $10, $11, $3 || ' (last)'
             from made returning group_id",
        )
        .bind(group.org)
        .bind(group.error_type)
        .bind(group.message)
        .bind(group.source)
        .bind(group.versions.0)
        .bind(group.last_seen)
        .bind(group.status)
        .bind(group.occurrences)
        .bind(group.severity)
        .bind(group.component)
        .bind(group.versions.1)
        .fetch_one(&self.db)
        .await
        .unwrap()
    }

    /// Stores so many occurrences of a group, a second apart, the last one at this moment.
    pub(crate) async fn occurrences(&self, group: i64, count: i32, last: DateTime<Utc>) {
        sqlx::query(
            "insert into error_events (org_id, user_id, error_type, severity, error_message,
                                       stack_trace, session_id, version, group_id, trace_id, created_at)
             select $1, 'user-' || n % 2, 'TypeError', 'error', 'number ' || n, 'at render', 'tab-1',
                    '1.2.0', $2, '4bf92f3577b34da6a3ce929d0e0e4736',
                    $4 - (n - 1) * interval '1 second'
             from generate_series(1, $3) n",
        )
        .bind(ORG)
        .bind(group)
        .bind(count)
        .bind(last)
        .execute(&self.db)
        .await
        .unwrap();
    }

    /// Counts occurrences of a group in an hour.
    pub(crate) async fn hour(&self, group: i64, hour: &str, count: i64) {
        sqlx::query(
            "insert into error_group_hours (org_id, group_id, hour, occurrences)
             values ($1, $2, $3::timestamptz, $4)",
        )
        .bind(ORG)
        .bind(group)
        .bind(hour)
        .bind(count)
        .execute(&self.db)
        .await
        .unwrap();
    }

    /// The answer to a viewer.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.app.client(Role::Viewer).get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    /// The numbers of the groups that a viewer is listed.
    pub(crate) async fn listed(&self, query: &str) -> Vec<i64> {
        let answer = self.get(&format!("{ERRORS}?{query}")).await;
        numbers(&answer)
    }
}

/// The numbers of listed groups.
pub(crate) fn numbers(answer: &Value) -> Vec<i64> {
    let errors = answer["errors"].as_array().unwrap().iter();
    errors.map(|error| error["id"].as_i64().unwrap()).collect()
}
