//! Attempts of a client to get more than its own rights allow.

use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;
use navi::auth::principal::Role;
use navi::llm::script::Script;
use navi::platform::clock::Clock;
use serde_json::json;
use sqlx::PgPool;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::app::TestApp;
use crate::support::wire::{listen, until_closed};

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn no_workspace_shows_the_servers_own_secrets(db: PgPool) {
    let around = tempfile::tempdir().unwrap();
    let data = around.path().join("data");
    std::fs::create_dir_all(data.join("postgres")).unwrap();
    std::os::unix::fs::symlink(&data, around.path().join("link")).unwrap();
    let flags = ["--data-dir", data.to_str().unwrap()];
    let app = TestApp::with(db, Clock::System, &flags).await;
    // A viewer could otherwise read the signing secret with a reading tool, and be an administrator.
    let client = app.client(Role::Viewer);
    for path in ["data", "data/postgres", ".", "link", "link/../data"] {
        for route in ["/api/navi/chat/autonomous", "/api/navi/chat"] {
            let workspace = around.path().join(path);
            let body = json!({ "message": "look around", "workspace_path": workspace });
            let (status, problem) = client.post(route, body).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
            assert_eq!(problem["error_code"], "WORKSPACE_UNUSABLE", "{path}");
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("data folder"), "{path}: {detail}");
        }
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn who_never_finishes_asking_is_not_waited_for(db: PgPool) {
    let app = TestApp::new(db).await;
    let (address, _stop) = listen(&app, Duration::from_secs(1)).await;
    let unfinished = [
        "",
        "G",
        "PRI * HTTP/2.0",
        "GET /ping HTTP/1.1\r\nHost: a\r\nX-Slow: ",
    ];
    join_all(unfinished.map(async |start| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(start.as_bytes()).await.unwrap();
        until_closed(&mut stream).await;
    }))
    .await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /ping HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    // An idle connection is closed too, after its answer.
    assert!(
        until_closed(&mut stream)
            .await
            .starts_with("HTTP/1.1 200 OK")
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_head_without_end_is_refused(db: PgPool) {
    let app = TestApp::new(db).await;
    let (address, _stop) = listen(&app, Duration::from_mins(1)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /ping HTTP/1.1\r\nX-Long: {}", "x".repeat(200_000));
    // The server may have closed it before all is sent.
    let _sent = stream.write_all(request.as_bytes()).await;
    let said = until_closed(&mut stream).await;
    assert!(
        said.is_empty()
            || (said.starts_with("HTTP/1.1 431")
                && said.contains("the headers of the request are too large")),
        "{said}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_address_with_a_placeholder_in_it_is_refused_in_words(db: PgPool) {
    let app = TestApp::new(db).await;
    let (address, _stop) = listen(&app, Duration::from_mins(1)).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /api/jobs/<job_id> HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let said = until_closed(&mut stream).await;
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{head}");
    assert!(
        head.contains("content-type: application/problem+json"),
        "{head}"
    );
    let problem: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(problem["error_code"], "INVALID_REQUEST");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("a placeholder such as `<job_id>`"),
        "{detail}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_answer_under_way_is_finished_when_the_server_stops(db: PgPool) {
    let app = TestApp::new(db).await;
    let (address, stop) = listen(&app, Duration::from_mins(1)).await;
    let mut asking = TcpStream::connect(address).await.unwrap();
    asking
        .write_all(b"GET /ping HTTP/1.1\r\nHost: a\r\n")
        .await
        .unwrap();
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    stop.cancel();
    until_closed(&mut idle).await;
    asking.write_all(b"\r\n").await.unwrap();
    let said = until_closed(&mut asking).await;
    assert!(said.starts_with("HTTP/1.1 200 OK"), "{said}");
    TcpStream::connect(address).await.unwrap_err();
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn zero_bytes_in_a_request_do_not_fail_it(db: PgPool) {
    let mut config = TestApp::config(&[]);
    config.play(Script::default());
    let app = TestApp::of(db, Clock::System, config).await;
    // Postgres cannot store them, and JSON can say them.
    let body = json!({
        "message": "a\0b", "model": "a\0b", "provider": "\0", "mode": "\0", "current_file": "\0",
        "conversation_history": [{ "role": "user", "content": "\0" }],
    });
    let client = app.client(Role::Planner);
    let (status, problem) = client.post("/api/navi/chat/autonomous", body).await;
    assert_eq!(status, StatusCode::OK, "{problem}");
}
