//! Reviews that fail, and clients that leave.

use std::time::{Duration, Instant};

use axum::http::Method;
use navi::llm::script::{Fail, FailKind, Turn};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::llm_support::{RawServer, Step, answer, sse};
use crate::review::repository::{Project, REVIEW, answers, content, frames, listed, plays};
use crate::runs::stage::{Stage, says};
use crate::support::client::json_request;

fn failing(kind: FailKind) -> Turn {
    Turn {
        fail: Some(Fail {
            kind,
            retry_after_ms: None,
            times: None,
        }),
        ..Turn::default()
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn without_a_folder_the_client_is_told_to_open_one(db: PgPool) {
    let project = Project::new(db, content(), &[]).await;
    for body in [
        json!({"workspace_root": null}),
        json!({"workspace_root": " "}),
        json!({}),
    ] {
        let mut stream = project.begin(&body).await;
        stream.rest().await;
        assert!(stream.done);
        let told = frames(&stream);
        let last = told.last().unwrap();
        assert_eq!(last["type"], "error");
        assert_eq!(
            last["message"],
            "no workspace was given; open the folder to review"
        );
        assert!(told.iter().all(|frame| frame["type"] != "complete"));
        let (status, problem) = project.whole(&body).await;
        assert_eq!(
            (status, &problem["error_code"]),
            (422, &json!("WORKSPACE_UNUSABLE"))
        );
    }
    let client = project.stage.planner();
    let request = json_request(Method::GET, REVIEW, &Value::Null);
    let streamed = client.answer(request).await.body;
    assert!(
        streamed.as_str().unwrap().contains("\"type\":\"error\""),
        "{streamed}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_answer_that_is_no_review_claims_nothing(db: PgPool) {
    for answer in [
        "Looks good to me!",
        "{\"findings\": 7}",
        "{\"findings\":[{\"path\"",
    ] {
        let project = Project::new(db.clone(), plays([says(answer)]), &[]).await;
        project.stage.put("a.txt", "new\n");
        let told = project.frames().await;
        let last = told.last().unwrap();
        assert_eq!(
            (&last["type"], &last["code"]),
            (&json!("error"), &json!("MODEL_ANSWER_UNREADABLE")),
            "{answer}"
        );
        assert!(
            told.iter()
                .all(|frame| frame["type"] == "progress" || frame["type"] == "error")
        );
        let (status, problem) = project.whole(&project.body()).await;
        assert_eq!(
            (status, &problem["error_code"]),
            (502, &json!("MODEL_ANSWER_UNREADABLE"))
        );
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_model_that_fails_is_an_error_for_people_and_for_programs(db: PgPool) {
    let project = Project::new(db.clone(), plays([failing(FailKind::Unauthorized)]), &[]).await;
    project.stage.put("a.txt", "new\n");
    let told = project.frames().await;
    let last = told.last().unwrap();
    assert_eq!(
        (&last["type"], &last["code"]),
        (&json!("error"), &json!("MODEL_KEY_REFUSED"))
    );
    assert_eq!(last["message"], last["error"]);
    assert!(!last["message"].as_str().unwrap().is_empty());
    assert_eq!(project.stage.calls().await, ["chat error cost"]);
    let (status, problem) = project.whole(&project.body()).await;
    assert_eq!(
        (status, &problem["error_code"]),
        (502, &json!("MODEL_KEY_REFUSED"))
    );
}

/// A provider's answer with this text.
fn streamed(text: &str) -> Vec<Step> {
    let delta = json!({"choices": [
        {"index": 0, "delta": {"content": text}, "finish_reason": "stop"},
    ]});
    vec![Step::Send(sse(format!(
        "data: {delta}\n\ndata: [DONE]\n\n"
    )))]
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_was_answered_is_kept_when_later_questions_fail(db: PgPool) {
    let reviewed = streamed("{\"summary\":\"Something changed.\",\"findings\":[]}");
    let refused = vec![Step::Send(answer(401, "", "{}"))];
    let replies = vec![refused.clone(), reviewed.clone(), refused.clone(), reviewed];
    let server = RawServer::start([replies, vec![refused]].concat()).await;
    let base = format!("{}v1", server.base);
    let flags = ["--openai-base-url", &base, "--openai-api-key", "k"];
    let project = Project::on(Stage::without_script(db, &flags).await, &[]);
    // Each is a question of its own.
    for number in 0..6 {
        let name = format!("f{number}.txt");
        project.stage.put(&name, "0123456789\n".repeat(2_500));
    }
    let mut body = project.body();
    body["model"] = json!("openai/model-of-tomorrow");
    let (status, problem) = project.whole(&body).await;
    assert_eq!(
        (status, &problem["error_code"]),
        (502, &json!("MODEL_KEY_REFUSED")),
        "nothing was answered before"
    );
    let (status, review) = project.whole(&body).await;
    assert_eq!(status, 200, "{review}");
    assert_eq!(
        listed(&review),
        "\"f0.txt\" untracked low\n\"f2.txt\" untracked low"
    );
    let skipped = review["skipped"].as_array().unwrap().iter();
    let skipped: Vec<_> = skipped
        .map(|file| format!("{} {}", file["path"], file["reason"]))
        .collect();
    assert_eq!(
        skipped,
        ["1", "3", "4", "5"].map(|number| format!("\"f{number}.txt\" \"unanswered\""))
    );
    let warning = review["warning"].as_str().unwrap();
    assert_eq!(
        warning.matches("A question to the model failed: ").count(),
        2,
        "{warning}"
    );
    // After two failures no more is asked.
    assert_eq!(server.requests().len(), 1 + 4);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_file_that_git_cannot_read_leaves_the_others(db: PgPool) {
    let lines = (0..4_000u64).map(|number| format!("{}\n", number * number % 10_007));
    let long: String = lines.collect();
    let files = [("a.txt", long.as_str()), ("b.txt", "b\n")];
    let project = Project::new(db, content(), &files).await;
    let name = project.git(&["rev-parse", "HEAD:a.txt"]);
    let path = format!(".git/objects/{}/{}", &name[..2], name[2..].trim());
    let mut object = std::fs::read(project.stage.path(&path)).unwrap();
    let middle = object.len() / 2;
    for byte in &mut object[middle..middle + 50] {
        *byte ^= 0xff;
    }
    std::fs::remove_file(project.stage.path(&path)).unwrap();
    project.stage.put(&path, &object);
    project.stage.put("a.txt", "new\n");
    project.stage.put("b.txt", "new\n");
    let review = project.reviewed().await;
    assert_eq!(listed(&review), "\"b.txt\" modified low");
    assert_eq!(
        review["skipped"],
        json!([{"path": "a.txt", "reason": "unreadable"}])
    );
    project.stage.put("b.txt", "b\n");
    let (status, problem) = project.whole(&project.body()).await;
    assert_eq!(
        (status, &problem["error_code"]),
        (422, &json!("CHANGES_UNREADABLE")),
        "{problem}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn without_a_model_unchanged_folders_are_reviewed_all_the_same(db: PgPool) {
    let project = Project::new(db, content(), &[]).await;
    let other = Stage::without_script(project.stage.db.clone(), &[]).await;
    let ask = async || {
        let mut request = json_request(Method::POST, REVIEW, &project.body());
        crate::review::repository::accept_json(&mut request);
        other.planner().answer(request).await
    };
    assert_eq!(ask().await.status, 200);
    project.stage.put("a.txt", "new\n");
    let answer = ask().await;
    assert_eq!(
        (answer.status.as_u16(), &answer.body["error_code"]),
        (400, &json!("NO_MODELS_AVAILABLE"))
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn leaving_a_review_ends_its_call_and_that_is_recorded(db: PgPool) {
    let mut turn = failing(FailKind::Hang);
    turn.say = vec!["{".to_owned()];
    let project = Project::new(db, plays([turn]), &[]).await;
    project.stage.put("a.txt", "new\n");
    let mut stream = project.begin(&project.body()).await;
    stream.until(|data| data["step"] == "Reviewing a.txt").await;
    // The frame is sent before the question; the stream is read on until that is asked.
    while project.stage.requests().is_empty() {
        tokio::select! {
            frame = stream.next() => panic!("{frame:?}"),
            () = tokio::time::sleep(Duration::from_millis(10)) => {}
        }
    }
    drop(stream);
    let began = Instant::now();
    while project.stage.calls().await.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(project.stage.calls().await, ["chat cancelled"]);
    assert_eq!(project.stage.app.app.metrics.navi_streams_open.get(), 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_broken_repository_says_what_git_says(db: PgPool) {
    let project = Project::new(db, content(), &[("a.txt", "a\n")]).await;
    project.stage.put("a.txt", "new\n");
    std::fs::remove_dir_all(project.stage.path(".git/objects")).unwrap();
    let (status, problem) = project.whole(&project.body()).await;
    assert_eq!(
        (status, &problem["error_code"]),
        (422, &json!("CHANGES_UNREADABLE"))
    );
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("the changes cannot be read: git failed: "),
        "{detail}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn reviews_count_as_changes_do_whatever_the_method(db: PgPool) {
    let flags = ["--writes-per-minute=2"];
    let project = Project::with(db, answers(&json!({"findings": []})), &[], &flags).await;
    let path = format!("{REVIEW}?workspace_root={}", project.stage.workspace());
    let client = project.stage.planner();
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let request = json_request(Method::GET, &path, &Value::Null);
        statuses.push(client.answer(request).await.status.as_u16());
    }
    assert!(statuses.contains(&429), "{statuses:?}");
    assert_eq!(client.get("/api/auth/me").await.0, 200);
}
