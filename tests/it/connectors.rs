//! Tokens for other services: stored, shown without themselves, verified, replaced, forgotten.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use navi::auth::principal::Role;
use navi::platform::clock::Clock;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::net::TcpListener;

use crate::support::app::{TestApp, USER};
use crate::support::client::Client;
use crate::vault::DEV_KEY;

/// A token that appears nowhere by chance.
const TOKEN: &str = "ghp_canary5f2b8c1d7e9a4036b8d1";

/// A provider that answers what a test wants, and keeps what it was asked.
#[derive(Clone)]
pub(crate) struct ProviderStub {
    /// Where it listens.
    pub(crate) url: String,
    state: Asked,
}

impl ProviderStub {
    /// Begins to listen, and answers this.
    pub(crate) async fn start(status: u16, answer: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new((status, answer, Vec::new())));
        let router = Router::new().fallback(asked).with_state(state.clone());
        #[expect(clippy::disallowed_methods, reason = "it ends with its test")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, state }
    }

    /// Answers this from now on.
    pub(crate) fn answer(&self, status: u16, answer: Value) {
        let mut state = self.state.lock().unwrap();
        (state.0, state.1) = (status, answer);
    }

    /// Methods with paths and the header `Authorization`, so far.
    fn asked(&self) -> Vec<(String, String)> {
        self.state.lock().unwrap().2.clone()
    }
}

/// The status and body to answer with, and the requests so far: method with path, and authorization.
type Asked = Arc<Mutex<(u16, Value, Vec<(String, String)>)>>;

async fn asked(
    State(state): State<Asked>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let mut state = state.lock().unwrap();
    let authorization = headers[header::AUTHORIZATION].to_str().unwrap().to_owned();
    state.2.push((format!("{method} {uri}"), authorization));
    let status = StatusCode::from_u16(state.0).unwrap();
    let location = [(header::LOCATION, "http://127.0.0.1:1/elsewhere")];
    (status, location, state.1.to_string()).into_response()
}

async fn app(db: PgPool, flags: &[&str]) -> TestApp {
    let ours = ["--dev-encryption-key", DEV_KEY];
    let flags: Vec<_> = ours.iter().chain(flags).copied().collect();
    TestApp::with(db, Clock::System, &flags).await
}

async fn put(client: &Client, provider: &str, body: Value) -> (StatusCode, Value) {
    let path = format!("/api/connectors/{provider}");
    client.call(Method::PUT, &path, &body).await
}

async fn row(db: &PgPool) -> (Vec<u8>, String) {
    sqlx::query_as("select sealed, sealed_with from connector_tokens")
        .fetch_one(db)
        .await
        .unwrap()
}

