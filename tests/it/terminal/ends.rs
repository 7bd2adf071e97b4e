//! The end of a run, in words and by its exit code, without a terminal.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::runs::stage::{calls, says};
use crate::terminal::stage::{Desk, writes};

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn checked_work_is_done_and_its_cost_is_told(db: PgPool) {
    let desk = Desk::new(&db, [writes("value", "5\n"), says("It is 5 now.")]);
    desk.checked_project();
    let said = desk.run(&["agent", "run", "make it 5"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out
            .contains("Done; 1 file changed, the project's checks pass;"),
        "{said:?}"
    );
    assert!(said.out.contains("\nCost: 2 calls, "), "{said:?}");
    assert!(!said.out.contains("llm_metrics"), "{said:?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_the_model_calls_done_is_not_where_every_tool_failed(db: PgPool) {
    let reads = calls(&[("read_file", json!({"path": "missing"}))]);
    let desk = Desk::new(&db, [reads, says("Done.")]);
    let said = desk.run(&["agent", "run", "look"]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.out.contains(
            "✗ The model says done; 0 files changed, nothing was checked, the only tool call failed;"
        ),
        "{said:?}"
    );
    let json = desk.run(&["agent", "run", "look", "--json"]).await;
    assert_eq!(json.code, 1, "{json:?}");
    let frames = json.out.lines().map(serde_json::from_str::<Value>);
    assert!(frames.map(Result::unwrap).count() > 3, "{json:?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_write_that_is_refused_is_told_and_no_success(db: PgPool) {
    let looks = calls(&[("list_directory", json!({"path": "."}))]);
    let desk = Desk::new(&db, [looks, writes("../outside", "x"), says("Done.")]);
    let said = desk.run(&["agent", "run", "write"]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.out.contains("`../outside` could not be written"),
        "{said:?}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn work_that_nothing_checked_is_partly_done_unless_no_check_was_wanted(db: PgPool) {
    let desk = Desk::new(&db, [writes("notes", "one\n"), says("Done.")]);
    let said = desk.run(&["agent", "run", "write notes"]).await;
    assert_eq!(said.code, 4, "{said:?}");
    assert!(
        said.out
            .contains("✗ The model says done; 1 file changed, nothing was checked;"),
        "{said:?}"
    );
    assert!(said.out.contains("`navi agent resume "), "{said:?}");
    assert!(said.out.contains(" \"what else\"` goes on"), "{said:?}");
    desk.plays([writes("notes", "two\n"), says("Done.")]);
    let said = desk
        .run(&["agent", "run", "write notes", "--no-verify"])
        .await;
    assert_eq!(said.code, 0, "{said:?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_answer_is_done_although_nothing_changed(db: PgPool) {
    let desk = Desk::new(&db, [says("It counts pages.")]);
    let said = desk.run(&["agent", "run", "what does it do?"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(
        said.out
            .contains("✓ The model says done; 0 files changed, nothing was checked;"),
        "{said:?}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_list_and_the_frames_agree_with_the_exit_code(db: PgPool) {
    let reads = calls(&[("read_file", json!({"path": "missing"}))]);
    let desk = Desk::new(&db, [reads, says("Done.")]);
    let failed = desk.run(&["agent", "run", "look", "--json"]).await;
    assert_eq!(
        (failed.code, failed.verdict()),
        (1, (false, "failed".into()))
    );
    desk.plays([writes("notes", "one\n"), says("Done.")]);
    let partly = desk.run(&["agent", "run", "write", "--json"]).await;
    assert_eq!(
        (partly.code, partly.verdict()),
        (4, (true, "partly".into()))
    );
    let listed = desk.run(&["agent", "list"]).await.out;
    let states: Vec<_> = listed.lines().step_by(2).collect();
    assert!(states[0].ends_with("  partly done"), "{listed}");
    assert!(states[1].ends_with("  not done"), "{listed}");
}
