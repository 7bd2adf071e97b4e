//! The other ends of connections, and answers that must not come from a run's own processes.
//!
//! A command that reads a token, or forges one, could answer the question that was asked about it.
//! The answering process is looked up where it can be known: at the other end of a connection within this
//! machine. Behind a proxy the other end is the proxy.

use std::net::SocketAddr;

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::audit::recording::clearance::Clearance;
use crate::exec::peer::origin::is_of_a_run;
use crate::platform::problem::Problem;

/// Both ends of the connection that a request came over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionEnds {
    /// The client's.
    pub remote: SocketAddr,
    /// Ours.
    pub local: SocketAddr,
}

/// Refuses what changes something and comes from a process that a run started.
pub async fn refuse_own_processes(mut request: Request, next: Next) -> Response {
    if request.method() == Method::GET {
        return next.run(request).await;
    }
    let ends = request.extensions().get::<ConnectionEnds>().copied();
    let clearance = request.extensions().get::<Clearance>().cloned();
    let Some(clearance) = clearance.filter(Clearance::is_waited_for) else {
        return match refusal(ends).await {
            Some(refusal) => refusal,
            None => next.run(request).await,
        };
    };
    let (clearing, clearance) = clearance.and();
    request.extensions_mut().insert(clearance);
    let look = async {
        if let Some(refusal) = refusal(ends).await {
            return Err(refusal);
        }
        clearing.give();
        Ok(())
    };
    let answer = async { Ok(next.run(request).await) };
    match tokio::try_join!(look, answer) {
        Ok(((), answer)) => answer,
        Err(refusal) => refusal,
    }
}

/// The refusal of a process of a run; none for any other sender.
async fn refusal(ends: Option<ConnectionEnds>) -> Option<Response> {
    if !comes_from_a_run(ends).await {
        return None;
    }
    tracing::warn!("a process of a run tried to answer in place of a person");
    let problem = Problem::new(
        StatusCode::FORBIDDEN,
        "answered-by-a-run",
        "a person answers this, and not a process that a run started",
    );
    Some(problem.into_response())
}

async fn comes_from_a_run(ends: Option<ConnectionEnds>) -> bool {
    let Some(ConnectionEnds { remote, local }) = ends else {
        return false;
    };
    let look = tokio::task::spawn_blocking(move || is_of_a_run(remote, local));
    // A peer that cannot be looked up is not trusted.
    look.await.unwrap_or(true)
}
