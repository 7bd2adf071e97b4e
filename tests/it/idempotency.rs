//! Requests that are sent again, and create nothing twice.

use std::time::Duration;

use axum::http::{HeaderValue, Method, Request, StatusCode};
use chrono::TimeDelta;
use navi::auth::principal::Role;
use navi::platform::clock::Clock;
use navi::platform::idempotency::error::Error;
use navi::platform::idempotency::model::{Claim, IdempotencyKey};
use navi::platform::idempotency::store;
use navi::platform::ids::{OrgId, UserId};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::support::app::{ORG, TestApp, USER};
use crate::support::client::{Answer, Client, json_request};

const PATH: &str = "/api/navi-memory/conversations";

fn keyed(path: &str, key: &str, body: &Value) -> Request<axum::body::Body> {
    let mut request = json_request(Method::POST, path, body);
    let key = HeaderValue::from_str(key).unwrap();
    request.headers_mut().insert("idempotency-key", key);
    request
}

async fn send(client: &Client, path: &str, key: &str, body: &Value) -> Answer {
    client.answer(keyed(path, key, body)).await
}

fn replayed(answer: &Answer) -> bool {
    answer.headers.get("idempotent-replayed") == Some(&HeaderValue::from_static("true"))
}

async fn conversations(client: &Client) -> usize {
    let (_, listed) = client.get(PATH).await;
    listed.as_array().unwrap().len()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_request_sent_twice_creates_once_and_is_answered_the_same(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let body = json!({"title": "Paging", "initial_context": {"branch": "main"}});
    let first = send(&client, PATH, "k-1", &body).await;
    assert_eq!(first.status, StatusCode::OK);
    assert!(!replayed(&first));
    app.app.clock.advance(TimeDelta::hours(1));
    let again = send(&client, PATH, "k-1", &body).await;
    assert_eq!(again.status, StatusCode::OK);
    assert!(replayed(&again));
    assert_eq!(again.body, first.body);
    assert_eq!(conversations(&client).await, 1);

    let messages = format!("{PATH}/{}/messages", first.body["id"].as_str().unwrap());
    let hello = json!({"role": "user", "content": "hello"});
    let first = send(&client, &messages, "k-2", &hello).await;
    let again = send(&client, &messages, "k-2", &hello).await;
    assert!(!replayed(&first) && replayed(&again));
    assert_eq!(again.body, first.body);
    let (_, said) = client.get(&messages).await;
    assert_eq!(said.as_array().unwrap().len(), 1);
    // Without a key, or with another one, it is another request.
    send(&client, &messages, "k-3", &hello).await;
    client.post(&messages, hello).await;
    let (_, said) = client.get(&messages).await;
    assert_eq!(said.as_array().unwrap().len(), 3);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_key_is_good_for_one_request_alone(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let created = send(&client, PATH, "k", &json!({"title": "one"})).await;
    let id = created.body["id"].as_str().unwrap().to_owned();
    let messages = format!("{PATH}/{id}/messages");
    let hello = json!({"role": "user", "content": "hello"});
    for (path, body) in [(PATH, json!({"title": "two"})), (&messages, hello)] {
        let other = send(&client, path, "k", &body).await;
        assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert_eq!(other.body["error_code"], "IDEMPOTENCY_KEY_REUSED");
    }
    assert_eq!(conversations(&client).await, 1);
    assert_eq!(client.get(&messages).await.1, json!([]));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_key_of_somebody_else_is_another_key(db: PgPool) {
    let app = TestApp::new(db).await;
    let mut ids = Vec::new();
    for (org, user) in [(ORG, USER), (ORG, "user-2"), ("org-2", USER)] {
        let client = app.client_of(org, user, Role::Viewer);
        let created = send(&client, PATH, "k", &json!({"title": "mine"})).await;
        assert_eq!(created.status, StatusCode::OK);
        assert!(!replayed(&created));
        assert_eq!(conversations(&client).await, 1);
        ids.push(created.body["id"].clone());
    }
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn of_many_at_once_one_creates(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let body = json!({"title": "one"});
    let answers = (0..8).map(|_| send(&client, PATH, "k", &body));
    let answers = futures_util::future::join_all(answers).await;
    let created = answers.iter().filter(|one| one.status == StatusCode::OK);
    assert_eq!(created.filter(|one| !replayed(one)).count(), 1);
    for answer in &answers {
        if answer.status == StatusCode::CONFLICT {
            assert_eq!(answer.body["error_code"], "IDEMPOTENCY_KEY_IN_FLIGHT");
            assert_eq!(answer.headers["retry-after"], "1");
        } else {
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        }
    }
    assert_eq!(conversations(&client).await, 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn who_comes_while_it_is_worked_on_is_told_so(db: PgPool) {
    let app = TestApp::new(db.clone()).await;
    let client = app.client(Role::Viewer);
    let body = json!({"title": "one"});
    let (org_id, user_id): (OrgId, UserId) = (ORG.parse().unwrap(), USER.parse().unwrap());
    let text = body.to_string();
    let key = IdempotencyKey::new(b"k", "POST", PATH, text.as_bytes());
    let mut working = db.begin().await.unwrap();
    let claim = store::claim(&mut working, &org_id, &user_id, key.as_ref()).await;
    assert_eq!(claim.unwrap(), Claim::Fresh);
    let early = send(&client, PATH, "k", &body).await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    assert_eq!(early.body["error_code"], "IDEMPOTENCY_KEY_IN_FLIGHT");
    assert_eq!(early.headers["retry-after"], "1");
    // It fails, or its server does, and leaves nothing behind.
    working.rollback().await.unwrap();
    let later = send(&client, PATH, "k", &body).await;
    assert_eq!(later.status, StatusCode::OK);
    assert!(!replayed(&later));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_request_that_fails_keeps_no_key(db: PgPool) {
    let app = TestApp::new(db.clone()).await;
    let client = app.client(Role::Viewer);
    let absent = "01a20726-ac12-7834-9c61-e3465c493553";
    let hello = json!({"role": "user", "content": "hello"});
    let lost = send(&client, &format!("{PATH}/{absent}/messages"), "k", &hello).await;
    assert_eq!(lost.status, StatusCode::NOT_FOUND);
    let wrong = send(&client, PATH, "k", &json!({"title": 7})).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(wrong.body["error_code"], "VALIDATION_ERROR");
    let large = json!({"initial_context": "x".repeat(70_000)});
    let large = send(&client, PATH, "k", &large).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    let kept: i64 = sqlx::query_scalar("select count(*) from idempotency_keys")
        .fetch_one(&db)
        .await
        .unwrap();
    assert_eq!(kept, 0);
    let mended = send(&client, PATH, "k", &json!({"title": "seven"})).await;
    assert_eq!(mended.status, StatusCode::OK);
    assert!(!replayed(&mended));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_answer_outlives_the_server_that_gave_it(db: PgPool) {
    let body = json!({"title": "one"});
    let before = TestApp::new(db.clone()).await;
    let first = send(&before.client(Role::Viewer), PATH, "k", &body).await;
    drop(before);
    let after = TestApp::new(db).await;
    let again = send(&after.client(Role::Viewer), PATH, "k", &body).await;
    assert!(replayed(&again));
    assert_eq!(again.body, first.body);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn keys_are_kept_for_a_day(db: PgPool) {
    let app = TestApp::new(db.clone()).await;
    let client = app.client(Role::Viewer);
    let clock: &Clock = &app.app.clock;
    let body = json!({"title": "one"});
    send(&client, PATH, "old", &body).await;
    clock.advance(TimeDelta::hours(1));
    send(&client, PATH, "young", &body).await;
    clock.advance(TimeDelta::hours(23) + TimeDelta::minutes(30));
    let pass = app
        .app
        .retention()
        .run(false, Duration::ZERO)
        .await
        .unwrap();
    let tables = pass.unwrap().tables;
    let keys = tables.iter().find(|kept| kept.table == "idempotency_keys");
    assert_eq!(keys.unwrap().forgotten, 1);
    // A token of a test is signed for an hour of its clock.
    let client = app.client(Role::Viewer);
    assert!(!replayed(&send(&client, PATH, "old", &body).await));
    assert!(replayed(&send(&client, PATH, "young", &body).await));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_key_that_is_none_is_refused(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let body = json!({"title": "one"});
    let long = "x".repeat(256);
    for key in ["", "two words", "tab\tbed", &long] {
        let refused = send(&client, PATH, key, &body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{key:?}");
        assert_eq!(refused.body["error_code"], "IDEMPOTENCY_KEY_INVALID");
    }
    let mut twice = keyed(PATH, "k-1", &body);
    let second = HeaderValue::from_static("k-2");
    twice.headers_mut().append("idempotency-key", second);
    let refused = client.answer(twice).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let longest = send(&client, PATH, &"x".repeat(255), &body).await;
    assert_eq!(longest.status, StatusCode::OK);
    assert_eq!(conversations(&client).await, 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_body_is_read_the_same_with_a_key_and_without(db: PgPool) {
    let app = TestApp::new(db).await;
    let client = app.client(Role::Viewer);
    let large = format!("{{\"title\": \"{}\"}}", "x".repeat(1024 * 1024));
    for (kind, body) in [
        ("application/json", "{"),
        ("application/json", "[]"),
        ("application/json", "{\"title\": 7}"),
        ("text/plain", "{}"),
        ("application/json", &large),
    ] {
        let request = |key: Option<&str>| {
            let mut request = Request::post(PATH).header("content-type", kind);
            if let Some(key) = key {
                request = request.header("idempotency-key", key);
            }
            request
                .body(axum::body::Body::from(body.to_owned()))
                .unwrap()
        };
        let (plain, keyed) = (request(None), request(Some("k")));
        let (plain, keyed) = (client.answer(plain).await, client.answer(keyed).await);
        assert_eq!(plain.status, keyed.status, "{kind} {body:.20}");
        assert!(plain.status.is_client_error());
        for field in ["error_code", "detail"] {
            assert_eq!(plain.body[field], keyed.body[field]);
        }
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_lock_of_a_key_ends_with_its_transaction(db: PgPool) {
    let (org_id, user_id): (OrgId, UserId) = (ORG.parse().unwrap(), USER.parse().unwrap());
    let key = IdempotencyKey::new(b"k", "POST", "/a", b"{}").unwrap();
    let (mut one, mut two) = (db.begin().await.unwrap(), db.begin().await.unwrap());
    let at = Clock::System.now();
    let claim = store::claim(&mut one, &org_id, &user_id, Some(&key)).await;
    assert_eq!(claim.unwrap(), Claim::Fresh);
    let early = store::claim(&mut two, &org_id, &user_id, Some(&key)).await;
    assert!(matches!(early, Err(Error::InFlight)), "{early:?}");
    let answer = json!({"id": 1});
    store::keep(&mut one, &org_id, &user_id, Some(&key), 200, &answer, at)
        .await
        .unwrap();
    one.commit().await.unwrap();
    let later = store::claim(&mut two, &org_id, &user_id, Some(&key)).await;
    let Claim::Stored(stored) = later.unwrap() else {
        panic!("it was answered");
    };
    assert_eq!((stored.status, stored.answer), (200, answer));
}
