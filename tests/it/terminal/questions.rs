//! Questions to the person: on a terminal, and without one.

use sqlx::PgPool;

use crate::runs::stage::says;
use crate::terminal::stage::{Desk, runs};

/// A command that asks under every setting.
const REMOVES: &str = "rm -rf old";
const ASKS: &str = "[y]es [a]lways [t]ype [N]o [c]ommand >";

fn desk(db: &PgPool) -> Desk {
    let desk = Desk::new(db, [runs(REMOVES), says("Done.")]);
    desk.put("old/a", "1\n");
    desk.put("old/b", "2\n");
    desk
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_slip_of_the_finger_is_asked_again_and_a_capital_letter_is_a_letter(db: PgPool) {
    let desk = desk(&db);
    let mut terminal = desk.sits(200, &["agent", "run", "tidy up", "--no-verify"]);
    terminal.sees(ASKS).await;
    terminal.types("q\n");
    terminal
        .sees("`q` is none of these; a command comes after `c`")
        .await;
    assert!(desk.workspace().join("old").exists());
    terminal.types("Y\n");
    assert_eq!(terminal.ends().await, Some(0), "{}", terminal.text());
    assert!(
        !desk.workspace().join("old").exists(),
        "{}",
        terminal.text()
    );
    assert_eq!(
        terminal.text().matches(ASKS).count(),
        2,
        "{}",
        terminal.text()
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_command_runs_only_after_its_letter(db: PgPool) {
    let desk = desk(&db);
    let mut terminal = desk.sits(200, &["agent", "run", "tidy up", "--no-verify"]);
    terminal.sees(ASKS).await;
    terminal.types("c\n");
    terminal.sees("the command to run instead >").await;
    terminal.types("ls old\n");
    terminal.ends().await;
    assert!(desk.workspace().join("old/a").exists());
    assert!(
        terminal.text().contains("alternative"),
        "{}",
        terminal.text()
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn nothing_typed_is_a_no(db: PgPool) {
    let desk = desk(&db);
    let mut terminal = desk.sits(200, &["agent", "run", "tidy up"]);
    terminal.sees(ASKS).await;
    terminal.types("\n");
    assert_eq!(terminal.ends().await, Some(1), "{}", terminal.text());
    assert!(desk.workspace().join("old/a").exists());
    assert!(
        terminal.text().contains("1 consent was denied"),
        "{}",
        terminal.text()
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn where_nobody_sits_nobody_is_said_to_have_denied(db: PgPool) {
    let desk = desk(&db);
    let said = desk.run(&["agent", "run", "tidy up"]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.out.contains("needs a person; nothing was asked"),
        "{said:?}"
    );
    assert!(
        said.out
            .contains("1 question needs a person and was not asked"),
        "{said:?}"
    );
    assert!(!said.out.contains("denied"), "{said:?}");
    assert!(!said.out.contains("May this run?"), "{said:?}");
    assert!(!said.out.contains("tool call failed"), "{said:?}");
    assert!(
        said.out
            .contains("; --yes-to deletes-many answers with yes"),
        "{said:?}"
    );
    assert!(desk.workspace().join("old/a").exists());
    let said = desk.run(&["agent", "run", "tidy up", "--json"]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains(r#""decision":"unasked""#), "{said:?}");
    assert!(
        said.out
            .contains(r#""error":"needs a person; nothing was asked, and nothing was run."#),
        "{said:?}"
    );
    assert!(!said.out.contains("denied this"), "{said:?}");
    assert_eq!(said.verdict(), (false, "failed".to_owned()), "{said:?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_choices_are_told_and_a_long_command_is_folded(db: PgPool) {
    let long = "rm -rf old && echo 'a sentence  that is longer than a terminal is wide'";
    let desk = Desk::new(&db, [runs(long), says("Done.")]);
    desk.put("old/a", "1\n");
    desk.put("old/b", "2\n");
    let mut terminal = desk.sits(50, &["agent", "run", "tidy up", "--no-verify"]);
    terminal.sees(ASKS).await;
    let lines = terminal.lines();
    let begin = lines
        .iter()
        .position(|line| line == "May this run?")
        .unwrap();
    let asked = &lines[begin + 1..];
    let command: Vec<_> = asked
        .iter()
        .take_while(|line| line.starts_with("  │ ") || line.starts_with("  ┆ "))
        .map(|line| line.chars().skip(4).collect::<String>())
        .collect();
    assert!(command.len() > 1, "{asked:?}");
    // The blank at which it was folded stands at the end of a line.
    assert_eq!(command.join(" "), long, "{asked:?}");
    for choice in ["  y  yes, this once", "  n  no; Enter alone is the same"] {
        assert!(
            asked.iter().any(|line| line == choice),
            "{choice}: {asked:?}"
        );
    }
    assert!(
        asked.iter().all(|line| line.chars().count() <= 50),
        "{asked:?}"
    );
    terminal.types("n\n");
    terminal.ends().await;
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_questions_of_a_named_rule_are_answered_with_yes(db: PgPool) {
    let desk = desk(&db);
    let task = ["agent", "run", "tidy up", "--no-verify", "--yes-to"];
    let said = desk.run(&[&task[..], &["delets-many"]].concat()).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.error.contains("did you mean `deletes-many`?"),
        "{said:?}"
    );
    let said = desk.run(&[&task[..], &["privilege"]].concat()).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(desk.workspace().join("old/a").exists());
    let said = desk.run(&[&task[..], &["deletes-many"]].concat()).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("allowed by --yes-to"), "{said:?}");
    assert!(!desk.workspace().join("old").exists());
}
