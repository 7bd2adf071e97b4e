//! The organisation modal of the web page in the editor, which covers the chat unless it finds one.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use navi::auth::principal::Role;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::app::{ORG, TestApp, USER};
use crate::support::client::{Answer, Client};

/// Sends what the page sends: its headers name whatever its settings hold.
async fn fetch(client: &Client, method: Method, path: &str, body: &Value) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Content-Type", "application/json")
        .header("X-Org-Id", "default")
        .header("X-User-Id", "default_user");
    let body = if body.is_null() {
        Body::empty()
    } else {
        Body::from(body.to_string())
    };
    client.answer(request.body(body).unwrap()).await
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_page_finds_the_organisation_of_the_token_and_shows_no_modal(db: PgPool) {
    let app = TestApp::new(db).await;
    for role in [Role::Viewer, Role::Planner, Role::Admin] {
        let answer = fetch(&app.client(role), Method::GET, "/api/orgs", &Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK);
        let expected = json!([{"id": ORG, "name": ORG, "slug": ORG, "role": role.as_str()}]);
        assert_eq!(answer.body, expected);
    }
    let elsewhere = app.client_of("org-2", USER, Role::Viewer);
    let answer = fetch(&elsewhere, Method::GET, "/api/orgs", &Value::Null).await;
    assert_eq!(answer.body[0]["id"], "org-2");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn ones_own_organisation_can_be_selected_and_no_other(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let select = async |id: Value| {
        let body = json!({ "org_id": id });
        fetch(&client, Method::POST, "/api/orgs/select", &body).await
    };
    let answer = select(json!(ORG)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, json!({ "org_id": ORG }));
    for other in [
        "org-2",
        "",
        "ORG-1",
        "default",
        "ghp_0123456789abcdefABCDEF01",
    ] {
        let answer = select(json!(other)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{other}");
        assert_eq!(answer.body["error_code"], "OTHER_ORGANISATION");
        let detail = answer.body["detail"].as_str().unwrap();
        assert_eq!(
            detail,
            "you are signed in to the organisation `org-1` alone; to work in another one, sign in to it"
        );
    }
    for wrong in [json!(7), Value::Null, json!([ORG])] {
        let answer = select(wrong).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn organisations_are_neither_made_nor_filled_here_and_the_answer_says_where(db: PgPool) {
    let app = TestApp::new(db).await;
    let invited = json!({"org_id": ORG, "emails": ["ada@acme.example"], "role": "member"});
    for (path, body, instead) in [
        (
            "/api/orgs",
            json!({"name": "Acme"}),
            "a new one is set up with",
        ),
        ("/api/orgs/invite", invited, "its administrator adds people"),
        ("/api/orgs", Value::Null, "identity provider"),
    ] {
        for role in [Role::Viewer, Role::Admin] {
            let answer = fetch(&app.client(role), Method::POST, path, &body).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
            let code = &answer.body["error_code"];
            assert_eq!(code, "ORGANISATIONS_MANAGED_ELSEWHERE");
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(detail.contains(instead) && detail.contains(ORG), "{detail}");
        }
    }
}
