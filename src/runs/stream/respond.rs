//! A run's log as server-sent events: from any point, then live.
//!
//! A stream is a cursor over the log. It is woken when the log has grown, sends what comes after its
//! cursor, and holds no more than one small page of it: so no event is sent twice and none is left
//! out, however slow the client is, and whichever process works on the run.

use std::convert::Infallible;
use std::time::Duration;

use async_stream::stream;
use axum::response::{Response, sse};
use futures_util::Stream;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::auth::principal::Principal;
use crate::platform::ids::{OrgId, RunId};
use crate::platform::sse::frames::{HEARTBEAT, OpenStream, done, heartbeat, opening, respond};
use crate::runs::log::feed::{Follower, TELL_EVERY};
use crate::runs::log::store::events;
use crate::runs::log::store::events::Recorded;
use crate::runs::model::{EndOfLog, RunHead};
use crate::runs::store::runs;
use crate::runs::stream::source::RunStreams;
use crate::runs::stream::view::{Leaving, View};

/// The pause after the log could not be read.
const PAUSE: Duration = Duration::from_millis(500);

/// The number of events that a reader takes from the log at once.
const READ_BATCH: i64 = 200;
/// And how much of them, in bytes of text. A client that does not read holds this.
const READ_BYTES: i64 = 16 * 1024;

/// The stream of an interactive run. Its client leaving ends the run, because closing the connection
/// is how the clients' stop button works, unless the client said that it may leave.
pub fn interactive(
    streams: RunStreams,
    principal: Principal,
    run_id: RunId,
    may_leave: bool,
) -> Response {
    let org_id = principal.org_id.clone();
    let follower = streams.feed.follow(&org_id, run_id, 1);
    let leaving = (!may_leave).then(|| {
        Box::new(Leaving {
            streams: streams.clone(),
            principal,
            run_id,
            is_over: false,
        })
    });
    let view = View::Interactive { leaving };
    respond(frames(streams, org_id, run_id, 0, follower, view))
}

/// The stream of a job, or of any other run as a job, after a sequence number. Its client may come and
/// go.
pub fn job(streams: RunStreams, head: RunHead, after: i64, ends: CancellationToken) -> Response {
    let follower = streams
        .feed
        .follow(&head.org_id, head.run_id, head.last_sequence);
    // No client has seen events that are not there yet, whatever it says.
    let after = after.min(head.last_sequence);
    // No edit waits for events that the client has seen.
    follower.handed(after);
    let view = View::Job {
        kind: head.kind,
        seen: after,
        ends,
    };
    let (org_id, run_id) = (head.org_id, head.run_id);
    respond(frames(streams, org_id, run_id, after, follower, view))
}

fn frames(
    streams: RunStreams,
    org_id: OrgId,
    run_id: RunId,
    after: i64,
    mut follower: Follower,
    mut view: View,
) -> impl Stream<Item = Result<sse::Event, Infallible>> + Send + 'static {
    stream! {
        let open = OpenStream::new(&streams.metrics);
        let mut cursor = after;
        let mut last_sent = Instant::now();
        let mut looks = true;
        let mut telling = interval(TELL_EVERY);
        telling.set_missed_tick_behavior(MissedTickBehavior::Delay);
        yield Ok(opening());
        'log: loop {
            let page = page(&streams, &org_id, run_id, cursor, &follower).await;
            // Nothing where something must be: events this old were dropped by retention.
            let is_gone = page.as_ref().is_some_and(Vec::is_empty) && follower.head() > cursor;
            let is_stuck = page.is_none() || is_gone;
            for recorded in page.unwrap_or_default() {
                cursor = recorded.sequence;
                last_sent = Instant::now();
                let ends = view.ends_with(&recorded.event);
                if let Some(frame) = view.goes_on(run_id, &recorded.event) {
                    yield Ok(frame);
                }
                yield Ok(view.frame(run_id, &recorded));
                follower.handed(cursor);
                if ends {
                    break 'log;
                }
            }
            if !is_stuck && follower.head() > cursor {
                continue;
            }
            // The end of a run is an event, unless the client had seen it before it came, or its run
            // was ended by other means. So this is not asked with every event.
            if (std::mem::take(&mut looks) || is_gone)
                && matches!(view, View::Job { .. })
                && Box::pin(is_over(&streams, &org_id, run_id, cursor, is_gone)).await
            {
                break 'log;
            }
            let cursor = if is_stuck { None } else { Some(cursor) };
            let next = next(&mut follower, cursor, last_sent + HEARTBEAT, &view);
            let next = tokio::select! {
                next = next => next,
                _ = telling.tick() => Next::Tell,
            };
            match next {
                Next::Look => {}
                Next::Tell => follower.tell(),
                Next::Heartbeat => {
                    looks = true;
                    last_sent = Instant::now();
                    yield Ok(heartbeat(streams.clock.millis()));
                }
                // Not the end of the run: without `[DONE]` the client connects again.
                Next::ProcessEnds => return,
            }
        }
        match &mut view {
            // The rest of the stream cannot cancel the run any more.
            View::Interactive { leaving } => {
                if let Some(leaving) = leaving {
                    leaving.is_over = true;
                }
            }
            View::Job { seen, .. } => {
                if let Some(frame) =
                    Box::pin(job_terminal(&streams, &org_id, run_id, *seen)).await
                {
                    yield Ok(frame);
                }
            }
        }
        drop(open);
        yield Ok(done());
    }
}

