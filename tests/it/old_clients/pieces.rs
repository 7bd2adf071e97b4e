//! The extension drops a piece of text that equals the one before it within a second and a half.

use axum::http::Method;
use navi::llm::script::{Script, Turn};
use sqlx::PgPool;

use crate::runs::stage::{Stage, script};
use crate::runs::stream::EventStream;
use crate::support::client::json_request;

const SAID: [&str; 6] = ["0 ", "0 ", "0 ", "0 ", "end", "end"];

fn turn() -> Turn {
    Turn {
        say: SAID.map(str::to_owned).into(),
        // Each piece is old enough to be shown by itself.
        delay_ms: 150,
        ..Turn::default()
    }
}

/// The text as the extension puts it together, if no piece is dropped.
fn text(pieces: &[&str]) -> String {
    assert!(pieces.len() > 1, "{pieces:?}");
    for pair in pieces.windows(2) {
        assert_ne!(pair[0], pair[1], "{pieces:?}");
    }
    pieces.concat()
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn no_two_pieces_of_a_run_are_equal(db: PgPool) {
    let stage = Stage::new(db, script([turn()])).await;
    let run = stage.run("count to the end, please").await;
    let events = run.events("text");
    let pieces = events.iter().map(|event| event["text"].as_str().unwrap());
    assert_eq!(text(&pieces.collect::<Vec<_>>()), SAID.concat());
}

#[sqlx::test(migrator = "navi::platform::db::MIGRATOR")]
async fn no_two_pieces_of_a_chat_are_equal(db: PgPool) {
    let chat = script([turn(), turn()]);
    let stage = Stage::new(db, Script { plan: None, ..chat }).await;
    for (path, key) in [
        ("/api/navi/chat/stream/v2", "text"),
        ("/api/navi/chat/stream", "content"),
    ] {
        let request = json_request(Method::POST, path, &stage.body("count"));
        let response = stage.planner().send(request).await;
        let mut stream = EventStream::new(response.into_body().into_data_stream());
        stream.rest().await;
        let frames = stream.frames.iter().map(|frame| &frame.data);
        let pieces = frames.filter_map(|data| data[key].as_str());
        assert_eq!(text(&pieces.collect::<Vec<_>>()), SAID.concat(), "{path}");
    }
}
