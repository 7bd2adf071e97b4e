//! Servers that are found, and servers that are not there.

use std::time::Duration;

use nix::sys::signal::Signal;
use sqlx::PgPool;

use crate::runs::stage::says;
use crate::terminal::stage::{Desk, hangs, writes};

const RUN: &[&str] = &["agent", "run", "write the notes", "--no-verify"];

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_over_the_same_data_folder_is_found_and_does_the_work(db: PgPool) {
    let desk = Desk::new(&db, [writes("notes", "one\n"), says("It is there.")]);
    let mut served = desk.place.serve(&[]).await;
    let asked = format!(
        "A server runs over this data folder and is asked: {}",
        served.url
    );
    for flags in [&[][..], &["--server"], &["--server", &served.url]] {
        let said = desk.run(&[RUN, flags].concat()).await;
        assert_eq!(said.code, 0, "{said:?}");
        assert_eq!(said.error.contains(&asked), flags.len() < 2, "{said:?}");
        assert!(said.out.contains("\nCost: "), "{said:?}");
    }
    let log = served.log();
    assert!(log.contains("/api/navi/chat/autonomous"), "{log}");
    let listed = desk.run(&["agent", "list", "--server"]).await;
    assert_eq!(
        listed.out.matches("the model says done").count(),
        3,
        "{listed:?}"
    );

    served.signal(Signal::SIGTERM);
    served.gone(Duration::from_mins(1)).await;
    let said = desk.run(&[RUN, &["--server"]].concat()).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.error.contains("no server runs over the data folder"),
        "{said:?}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_run_of_a_server_is_left_and_gone_on_with_over_it(db: PgPool) {
    let desk = Desk::new(&db, [writes("notes", "one\n"), hangs()]);
    let mut served = desk.place.serve(&[]).await;
    let mut terminal = desk.sits(100, RUN);
    terminal.sees("✓ notes").await;
    terminal.types("\u{3}");
    assert_eq!(terminal.ends().await, Some(130), "{}", terminal.text());
    let id = terminal.run_id();
    served.kill();
    desk.plays([writes("notes", "two\n"), says("It is there.")]);
    let _served = desk.place.serve(&[]).await;
    let shown = desk.run(&["agent", "show", &id]).await;
    assert!(
        shown.out.contains("Not done: it was cancelled"),
        "{shown:?}"
    );
    let resumed = desk.run(&["agent", "resume", &id, "--no-verify"]).await;
    assert_eq!(resumed.code, 0, "{resumed:?}");
    assert!(resumed.out.contains("+two"), "{resumed:?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn an_address_where_nothing_listens_is_said_in_words(db: PgPool) {
    let desk = Desk::new(&db, [says("Done.")]);
    let server = ["--server", "http://127.0.0.1:9", "--token", "t"];
    let said = desk.run(&[RUN, &server].concat()).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(
        said.error,
        "navi: Nothing listens on http://127.0.0.1:9. Is `navi serve` running there?\n"
    );
    let said = desk.run(&[RUN, &server[..2]].concat()).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.error.contains("it needs a token"), "{said:?}");
}
