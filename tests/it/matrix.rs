//! Isolation of owners: no one else may see or change what a user owns, on any route.
//!
//! The routes come from the description that the server serves. One that takes an id, or that
//! lists, and stands in none of the tables below fails the test, so a new route cannot be forgotten.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use http_body_util::BodyExt;
use navi::auth::principal::Role;
use navi::http::openapi::walk;
use navi::http::router::{PUBLIC, document};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

use crate::jobs::desk::{Desk, nothing};
use crate::runs::stage::{calls, says, script};
use crate::support::app::{ORG, TestApp, USER};
use crate::support::client::{Client, json_request};

/// A text that stands somewhere in everything that is owned here.
const MARK: &str = "owl-1729";

/// A thing that a user owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owned {
    Conversation,
    Job,
    Consent,
    Prompt,
    Preference,
    AuditEntry,
    ErrorGroup,
    Generation,
    Insight,
    Webhook,
}

impl Owned {
    /// An id that no such thing has.
    fn nothing(self) -> &'static str {
        match self {
            Self::Preference | Self::Generation | Self::ErrorGroup | Self::Insight => {
                "9007199254740991"
            }
            Self::Conversation
            | Self::Job
            | Self::Consent
            | Self::Prompt
            | Self::AuditEntry
            | Self::Webhook => "01890a5d-ac96-774b-bcce-b302099a8057",
        }
    }
}

/// A request that names a thing: its method, its route template or address, the thing, and a body
/// in which `{id}` stands for it too. Those that end something come last.
const NAMING: &[(&str, &str, Owned, &str)] = &[
    (
        "GET",
        "/api/navi-memory/conversations/{id}",
        Owned::Conversation,
        "",
    ),
    (
        "GET",
        "/api/navi-memory/conversations/{id}/messages",
        Owned::Conversation,
        "",
    ),
    (
        "POST",
        "/api/navi-memory/conversations/{id}/messages",
        Owned::Conversation,
        r#"{"role": "user", "content": "mine now"}"#,
    ),
    (
        "PATCH",
        "/api/navi-memory/conversations/{id}",
        Owned::Conversation,
        r#"{"title": "mine now"}"#,
    ),
    ("POST", "/api/navi/chat", Owned::Conversation, SAYS),
    (
        "POST",
        "/api/navi/chat/stream/v2",
        Owned::Conversation,
        SAYS,
    ),
    ("POST", "/api/navi/chat/stream", Owned::Conversation, SAYS),
    (
        "POST",
        "/api/navi/chat/autonomous",
        Owned::Conversation,
        SAYS,
    ),
    ("POST", "/api/navi/plan", Owned::Conversation, SAYS),
    (
        "POST",
        "/api/navi/next",
        Owned::Job,
        r#"{"session_id": "{id}"}"#,
    ),
    ("POST", "/api/jobs", Owned::Conversation, SAYS),
    ("POST", "/api/navi/jobs", Owned::Conversation, SAYS),
    ("POST", "/api/feedback/submit", Owned::Generation, RATES),
    (
        "GET",
        "/api/feedback/generations/{gen_id}",
        Owned::Generation,
        "",
    ),
    (
        "POST",
        "/api/feedback/signals",
        Owned::Generation,
        r#"{"gen_id": {id}, "signal": "reverted"}"#,
    ),
    ("GET", "/api/jobs/{job_id}", Owned::Job, ""),
    ("GET", "/api/navi/jobs/{job_id}", Owned::Job, ""),
    ("GET", "/api/jobs/{job_id}/events", Owned::Job, ""),
    ("GET", "/api/navi/jobs/{job_id}/events", Owned::Job, ""),
    ("POST", "/api/jobs/{job_id}/start", Owned::Job, "{}"),
    ("POST", "/api/navi/jobs/{job_id}/start", Owned::Job, "{}"),
    ("POST", "/api/jobs/{job_id}/resume", Owned::Job, "{}"),
    ("POST", "/api/navi/jobs/{job_id}/resume", Owned::Job, "{}"),
    (
        "POST",
        "/api/navi/consent/{consent_id}",
        Owned::Consent,
        DENIES,
    ),
    ("POST", "/api/jobs/{job_id}/approve", Owned::Job, DENIES),
    (
        "POST",
        "/api/navi/jobs/{job_id}/approve",
        Owned::Job,
        DENIES,
    ),
    (
        "POST",
        "/api/navi/prompt/{prompt_id}",
        Owned::Prompt,
        r#"{"response": "mine"}"#,
    ),
    ("POST", "/api/jobs/{job_id}/cancel", Owned::Job, "{}"),
    ("POST", "/api/navi/jobs/{job_id}/cancel", Owned::Job, "{}"),
    (
        "DELETE",
        "/api/navi/consent-preferences/{id}",
        Owned::Preference,
        "",
    ),
    (
        "DELETE",
        "/api/navi-memory/conversations/{id}",
        Owned::Conversation,
        "",
    ),
];
const SAYS: &str = r#"{"message": "go on", "conversation_id": "{id}"}"#;
const RATES: &str = r#"{"gen_id": {id}, "rating": -1, "comment": "mine now"}"#;
const DENIES: &str = r#"{"choice": "deny"}"#;

