//! The stand-in's answers: whatever the path, a request is for one.

use std::convert::Infallible;
use std::io;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::StreamExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::load::stand_in::play::ScriptPlayer;

/// Answers until it is to stop.
pub async fn serve(
    listener: TcpListener,
    player: ScriptPlayer,
    stopping: CancellationToken,
) -> io::Result<()> {
    let answering = post(answer)
        .layer(DefaultBodyLimit::disable())
        .with_state(player);
    axum::serve(listener, answering)
        .with_graceful_shutdown(stopping.cancelled_owned())
        .await
}

async fn answer(State(player): State<ScriptPlayer>, body: Bytes) -> Response {
    let Ok(request) = serde_json::from_slice(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let frames = player.play(&request, body.len()).map(Ok::<_, Infallible>);
    let headers = [(CONTENT_TYPE, "text/event-stream")];
    (headers, Body::from_stream(frames)).into_response()
}
