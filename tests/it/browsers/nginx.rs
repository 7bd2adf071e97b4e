//! Streams behind nginx, with nothing set but where to.

use reqwest::header::HeaderMap;
use serde_json::json;
use sqlx::PgPool;

use crate::runs::stage::{calls, says, script};
use crate::runs::stream::EventStream;
use crate::support::nginx::Nginx;
use crate::support::served::{Served, url};

fn came_through(headers: &HeaderMap) {
    let server = headers["server"].to_str().unwrap();
    assert!(server.starts_with("nginx"), "{server}");
    assert_eq!(headers["content-type"], "text/event-stream");
    // It is for nginx alone, which does as it says.
    assert_eq!(headers.get("x-accel-buffering"), None);
}

/// Reads until the run asks; the question is still unanswered then.
async fn question(stream: &mut EventStream) -> String {
    let asked = stream
        .until(|event| event["type"] == "prompt_request")
        .await;
    let id = asked["data"]["prompt_id"].as_str().unwrap();
    format!("/api/navi/prompt/{id}")
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn events_come_through_nginx_before_the_run_goes_on(db: PgPool) {
    let turns = [
        calls(&[("ask_user", json!({"question": "Which colour?"}))]),
        calls(&[("ask_user", json!({"question": "Which shade?"}))]),
        says("Good."),
    ];
    let served = Served::start(&script(turns), Some(&url(&db.connect_options()))).await;
    let Some(nginx) = Nginx::before(&served).await else {
        return;
    };
    let token = served.token.as_str();
    let work = json!({"message": "paint it", "workspace_path": served.workspace()});
    let answer = json!({"response": "blue"});

    let response = nginx.post(token, "/api/navi/chat/autonomous", &work).await;
    came_through(response.headers());
    let mut stream = EventStream::new(response.bytes_stream());
    for _ in 0..2 {
        let path = question(&mut stream).await;
        nginx.json(token, &path, &answer).await;
    }
    stream.rest().await;
    assert!(stream.done, "{}", nginx.said());

    // As a page follows a job.
    let made = nginx.json(token, "/api/jobs", &work).await;
    let path = format!(
        "/api/jobs/{}/events",
        made["job"]["job_id"].as_str().unwrap()
    );
    let issued = nginx
        .json(token, "/api/auth/stream-ticket", &json!({ "path": path }))
        .await;
    let ticket = issued["ticket"].as_str().unwrap();
    let address = format!("{}{path}?ticket={ticket}", nginx.url);
    let response = reqwest::get(&address).await.unwrap();
    came_through(response.headers());
    let mut stream = EventStream::new(response.bytes_stream());
    for _ in 0..2 {
        let path = question(&mut stream).await;
        nginx.json(token, &path, &answer).await;
    }
    stream.rest().await;
    assert!(stream.done, "{}", nginx.said());
}
