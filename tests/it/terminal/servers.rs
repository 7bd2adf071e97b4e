//! Servers that are found, and servers that are not there.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use sqlx::PgPool;

use crate::runs::stage::says;
use crate::support::app::AUDIT_KEY;
use crate::terminal::stage::{Desk, hangs, said, writes};

const RUN: &[&str] = &["agent", "run", "write the notes", "--no-verify"];

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_over_the_same_data_folder_is_found_and_does_the_work(db: PgPool) {
    let desk = Desk::new(&db, [writes("notes", "one\n"), says("It is there.")]);
    let mut served = desk.place.serve(&[]).await;
    let asked = format!(
        "A server runs over this data folder and is asked, under its own settings: {}",
        served.url
    );
    for flags in [&[][..], &["--server"], &["--server", &served.url]] {
        let said = desk.run(&[RUN, flags].concat()).await;
        assert_eq!(said.code, 0, "{said:?}");
        assert_eq!(said.error.contains(&asked), flags.len() < 2, "{said:?}");
        assert!(said.out.contains("\nCost: "), "{said:?}");
    }
    let address = served
        .url
        .trim_start_matches("http://")
        .trim_end_matches('/');
    let second = desk.run(&["serve", "--bind", address]).await;
    assert_eq!(second.code, 1, "{second:?}");
    let neighbour = "a server over the same data folder listens on http://127.0.0.1:";
    assert!(second.error.contains(neighbour), "{second:?}");
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
    // A token would not help.
    let without = desk.run(&[RUN, &server[..2]].concat()).await;
    assert_eq!((without.code, without.error), (1, said.error));
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_that_is_not_navi_is_told_apart(db: PgPool) {
    let desk = Desk::new(&db, [says("Done.")]);
    for (status, body) in [("501 Not Implemented", "<html>"), ("200 OK", "<html>")] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || answer_all(&listener, status, body));
        let server = ["--server", &address, "--token", "t"];
        for flags in [&server[..], &server[..2]] {
            let said = desk.run(&[RUN, flags].concat()).await;
            assert_eq!(said.code, 1, "{said:?}");
            let words = format!("what listens on {address} is not NAVI");
            assert!(said.error.contains(&words), "{said:?}");
        }
    }
}

/// Answers every request with the same.
fn answer_all(listener: &TcpListener, status: &str, body: &str) {
    for mut connection in listener.incoming().flatten() {
        let _request = connection.read(&mut [0; 4096]);
        let length = body.len();
        let _gone = write!(
            connection,
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        );
    }
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_token_without_a_server_is_not_ignored(db: PgPool) {
    let desk = Desk::new(&db, [says("Done.")]);
    let said = desk.run(&[RUN, &["--token", "t"]].concat()).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.error.contains("a token is for a server that runs"),
        "{said:?}"
    );
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn a_server_of_others_needs_a_token(db: PgPool) {
    let desk = Desk::new(&db, [says("Done.")]);
    let served = desk.place.serve(&[]).await;
    let mut command = desk.command(&[RUN, &["--server", &served.url]].concat());
    command.env(
        "NAVI_DATA_DIR",
        desk.place.data().with_file_name("elsewhere"),
    );
    let refused = said(command).await;
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.error.contains("it needs a token"), "{refused:?}");
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn the_token_of_the_readme_reaches_the_folders_of_the_terminal(db: PgPool) {
    let readme = include_str!("../../../README.md");
    let (_, mint) = readme.split_once("$(scripts/run.sh ").unwrap();
    let (mint, _) = mint.split_once(')').unwrap();
    let mint: Vec<&str> = mint.split(' ').collect();
    let desk = Desk::new(&db, [says("It is there.")]);
    let said = desk.run(RUN).await;
    assert_eq!(said.code, 0, "{said:?}");
    let token = desk.run(&mint).await;
    let mut served = desk
        .place
        .serve(&["--audit-encryption-key", AUDIT_KEY])
        .await;
    token.out.trim().clone_into(&mut served.token);
    let body = json!({"message": "and now?", "workspace_path": desk.workspace()});
    let (status, answer) = served.post("/api/jobs", &body).await;
    assert_eq!(status, 200, "{answer}\n{}", served.log());
}
