//! Files that commands change stand in the summary as those that tools change do.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::review::repository::git;
use crate::runs::stage::{Stage, Transcript, calls, says, script};

fn command(command: &str) -> (&str, Value) {
    ("run_command", json!({ "command": command }))
}

/// The lists of a summary.
fn lists(run: &Transcript) -> Value {
    let summary = run.summary();
    json!({
        "modified": summary["files_modified"],
        "created": summary["files_created"],
        "deleted": summary["files_deleted"],
        "renamed": summary["files_renamed"],
        "complete": summary["changes_complete"],
    })
}

/// A stage with a project that always passes, and a few files.
async fn stage(db: PgPool, asked: &[&[(&str, Value)]]) -> Stage {
    let turns = asked.iter().map(|asked| calls(asked));
    let stage = Stage::new(db, script(turns.chain([says("It is done.")]))).await;
    stage.project("exit 0\n");
    for (name, text) in [
        ("a", "one\n"),
        ("b", "two\n"),
        ("c", "three\n"),
        ("d/e", "four\n"),
    ] {
        stage.put(name, text);
    }
    stage
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_a_command_changed_is_told_and_verified(db: PgPool) {
    let everything = "sed -i s/one/1/ a; rm b; mv c d/c; mkdir n; echo new > n/f; touch d/e; \
                      mkdir -p node_modules/x; echo generated > node_modules/x/i.js";
    let stage = stage(db, &[&[command(everything)]]).await;
    let run = stage.run("change the files, please").await;
    assert_eq!(
        lists(&run),
        json!({
            "modified": ["a"],
            "created": ["n/f"],
            "deleted": ["b"],
            "renamed": [{"from": "c", "to": "d/c"}],
            "complete": true,
        })
    );
    assert_eq!(run.outcome(), "success=true completed verification=passed");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_is_left_at_the_end_counts_by_tools_and_commands_alike(db: PgPool) {
    let write = json!({"path": "made", "content": "1\n"});
    let edit = json!({"path": "a", "old_text": "one", "new_text": "1"});
    let stage = stage(
        db,
        &[
            &[("write_file", write), ("edit_file", edit)],
            &[command("rm made; echo x > brief; mv a moved")],
            &[command("rm brief; rm b"), command("echo again > b")],
        ],
    )
    .await;
    let run = stage.run("change the files, please").await;
    assert_eq!(
        lists(&run),
        json!({
            "modified": ["b", "moved"],
            "created": [],
            "deleted": [],
            "renamed": [{"from": "a", "to": "moved"}],
            "complete": true,
        })
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_repository_is_compared_as_well_where_git_sees_no_change(db: PgPool) {
    let commit = "echo 1 > a; echo local > ignored; git commit -qam changed";
    let stage = stage(db, &[&[command(commit)]]).await;
    stage.put(".gitignore", "ignored\n");
    let folder = stage.path(".");
    for arguments in [
        &["init", "-q"][..],
        &["config", "user.name", "Ada"],
        &["config", "user.email", "ada@example.test"],
        &["add", "."],
        &["commit", "-qm", "begun"],
    ] {
        git(&folder, arguments);
    }
    // A difference from the last commit that was there before is no change of the run.
    stage.put("b", "changed by hand\n");
    let run = stage.run("change the files, please").await;
    let told = lists(&run);
    assert_eq!(told["modified"], json!(["a"]), "{:?}", run.results());
    assert_eq!(told["created"], json!(["ignored"]));
    assert_eq!(git(&folder, &["status", "--short", "a"]), "");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn checks_and_commands_that_read_change_nothing(db: PgPool) {
    let stage = stage(db, &[&[command("cat a")], &[command("touch a")]]).await;
    stage.project("date > checked\n");
    let run = stage.run("look at the files, please").await;
    assert_eq!(
        lists(&run),
        json!({ "modified": [], "created": [], "deleted": [], "renamed": [], "complete": true })
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_a_command_leaves_running_is_watched_and_checks_are_not(db: PgPool) {
    let leaves = "(until test -f go; do sleep 0.05; done; echo 2 > later) & echo 1 > first";
    let waits = "touch go; until test -f later; do sleep 0.05; done; rm go";
    let stage = stage(db, &[&[command(leaves)], &[command(waits)]]).await;
    // The first time is before the first command.
    stage.project("test -f checked && echo > checked-again; echo > checked\n");
    let run = stage.run("change the files, please").await;
    let told = lists(&run);
    assert_eq!(
        told["created"],
        json!(["first", "later"]),
        "{:?}",
        run.results()
    );
    assert!(stage.path("checked-again").exists());
}
