//! The outcomes of runs: verified, not verified, given up.

use navi::llm::script::Turn;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::stage::{Stage, calls, plan, says, script};

/// Fails until `value` is 5.
const CHECK: &str =
    "if grep -q '^5$' value; then echo fine; else echo 'value: not 5' >&2; exit 1; fi\n";

fn write(content: &str) -> Turn {
    calls(&[("write_file", json!({"path": "value", "content": content}))])
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_failing_test_is_mended_and_everything_is_told_in_order(db: PgPool) {
    let edit = json!({"path": "value", "old_text": "4", "new_text": "5"});
    let mut script = script([
        calls(&[("read_file", json!({"path": "value"}))]),
        calls(&[("edit_file", edit)]),
        calls(&[("run_command", json!({"command": "cat value"}))]),
        says("It is 5 now."),
    ]);
    script.plan = Some(plan(&["Read the value", "Mend it"]));
    script.turns[0].say = vec!["Step 1: I look ".to_owned(), "first.".to_owned()];
    script.turns[1].say = vec!["Step 2: mend it.".to_owned()];
    let stage = Stage::new(db, script).await;
    stage.project(CHECK);
    stage.put("value", "4\n");
    let run = stage.run("make the failing test pass").await;
    assert_eq!(stage.content("value"), "5\n");
    insta::assert_snapshot!(run.story(&stage), @r#"
    {"router_info":{"effectiveModelId":"scripted/demo","fallbackReason":null,"fallbackReasonCode":null,"mode":null,"model":"demo","modelId":"scripted/demo","provider":"scripted","requestedModeId":null,"requestedModelId":null,"task_type":"autonomous","wasFallback":false}}
    {"type":"status","status":"planning","task_id":"RUN"}
    {"type":"thinking_progress","message":"Searching the workspace for the code that matters…"}
    {"type":"thinking_progress","message":"Planning…"}
    {"type":"plan_start","data":{"plan_id":"plan-RUN","steps":[{"detail":"","index":1,"title":"Read the value"},{"detail":"","index":2,"title":"Mend it"}]}}
    {"type":"plan","steps":[{"description":"","id":1,"label":"Read the value","status":"pending"},{"description":"","id":2,"label":"Mend it","status":"pending"}],"estimated_files":[],"is_complex":true}
    {"type":"step_update","data":{"plan_id":"plan-RUN","status":"running","step_index":0}}
    {"type":"status","status":"executing"}
    {"type":"text","text":"Step 1: I look first."}
    {"type":"tool_call","tool_call":{"arguments":{"path":"value"},"id":"scripted_0_0","name":"read_file"}}
    {"type":"tool_result","tool_result":{"id":"scripted_0_0","result":{"content":"4\n","path":"value","size":2,"success":true,"total_lines":1}}}
    {"type":"text","text":"Step 2: mend it."}
    {"type":"step_update","data":{"plan_id":"plan-RUN","status":"completed","step_index":0}}
    {"type":"step_update","data":{"plan_id":"plan-RUN","status":"running","step_index":1}}
    {"type":"tool_call","tool_call":{"arguments":{"new_text":"5","old_text":"4","path":"value"},"id":"scripted_1_0","name":"edit_file"}}
    {"type":"thinking_progress","message":"Running the project's checks before the first change…"}
    {"type":"check_output","check_id":"baseline_1","stream":"stderr","line":"value: not 5\nmake: *** [Makefile:2: test] Error 1","command":"make test"}
    {"type":"tool_result","tool_result":{"id":"scripted_1_0","result":{"action":"modified","diff":"@@ -1 +1 @@\n-4\n+5","lines":[1],"match":"exact","path":"value","replacements":1,"size":2,"success":true}}}
    {"type":"tool_call","tool_call":{"arguments":{"command":"cat value"},"id":"scripted_2_0","name":"run_command"}}
    {"type":"command_output","tool_call_id":"scripted_2_0","stream":"stdout","line":"5","command":"cat value"}
    {"type":"tool_result","tool_result":{"id":"scripted_2_0","result":{"exit_code":0,"message":"done","stderr":"","stdout":"5\n","success":true}}}
    {"type":"text","text":"It is 5 now."}
    {"type":"status","status":"verifying"}
    {"type":"check_output","check_id":"verification_1","stream":"stdout","line":"fine","command":"make test"}
    {"type":"verification","results":[{"command":"make test","errors":[],"failed_before":["`make test` failed"],"success":true,"type":"tests","warnings":[]}],"outcome":"passed"}
    {"type":"status","status":"completed"}
    {"type":"step_update","data":{"plan_id":"plan-RUN","status":"completed","step_index":1}}
    {"type":"plan_complete","data":{"plan_id":"plan-RUN"}}
    {"type":"next_steps","next_steps":["Review the changes before you commit them"]}
    {"type":"generation_logged","gen_id":"…"}
    {"type":"complete","summary":{"cache_hit_rate":0.0,"changes_complete":true,"cost_usd":0.0,"elapsed_ms":"…","files_created":[],"files_deleted":[],"files_modified":["value"],"files_read":["value"],"files_renamed":[],"iterations":1,"next_steps":["Review the changes before you commit them"],"obstacles":[],"stopped_reason":"completed","success":true,"task_id":"RUN","tokens":"…","verdict":"done","verification":"passed"}}
    "#);
    assert_eq!(
        stage.calls().await,
        ["plan success tokens cost"]
            .into_iter()
            .chain(["autonomous success tokens cost"; 4])
            .collect::<Vec<_>>()
    );
}

/// A Python project with one wrong function.
fn python_project(stage: &Stage) {
    stage.put("calc.py", "def add(a, b):\n    return a - b\n");
    stage.put(
        "test_calc.py",
        "import unittest\n\nfrom calc import add\n\n\nclass Test(unittest.TestCase):\n    \
         def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n",
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn tests_are_known_by_name_before_and_after(db: PgPool) {
    let edit = json!({"path": "calc.py", "old_text": "a - b", "new_text": "a + b"});
    let stage = Stage::new(db, script([calls(&[("edit_file", edit)]), says("Mended.")])).await;
    python_project(&stage);
    let run = stage.run("make the failing test of add pass").await;
    assert_eq!(run.outcome(), "success=true completed verification=passed");
    let check = &run.events("verification")[0]["results"][0];
    assert_eq!(check["failed_before"], json!(["test_calc.Test.test_add"]));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_fails_is_told_to_the_model_until_it_passes(db: PgPool) {
    let turns = [
        write("3\n"),
        says("Done."),
        write("5\n"),
        says("Now it is right."),
    ];
    let stage = Stage::new(db, script(turns)).await;
    stage.project(CHECK);
    stage.put("value", "5\n");
    let run = stage.run("change the value somehow").await;
    assert_eq!(run.outcome(), "success=true completed verification=passed");
    assert_eq!(run.summary()["iterations"], 2);
    let iteration = run.events("iteration")[0];
    assert_eq!(
        (&iteration["iteration"], &iteration["reason"]),
        (&json!(2), &json!("1 of 1 checks failed"))
    );
    let statuses: Vec<_> = run
        .events("status")
        .iter()
        .map(|event| &event["status"])
        .collect();
    assert_eq!(
        statuses,
        [
            "planning",
            "executing",
            "verifying",
            "fixing",
            "verifying",
            "completed"
        ]
    );
    let told = serde_json::to_string(&stage.turns()[2].messages.last()).unwrap();
    assert!(
        told.contains("value: not 5") && told.contains("Mend what fails"),
        "{told}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_same_failure_five_times_ends_the_run(db: PgPool) {
    let rounds = (0..9).flat_map(|round| [write(&format!("9{round}\n")), says("Done.")]);
    let stage = Stage::new(db, script(rounds)).await;
    stage.project(CHECK);
    stage.put("value", "5\n");
    let run = stage.run("change the value somehow").await;
    assert_eq!(
        run.outcome(),
        "success=false iteration_loop_detected verification=failed"
    );
    assert_eq!(run.summary()["iterations"], 5);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_rounds_end_where_the_client_said(db: PgPool) {
    let rounds = (0..9).flat_map(|round| [write(&format!("9{round}\n")), says("Done.")]);
    let stage = Stage::new(db, script(rounds)).await;
    stage.project(CHECK);
    stage.put("value", "5\n");
    for most in [1, 3] {
        let mut body = stage.body("change the value somehow");
        body["max_iterations"] = json!(most);
        let run = stage.run_with(&stage.planner(), body).await;
        assert_eq!(
            run.outcome(),
            "success=false max_iterations verification=failed"
        );
        assert_eq!(run.summary()["iterations"], most);
        assert_eq!(run.events("verification").len(), most);
        stage.put("value", "5\n");
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn giving_up_on_a_failure_of_ones_own_is_no_success(db: PgPool) {
    let turns = [write("3\n"), says("Done."), says("I cannot mend it.")];
    let stage = Stage::new(db, script(turns)).await;
    stage.project(CHECK);
    stage.put("value", "5\n");
    let run = stage.run("change the value somehow").await;
    assert_eq!(
        run.outcome(),
        "success=false verification_failed verification=failed"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn failures_that_were_there_before_are_told_apart_and_are_no_success(db: PgPool) {
    let turns = [
        calls(&[("write_file", json!({"path": "notes", "content": "x"}))]),
        says("Done."),
        says("The failing check has nothing to do with my notes."),
    ];
    let stage = Stage::new(db, script(turns)).await;
    stage.project(CHECK);
    stage.put("value", "4\n");
    let run = stage.run("take some notes in a file").await;
    assert_eq!(
        run.outcome(),
        "success=false failures_existed_before verification=failed"
    );
    let told = serde_json::to_string(&stage.turns()[2].messages.last()).unwrap();
    assert!(told.contains("failed before you began"), "{told}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_was_not_checked_never_counts_as_passed(db: PgPool) {
    let stage = Stage::new(db, script([write("3\n"), says("Done.")])).await;
    // No project.
    let run = stage.run("change the value somehow").await;
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
    assert_eq!(run.events("verification")[0]["results"], json!([]));
    // A project, and a client that wants no checks.
    stage.project("exit 1\n");
    let mut body = stage.body("change the value somehow");
    body["run_verification"] = json!(false);
    let run = stage.run_with(&stage.planner(), body).await;
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
    assert_eq!(run.events("verification"), [] as [&Value; 0]);
    assert_eq!(run.events("command_output"), [] as [&Value; 0]);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_that_only_reads_runs_no_checks(db: PgPool) {
    let stage = Stage::new(
        db,
        script([
            calls(&[("read_file", json!({"path": "value"}))]),
            says("It is 4."),
        ]),
    )
    .await;
    stage.project("touch checked; exit 1\n");
    stage.put("value", "4\n");
    let run = stage.run("which value is in the file?").await;
    assert_eq!(run.outcome(), "success=true completed verification=not_run");
    assert!(!stage.path("checked").exists());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_a_command_changes_is_checked_like_an_edit(db: PgPool) {
    let run = |command: &str| calls(&[("run_command", json!({ "command": command }))]);
    let turns = [
        run("echo 3 > value"),
        says("Done."),
        run("echo 4 > value"),
        says("Now?"),
        run("echo 5 > value"),
        says("It is 5."),
    ];
    let stage = Stage::new(db, script(turns)).await;
    stage.project(CHECK);
    stage.put("value", "5\n");
    let run = stage.run("change the value somehow").await;
    assert_eq!(run.outcome(), "success=true completed verification=passed");
    assert_eq!(run.summary()["iterations"], 3);
}
