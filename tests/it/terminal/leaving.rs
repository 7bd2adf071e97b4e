//! Ctrl-C, and how a run is found and gone on with.

use sqlx::PgPool;

use crate::runs::stage::says;
use crate::terminal::stage::{Desk, hangs, writes};

const RUN: &[&str] = &["agent", "run", "write the notes", "--no-verify"];

/// The status of each run, the first one first.
async fn statuses(db: &PgPool) -> Vec<String> {
    let query = "select status from runs order by created_at";
    sqlx::query_scalar(query).fetch_all(db).await.unwrap()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn who_leaves_is_told_what_changed_and_how_to_go_on_and_these_ways_work(db: PgPool) {
    let desk = Desk::new(&db, [writes("notes", "one\n"), hangs()]);
    let mut terminal = desk.sits(100, RUN);
    terminal.sees("✓ notes").await;
    terminal.types("\u{3}");
    assert_eq!(terminal.ends().await, Some(130), "{}", terminal.text());
    let (text, id) = (terminal.text(), terminal.run_id());
    assert!(text.contains("Changed: 1 file"), "{text}");
    assert!(text.contains("+one"), "{text}");
    assert!(
        text.contains("✗ Not done: it was cancelled; 1 file changed"),
        "{text}"
    );
    assert!(
        text.contains("\nCost: ") && !text.contains("canceled"),
        "{text}"
    );
    for way in [
        format!("navi agent resume {id}"),
        format!("navi agent show {id}"),
        "navi agent list".to_owned(),
    ] {
        assert!(text.contains(&way), "{way}: {text}");
    }
    assert_eq!(statuses(&db).await, ["canceled"]);

    let listed = desk.run(&["agent", "list"]).await;
    assert_eq!(listed.code, 0, "{listed:?}");
    assert!(listed.out.starts_with(&id), "{listed:?}");
    assert!(
        listed.out.contains("  cancelled\n    write the notes · "),
        "{listed:?}"
    );

    let shown = desk.run(&["agent", "show", &id]).await;
    assert_eq!(shown.code, 0, "{shown:?}");
    for part in [
        "Task: write the notes",
        "▸ write_file notes",
        "Not done: it was cancelled; 1 file changed",
    ] {
        assert!(shown.out.contains(part), "{part}: {shown:?}");
    }

    desk.plays([writes("notes", "one\ntwo\n"), says("Both are there.")]);
    let other = ["agent", "resume", &id, "--model", "scripted/dmo"];
    let refused = desk.run(&other).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(
        refused.error.contains("did you mean `scripted/demo`?"),
        "{refused:?}"
    );
    let resumed = desk.run(&["agent", "resume", &id, "--no-verify"]).await;
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert!(
        resumed
            .error
            .contains("is over (cancelled), so a new one goes on"),
        "{resumed:?}"
    );
    assert!(resumed.out.contains("+two"), "{resumed:?}");
    assert_eq!(statuses(&db).await, ["canceled", "completed"]);
    let told = "select task from runs order by created_at desc limit 1";
    let told: String = sqlx::query_scalar(told).fetch_one(&db).await.unwrap();
    assert!(
        told.contains("cancelled by its user.\nIt created `notes`.")
            && told.contains("write the notes"),
        "{told}"
    );
    let talks = "select count(distinct conversation_id) from runs";
    let talks: i64 = sqlx::query_scalar(talks).fetch_one(&db).await.unwrap();
    assert_eq!(talks, 1);
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_whose_command_was_killed_goes_on_where_it_was(db: PgPool) {
    let desk = Desk::new(&db, [writes("notes", "one\n"), hangs()]);
    let mut terminal = desk.sits_with(100, RUN, &[("NAVI_LEASE_SECONDS", "2")]);
    terminal.sees("✓ notes").await;
    terminal.kill();
    let id = terminal.run_id();
    desk.plays([writes("notes", "one\n"), says("It is there.")]);
    let other = ["agent", "resume", &id, "--model", "scripted/demo"];
    let refused = desk.run(&other).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.error.contains("keeps its model"), "{refused:?}");
    let resumed = desk.run(&["agent", "resume", &id, "--no-verify"]).await;
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert!(
        resumed.error.contains("goes on where it was"),
        "{resumed:?}"
    );
    assert!(resumed.out.contains("It is there."), "{resumed:?}");
    assert!(
        resumed.out.contains("Changed before it went on: notes."),
        "{resumed:?}"
    );
    assert_eq!(statuses(&db).await, ["completed"]);
    let again = desk.run(&["agent", "resume", &id]).await;
    assert_eq!(again.code, 2, "{again:?}");
    assert!(
        again.error.contains("say what else is to be done"),
        "{again:?}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_id_that_no_run_has_is_said_so(db: PgPool) {
    let desk = Desk::new(&db, [says("Done.")]);
    let unknown = "01977777-7777-7777-8777-777777777777";
    for command in ["show", "resume"] {
        let said = desk.run(&["agent", command, unknown]).await;
        assert_eq!(said.code, 1, "{said:?}");
        let words = format!("run `{unknown}` not found");
        assert!(said.error.contains(&words), "{said:?}");
        let said = desk.run(&["agent", command, "RUN_ID"]).await;
        assert_eq!(said.code, 2, "{said:?}");
    }
    let said = desk.run(&["agent", "list"]).await;
    assert_eq!(said.out, "No run was begun yet.\n", "{said:?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_beginning_of_an_id_names_a_run(db: PgPool) {
    let desk = Desk::new(&db, [says("It counts pages.")]);
    for _ in 0..2 {
        let said = desk.run(&["agent", "run", "what does it do?"]).await;
        assert_eq!(said.code, 0, "{said:?}");
    }
    let listed = desk.run(&["agent", "list"]).await.out;
    let ids: Vec<&str> = listed.lines().step_by(2).map(|line| &line[..36]).collect();
    let (one, other) = (ids[0], ids[1]);
    let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b);
    let same = same.count();
    let shown = desk.run(&["agent", "show", &one[..=same]]).await;
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(shown.out.starts_with(one), "{shown:?}");
    let resumed = desk
        .run(&["agent", "resume", &one[..=same], "and why?"])
        .await;
    assert_eq!(resumed.code, 0, "{resumed:?}");
    let both = desk.run(&["agent", "show", &one[..same]]).await;
    assert_eq!(both.code, 2, "{both:?}");
    assert!(
        both.error.contains(one) && both.error.contains(other),
        "{both:?}"
    );
    let none = desk.run(&["agent", "show", "ffff"]).await;
    assert_eq!(none.code, 1, "{none:?}");
    assert!(none.error.contains("run `ffff` not found"), "{none:?}");
}