/// Routes that list what the caller owns, and where in the answer the list is.
const LISTS: &[(&str, &str)] = &[
    ("/api/navi-memory/conversations", ""),
    ("/api/jobs", "/jobs"),
    ("/api/navi/jobs", "/jobs"),
    ("/api/navi/consent-preferences", "/preferences"),
    ("/api/navi/consent-audit", "/audit_log"),
    ("/api/connectors", "/items"),
];

/// Routes that tell of each connector whether the caller is connected.
const STATUSES: &[&str] = &[
    "/api/connectors/status",
    "/api/connectors/marketplace/status",
];

/// Requests that name an entry of the audit log, which is visible to the administrators of its
/// organisation and to no other one.
const OF_THE_ORGANISATION: &[Row] = &[
    ("GET", "/api/audit/{id}", Owned::AuditEntry, ""),
    ("GET", "/api/audit/{id}/proof", Owned::AuditEntry, ""),
    ("GET", "/api/audit/{id}/payload", Owned::AuditEntry, ""),
    (
        "POST",
        "/api/audit/{id}/decrypt",
        Owned::AuditEntry,
        r#"{"reason": "curious"}"#,
    ),
];

/// Requests that name a shared thing, which everybody in an organisation may see, some of them may
/// change, and other organisations may not see.
const SHARED: &[Row] = &[
    ("GET", "/api/telemetry/errors/{id}", Owned::ErrorGroup, ""),
    (
        "POST",
        "/api/telemetry/errors/{id}/resolve",
        Owned::ErrorGroup,
        "{}",
    ),
    ("GET", "/api/feedback/insights/{id}", Owned::Insight, ""),
    (
        "PATCH",
        "/api/feedback/insights/{id}",
        Owned::Insight,
        r#"{"title": "ours now"}"#,
    ),
    (
        "POST",
        "/api/feedback/insights/{id}/activate",
        Owned::Insight,
        "{}",
    ),
    (
        "POST",
        "/api/feedback/insights/{id}/retire",
        Owned::Insight,
        "{}",
    ),
    ("GET", "/api/webhooks/{id}/deliveries", Owned::Webhook, ""),
    (
        "POST",
        "/api/webhooks/{id}/deliveries/{delivery_id}/retry",
        Owned::Webhook,
        "{}",
    ),
    ("DELETE", "/api/webhooks/{id}", Owned::Webhook, ""),
];

/// Routes that read what an organisation has, and tell nothing of it elsewhere.
const ORGANISATIONS: &[&str] = &[
    "/api/feedback/insights",
    "/api/webhooks",
    "/api/admin/security/status",
    "/api/audit",
    "/api/audit?format=array",
    "/api/audit?format=array&org=org-1",
    "/api/audit/checkpoint",
    "/api/audit/export",
    "/api/audit/export?format=csv",
    "/api/telemetry/errors",
    "/api/telemetry/rates",
    "/api/telemetry/performance",
    "/api/feedback/stats",
    "/api/feedback/recent",
    "/api/feedback/learning",
];

/// Routes whose parameter names a kind of thing, of which each user has their own, or something of a feature
/// that is not built.
const OF_A_KIND: &[(&str, &str)] = &[
    ("DELETE", "/api/advanced/mcp/servers/{id}"),
    ("PATCH", "/api/advanced/mcp/servers/{id}"),
    ("POST", "/api/advanced/mcp/servers/{id}/test"),
    ("DELETE", "/api/connectors/{provider}"),
    ("GET", "/api/connectors/{provider}"),
    ("GET", "/api/connectors/{provider}/oauth/start"),
    ("PUT", "/api/connectors/{provider}"),
];

