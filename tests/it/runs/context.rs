//! The model's context: the editor, earlier messages, and the rest after compaction.

use navi::auth::principal::Role;
use navi::llm::model::{ChatRequest, Message, Part};
use navi::llm::script::{Script, Turn};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::stage::{Stage, calls, says, script};

/// Everything of a request that is text.
fn text(request: &ChatRequest) -> String {
    let message = |message: &Message| match message {
        Message::User { content } => {
            let part = |part: &Part| match part {
                Part::Text { text } => text.clone(),
                Part::Image { media_type, .. } => format!("[{media_type}]"),
            };
            content.iter().map(part).collect::<Vec<_>>().join("\n")
        }
        Message::System { text } | Message::Assistant { text, .. } => text.clone(),
        Message::ToolResult { content, .. } => content.clone(),
    };
    request
        .messages
        .iter()
        .map(message)
        .collect::<Vec<_>>()
        .join("\n---\n")
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn everything_the_editor_and_the_user_show_reaches_the_model(db: PgPool) {
    let stage = Stage::new(db, script([says("I see.")])).await;
    let mut body = stage.body("what is wrong here, please?");
    let more = json!({
        "current_file": "src/page.rs",
        "current_file_content": "fn unsaved() {}",
        "selection": "unsaved()",
        "errors": [{"file": "src/page.rs", "line": 7, "message": "mismatched types", "severity": "error"}],
        "last_action_error": "the patch did not apply",
        "attachments": [
            {"kind": "file", "path": "notes.md", "content": "attached words"},
            {"kind": "image", "content": "data:image/png;base64,iVBORw0KGgo="},
        ],
        "conversation_history": [
            {"type": "user", "content": "an older question"},
            {"role": "assistant", "content": "an older answer"},
        ],
        "state": {"unknown": "fields are ignored"},
    });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    stage.run_with(&stage.planner(), body).await;
    insta::assert_snapshot!(text(&stage.turns()[0]), @r#"
    an older question
    ---
    an older answer
    ---
    <task>
    what is wrong here, please?
    </task>

    The user has `src/page.rs` open.
    <current_file path="src/page.rs">
    fn unsaved() {}
    </current_file>

    <selection>
    unsaved()
    </selection>

    The editor reports:
    - src/page.rs:7: error: mismatched types

    The user's last action failed: the patch did not apply

    <attachment kind="file" path="notes.md">
    attached words
    </attachment>
    [image/png]
    "#);
}

async fn conversation(stage: &Stage) -> String {
    let (status, made) = stage
        .planner()
        .post("/api/navi-memory/conversations", json!({"title": "t"}))
        .await;
    assert!(status.is_success(), "{made}");
    made["id"].as_str().unwrap().to_owned()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_conversation_is_remembered_from_run_to_run(db: PgPool) {
    let stage = Stage::new(db, script([says("My name is NAVI."), says("As I said.")])).await;
    let id = conversation(&stage).await;
    for message in ["tell me your name, please", "and what was that again?"] {
        let mut body = stage.body(message);
        body["conversation_id"] = json!(id);
        stage.run_with(&stage.planner(), body).await;
    }
    let second = text(&stage.turns()[1]);
    assert!(
        second
            .starts_with("tell me your name, please\n---\nMy name is NAVI.\n---\n<task>\nand what"),
        "{second}"
    );
    let (_, stored) = stage
        .planner()
        .get(&format!("/api/navi-memory/conversations/{id}"))
        .await;
    let said: Vec<_> = stored["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    assert_eq!(
        said,
        [
            "tell me your name, please",
            "My name is NAVI.",
            "and what was that again?",
            "As I said."
        ]
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_conversation_of_somebody_else_is_not_found(db: PgPool) {
    let stage = Stage::new(db, Script::default()).await;
    let id = conversation(&stage).await;
    for stranger in [
        stage.app.client_of("org-2", "user-1", Role::Admin),
        stage.app.client_of("org-1", "user-2", Role::Admin),
    ] {
        for path in ["autonomous", "stream/v2"] {
            let mut body = stage.body("what was said here?");
            body["conversation_id"] = json!(id);
            // Sending a history of one's own changes nothing about it.
            body["conversation_history"] = json!([{"role": "user", "content": "hi"}]);
            let (status, problem) = stranger.post(&format!("/api/navi/chat/{path}"), body).await;
            assert_eq!(status, 404, "{problem}");
        }
    }
    assert_eq!(stage.count("select count(*) from runs").await, 0);
}

fn ids(message: &Message) -> (Vec<&str>, Option<&str>) {
    match message {
        Message::Assistant { tool_calls, .. } => (
            tool_calls.iter().map(|call| call.id.as_str()).collect(),
            None,
        ),
        Message::ToolResult { call_id, .. } => (Vec::new(), Some(call_id)),
        Message::System { .. } | Message::User { .. } => (Vec::new(), None),
    }
}

/// Every result follows its call, and every call has its result.
fn pairs_are_whole(request: &ChatRequest) -> bool {
    let mut open = Vec::new();
    for message in &request.messages {
        let (calls, result) = ids(message);
        if let Some(result) = result {
            let Some(at) = open.iter().position(|id| *id == result) else {
                return false;
            };
            open.remove(at);
        } else if !open.is_empty() {
            return false;
        }
        open.extend(calls);
    }
    open.is_empty()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_long_run_fits_its_window_and_keeps_goal_plan_and_pairs(db: PgPool) {
    let reads = (0..12).map(|number| Turn {
        say: vec![format!("I read part {number}. ")],
        ..calls(&[
            ("read_file", json!({"path": format!("part{number}")})),
            ("list_directory", json!({"path": "."})),
        ])
    });
    let mut script = script(reads.chain([says("All read.")]));
    script.plan = Some(crate::runs::stage::plan(&["Read the parts", "Sum them up"]));
    let flags = ["--assumed-context-window", "16384"];
    let stage = Stage::with(db, script, &flags).await;
    for number in 0..12 {
        stage.put(
            &format!("part{number}"),
            format!("line of part {number}\n").repeat(400),
        );
    }
    let run = stage.run("read every part and sum them up").await;
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
    let turns = stage.turns();
    assert_eq!(turns.len(), 13);
    for request in &turns {
        assert!(pairs_are_whole(request), "{:#?}", request.messages);
        assert_eq!(request.system, turns[0].system);
        assert_eq!(request.tools, turns[0].tools);
        assert_eq!(request.messages[0], turns[0].messages[0]);
        assert!(text(request).len() < 16_384 * 3, "{}", text(request).len());
    }
    let goal = text(&turns[12]);
    assert!(goal.starts_with("<task>\nread every part and sum them up\n</task>"));
    assert!(goal.contains("1. Read the parts"));
    assert!(goal.contains("Earlier turns were shortened"));
    // Stored messages are never shortened.
    assert_eq!(
        stage.count("select count(*) from run_messages").await,
        1 + 12 * 3 + 1
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_history_that_fits_no_window_is_cut_to_its_newest_part(db: PgPool) {
    let flags = ["--assumed-context-window", "16384"];
    let stage = Stage::with(db, script([says("Fine.")]), &flags).await;
    let history: Vec<Value> = (0..60)
        .map(|number| {
            let role = if number % 2 == 0 { "user" } else { "assistant" };
            json!({"role": role, "content": format!("said {number} {}", "x".repeat(3_000))})
        })
        .collect();
    let mut body = stage.body("go on with that, please");
    body["conversation_history"] = json!(history);
    let run = stage.run_with(&stage.planner(), body).await;
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
    let asked = text(&stage.turns()[0]);
    assert!(asked.contains("said 59 ") && !asked.contains("said 0 "));
    assert!(asked.len() < 16_384 * 3, "{}", asked.len());
    assert!(asked.contains("<task>\ngo on with that, please"));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_a_run_did_at_its_beginning_is_known_to_its_end(db: PgPool) {
    let begin = [
        calls(&[(
            "write_file",
            json!({"path": "created.py", "content": "x = 1\n"}),
        )]),
        calls(&[(
            "run_command",
            json!({"command": "echo the-users-are-migrated"}),
        )]),
    ];
    let reads = (0..30).map(|number| {
        calls(&[
            ("read_file", json!({"path": format!("part{number}")})),
            ("read_file", json!({"path": format!("part{}", number + 1)})),
        ])
    });
    let turns = begin.into_iter().chain(reads).chain([says("All read.")]);
    let flags = ["--assumed-context-window", "16384"];
    let stage = Stage::with(db, script(turns), &flags).await;
    for number in 0..31 {
        stage.put(
            &format!("part{number}"),
            format!("word{number} ").repeat(600),
        );
    }
    let run = stage.run("migrate the users, then read every part").await;
    assert_eq!(run.summary()["success"], json!(true), "{}", run.summary());
    let turns = stage.turns();
    for request in &turns[3..] {
        let text = text(request);
        for fact in ["created.py", "the-users-are-migrated"] {
            assert!(text.contains(fact), "{text}");
        }
        assert!(
            text.matches("Earlier turns were shortened").count() <= 1,
            "{text}"
        );
    }
    let last = text(&turns[turns.len() - 1]);
    assert!(last.contains("- created.py (created)\n"), "{last}");
    let ran = "- echo the-users-are-migrated → ok: the-users-are-migrated\n";
    assert!(last.contains(ran), "{last}");
}
