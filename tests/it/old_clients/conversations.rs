//! Conversations of clients that make up ids and keep the messages themselves.

use axum::http::StatusCode;
use navi::auth::principal::Role;
use navi::llm::script::Script;
use navi::platform::clock::Clock;
use navi::platform::ids::uuid_v7;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::stage::{Stage, says, script};

const MADE_UP: &str = "c3662357-ca8d-4ce1-8f2f-9372e02654ff";
const CHAT: &str = "/api/navi/chat";
const LIST: &str = "/api/navi-memory/conversations";

async fn shown(stage: &Stage, id: &str) -> Value {
    let path = format!("{LIST}/{id}");
    let (status, conversation) = stage.planner().get(&path).await;
    assert_eq!(status, StatusCode::OK, "{conversation}");
    conversation
}

/// `role: content` of every message.
fn messages(conversation: &Value) -> Vec<String> {
    let messages = conversation["messages"].as_array().unwrap().iter();
    let line = |message: &Value| {
        let text = |key: &str| message[key].as_str().unwrap().to_owned();
        format!("{}: {}", text("role"), text("content"))
    };
    messages.map(line).collect()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_id_that_no_conversation_has_begins_one(db: PgPool) {
    let stage = Stage::new(db, script([says("Hello."), says("Again.")])).await;
    let mut body = stage.body("greet me, please\nand be nice");
    body["conversation_id"] = json!(MADE_UP);
    stage.run_with(&stage.planner(), body).await;
    let conversation = shown(&stage, MADE_UP).await;
    assert_eq!(conversation["title"], "greet me, please and be nice");
    assert_eq!(conversation["workspace_path"], stage.workspace());
    let asked = "user: greet me, please\nand be nice";
    assert_eq!(messages(&conversation), [asked, "assistant: Hello."]);

    let chat = json!({"message": "once more", "conversation_id": MADE_UP});
    let (status, answer) = stage.planner().post(CHAT, chat).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(messages(&shown(&stage, MADE_UP).await).len(), 4);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_job_and_every_chat_take_an_id_that_no_conversation_has(db: PgPool) {
    let chat = script([says("Hello."), says("Hello again."), says("And again.")]);
    let stage = Stage::new(db, Script { plan: None, ..chat }).await;
    for path in [
        CHAT,
        "/api/navi/chat/stream/v2",
        "/api/navi/chat/stream",
        "/api/jobs",
    ] {
        let id = uuid_v7(&Clock::System).to_string();
        let body = json!({"message": "hi", "conversation_id": id, "auto_start": false});
        let (status, answer) = stage.planner().post(path, body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        assert_eq!(shown(&stage, &id).await["title"], "hi");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_id_that_is_no_uuid_means_no_stored_conversation(db: PgPool) {
    let turns = (0..12).map(|_| says("Hello."));
    let stage = Stage::new(db, script(turns)).await;
    for id in ["navi-mgx1k2-8f2f", "conv_1795896327040_k3j2h1g", ""] {
        let mut body = stage.body("greet me, please");
        body["conversation_id"] = json!(id);
        let run = stage.run_with(&stage.planner(), body).await;
        assert_eq!(run.outcome(), "success=true completed verification=not_run");
        for path in [
            CHAT,
            "/api/navi/chat/stream/v2",
            "/api/navi/chat/stream",
            "/api/jobs",
        ] {
            let body = json!({"message": "hi", "conversation_id": id, "auto_start": false});
            let (status, answer) = stage.planner().post(path, body).await;
            assert_eq!(status, StatusCode::OK, "{path} {id}: {answer}");
        }
    }
    assert_eq!(stage.count("select count(*) from conversations").await, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_id_of_another_user_or_of_a_deleted_conversation_is_not_found(db: PgPool) {
    let stage = Stage::new(db, script([says("Hello.")])).await;
    let body = json!({"message": "hi", "conversation_id": MADE_UP});
    let (status, _) = stage.planner().post(CHAT, body.clone()).await;
    assert_eq!(status, StatusCode::OK);
    for other in [
        stage.app.client_of("org-1", "user-2", Role::Admin),
        stage.app.client_of("org-2", "user-1", Role::Admin),
    ] {
        let (status, problem) = other.post(CHAT, body.clone()).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{problem}");
        assert_eq!(problem["error_code"], "CONVERSATION_NOT_FOUND");
    }
    stage.planner().delete(&format!("{LIST}/{MADE_UP}")).await;
    let (status, _) = stage.planner().post(CHAT, body).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn two_first_messages_at_once_begin_one_conversation(db: PgPool) {
    let stage = Stage::new(db, script([says("Hello."), says("Hello.")])).await;
    let body = json!({"message": "hi", "conversation_id": MADE_UP});
    let client = stage.planner();
    let (first, second) = tokio::join!(client.post(CHAT, body.clone()), client.post(CHAT, body));
    assert_eq!((first.0, second.0), (StatusCode::OK, StatusCode::OK));
    assert_eq!(stage.count("select count(*) from conversations").await, 1);
}

/// The webview stores the question when it is sent and the answer as it showed it, every turn's text
/// after the other.
#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_client_that_keeps_the_conversation_itself_has_one_answer_in_it(db: PgPool) {
    let stage = Stage::new(
        db,
        script([says("It divided by one too few."), says("Yes.")]),
    )
    .await;
    let (_, made) = stage.planner().post(LIST, json!({"title": "t"})).await;
    let id = made["id"].as_str().unwrap();
    let path = format!("{LIST}/{id}/messages");
    for (question, answer) in [
        (
            "fix the mean, please",
            "I'll look. It divided by one too few.",
        ),
        ("are you sure about it?", "Yes."),
    ] {
        let asked = json!({"role": "user", "content": question, "metadata": {}});
        stage.planner().post(&path, asked).await;
        let mut body = stage.body(question);
        body["conversation_id"] = json!(id);
        body["conversation_history"] = json!([{"id": "1-0", "type": "user", "content": question}]);
        stage.run_with(&stage.planner(), body).await;
        let told = json!({"role": "assistant", "content": answer, "metadata": {"id": "msg-1"}});
        let (status, stored) = stage.planner().post(&path, told).await;
        assert_eq!(status, StatusCode::OK, "{stored}");
        assert_eq!(stored["content"], answer);
    }
    let conversation = shown(&stage, id).await;
    assert_eq!(
        messages(&conversation),
        [
            "user: fix the mean, please",
            "assistant: I'll look. It divided by one too few.",
            "user: are you sure about it?",
            "assistant: Yes.",
        ]
    );
    assert_eq!(
        conversation["messages"][1]["metadata"],
        json!({"id": "msg-1"})
    );
    // The question reached the model once, and what was stored before it too.
    let asked = &stage.turns()[1].messages;
    assert_eq!(asked.len(), 3, "{asked:?}");
    // A client's words after its answer are a message of their own.
    let more = json!({"role": "assistant", "content": "Anything else?"});
    stage.planner().post(&path, more).await;
    assert_eq!(messages(&shown(&stage, id).await).len(), 5);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_request_that_is_refused_begins_no_conversation(db: PgPool) {
    let flags = ["--max-concurrent-runs", "0"];
    let stage = Stage::with(db, script([says("Hello.")]), &flags).await;
    let mut body = stage.body("greet me, please");
    body["conversation_id"] = json!(MADE_UP);
    let path = "/api/navi/chat/autonomous";
    let (status, problem) = stage.planner().post(path, body).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
    assert_eq!(stage.count("select count(*) from conversations").await, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_message_that_is_no_version_of_the_servers_answer_replaces_nothing(db: PgPool) {
    let stage = Stage::new(db, script([says("It divided by one too few.")])).await;
    let mut body = stage.body("fix the mean, please");
    body["conversation_id"] = json!(MADE_UP);
    stage.run_with(&stage.planner(), body).await;
    let path = format!("{LIST}/{MADE_UP}/messages");
    let note = json!({"role": "assistant", "content": "See the changelog as well."});
    stage.planner().post(&path, note).await;
    assert_eq!(
        messages(&shown(&stage, MADE_UP).await),
        [
            "user: fix the mean, please",
            "assistant: It divided by one too few.",
            "assistant: See the changelog as well.",
        ]
    );
}