/// Routes that read nothing that anybody owns.
const OF_NOBODY: &[&str] = &[
    "/api/advanced/mcp/servers",
    "/api/advanced/mcp/tools",
    "/api/analytics/org",
    "/api/analytics/usage",
    "/api/auth/me",
    "/api/models",
    "/api/navi/analyze-changes",
    "/api/org/scan/status",
    "/api/orgs",
];

/// The owner's things, and the service that keeps them.
struct Estate {
    desk: Desk,
    ids: Vec<(Owned, String)>,
}

impl Estate {
    async fn new(db: PgPool) -> Self {
        let command = format!("git push origin {MARK}");
        let turns = [
            calls(&[("run_command", json!({ "command": command }))]),
            calls(&[("ask_user", json!({ "question": format!("Which {MARK}?") }))]),
            says("Done."),
        ];
        let desk = Desk::with(db, script(turns), &["--writes-per-minute=0"]).await;
        let title = json!({ "title": MARK });
        let (_, begun) = desk
            .client
            .post("/api/navi-memory/conversations", title)
            .await;
        let waiting = desk.create(nothing()).await;
        let consent = desk.until(&waiting, "command.consent_required").await;
        let asking = desk.create(nothing()).await;
        desk.until(&asking, "command.consent_required").await;
        let always = json!({ "choice": "allow_always_exact" });
        assert_eq!(desk.ask(&asking, "approve", always).await.0, 200);
        let prompt = desk.until(&asking, "prompt_request").await;
        desk.until_status(&asking, "paused_for_approval").await;
        let (_, preferences) = desk.client.get("/api/navi/consent-preferences").await;
        let error = report(&desk.stage.db).await;
        let generation = answer(&desk.stage.db).await;
        connect(&desk.stage.db).await;
        let admin = desk.stage.app.client(Role::Admin);
        let (_, audit) = admin.get("/api/audit").await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let ids = vec![
            (Owned::Conversation, text(&begun["id"])),
            (Owned::Job, waiting),
            (Owned::Consent, text(&consent["data"]["consent_id"])),
            (Owned::Prompt, text(&prompt["data"]["prompt_id"])),
            (
                Owned::Preference,
                preferences["preferences"][0]["id"].to_string(),
            ),
            (Owned::AuditEntry, text(&audit["entries"][0]["id"])),
            (Owned::ErrorGroup, error.to_string()),
            (Owned::Generation, generation.to_string()),
            (Owned::Insight, taught(&desk.stage.db).await.to_string()),
            (Owned::Webhook, registered(&desk.stage.db).await.to_string()),
        ];
        Self { desk, ids }
    }

    fn id(&self, owned: Owned) -> &str {
        let found = self.ids.iter().find(|(of, _)| *of == owned);
        &found.unwrap().1
    }

    /// Sends a request of the table about this thing. Only what is no success is read, for some
    /// successes never end.
    async fn ask(&self, client: &Client, row: &Row, id: &str) -> (StatusCode, String) {
        let (method, path, _, body) = *row;
        let mut path = path.to_owned();
        while let Some((before, after)) = path.split_once('{') {
            path = format!("{before}{id}{}", after.split_once('}').unwrap().1);
        }
        let mut body = match body {
            "" => Value::Null,
            text => serde_json::from_str(&text.replace("{id}", id)).unwrap(),
        };
        if body["conversation_id"].is_string() {
            body["workspace_path"] = json!(self.desk.stage.workspace());
        }
        let method: Method = method.parse().unwrap();
        let response = client.send(json_request(method, &path, &body)).await;
        let status = response.status();
        if status.is_success() {
            return (status, String::new());
        }
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Everything that the owner's organisation has in the database, but for who looked at it when.
    async fn rows(&self) -> Vec<(String, String)> {
        let db = &self.desk.stage.db;
        let tables = "select distinct table_name::text from information_schema.columns c
             join pg_class on oid = format('%I', table_name)::regclass
             where c.table_schema = 'public' and column_name = 'org_id' and not relispartition
               and table_name not like 'audit%' order by 1";
        let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(db).await.unwrap();
        assert!(tables.len() > 8, "{tables:?}");
        let mut found = Vec::new();
        for table in tables {
            let rows = format!(
                "select coalesce(string_agg(t::text, ' ' order by t::text), '')
                 from {table} t where org_id = $1"
            );
            let rows = sqlx::query_scalar(AssertSqlSafe(rows)).bind(ORG);
            found.push((table, rows.fetch_one(db).await.unwrap()));
        }
        found
    }
}

/// An error that a client of the owner's organisation reported.
async fn report(db: &PgPool) -> i64 {
    sqlx::query_scalar(
        "with made as (
           insert into error_groups (org_id, fingerprint, error_type, message, source, created_at)
           values ($1, 'f', $2, $2, 'client', now()) returning org_id, group_id
         ), hour as (
           insert into telemetry_hours (org_id, hour, event_type, source_version, events)
           values ($1, date_trunc('hour', now()), $2, '', 1)
         ), measured as (
           insert into performance_hours (org_id, metric_name, unit, hour, bucket, samples, total,
                                          min_value, max_value)
           values ($1, $2, 'ms', date_trunc('hour', now()), 10000, 1, 1, 1, 1)
         )
         insert into error_group_activity (org_id, group_id, occurrences, first_seen, last_seen,
                                           severity, last_message)
         select org_id, group_id, 1, now(), now(), 'error', $2 from made returning group_id",
    )
    .bind(ORG)
    .bind(MARK)
    .fetch_one(db)
    .await
    .unwrap()
}

