//! Bodies on every route that takes one: slow, packed, and with fields that are null or wrong.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use futures_util::future::join_all;
use navi::auth::principal::Role;
use navi::http::router::document;
use navi::platform::clock::Clock;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::io::AsyncWriteExt;

use crate::support::app::{ORG, TestApp, USER};
use crate::support::client::{Answer, Client};
use crate::support::packing::{gzip, zstd};
use crate::support::shapes::{Shape, shapes, type_of};
use crate::support::wire::{Wire, until_closed};

const CONVERSATIONS: &str = "/api/navi-memory/conversations";

/// A service that does not limit how often it is asked.
async fn service(db: PgPool) -> TestApp {
    let flags = ["--writes-per-minute=0", "--feedback-per-minute=0"];
    TestApp::with(db, Clock::System, &flags).await
}

async fn send(client: &Client, shape: &Shape, body: Vec<u8>, encoding: Option<&str>) -> Answer {
    let request = Request::builder().method(&*shape.method).uri(&shape.path);
    let mut request = request.header(header::CONTENT_TYPE, "application/json");
    if let Some(encoding) = encoding {
        request = request.header(header::CONTENT_ENCODING, encoding);
    }
    client.answer(request.body(Body::from(body)).unwrap()).await
}

/// The status, the code and the text of an answer.
async fn outcome(client: &Client, shape: &Shape, body: &Value) -> (u16, Value, String) {
    let answer = send(client, shape, body.to_string().into_bytes(), None).await;
    let text = |name: &str| answer.body[name].clone();
    (
        answer.status.as_u16(),
        text("error_code"),
        text("detail").to_string(),
    )
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_body_that_stops_coming_is_a_408_on_every_route(db: PgPool) {
    let app = service(db).await;
    let token = app.token(ORG, USER, Role::Admin);
    let wire = &Wire::to(&app, token).await;
    let shapes = shapes(&document(&app.app));
    let asking = shapes.iter().map(|shape| async move {
        let mut stream = wire.head(&shape.method, &shape.path, 100).await;
        stream.write_all(b"{").await.unwrap();
        (shape, until_closed(&mut stream).await)
    });
    for (shape, said) in join_all(asking).await {
        let at = format!("{} {}: {said}", shape.method, shape.template);
        assert!(said.starts_with("HTTP/1.1 408 "), "{at}");
        assert!(said.contains("\r\nconnection: close\r\n"), "{at}");
        assert!(said.contains(r#""error_code":"BODY_TOO_SLOW""#), "{at}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_answer_to_a_body_that_is_refused_while_it_is_sent_arrives(db: PgPool) {
    let app = service(db).await;
    let wire = Wire::to(&app, app.token(ORG, USER, Role::Viewer)).await;
    let large = " ".repeat(12 << 20);
    for (path, status) in [(CONVERSATIONS, " 413 "), ("/nowhere", " 404 ")] {
        // The client looks at the answer only when it has sent everything, as most do.
        let mut stream = wire.ask("POST", path, &large).await;
        let said = until_closed(&mut stream).await;
        assert!(said.starts_with("HTTP/1.1"), "{path}: {said}");
        assert!(said.contains(status), "{path}: {said}");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn every_route_unpacks_what_it_can_and_says_what_it_cannot(db: PgPool) {
    let app = service(db).await;
    let client = app.client(Role::Admin);
    for shape in shapes(&document(&app.app)) {
        let at = format!("{} {}", shape.method, shape.template);
        let body = Value::Object(shape.required.clone()).to_string();
        let plain = send(&client, &shape, body.clone().into_bytes(), None).await;
        for (packed, encoding) in [
            (body.clone().into_bytes(), "identity"),
            (gzip(body.as_bytes()), "gzip"),
            (gzip(body.as_bytes()), "X-GZIP"),
            (zstd(body.as_bytes()), "zstd"),
        ] {
            let answer = send(&client, &shape, packed, Some(encoding)).await;
            let outcome = (answer.status, &answer.body["error_code"]);
            let expected = (plain.status, &plain.body["error_code"]);
            assert_eq!(outcome, expected, "{at} {encoding}: {:#}", answer.body);
        }
        for encoding in ["br", "deflate", "gzip, zstd"] {
            let body = body.clone().into_bytes();
            let answer = send(&client, &shape, body, Some(encoding)).await;
            assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{at}");
            let taken = &answer.headers[header::ACCEPT_ENCODING];
            assert_eq!(taken, "gzip, zstd, identity", "{at}");
            let code = &answer.body["error_code"];
            assert_eq!(code, "UNSUPPORTED_MEDIA_TYPE", "{at}");
        }
        let mut cut = gzip(body.as_bytes());
        cut.truncate(cut.len() - 1);
        for (damaged, encoding) in [(cut, "gzip"), (body.into_bytes(), "zstd")] {
            let answer = send(&client, &shape, damaged, Some(encoding)).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{at} {encoding}");
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(detail.contains("decompressed"), "{at} {encoding}: {detail}");
        }
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_limit_is_one_of_the_unpacked_body(db: PgPool) {
    let app = service(db).await;
    let client = app.client(Role::Planner);
    for (path, bytes, status) in [
        (CONVERSATIONS, 900 << 10, StatusCode::UNPROCESSABLE_ENTITY),
        (CONVERSATIONS, 2 << 20, StatusCode::PAYLOAD_TOO_LARGE),
        (CONVERSATIONS, 64 << 20, StatusCode::PAYLOAD_TOO_LARGE),
        ("/api/jobs", 9 << 20, StatusCode::UNPROCESSABLE_ENTITY),
        ("/api/jobs", 64 << 20, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        // Wrong in its type, so that nothing begins when the size is right.
        let long = "x".repeat(bytes);
        let body = json!({"title": [long], "message": []}).to_string();
        for (packed, encoding) in [
            (gzip(body.as_bytes()), "gzip"),
            (zstd(body.as_bytes()), "zstd"),
        ] {
            let request = Request::post(path)
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::CONTENT_ENCODING, encoding)
                .body(Body::from(packed));
            let answer = client.answer(request.unwrap()).await;
            assert_eq!(answer.status, status, "{path} {bytes} {encoding}");
        }
    }
}

/// Routes that need one of two fields, neither of which is described as required.
const ONE_OF_TWO: &[&str] = &["/api/navi/next"];

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn null_for_an_optional_field_is_as_if_it_were_absent(db: PgPool) {
    let app = service(db).await;
    let client = app.client(Role::Admin);
    for shape in shapes(&document(&app.app)) {
        let absent = Value::Object(shape.required.clone());
        let (status, code, text) = outcome(&client, &shape, &absent).await;
        let readable = ["INVALID_REQUEST", "VALIDATION_ERROR"];
        let at = format!("{} {}: {text}", shape.method, shape.template);
        let is_unreadable = readable.iter().any(|unreadable| code == *unreadable);
        assert_eq!(
            is_unreadable,
            ONE_OF_TWO.contains(&&*shape.template),
            "{at}"
        );
        for name in shape.fields.keys() {
            let found = outcome(&client, &shape, &shape.with(name, Value::Null)).await;
            if shape.required.contains_key(name) {
                assert_eq!(found.0, 422, "{at} {name}: {found:?}");
                assert!(found.2.contains(name), "{at} {name}: {found:?}");
            } else {
                assert_eq!(
                    (found.0, &found.1),
                    (status, &code),
                    "{at} {name}: {found:?}"
                );
            }
        }
    }
}

/// Fields that are described and not looked at.
const NOT_LOOKED_AT: &[(&str, &str)] = &[("/api/telemetry", "timestamp")];

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_value_of_the_wrong_type_is_a_422_that_names_its_field(db: PgPool) {
    let app = service(db).await;
    let client = app.client(Role::Admin);
    for shape in shapes(&document(&app.app)) {
        for (name, schema) in &shape.fields {
            let Some(kind) = type_of(schema) else {
                continue;
            };
            if NOT_LOOKED_AT.contains(&(&shape.template, name)) {
                continue;
            }
            let wrong = [
                ("string", json!("x")),
                ("integer", json!(5)),
                ("boolean", json!(true)),
                ("array", json!([5])),
                ("object", json!({"here": 5})),
            ];
            let mut kinds = vec![kind];
            // An id is a text of a form that no word has; a number is an integer too.
            if kind == "number" {
                kinds.push("integer");
            }
            for (_, value) in wrong.iter().filter(|(of, _)| !kinds.contains(of)) {
                let body = shape.with(name, value.clone());
                let (status, code, text) = outcome(&client, &shape, &body).await;
                let at = format!("{} {} {body}", shape.method, shape.template);
                assert_eq!(
                    (status, &code),
                    (422, &json!("VALIDATION_ERROR")),
                    "{at}: {text}"
                );
                assert!(text.contains(name), "{at}: {text}");
            }
        }
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_unknown_word_is_a_422_that_names_its_field(db: PgPool) {
    let app = service(db).await;
    let client = app.client(Role::Admin);
    let mut checked = 0;
    for shape in shapes(&document(&app.app)) {
        for (name, _) in shape.fields.iter().filter(|(_, of)| of["enum"].is_array()) {
            let body = shape.with(name, json!("no-such-word"));
            let (status, _, text) = outcome(&client, &shape, &body).await;
            let at = format!("{} {} {body}: {text}", shape.method, shape.template);
            // An answer to a consent that is none is as if nothing was supplied.
            let wanted = if name == "choice" { 400 } else { 422 };
            assert!(status == wanted && text.contains(name), "{at}");
            checked += 1;
        }
    }
    assert!(checked > 2, "{checked}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_byte_order_mark_and_half_a_character_do_not_make_a_body_unreadable(db: PgPool) {
    let app = service(db).await;
    let client = app.client(Role::Viewer);
    let begin = async |body: String| {
        let request = Request::post(CONVERSATIONS)
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .body(Body::from(body));
        client.answer(request.unwrap()).await
    };
    let halves = r#"{"title": "half \ud83d and \\ud83d",
                     "initial_context": {"\ude00": ["\ud83d\ude00", "\uD83D\uD83D\uDE00"]}}"#;
    for body in [halves.to_owned(), format!("\u{feff}{halves}")] {
        let answer = begin(body).await;
        assert_eq!(answer.status, StatusCode::OK, "{:#}", answer.body);
        assert_eq!(answer.body["title"], "half \u{fffd} and \\ud83d");
    }
    let kept: Vec<Value> = sqlx::query_scalar("select initial_context from conversations")
        .fetch_all(&mut *app.app.db.acquire().await.unwrap())
        .await
        .unwrap();
    let expected = json!({"\u{fffd}": ["😀", "\u{fffd}😀"]});
    assert_eq!(kept, [expected.clone(), expected]);
    let twice = begin("\u{feff}\u{feff}{}".to_owned()).await;
    assert_eq!(twice.status, StatusCode::BAD_REQUEST);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_body_in_pieces_is_taken_as_one(db: PgPool) {
    let app = service(db).await;
    let wire = Wire::to(&app, app.token(ORG, USER, Role::Viewer)).await;
    let body = json!({"title": "x".repeat(50_000)}).to_string();
    let mut stream = wire.head("POST", CONVERSATIONS, body.len()).await;
    for piece in body.as_bytes().chunks(7_000) {
        stream.write_all(piece).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stream.shutdown().await.unwrap();
    let said = until_closed(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
}
