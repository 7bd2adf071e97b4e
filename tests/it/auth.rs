//! Who is let in, and where.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use chrono::TimeDelta;
use navi::auth::principal::Role;
use navi::auth::token::Verifier;
use navi::http::openapi::walk;
use navi::http::router::{PUBLIC, document};
use navi::platform::clock::Clock;
use navi::platform::secret::SecretString;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::app::{ORG, SECRET, TestApp, USER, principal};
use crate::support::client::Client;
use crate::support::described::role_needed;

fn role(name: &str) -> Role {
    name.parse().unwrap()
}

/// The route template with something plausible in every parameter.
fn address(template: &str) -> String {
    let mut address = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (_, after) = after.split_once('}').unwrap();
        address.push_str(before);
        address.push_str("01890a5d-ac96-774b-bcce-b302099a8057");
        rest = after;
    }
    address + rest
}

async fn status(client: &Client, method: &str, path: &str) -> StatusCode {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Body::empty())
        .unwrap();
    client.send(request).await.status()
}

/// Routes that refuse everybody: the identity provider does what they ask for.
const FOR_NOBODY: &[&str] = &["POST /api/orgs", "POST /api/orgs/invite"];

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_route_is_public_by_name_or_wants_a_token_and_its_role(db: PgPool) {
    let app = TestApp::new(db).await;
    let document = document(&app.app);
    let routes = walk(&document);
    assert!(routes.len() > 15, "the walk found {} routes", routes.len());
    for route in &routes {
        let (method, path) = (route.method, address(route.path));
        let at = format!("{method} {}", route.path);
        let stranger = status(&app.stranger(), method, &path).await;
        let Some(needed) = role_needed(route) else {
            assert!(PUBLIC.contains(&route.path), "{at} is open and not listed");
            assert_ne!(stranger, StatusCode::UNAUTHORIZED, "{at}");
            continue;
        };
        assert!(!PUBLIC.contains(&route.path), "{at} is listed as open");
        assert_eq!(stranger, StatusCode::UNAUTHORIZED, "{at} without a token");
        let needed = role(&needed);
        for asked in [Role::Viewer, Role::Planner, Role::Admin] {
            let found = status(&app.client(asked), method, &path).await;
            let denied = found == StatusCode::FORBIDDEN;
            assert_ne!(found, StatusCode::UNAUTHORIZED, "{at} as {asked}");
            let expected = asked < needed || FOR_NOBODY.contains(&at.as_str());
            assert_eq!(denied, expected, "{at} as {asked} gave {found}");
        }
    }
    for path in PUBLIC {
        let exists = routes.iter().any(|route| route.path == *path);
        assert!(exists, "{path} is listed as open and does not exist");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn only_one_bearer_header_lets_anybody_in(db: PgPool) {
    let app = TestApp::new(db).await;
    let token = app.token(ORG, USER, Role::Viewer);
    let ask = |uri: String, headers: Vec<String>| {
        let mut request = Request::builder().uri(uri);
        for value in headers {
            request = request.header(header::AUTHORIZATION, value);
        }
        let stranger = app.stranger();
        async move { stranger.answer(request.body(Body::empty()).unwrap()).await }
    };
    let me = "/api/auth/me".to_owned();
    for good in [format!("Bearer {token}"), format!("bearer  {token} ")] {
        let answer = ask(me.clone(), vec![good.clone()]).await;
        assert_eq!(answer.status, StatusCode::OK, "{good}");
        let expected = json!({"org_id": ORG, "user_id": USER, "role": "viewer"});
        assert_eq!(answer.body, expected);
    }
    let bearer = format!("Bearer {token}");
    for (uri, headers) in [
        (me.clone(), vec![]),
        (me.clone(), vec![token.clone()]),
        (me.clone(), vec![format!("Basic {token}")]),
        (me.clone(), vec!["Bearer".to_owned()]),
        (me.clone(), vec!["Bearer ".to_owned()]),
        (me.clone(), vec![format!("Bearer {token}x")]),
        (me.clone(), vec![bearer.clone(), bearer.clone()]),
        (format!("{me}?access_token={token}"), vec![]),
        (format!("{me}?token={token}"), vec![]),
    ] {
        let answer = ask(uri.clone(), headers.clone()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{uri} {headers:?}");
        let challenge = answer.headers[header::WWW_AUTHENTICATE].to_str().unwrap();
        assert!(
            challenge.starts_with("Bearer realm=\"navi\""),
            "{challenge}"
        );
        assert_eq!(answer.body["error_code"], "UNAUTHORIZED");
        assert!(!answer.body.to_string().contains(&token));
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn who_is_not_let_in_can_read_why_and_what_to_do(db: PgPool) {
    let app = TestApp::new(db).await;
    let detail = async |client: Client, path: &str| {
        let (_, problem) = client.get(path).await;
        problem["detail"].as_str().unwrap().to_owned()
    };
    let me = "/api/auth/me";
    let told = [
        detail(app.stranger(), me).await,
        detail(app.client_with("nonsense"), me).await,
        detail(app.client_with(&expired(&app)), me).await,
        detail(app.client(Role::Planner), "/api/audit").await,
        detail(app.stranger(), "/api/auth/me?token=hidden").await,
        detail(app.stranger(), "/api/auth/me?access_token=hidden").await,
        authorized(&app, "Basic YWRhOmhpZGRlbg==").await,
        authorized(&app, "token hidden").await,
        authorized(&app, "hidden").await,
        authorized(&app, "Bearer").await,
    ];
    insta::assert_debug_snapshot!(told, @r#"
    [
        "you are not signed in; sign in, or give your client an access token, which it sends in the header `Authorization: Bearer <token>`",
        "you are not signed in, because the access token was refused: it is malformed; sign in again, or give your client a new token",
        "you are not signed in, because the access token was refused: it has expired; sign in again, or give your client a new token",
        "you are signed in with the role planner, and this needs admin or higher; ask an administrator of your organisation for that role, then sign in again",
        "you are not signed in, because `token` in the query is not accepted, since addresses are logged; get a stream ticket, or send the header `Authorization: Bearer <token>`",
        "you are not signed in, because `access_token` in the query is not accepted, since addresses are logged; get a stream ticket, or send the header `Authorization: Bearer <token>`",
        "you are not signed in, because the header `Authorization` has the scheme `Basic`; it must be `Authorization: Bearer <token>`",
        "you are not signed in, because the header `Authorization` has the scheme `Token`; it must be `Authorization: Bearer <token>`",
        "you are not signed in, because the header `Authorization` does not begin with a scheme; it must be `Authorization: Bearer <token>`",
        "you are not signed in, because the header `Authorization` has the scheme `Bearer` and no token; it must be `Authorization: Bearer <token>`",
    ]
    "#);
}

/// The answer to a request with this `Authorization` header.
async fn authorized(app: &TestApp, value: &str) -> String {
    let request = Request::builder()
        .uri("/api/auth/me")
        .header(header::AUTHORIZATION, value)
        .body(Body::empty())
        .unwrap();
    let answer = app.stranger().answer(request).await;
    answer.body["detail"].as_str().unwrap().to_owned()
}

/// A token whose time is over.
fn expired(app: &TestApp) -> String {
    let principal = principal(ORG, USER, Role::Viewer);
    let earlier = Clock::fixed(app.app.clock.now() - TimeDelta::hours(2));
    let secret = SecretString::from(SECRET);
    let verifier = Verifier::new(&app.app.config.auth, &secret, earlier);
    verifier.mint(&principal, Duration::from_hours(1)).unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn identity_never_comes_from_other_headers_or_the_body(db: PgPool) {
    let app = TestApp::new(db).await;
    let request = Request::builder()
        .uri("/api/auth/me?org_id=other&user_id=other")
        .header("X-Org-Id", "other")
        .header("X-User-Id", "other")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(r#"{"org_id":"other","role":"admin"}"#))
        .unwrap();
    let answer = app.client(Role::Viewer).answer(request).await;
    let expected = json!({"org_id": ORG, "user_id": USER, "role": "viewer"});
    assert_eq!(answer.body, expected);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn who_changes_things_too_fast_is_told_when_to_come_back(db: PgPool) {
    let flags = ["--writes-per-minute", "3"];
    let app = TestApp::with(db, Clock::System, &flags).await;
    let client = app.client(Role::Viewer);
    let path = "/api/navi-memory/conversations";
    for _ in 0..3 {
        assert_eq!(client.post(path, json!({})).await.0, StatusCode::OK);
    }
    let request = crate::support::client::json_request(axum::http::Method::POST, path, &json!({}));
    let answer = client.answer(request).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.body["error_code"], "RATE_LIMITED");
    let wait: u64 = answer.headers[header::RETRY_AFTER]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=21).contains(&wait), "{wait}");
    assert_eq!(answer.headers["ratelimit-policy"], "\"writes\";q=3;w=60");
    assert_eq!(
        answer.headers["ratelimit"],
        format!("\"writes\";r=0;t={wait}")
    );
    // Reading is free, and others are not slowed down.
    assert_eq!(client.get(path).await.0, StatusCode::OK);
    let other = app.client_of(ORG, "user-2", Role::Viewer);
    assert_eq!(
        other
            .post(path, Value::Object(serde_json::Map::new()))
            .await
            .0,
        StatusCode::OK
    );
}