/// The owner's connection to a provider.
async fn connect(db: &PgPool) {
    sqlx::query(
        "insert into connector_tokens (org_id, user_id, provider, account, sealed, sealed_with,
                                       verified_at, created_at, updated_at)
         values ($1, $2, 'github', $3, $4, '2:key', now(), now(), now())",
    )
    .bind(ORG)
    .bind(USER)
    .bind(MARK)
    .bind(vec![2_u8; 64])
    .execute(db)
    .await
    .unwrap();
}

/// A webhook of the owner's organisation that gets nothing, and a dead delivery of the same id.
async fn registered(db: &PgPool) -> uuid::Uuid {
    sqlx::query_scalar(
        "with made as (
           insert into webhooks (org_id, webhook_id, format, url, kinds, secret, sealed_with, state,
                                 created_at)
           values ($1, gen_random_uuid(), 'standard', 'https://hooks.example/' || $2, '{}', $3,
                   '2:key', 'enabled', now())
           returning org_id, webhook_id
         )
         insert into notice_deliveries (org_id, webhook_id, notice_id, kind, data, state, due_at,
                                        created_at)
         select org_id, webhook_id, webhook_id, 'run.failed', jsonb_build_object('of', $2::text),
                'dead', now(), now()
         from made returning webhook_id",
    )
    .bind(ORG)
    .bind(MARK)
    .bind(vec![2_u8; 64])
    .fetch_one(db)
    .await
    .unwrap()
}

/// An answer to the owner, rated by them.
async fn answer(db: &PgPool) -> i64 {
    sqlx::query_scalar(
        "with made as (
           insert into ai_generation_log (org_key, user_sub, task_type, model, params, prompt_hash,
                                          answer, category)
           values ($1, $2, 'chat', $3, '{}', '', $3, $3) returning org_key, user_sub, id
         ), arm as (
           insert into learning_bandit_arms (org_id, context, arm, updated_at)
           values ($1, $3, $3, now())
         )
         insert into ai_feedback (org_key, gen_id, user_sub, rating, reason, comment)
         select org_key, id, user_sub, 1, $3, $3 from made returning gen_id",
    )
    .bind(ORG)
    .bind(USER)
    .bind(MARK)
    .fetch_one(db)
    .await
    .unwrap()
}

/// An insight of the owner's organisation.
async fn taught(db: &PgPool) -> i64 {
    sqlx::query_scalar(
        "insert into learning_insights
           (org_id, insight_type, subject, title, description, pattern_data)
         values ($1, 'style_preference', $2, $2, $2, '{}') returning id",
    )
    .bind(ORG)
    .bind(MARK)
    .fetch_one(db)
    .await
    .unwrap()
}

