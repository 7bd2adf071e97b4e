//! A client that reports, and a look into what was kept.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use navi::auth::principal::Role;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

use crate::support::app::TestApp;
use crate::support::client::{Answer, Client, json_request};

/// The moment at which the tests' clock stands, in milliseconds since 1970.
pub(crate) const NOW: i64 = 1_767_323_045_000;

/// A service, a client of it, and its database.
pub(crate) struct Desk {
    pub(crate) app: TestApp,
    pub(crate) client: Client,
    pub(crate) db: PgPool,
}

impl Desk {
    pub(crate) async fn new(db: PgPool) -> Self {
        let app = TestApp::new(db.clone()).await;
        let client = app.client(Role::Viewer);
        Self { app, client, db }
    }

    /// Sends a batch.
    pub(crate) async fn send(&self, id: &str, events: &[Value]) -> Answer {
        let batch = json!({"events": events, "batchId": id, "timestamp": NOW});
        report(&self.client, &batch).await
    }

    /// Sends a batch that is taken wholly, and answers with what the client is told.
    pub(crate) async fn keep(&self, id: &str, events: &[Value]) -> Value {
        let answer = self.send(id, events).await;
        assert_eq!(answer.status, StatusCode::OK, "{:#}", answer.body);
        assert_eq!(answer.body["success"], true, "{:#}", answer.body);
        answer.body
    }

    /// Sends a body as it is, with these headers beside those of JSON.
    pub(crate) async fn post(&self, body: impl Into<Body>, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::post("/api/telemetry").body(body.into()).unwrap();
        let all = [("content-type", "application/json")];
        for (name, value) in all.iter().chain(headers) {
            let name: header::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        self.client.answer(request).await
    }

    /// The rows of a query, each as a JSON object.
    pub(crate) async fn rows(&self, query: &str) -> Vec<Value> {
        let query = format!("select to_jsonb(row) from ({query}) row");
        let rows = sqlx::query_scalar(AssertSqlSafe(query));
        rows.fetch_all(&self.db).await.unwrap()
    }

    /// The number of rows of a table.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let query = format!("select count(*) from {table}");
        let count = sqlx::query_scalar(AssertSqlSafe(query));
        count.fetch_one(&self.db).await.unwrap()
    }
}

/// Sends a batch as the user of the client.
pub(crate) async fn report(client: &Client, batch: &Value) -> Answer {
    let request = json_request(Method::POST, "/api/telemetry", batch);
    client.answer(request).await
}

/// An event.
#[expect(
    clippy::needless_pass_by_value,
    reason = "tests write the data in place"
)]
pub(crate) fn event(kind: &str, data: Value) -> Value {
    json!({"type": kind, "timestamp": NOW - 1_000, "data": data, "sessionId": "session_1"})
}