/// The next thing to do for a stream.
enum Next {
    /// Something may be there to be sent.
    Look,
    /// The process that works on the run has to hear that it is followed.
    Tell,
    /// Nothing, for so long that the client has to hear from us.
    Heartbeat,
    /// This process ends.
    ProcessEnds,
}

/// Waits until the log reaches beyond the cursor or, without one, for a moment.
async fn next(
    follower: &mut Follower,
    cursor: Option<i64>,
    heartbeat: Instant,
    view: &View,
) -> Next {
    let ends = async {
        match view {
            View::Interactive { .. } => std::future::pending().await,
            View::Job { ends, .. } => ends.cancelled().await,
        }
    };
    let moved = async {
        match cursor {
            Some(cursor) => follower.beyond(cursor).await,
            None => sleep(PAUSE).await,
        }
    };
    tokio::select! {
        moved = timeout_at(heartbeat, moved) => match moved {
            Ok(()) => Next::Look,
            Err(_) => Next::Heartbeat,
        },
        () = ends => Next::ProcessEnds,
    }
}

/// The events after the cursor: the newest from the run's shared memory, others from the log. Nothing
/// when the database is away for a moment: it is waited for, and the client has its heartbeats.
async fn page(
    streams: &RunStreams,
    org_id: &OrgId,
    run_id: RunId,
    cursor: i64,
    follower: &Follower,
) -> Option<Vec<Recorded>> {
    if let Some(recorded) = follower.recent(cursor) {
        return Some(vec![Recorded::clone(&recorded)]);
    }
    if follower.head() <= cursor {
        return Some(Vec::new());
    }
    // Futures that ask the database are on the heap: a stream seldom does, and would hold its room all the time.
    match Box::pin(events_after(streams, org_id, run_id, cursor)).await {
        Ok(recorded) => Some(recorded),
        Err(error) => {
            tracing::warn!(run.id = %run_id, ?error, "a stream waits for the database");
            None
        }
    }
}

/// The events after a sequence number, in order, as many as a reader should hold at once.
async fn events_after(
    streams: &RunStreams,
    org_id: &OrgId,
    run_id: RunId,
    sequence: i64,
) -> sqlx::Result<Vec<Recorded>> {
    let mut conn = streams.db.acquire().await?;
    events::after(&mut conn, org_id, run_id, sequence, READ_BATCH, READ_BYTES).await
}

/// The end of a run that is over; none before.
async fn end_of(
    streams: &RunStreams,
    org_id: &OrgId,
    run_id: RunId,
) -> sqlx::Result<Option<EndOfLog>> {
    let mut conn = streams.db.acquire().await?;
    runs::end(&mut conn, org_id, run_id).await
}

/// True if the run is over and everything of its log was sent, or the unsent part is gone. A database that is
/// away says nothing.
async fn is_over(
    streams: &RunStreams,
    org_id: &OrgId,
    run_id: RunId,
    cursor: i64,
    is_gone: bool,
) -> bool {
    let end = end_of(streams, org_id, run_id).await;
    matches!(end, Ok(Some(end)) if cursor >= end.last_sequence || is_gone)
}

/// The frame that ends the stream of a job, unless its client had seen the end when it came. It is
/// not part of the log, so it has no id.
async fn job_terminal(
    streams: &RunStreams,
    org_id: &OrgId,
    run_id: RunId,
    seen: i64,
) -> Option<sse::Event> {
    let end = end_of(streams, org_id, run_id).await.ok().flatten()?;
    if seen >= end.last_sequence {
        return None;
    }
    let data = json!({
        "type": "job_terminal",
        "job_id": run_id,
        "job_status": end.status,
        "sequence": end.last_sequence.max(1),
        "timestamp": streams.clock.millis(),
    });
    Some(sse::Event::default().data(data.to_string()))
}
