//! The screen: lines that fit, whole words, a sign of life, and no log.

use navi::llm::script::Turn;
use sqlx::PgPool;

use crate::runs::stage::says;
use crate::terminal::stage::{Desk, runs, said, writes};

const COLUMNS: u16 = 60;
const WORDS: &str = "The last, shorter page is missing because the division drops the remainder, so \
                     twenty-one items on pages of ten make two pages and not three; it has to round up.";

/// A turn that says the words in pieces that end within words.
fn tells() -> Turn {
    let pieces: Vec<String> = WORDS
        .as_bytes()
        .chunks(7)
        .map(|piece| String::from_utf8_lossy(piece).into_owned())
        .collect();
    let mut turn =
        runs("echo 'a line of output that is a good deal longer than the terminal is wide'");
    turn.say = pieces;
    turn
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn on_a_narrow_terminal_nothing_is_broken_within_a_word(db: PgPool) {
    let turns = [tells(), writes("notes", "one\n"), says("Done.")];
    let desk = Desk::new(&db, turns);
    let mut terminal = desk.sits(COLUMNS, &["agent", "run", "look", "--no-verify"]);
    assert_eq!(terminal.ends().await, Some(0), "{}", terminal.text());
    let lines = terminal.lines();
    // The lines before are about the machine: the path of the log.
    let from = lines.iter().position(|line| line.starts_with("Model: "));
    for line in &lines[from.unwrap()..] {
        assert!(
            line.chars().count() <= usize::from(COLUMNS),
            "{line}\n{}",
            terminal.text()
        );
    }
    let told = lines.join(" ");
    assert!(told.contains(WORDS), "{told}");
    let cost = lines.iter().position(|line| line.starts_with("Cost: "));
    let table = &lines[cost.unwrap() + 1..];
    assert!(
        table[0].contains("phase") && table[0].contains("cost"),
        "{table:?}"
    );
    assert!(table[1].contains("scripted/demo"), "{table:?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_time_runs_while_the_model_works_and_is_gone_afterwards(db: PgPool) {
    let mut slow = says("It is there.");
    slow.delay_ms = 4_000;
    let desk = Desk::new(&db, [slow]);
    let mut terminal = desk.sits(80, &["agent", "run", "look"]);
    terminal.sees("1 s · the model works").await;
    terminal.sees("2 s · the model works").await;
    assert_eq!(terminal.ends().await, Some(0), "{}", terminal.text());
    let left = terminal.lines().join("\n");
    assert!(!left.contains("the model works"), "{left}");
    let said = desk.run(&["agent", "run", "look"]).await;
    assert!(!said.out.contains("the model works"), "{said:?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn lines_of_the_log_do_not_cut_into_what_is_shown(db: PgPool) {
    let desk = Desk::new(&db, [says("It is there.")]);
    let loud = [("LOG_LEVEL", "debug")];
    let mut terminal = desk.sits_with(200, &["agent", "run", "look"], &loud);
    assert_eq!(terminal.ends().await, Some(0), "{}", terminal.text());
    let file = desk.place.data().join("agent.log");
    let text = terminal.text();
    assert!(
        text.ends_with(&format!("The log of it is in {}\r\n", file.display())),
        "{text}"
    );
    assert!(!text.contains("DEBUG") && !text.contains("INFO"), "{text}");
    let log = std::fs::read_to_string(file).unwrap();
    assert!(log.contains(" INFO "), "{log}");
    let mut command = desk.command(&["agent", "run", "look"]);
    command.envs(loud);
    let plain = said(command).await;
    assert!(plain.error.contains(" INFO "), "{plain:?}");
    let mut quiet = desk.sits(200, &["agent", "run", "look"]);
    assert_eq!(quiet.ends().await, Some(0), "{}", quiet.text());
    assert!(quiet.lines()[0].starts_with("Model: "), "{}", quiet.text());
    assert!(!quiet.text().contains("The log"), "{}", quiet.text());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn what_others_change_meanwhile_is_not_shown_as_the_runs(db: PgPool) {
    let mut slow = says("It is there.");
    slow.delay_ms = 3_000;
    let desk = Desk::new(&db, [writes("notes", "one\n"), slow]);
    let mut terminal = desk.sits(80, &["agent", "run", "look", "--no-verify"]);
    terminal.sees("✓ notes").await;
    desk.put("theirs", "two\n");
    assert_eq!(terminal.ends().await, Some(0), "{}", terminal.text());
    let text = terminal.text();
    assert!(
        text.contains("Changed: 1 file") && text.contains("+one"),
        "{text}"
    );
    assert!(
        text.contains("1 other file changed meanwhile, and not by the run."),
        "{text}"
    );
    assert!(!text.contains("+two"), "{text}");
}