type Row = (&'static str, &'static str, Owned, &'static str);

/// A refusal without what differs from one request to the next.
fn compared(problem: &str, id: &str) -> Value {
    let mut problem: Value = serde_json::from_str(&problem.replace(id, "ID")).unwrap();
    problem.as_object_mut().unwrap().remove("request_id");
    problem
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_somebody_owns_does_not_exist_for_anybody_else(db: PgPool) {
    let estate = Box::pin(Estate::new(db)).await;
    let app = &estate.desk.stage.app;
    let before = estate.rows().await;
    let others = [
        ("a colleague", app.client_of(ORG, "user-2", Role::Admin)),
        (
            "a namesake elsewhere",
            app.client_of("org-2", USER, Role::Admin),
        ),
        (
            "an administrator elsewhere",
            app.client_of("org-2", "admin-1", Role::Admin),
        ),
        (
            "a planner elsewhere",
            app.client_of("org-2", "user-3", Role::Planner),
        ),
    ];
    for row in NAMING {
        let id = estate.id(row.2);
        let nothing = row.2.nothing();
        for (who, client) in &others {
            let at = format!("{} {} by {who}", row.0, row.1);
            let (status, problem) = estate.ask(client, row, id).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{at}: {problem}");
            assert!(!problem.contains(MARK), "{at}: {problem}");
            // A conversation that does not exist is begun for the user who names it.
            if row.3.contains("conversation_id") {
                continue;
            }
            let (_, absent) = estate.ask(client, row, nothing).await;
            assert_eq!(compared(&problem, id), compared(&absent, nothing), "{at}");
        }
    }
    for (path, pointer) in LISTS {
        for (who, client) in &others {
            let (status, answer) = client.get(path).await;
            assert_eq!(status, StatusCode::OK, "{path} by {who}: {answer}");
            assert_eq!(answer.pointer(pointer), Some(&json!([])), "{path} by {who}");
            assert!(!answer.to_string().contains(MARK), "{path} by {who}");
        }
    }
    for path in STATUSES {
        for (who, client) in &others {
            let (_, answer) = client.get(path).await;
            let text = answer.to_string();
            assert!(!text.contains("\"connected\""), "{path} by {who}: {text}");
        }
        let (_, answer) = estate.desk.client.get(path).await;
        assert_eq!(answer["items"][0]["status"], "connected", "{answer}");
    }
    for row in OF_THE_ORGANISATION {
        let id = estate.id(row.2);
        let elsewhere = app.client_of("org-2", USER, Role::Admin);
        let (status, problem) = estate.ask(&elsewhere, row, id).await;
        assert_eq!(
            status,
            StatusCode::NOT_FOUND,
            "{} {}: {problem}",
            row.0,
            row.1
        );
        let (status, _) = estate.ask(&app.client(Role::Planner), row, id).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{} {}", row.0, row.1);
        let (status, problem) = estate.ask(&app.client(Role::Admin), row, id).await;
        assert_eq!(status, StatusCode::OK, "{} {}: {problem}", row.0, row.1);
    }
    for path in ORGANISATIONS {
        let elsewhere = app.client_of("org-3", USER, Role::Admin);
        let (_, answer) = elsewhere.get(path).await;
        let text = answer.to_string();
        assert!(
            !text.contains(MARK) && !text.contains(ORG),
            "{path}: {text}"
        );
        assert!(
            !text.contains(estate.id(Owned::AuditEntry)),
            "{path}: {text}"
        );
    }
    for row in SHARED {
        let id = estate.id(row.2);
        let elsewhere = app.client_of("org-2", USER, Role::Admin);
        let (status, problem) = estate.ask(&elsewhere, row, id).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{} {}", row.0, row.1);
        let (_, absent) = estate.ask(&elsewhere, row, row.2.nothing()).await;
        let absent = compared(&absent, row.2.nothing());
        assert_eq!(compared(&problem, id), absent, "{} {}", row.0, row.1);
    }
    assert_eq!(estate.rows().await, before, "something was changed");
    // The same requests reach their things when their owner sends them.
    for (path, pointer) in LISTS {
        let (_, answer) = estate.desk.client.get(path).await;
        let list = answer.pointer(pointer).and_then(Value::as_array);
        assert!(!list.unwrap().is_empty(), "{path}: {answer}");
    }
    let naming = NAMING.iter().filter(|row| row.1.contains('{'));
    let admin = app.client(Role::Admin);
    let owners = naming.map(|row| (row, &estate.desk.client));
    for (row, client) in owners.chain(SHARED.iter().map(|row| (row, &admin))) {
        let (status, problem) = estate.ask(client, row, estate.id(row.2)).await;
        let reached = status.is_success() || status == StatusCode::CONFLICT;
        assert!(reached, "{} {}: {status} {problem}", row.0, row.1);
    }
}

/// The text of a schema with those that it refers to.
fn resolved(schema: &Value, all: &Value) -> String {
    let mut text = schema.to_string();
    let mut known = BTreeSet::new();
    while let Some(name) = text
        .split("#/components/schemas/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .find(|name| !known.contains(*name))
        .map(str::to_owned)
    {
        text.push_str(&all[&name].to_string());
        known.insert(name);
    }
    text
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_route_that_names_or_lists_things_is_in_the_matrix(db: PgPool) {
    let app = TestApp::new(db).await;
    let document = document(&app.app);
    let routes = walk(&document);
    let private = routes.iter().filter(|route| !PUBLIC.contains(&route.path));
    let (naming, others): (Vec<_>, Vec<_>) = private.partition(|route| route.path.contains('{'));
    let naming: BTreeSet<_> = naming
        .iter()
        .map(|route| (route.method, route.path))
        .collect();
    let tried = NAMING.iter().chain(OF_THE_ORGANISATION).chain(SHARED);
    let tried = tried.filter(|row| row.1.contains('{'));
    let tried = tried.map(|row| (row.0, row.1));
    let tried: BTreeSet<_> = tried.chain(OF_A_KIND.iter().copied()).collect();
    assert_eq!(naming, tried, "served on the left, tried on the right");
    let reading = others.iter().filter(|route| route.method == "GET");
    let reading: BTreeSet<_> = reading.map(|route| route.path).collect();
    let lists = LISTS.iter().map(|(path, _)| *path);
    let of_organisations = ORGANISATIONS.iter().filter(|path| !path.contains('?'));
    let lists = lists.chain(of_organisations.copied());
    let lists = lists.chain(STATUSES.iter().copied());
    let listed: BTreeSet<_> = lists.chain(OF_NOBODY.iter().copied()).collect();
    assert_eq!(reading, listed, "served on the left, tried on the right");
    // Bodies that name a conversation, an answer or a plan are found by their schema, not by their address.
    let text = serde_json::to_value(&document).unwrap();
    let mut found = 0;
    for route in others.iter().filter(|route| route.method != "GET") {
        let operation = &text["paths"][route.path][route.method.to_ascii_lowercase()];
        let schema = resolved(&operation["requestBody"], &text["components"]["schemas"]);
        let names = ["conversation_id", "gen_id", "\"session_id\""];
        if names.iter().any(|name| schema.contains(name)) {
            found += 1;
            let tried = NAMING
                .iter()
                .any(|row| (row.0, row.1) == (route.method, route.path));
            assert!(
                tried,
                "{} {} names what somebody owns",
                route.method, route.path
            );
        }
    }
    let without_id = NAMING.iter().filter(|row| !row.1.contains('{')).count();
    assert_eq!(found, without_id);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_is_no_id_is_answered_as_an_id_that_nothing_has(db: PgPool) {
    let app = TestApp::new(db).await;
    let admin = app.client_of(ORG, USER, Role::Admin);
    let rows = NAMING.iter().chain(OF_THE_ORGANISATION).chain(SHARED);
    let mut tried = 0;
    for (method, template, owned, body) in rows.filter(|row| row.1.contains('{')) {
        let ask = async |id: &str| {
            let path: Vec<_> = template
                .split('/')
                .map(|part| if part.starts_with('{') { id } else { part })
                .collect();
            let body: Value = serde_json::from_str(body).unwrap_or(Value::Null);
            let method: Method = method.parse().unwrap();
            let response = admin
                .send(json_request(method, &path.join("/"), &body))
                .await;
            let status = response.status();
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            (
                status,
                problem["error_code"].clone(),
                problem["detail"].clone(),
            )
        };
        let (status, code, detail) = ask(owned.nothing()).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {template}");
        let detail = detail.as_str().unwrap().replace(owned.nothing(), "THE_ID");
        let expected = (status, code, json!(detail));
        assert_eq!(ask("THE_ID").await, expected, "{method} {template}");
        tried += 1;
    }
    assert!(tried > 25, "{tried} routes");
    let (_, problem) = admin.get("/api/jobs/%1b%5B2J%E2%80%AE").await;
    let shown = r"job `\u{1b}[2J\u{202e}` not found";
    assert_eq!(problem["detail"], shown, "{problem}");
}
