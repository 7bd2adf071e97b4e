//! The connectors panel of the editor's extension.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use navi::auth::principal::Role;
use navi::platform::clock::Clock;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::connectors::ProviderStub;
use crate::support::app::{ORG, TestApp, USER};
use crate::support::client::{Answer, Client};
use crate::vault::DEV_KEY;

/// A token that appears nowhere by chance.
const TOKEN: &str = "ghp_canary5f2b8c1d7e9a4036b8d1";
const STATUSES: [&str; 2] = [
    "/api/connectors/status",
    "/api/connectors/marketplace/status",
];

async fn app(db: PgPool, flags: &[&str]) -> TestApp {
    let ours = ["--dev-encryption-key", DEV_KEY];
    let flags: Vec<_> = ours.iter().chain(flags).copied().collect();
    TestApp::with(db, Clock::System, &flags).await
}

/// Asks as the panel does, and maps the answer as it does: the status by id.
async fn status(client: &Client, path: &str) -> Vec<(String, String, Value)> {
    let request = Request::get(path)
        .header("Content-Type", "application/json")
        .header("User-Agent", "VSCode-AEP-Extension/1.0")
        .body(Body::empty())
        .unwrap();
    let answer = client.answer(request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.body["offline"], false);
    let items = answer.body["items"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let row = |item: &Value| {
        (
            text(&item["id"]),
            text(&item["status"]),
            item["error"].clone(),
        )
    };
    items.iter().map(row).collect()
}

fn state(rows: &[(String, String, Value)], id: &str) -> (String, Value) {
    let found = rows.iter().find(|row| row.0 == id).unwrap();
    (found.1.clone(), found.2.clone())
}

async fn save(client: &Client, body: &Value) -> Answer {
    post(client, "/api/connectors/save", body).await
}

async fn post(client: &Client, path: &str, body: &Value) -> Answer {
    let request = Request::post(path)
        .header("Content-Type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    client.answer(request).await
}

/// The panel's own body.
fn generic(provider: &str, base_url: &str) -> Value {
    json!({"provider": provider, "base_url": base_url, "token": TOKEN, "name": "default"})
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_panel_shows_each_connector_as_it_is(db: PgPool) {
    let github = ProviderStub::start(200, json!({"login": "ada"})).await;
    let flags = ["--github-api-base-url", &github.url];
    let app = app(db, &flags).await;
    let client = app.client(Role::Viewer);
    for path in STATUSES {
        let rows = status(&client, path).await;
        let names: Vec<_> = rows.iter().map(|row| row.0.as_str()).collect();
        assert_eq!(names, ["github", "jira", "slack"]);
        let none = |row: &(String, String, Value)| row.1 == "disconnected" && row.2.is_null();
        assert!(rows.iter().all(none), "{rows:?}");
    }

    let answer = save(&client, &generic("github", &github.url)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(
        answer.body,
        json!({
            "ok": true, "connector_id": "github", "id": "github", "status": "connected",
            "error": null, "verification": "accepted", "account": "ada",
        })
    );
    for path in STATUSES {
        let rows = status(&client, path).await;
        let connected = ("connected".to_owned(), Value::Null);
        assert_eq!(state(&rows, "github"), connected);
        assert_eq!(state(&rows, "slack").0, "disconnected");
        for (org, user) in [(ORG, "user-2"), ("org-2", USER)] {
            let other = app.client_of(org, user, Role::Admin);
            let rows = status(&other, path).await;
            assert!(rows.iter().all(|row| row.1 == "disconnected"), "{rows:?}");
        }
    }

    github.answer(401, json!({}));
    client.get("/api/connectors/github?verify=true").await;
    let rows = status(&client, STATUSES[0]).await;
    let refused = json!("github refused the token; store a new one");
    assert_eq!(state(&rows, "github"), ("error".to_owned(), refused));

    github.answer(500, json!({}));
    let answer = save(&client, &generic("github", &github.url)).await;
    assert_eq!(answer.body["verification"], "unreachable");
    let rows = status(&client, STATUSES[0]).await;
    let unsure = json!("github has not confirmed the token yet");
    assert_eq!(state(&rows, "github"), ("connected".to_owned(), unsure));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_connector_that_is_left_out_is_neither_shown_nor_stored(db: PgPool) {
    let app = app(db, &["--connectors", "slack"]).await;
    let client = app.client(Role::Viewer);
    let rows = status(&client, STATUSES[0]).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].0, "slack");
    let jira = json!({"base_url": "https://a.example", "email": "a@b.example", "api_token": TOKEN});
    for answer in [
        save(&client, &generic("github", "https://api.github.com")).await,
        post(&client, "/api/connectors/jira/connect", &jira).await,
    ] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer.body["error_code"], "CONNECTOR_NOT_ENABLED");
        let detail = "connector not found; this server offers slack";
        assert_eq!(answer.body["detail"], detail);
    }
}

/// The items that the extension offers for a choice, as it filters them.
async fn pick(client: &Client, provider: &str) -> Vec<(String, Value)> {
    let (status, data) = client.get("/api/connectors").await;
    assert_eq!(status, StatusCode::OK, "{data}");
    let items = data["items"].as_array().unwrap().iter();
    let items = items.filter(|item| item["provider"].as_str().unwrap() == provider);
    let row = |item: &Value| {
        (
            item["name"].as_str().unwrap().to_owned(),
            item["workspace_root"].clone(),
        )
    };
    items.map(row).collect()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn ones_connections_are_listed_and_can_be_removed_by_their_ids(db: PgPool) {
    let github = ProviderStub::start(200, json!({"login": "ada"})).await;
    let app = app(db, &["--github-api-base-url", &github.url]).await;
    let client = app.client(Role::Viewer);
    assert_eq!(pick(&client, "github").await, []);
    save(&client, &generic("GitHub", "")).await;
    let one = [("default".to_owned(), Value::Null)];
    assert_eq!(pick(&client, "github").await, one);
    assert_eq!(pick(&client, "jira").await, []);
    let (_, data) = client.get("/api/connectors?provider=GITHUB").await;
    let item = &data["items"][0];
    let config = json!({"base_url": github.url, "account": "ada"});
    assert_eq!((&item["id"], &item["config"]), (&json!("github"), &config));
    assert!(!data.to_string().contains(TOKEN));
    let (_, none) = client.get("/api/connectors?provider=gitlab").await;
    assert_eq!(none, json!({"items": []}));
    for (org, user) in [(ORG, "user-2"), ("org-2", USER)] {
        let other = app.client_of(org, user, Role::Admin);
        assert_eq!(pick(&other, "github").await, []);
    }
    let path = format!("/api/connectors/{}", item["id"].as_str().unwrap());
    assert_eq!(client.delete(&path).await.0, StatusCode::NO_CONTENT);
    assert_eq!(pick(&client, "github").await, []);
    // The extension asks for the choice without a token, and makes nothing of a refusal.
    let (status, problem) = app.stranger().get("/api/connectors").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{problem}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_is_saved_is_the_callers_own_and_goes_through_every_check(db: PgPool) {
    let github = ProviderStub::start(200, json!({"login": "ada"})).await;
    let app = app(db.clone(), &["--github-api-base-url", &github.url]).await;
    let client = app.client(Role::Viewer);
    let mut body = generic("github", &github.url);
    body["workspace_root"] = json!("/home/ada/project");
    body["user_id"] = json!("user-2");
    body["extra"] = json!({
        "org_id": "org-2", "user_id": "user-2", "provider": "slack",
        "base_url": "https://evil.example", "token": "other", "email": "ada@acme.example",
    });
    let answer = save(&client, &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let stored: (String, String, String, String) =
        sqlx::query_as("select org_id, user_id, provider, base_url from connector_tokens")
            .fetch_one(&db)
            .await
            .unwrap();
    let expected = (ORG, USER, "github", github.url.as_str());
    let stored = (&*stored.0, &*stored.1, &*stored.2, &*stored.3);
    assert_eq!(stored, expected);

    let named = json!({"provider": "github", "token": TOKEN, "name": "work"});
    let without = json!({"provider": "github"});
    for (body, status, code) in [
        (
            generic("gitlab", "https://gitlab.com"),
            404,
            "CONNECTOR_NOT_ENABLED",
        ),
        (
            generic("status", "https://a.example"),
            404,
            "CONNECTOR_NOT_ENABLED",
        ),
        (
            generic("github", "https://10.0.0.1"),
            422,
            "BASE_URL_FORBIDDEN",
        ),
        (generic("github", "nonsense"), 422, "CONNECTOR_INVALID"),
        (
            generic("jira", "https://a.example"),
            422,
            "CONNECTOR_INVALID",
        ),
        (named, 422, "CONNECTOR_INVALID"),
        (without, 422, "VALIDATION_ERROR"),
        (json!([]), 422, "VALIDATION_ERROR"),
    ] {
        let answer = save(&client, &body).await;
        let found = (answer.status.as_u16(), answer.body["error_code"].as_str());
        assert_eq!(found, (status, Some(code)), "{body}");
        assert!(!answer.body.to_string().contains(TOKEN));
    }
    let answer = save(&client, &generic("jenkins", "https://ci.example")).await;
    let detail = "connector not found; this server offers github, jira, slack";
    assert_eq!(answer.body["detail"], detail);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn jira_is_connected_with_its_address_email_and_token(db: PgPool) {
    let jira = ProviderStub::start(200, json!({"displayName": "Ada L."})).await;
    let app = app(db, &["--jira-base-url", &jira.url]).await;
    let client = app.client(Role::Viewer);
    let connect = async |body: Value| post(&client, "/api/connectors/jira/connect", &body).await;
    let good = json!({
        "base_url": jira.url, "email": "ada@acme.example", "api_token": TOKEN,
    });
    let answer = connect(good.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(
        (
            &answer.body["ok"],
            &answer.body["connector_id"],
            &answer.body["status"],
            &answer.body["account"],
        ),
        (
            &json!(true),
            &json!("jira"),
            &json!("connected"),
            &json!("Ada L."),
        )
    );
    // The extension leaves an empty email out, and shows `detail`.
    let answer = connect(json!({"base_url": jira.url, "api_token": TOKEN})).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.contains("`email`"), "{detail}");
    let mut private = good.clone();
    private["base_url"] = json!("https://169.254.169.254");
    assert_eq!(
        connect(private).await.body["error_code"],
        "BASE_URL_FORBIDDEN"
    );
    jira.answer(401, json!({ "errorMessages": [TOKEN] }));
    let answer = connect(good).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.body["error_code"], "TOKEN_REFUSED");
    assert!(!answer.body.to_string().contains(TOKEN));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn both_ways_of_storing_are_audited_without_the_token(db: PgPool) {
    let stub = ProviderStub::start(200, json!({"login": "ada", "displayName": "Ada"})).await;
    let flags = [
        "--github-api-base-url",
        &stub.url,
        "--jira-base-url",
        &stub.url,
    ];
    let app = app(db, &flags).await;
    let client = app.client(Role::Viewer);
    save(&client, &generic("github", "")).await;
    let jira = json!({"email": "ada@acme.example", "api_token": TOKEN});
    post(&client, "/api/connectors/jira/connect", &jira).await;
    let admin = app.client(Role::Admin);
    let (_, page) = admin.get("/api/audit?event_type=http.request").await;
    let entries = page["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2, "{page}");
    for entry in entries {
        let path = format!("/api/audit/{}/decrypt", entry["id"].as_str().unwrap());
        let (status, opened) = admin.post(&path, json!({"reason": "a test"})).await;
        assert_eq!(status, StatusCode::OK, "{opened}");
        assert!(!opened.to_string().contains("canary"), "{opened}");
        assert_eq!(opened["changes"]["before"]["connected"], false, "{opened}");
        assert_eq!(opened["changes"]["after"]["connected"], true, "{opened}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_panels_addresses_stand_beside_those_of_providers(db: PgPool) {
    let app = app(db, &[]).await;
    let client = app.client(Role::Viewer);
    for provider in ["github", "jira", "slack"] {
        let path = format!("/api/connectors/{provider}");
        let (status, body) = client.get(&path).await;
        assert_eq!(
            (status, &body["connected"]),
            (StatusCode::OK, &json!(false))
        );
    }
    for name in ["marketplace", "statuses", "gitlab"] {
        let (status, body) = client.get(&format!("/api/connectors/{name}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(body["error_code"], "CONNECTOR_NOT_ENABLED", "{name}");
    }
    // An address of the panel is no provider, whatever the method.
    for (method, name, allowed) in [
        (Method::PUT, "status", "GET,HEAD"),
        (Method::DELETE, "status", "GET,HEAD"),
        (Method::GET, "save", "POST"),
        (Method::DELETE, "save", "POST"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/connectors/{name}"))
            .body(Body::empty())
            .unwrap();
        let answer = client.answer(request).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{name}");
        assert_eq!(answer.headers[header::ALLOW], allowed);
    }
    let (status, body) = client.get("/api/connectors/jira/oauth/start").await;
    assert_eq!(status, StatusCode::NOT_IMPLEMENTED, "{body}");
}