async fn rows(db: &PgPool) -> i64 {
    sqlx::query_scalar("select count(*) from connector_tokens")
        .fetch_one(db)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_token_is_verified_sealed_shown_without_itself_replaced_and_forgotten(db: PgPool) {
    let stub = ProviderStub::start(200, json!({"login": "ada"})).await;
    let app = app(db.clone(), &["--github-api-base-url", &stub.url]).await;
    let client = app.client(Role::Viewer);
    let (status, body) = client.get("/api/connectors/github").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&body["connected"], &body["verified"]),
        (&json!(false), &json!(false))
    );

    let token = format!(" {TOKEN}\n");
    let (status, body) = put(&client, "github", json!({ "token": token })).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body["account"], "ada");
    assert_eq!(body["verification"], "accepted");
    assert_eq!(body["base_url"], stub.url.as_str());
    let expected = ("GET /user".to_owned(), format!("Bearer {TOKEN}"));
    assert_eq!(stub.asked(), [expected]);
    let (sealed, with) = row(&db).await;
    assert_eq!(sealed[0], 2);
    assert!(with.starts_with("2:dev:"), "{with}");
    let dump: String = sqlx::query_scalar("select t::text from connector_tokens t")
        .fetch_one(&db)
        .await
        .unwrap();
    assert!(!dump.contains(TOKEN), "{dump}");
    let within: i32 = sqlx::query_scalar(
        "select position(convert_to($1, 'UTF8') in sealed) from connector_tokens",
    )
    .bind(TOKEN)
    .fetch_one(&db)
    .await
    .unwrap();
    assert_eq!(within, 0, "the token lies there in the clear");

    let (_, shown) = client.get("/api/connectors/github").await;
    assert_eq!(
        (&shown["connected"], &shown["account"]),
        (&json!(true), &json!("ada"))
    );
    assert_eq!(shown["verification"], Value::Null);
    // Others have tokens of their own.
    for (org, user) in [("org-1", "user-2"), ("org-2", "user-1")] {
        let other = app.client_of(org, user, Role::Admin);
        let (_, body) = other.get("/api/connectors/github").await;
        assert_eq!(body["connected"], false);
        let (status, _) = other.delete("/api/connectors/github").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }

    stub.answer(200, json!({"login": "ada-2"}));
    let (_, body) = put(&client, "github", json!({"token": "ghp_another"})).await;
    assert_eq!(body["account"], "ada-2");
    assert_eq!(rows(&db).await, 1);
    assert_ne!(row(&db).await.0, sealed);

    let (status, body) = client.delete("/api/connectors/github").await;
    assert_eq!((status, body), (StatusCode::NO_CONTENT, Value::Null));
    let (status, body) = client.delete("/api/connectors/github").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(body["error_code"], "CONNECTOR_NOT_CONNECTED");
    assert_eq!(rows(&db).await, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn jira_and_slack_are_asked_in_their_own_ways(db: PgPool) {
    let jira = ProviderStub::start(200, json!({"displayName": "Ada L."})).await;
    let slack = ProviderStub::start(200, json!({"ok": true, "user": "ada", "team": "Acme"})).await;
    let api = format!("{}/api", slack.url);
    let flags = ["--jira-base-url", &jira.url, "--slack-api-base-url", &api];
    let app = app(db, &flags).await;
    let client = app.client(Role::Viewer);
    let body = json!({"token": TOKEN, "email": "ada@acme.example"});
    let (status, body) = put(&client, "jira", body).await;
    assert_eq!(
        (status, &body["account"]),
        (StatusCode::OK, &json!("Ada L."))
    );
    let basic = STANDARD.encode(format!("ada@acme.example:{TOKEN}"));
    let expected = (
        "GET /rest/api/3/myself".to_owned(),
        format!("Basic {basic}"),
    );
    assert_eq!(jira.asked(), [expected]);
    let (status, body) = put(&client, "slack", json!({ "token": TOKEN })).await;
    assert_eq!(
        (status, &body["account"]),
        (StatusCode::OK, &json!("ada in Acme"))
    );
    let expected = ("POST /api/auth.test".to_owned(), format!("Bearer {TOKEN}"));
    assert_eq!(slack.asked(), [expected]);

    let before = row_of(&app, "slack").await;
    slack.answer(200, json!({"ok": false, "error": "token_revoked"}));
    let (status, body) = put(&client, "slack", json!({"token": "xoxp-2"})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(body["error_code"], "TOKEN_REFUSED");
    assert_eq!(row_of(&app, "slack").await, before, "the good one stays");
}

async fn row_of(app: &TestApp, provider: &str) -> Vec<u8> {
    sqlx::query_scalar("select sealed from connector_tokens where provider = $1")
        .bind(provider)
        .fetch_one(&mut *app.app.db.acquire().await.unwrap())
        .await
        .unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_refused_token_is_not_stored_and_nothing_of_the_refusal_is_repeated(db: PgPool) {
    let upstream = json!({"message": format!("upstream says {TOKEN}")});
    let stub = ProviderStub::start(401, upstream).await;
    let app = app(db.clone(), &["--github-api-base-url", &stub.url]).await;
    let (status, body) = put(&app.client(Role::Viewer), "github", json!({"token": TOKEN})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(body["error_code"], "TOKEN_REFUSED");
    let text = body.to_string();
    assert!(
        !text.contains(TOKEN) && !text.contains("upstream"),
        "{text}"
    );
    assert_eq!(rows(&db).await, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_provider_that_cannot_be_asked_does_not_keep_a_token_from_being_stored(db: PgPool) {
    let stub = ProviderStub::start(302, json!({"login": "ada"})).await;
    let app = app(db, &["--github-api-base-url", &stub.url]).await;
    let client = app.client(Role::Viewer);
    // A redirect is not followed, an error of the provider says nothing of the token, and an answer
    // without a name comes from another service.
    for (status, answer) in [
        (302, json!({"login": "ada"})),
        (403, json!({"message": "rate limit"})),
        (500, json!({})),
        (200, json!({"hello": "world"})),
        (200, json!("x".repeat(300 * 1024))),
    ] {
        stub.answer(status, answer);
        let (found, body) = put(&client, "github", json!({ "token": TOKEN })).await;
        assert_eq!(found, StatusCode::OK, "{status}");
        assert_eq!(body["verified"], false, "{status}");
        assert_eq!(body["verification"], "unreachable", "{status}");
        assert_eq!(
            (&body["verified_at"], &body["account"]),
            (&Value::Null, &Value::Null)
        );
    }
    // Asked again it opens the stored token, and what it hears is kept.
    stub.answer(200, json!({"login": "ada"}));
    let (_, body) = client.get("/api/connectors/github?verify=true").await;
    assert_eq!(
        (&body["verified"], &body["account"]),
        (&json!(true), &json!("ada"))
    );
    assert_eq!(stub.asked().last().unwrap().1, format!("Bearer {TOKEN}"));
    let (_, body) = client.get("/api/connectors/github").await;
    assert_eq!(body["verified"], true);
    stub.answer(401, json!({}));
    let (_, body) = client.get("/api/connectors/github?verify=true").await;
    assert_eq!(
        (&body["verified"], &body["verification"]),
        (&json!(false), &json!("refused"))
    );
    let (_, body) = client.get("/api/connectors/github").await;
    assert_eq!(
        (&body["verified"], &body["connected"]),
        (&json!(false), &json!(true))
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_persons_address_must_be_public_and_spelled_plainly(db: PgPool) {
    let stub = ProviderStub::start(200, json!({"login": "ada"})).await;
    let jira = ProviderStub::start(200, json!({"displayName": "Ada"})).await;
    let flags = [
        "--github-api-base-url",
        &stub.url,
        "--jira-base-url",
        &jira.url,
    ];
    let app = app(db.clone(), &flags).await;
    let client = app.client(Role::Viewer);
    let port = stub.url.rsplit(':').next().unwrap();
    let other_names = [
        format!("http://localhost:{port}"),
        format!("https://127.0.0.1:{port}"),
        // An address that the operator named for one provider is no door for another.
        jira.url.clone(),
        format!("{}/elsewhere", stub.url),
    ];
    let private = [
        "http://github.example",
        "https://127.0.0.1",
        "https://[::1]:443",
        "https://10.0.0.1/api/v3",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:192.168.0.1]",
        "https://2130706433",
        "https://localhost",
    ];
    let private = private.map(str::to_owned);
    for base_url in other_names.iter().chain(&private) {
        let body = json!({"token": TOKEN, "base_url": base_url});
        let (status, body) = put(&client, "github", body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{base_url}");
        assert_eq!(body["error_code"], "BASE_URL_FORBIDDEN", "{base_url}");
    }
    for base_url in [
        "file:///etc/passwd",
        "https://u:p@github.example",
        "nonsense",
    ] {
        let body = json!({"token": TOKEN, "base_url": base_url});
        let (status, body) = put(&client, "github", body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{base_url}");
        assert_eq!(body["error_code"], "CONNECTOR_INVALID", "{base_url}");
    }
    assert!(stub.asked().is_empty() && jira.asked().is_empty());
    assert_eq!(rows(&db).await, 0);
    // The operator's own address may be spelled out.
    let body = json!({"token": TOKEN, "base_url": format!("{}/", stub.url)});
    let (status, body) = put(&client, "github", body).await;
    assert_eq!((status, &body["account"]), (StatusCode::OK, &json!("ada")));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_token_goes_to_no_other_address_than_it_was_stored_for(db: PgPool) {
    let stub = ProviderStub::start(200, json!({"login": "ada"})).await;
    let app = app(db.clone(), &["--github-api-base-url", &stub.url]).await;
    let client = app.client(Role::Viewer);
    let body = json!({"token": TOKEN, "base_url": stub.url});
    put(&client, "github", body).await;
    let asked = stub.asked().len();
    // Changes by a writer to the database: another address, another person's token, other bytes.
    for change in [
        "base_url = null",
        "base_url = 'https://evil.example'",
        "user_id = 'user-2'",
        "org_id = 'org-2'",
        "sealed = set_byte(sealed, length(sealed) - 1, get_byte(sealed, length(sealed) - 1) # 1)",
    ] {
        let mut conn = db.acquire().await.unwrap();
        let saved: Value = sqlx::query_scalar("select to_jsonb(t) from connector_tokens t")
            .fetch_one(&mut *conn)
            .await
            .unwrap();
        let change = sqlx::AssertSqlSafe(format!("update connector_tokens set {change}"));
        sqlx::query(change).execute(&mut *conn).await.unwrap();
        let (org, user): (String, String) =
            sqlx::query_as("select org_id, user_id from connector_tokens")
                .fetch_one(&mut *conn)
                .await
                .unwrap();
        let client = app.client_of(&org, &user, Role::Viewer);
        let (status, body) = client.get("/api/connectors/github?verify=true").await;
        assert_eq!(status, StatusCode::CONFLICT, "{body}");
        assert_eq!(body["error_code"], "TOKEN_UNREADABLE");
        sqlx::query("delete from connector_tokens")
            .execute(&mut *conn)
            .await
            .unwrap();
        let restore = "insert into connector_tokens
                       select * from jsonb_populate_record(null::connector_tokens, $1)";
        sqlx::query(restore)
            .bind(&saved)
            .execute(&mut *conn)
            .await
            .unwrap();
    }
    assert_eq!(stub.asked().len(), asked, "nothing was sent anywhere");
    let (status, _) = client.get("/api/connectors/github?verify=true").await;
    assert_eq!(status, StatusCode::OK);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_is_no_token_is_told_by_its_field_and_not_repeated(db: PgPool) {
    let app = app(db.clone(), &["--github-api-base-url", "http://127.0.0.1:1"]).await;
    let client = app.client(Role::Viewer);
    let long = "x".repeat(4_097);
    for (provider, body, code) in [
        ("github", json!({}), "VALIDATION_ERROR"),
        ("github", json!({"token": null}), "VALIDATION_ERROR"),
        ("github", json!({"token": [TOKEN]}), "VALIDATION_ERROR"),
        (
            "github",
            json!({"token": {"value": TOKEN}}),
            "VALIDATION_ERROR",
        ),
        ("github", json!(TOKEN), "VALIDATION_ERROR"),
        ("github", json!([TOKEN]), "VALIDATION_ERROR"),
        ("github", json!({"token": " "}), "CONNECTOR_INVALID"),
        (
            "github",
            json!({"token": format!("{TOKEN} {TOKEN}")}),
            "CONNECTOR_INVALID",
        ),
        (
            "github",
            json!({"token": format!("{TOKEN}\r\nX: y")}),
            "CONNECTOR_INVALID",
        ),
        ("github", json!({"token": "tökén"}), "CONNECTOR_INVALID"),
        ("github", json!({ "token": long }), "CONNECTOR_INVALID"),
        (
            "github",
            json!({"token": TOKEN, "email": "a@b"}),
            "CONNECTOR_INVALID",
        ),
        (
            "github",
            json!({"token": TOKEN, "base_url": 7}),
            "VALIDATION_ERROR",
        ),
        (
            "jira",
            json!({"token": TOKEN, "base_url": "https://a.example"}),
            "CONNECTOR_INVALID",
        ),
        (
            "jira",
            json!({"token": TOKEN, "email": "a@b"}),
            "CONNECTOR_INVALID",
        ),
        (
            "jira",
            json!({"token": TOKEN, "email": "a:b"}),
            "CONNECTOR_INVALID",
        ),
    ] {
        let (status, answer) = put(&client, provider, body.clone()).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(answer["error_code"], code, "{body}");
        assert!(!answer.to_string().contains("canary"), "{answer}");
    }
    assert_eq!(rows(&db).await, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_connector_that_is_not_enabled_is_not_there(db: PgPool) {
    let app = app(db, &["--connectors", "github"]).await;
    let client = app.client(Role::Admin);
    for provider in ["slack", "jira", "gitlab", "GitHub"] {
        let path = format!("/api/connectors/{provider}");
        for method in [Method::GET, Method::DELETE, Method::PUT] {
            let body = match method {
                Method::PUT => json!({ "token": TOKEN }),
                _ => Value::Null,
            };
            let (status, body) = client.call(method, &path, &body).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{provider}");
            assert_eq!(body["error_code"], "CONNECTOR_NOT_ENABLED", "{provider}");
        }
    }
    let (status, _) = client.get("/api/connectors/github").await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = app.stranger().get("/api/connectors/github").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn without_a_key_nothing_is_stored_and_nothing_is_sent(db: PgPool) {
    let stub = ProviderStub::start(200, json!({"login": "ada"})).await;
    let flags = ["--app-env", "staging", "--github-api-base-url", &stub.url];
    let app = TestApp::with(db.clone(), Clock::System, &flags).await;
    let client = app.client(Role::Viewer);
    let (status, body) = put(&client, "github", json!({ "token": TOKEN })).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["error_code"], "VAULT_NOT_CONFIGURED");
    assert!(stub.asked().is_empty());
    assert_eq!(rows(&db).await, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn secrets_are_not_printed(db: PgPool) {
    let app = app(db, &["--github-api-base-url", "http://127.0.0.1:1"]).await;
    let printed = format!("{:?} {:?}", app.app.connectors, app.app.config);
    assert!(!printed.contains(DEV_KEY), "{printed}");
    let new = navi::connectors::model::NewToken {
        token: TOKEN.into(),
        base_url: None,
        email: None,
    };
    let printed = format!("{new:?}");
    assert!(!printed.contains("canary"), "{printed}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_that_logs_everything_logs_no_token(db: PgPool) {
    let stub = ProviderStub::start(200, json!({"displayName": "Ada"})).await;
    let script = serde_json::from_value(json!({"turns": []})).unwrap();
    let database = crate::support::served::url(&db.connect_options());
    let place = crate::support::served::Place::new(&script, Some(&database));
    let flags = ["--log-level", "trace", "--jira-base-url", &stub.url];
    let served = place.serve(&flags).await;
    let body = json!({"token": TOKEN, "email": "ada@acme.example"});
    let path = "/api/connectors/jira";
    let (status, body) = served.call(Method::PUT, path, &body).await;
    assert_eq!((status, &body["account"]), (200, &json!("Ada")));
    let verify = format!("{path}?verify=true");
    let (status, _) = served.call(Method::GET, &verify, &json!({})).await;
    assert_eq!(status, 200);
    assert_eq!(stub.asked().len(), 2);
    stub.answer(401, json!({}));
    let refused = json!({"token": TOKEN, "email": "ada@acme.example"});
    let (status, _) = served.call(Method::PUT, path, &refused).await;
    assert_eq!(status, 422);
    let log = served.log();
    assert!(log.contains("TRACE"), "{log}");
    let basic = STANDARD.encode(format!("ada@acme.example:{TOKEN}"));
    for secret in ["canary", &basic] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_token_of_the_service_before_opens_for_its_first_reader_alone(db: PgPool) {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let stub = ProviderStub::start(200, json!({"login": "ada"})).await;
    let app = app(db.clone(), &["--github-api-base-url", &stub.url]).await;
    let (own, other) = (app.client(Role::Viewer), "org-2");
    let (status, body) = put(&own, "github", json!({ "token": TOKEN })).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    // As the service before wrote it: bound to nothing.
    let token = fernet::Fernet::new(DEV_KEY)
        .unwrap()
        .encrypt(TOKEN.as_bytes());
    let legacy = STANDARD.encode(format!("dev|{token}")).into_bytes();
    sqlx::query("update connector_tokens set sealed = $1, sealed_with = 'dev:fernet'")
        .bind(&legacy)
        .execute(&db)
        .await
        .unwrap();
    let (status, body) = own.get("/api/connectors/github?verify=true").await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (sealed, with) = row(&db).await;
    assert_eq!(sealed[0], 2, "it is sealed for its place now");
    assert!(with.starts_with("2:dev:"), "{with}");
    sqlx::query("update connector_tokens set org_id = $1")
        .bind(other)
        .execute(&db)
        .await
        .unwrap();
    let theirs = app.client_of(other, USER, Role::Viewer);
    let asked = stub.asked().len();
    theirs.get("/api/connectors/github?verify=true").await;
    assert_eq!(
        stub.asked().len(),
        asked,
        "it was opened for another organisation"
    );
}
