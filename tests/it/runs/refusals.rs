//! Requests that are refused before anything is written, and input that no ordinary client would send.

use std::os::unix::fs::PermissionsExt;

use navi::auth::principal::Role;
use navi::llm::script::Script;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::stage::{Stage, calls, raw, says, script};

const RUN: &str = "/api/navi/chat/autonomous";

async fn nothing_was_written(stage: &Stage) {
    for sql in [
        "select count(*) from runs",
        "select count(*) from run_events",
        "select count(*) from llm_metrics",
        "select count(*) from ai_generation_log",
    ] {
        assert_eq!(stage.count(sql).await, 0, "{sql}");
    }
    assert_eq!(stage.requests().len(), 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_workspace_that_cannot_be_worked_in_is_refused_and_says_why(db: PgPool) {
    let stage = Stage::new(db, Script::default()).await;
    let file = stage.put("file", "");
    let absent = stage.path("absent");
    let absent = absent.to_str().unwrap();
    let mut told = Vec::new();
    for path in [
        absent,
        file.to_str().unwrap(),
        "relative",
        "/",
        "/proc/self/mem\u{0}",
        &format!("/{}", "x".repeat(5_000)),
    ] {
        let (status, problem) = stage
            .refused(json!({"message": "hi", "workspace_path": path}))
            .await;
        let (expected, code) = if path == absent {
            (404, "WORKSPACE_NOT_FOUND")
        } else {
            (422, "WORKSPACE_UNUSABLE")
        };
        assert_eq!((status, &problem["error_code"]), (expected, &json!(code)));
        let detail = problem["detail"].as_str().unwrap();
        told.push(detail.replace(&stage.workspace(), "WORKSPACE"));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    workspace `WORKSPACE/absent` not found: the folder does not exist, or your organisation may not use it
    the workspace `WORKSPACE/file` is not a directory
    the workspace must be the absolute path of a directory, at most 4096 bytes long
    the root of the file system cannot be a workspace; name a project's folder
    the workspace must be the absolute path of a directory, at most 4096 bytes long
    the workspace must be the absolute path of a directory, at most 4096 bytes long
    "#);
    nothing_was_written(&stage).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_unreadable_workspace_is_refused_unless_we_may_read_everything(db: PgPool) {
    let stage = Stage::new(db, Script::default()).await;
    let folder = stage.put("locked/file", "");
    let folder = folder.parent().unwrap();
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o000)).unwrap();
    // Root reads it all the same.
    if std::fs::read_dir(folder).is_err() {
        let body = json!({"message": "hi", "workspace_path": folder.to_str()});
        let (status, problem) = stage.refused(body).await;
        assert_eq!(
            (status, &problem["error_code"]),
            (422, &json!("WORKSPACE_UNUSABLE"))
        );
    }
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o700)).unwrap();
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_workspace_outside_the_servers_folders_is_refused(db: PgPool) {
    let roots = tempfile::tempdir().unwrap();
    let flags = ["--workspace-roots", roots.path().to_str().unwrap()];
    let stage = Stage::with(db, Script::default(), &flags).await;
    let (status, problem) = stage.refused(stage.body("hello")).await;
    assert_eq!(
        (status, &problem["error_code"]),
        (404, &json!("WORKSPACE_NOT_FOUND"))
    );
    let dotted = format!("{}/../..", roots.path().display());
    let (status, _) = stage
        .refused(json!({"message": "hi", "workspace_path": dotted}))
        .await;
    assert_eq!(status, 422);
    nothing_was_written(&stage).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_model_that_is_not_there_is_refused_with_what_to_do(db: PgPool) {
    let stage = Stage::without_script(db, &[]).await;
    let mut told = Vec::new();
    for model in [
        Value::Null,
        json!("openai/gpt-5.2"),
        json!("navi/private"),
        json!("nonsense"),
    ] {
        let (status, problem) = stage
            .refused(json!({"message": "hi", "model": model}))
            .await;
        assert_eq!(status, 400, "{model}: {problem}");
        told.push(format!("{}: {}", problem["error_code"], problem["detail"]));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    "NO_MODELS_AVAILABLE": "no model can answer: set a provider's key, such as ANTHROPIC_API_KEY, or OPENAI_BASE_URL"
    "NO_MODELS_AVAILABLE": "the provider of `openai/gpt-5.2` is not configured, and no other model can answer: set a provider's key, such as ANTHROPIC_API_KEY, or OPENAI_BASE_URL"
    "PRIVATE_MODE_BLOCKED": "a private answer needs OLLAMA_BASE_URL or SELF_HOSTED_API_BASE_URL: no data may be sent to a hosted provider"
    "NO_MODELS_AVAILABLE": "`nonsense` is not in the model registry, and no other model can answer: set a provider's key, such as ANTHROPIC_API_KEY, or OPENAI_BASE_URL"
    "#);
    nothing_was_written(&stage).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn input_beyond_every_size_is_refused(db: PgPool) {
    let stage = Stage::new(db, Script::default()).await;
    let client = stage.planner();
    let prompt = json!({"message": "x".repeat(2 * 1024 * 1024)}).to_string();
    let huge = json!({"message": "hi", "junk": "x".repeat(10 * 1024 * 1024)}).to_string();
    let deep = format!("{{\"message\":\"hi\",\"x\":{}", "[".repeat(200_000));
    let images = json!({"message": "hi", "attachments": vec![json!({"kind": "image", "content": "AAAA"}); 9]});
    let long_history = json!({"message": "hi", "conversation_history":
        [{"role": "user", "content": "x".repeat(600 * 1024)}]});
    for (body, status) in [
        (prompt.into_bytes(), 422),
        (huge.into_bytes(), 413),
        (deep.into_bytes(), 400),
        (b"{\"message\":\"\xff\xfe\"}".to_vec(), 400),
        (b"{\"message\":\"hi\"".to_vec(), 400),
        (b"{\"message\":7}".to_vec(), 422),
        (b"{}".to_vec(), 422),
        (images.to_string().into_bytes(), 422),
        (long_history.to_string().into_bytes(), 422),
    ] {
        let start = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let answer = client.answer(raw(RUN, body)).await;
        assert_eq!(answer.status.as_u16(), status, "{start}: {}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    nothing_was_written(&stage).await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn who_may_only_read_gets_only_what_reads(db: PgPool) {
    let turns = [
        calls(&[
            ("read_file", json!({"path": "a"})),
            ("run_command", json!({"command": "touch ran"})),
            ("write_file", json!({"path": "written", "content": ""})),
            (
                "start_server",
                json!({"command": "touch ran", "port": 1234}),
            ),
            ("ask_user", json!({"question": "May I?"})),
        ]),
        says("I may not."),
    ];
    let stage = Stage::new(db, script(turns)).await;
    stage.put("a", "text\n");
    let viewer = stage.app.client(Role::Viewer);
    let run = stage
        .run_with(&viewer, stage.body("run something for me"))
        .await;
    let tools: Vec<_> = stage.turns()[0]
        .tools
        .iter()
        .map(|tool| tool.name)
        .collect();
    assert_eq!(tools, ["read_file", "list_directory", "search_files"]);
    let results = run.results();
    assert_eq!(results[0]["success"], true);
    for result in &results[1..] {
        let error = result["error"].as_str().unwrap();
        assert!(error.starts_with("this run may only read"), "{error}");
    }
    assert!(!stage.path("ran").exists() && !stage.path("written").exists());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn without_a_workspace_there_are_no_tools(db: PgPool) {
    let turns = [
        calls(&[("run_command", json!({"command": "id"}))]),
        says("I cannot."),
    ];
    let mut script = script(turns);
    script.plan = None;
    let stage = Stage::new(db, script).await;
    let run = stage
        .run_with(&stage.planner(), json!({"message": "run something for me"}))
        .await;
    assert!(
        stage
            .requests()
            .iter()
            .all(|request| request.tools.is_empty())
    );
    assert_eq!(
        run.results()[0]["error"],
        "no workspace is open, so there are no tools"
    );
    assert_eq!(stage.count("select count(*) from rag_metrics").await, 0);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn odd_files_in_a_workspace_hurt_nobody(db: PgPool) {
    let turns = [
        calls(&[
            ("read_file", json!({"path": "binary"})),
            ("read_file", json!({"path": "huge"})),
            ("read_file", json!({"path": "latin"})),
            ("read_file", json!({"path": "pipe"})),
            (
                "search_files",
                json!({"pattern": "needle", "search_type": "content"}),
            ),
            (
                "run_command",
                json!({"command": "cat binary; head -c 3000000 huge | tr '\\0' 'y'"}),
            ),
        ]),
        says("Done \u{0} and \u{fffd}."),
    ];
    let stage = Stage::new(db, script(turns)).await;
    stage.put("binary", [0, 159, 146, 150, 0, 1, 2, 255].repeat(100));
    stage.put("latin", b"caf\xe9 needle\n");
    let huge = std::fs::File::create(stage.path("huge")).unwrap();
    huge.set_len(1 << 30).unwrap();
    nix::unistd::mkfifo(&stage.path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let run = stage.run("look at the odd files").await;
    assert_eq!(run.events("text")[0]["text"], "Done  and \u{fffd}.");
    let results = run.results();
    assert_eq!(results.len(), 6);
    assert_eq!(results[0]["success"], false);
    assert_eq!(results[3]["success"], false);
    assert_eq!(results[5]["success"], true);
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
}
