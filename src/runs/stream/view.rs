//! Who looks at a run, and so what its events look like and where they end.

use axum::response::sse;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::auth::principal::Principal;
use crate::platform::ids::RunId;
use crate::runs::event::Event;
use crate::runs::event_data::RunPhase;
use crate::runs::log::store::events::Recorded;
use crate::runs::model::RunKind;
use crate::runs::stream::source::RunStreams;

/// The kind of client that looks at a run: it decides the shape of the events and where they end.
pub(super) enum View {
    /// The view of the client that asked for the run interactively.
    Interactive {
        /// Ends the run when the client leaves.
        leaving: Option<Box<Leaving>>,
    },
    /// The view of a client that follows it as a job.
    Job {
        /// The way it was asked for.
        kind: RunKind,
        /// The sequence number that the client had seen when it came.
        seen: i64,
        /// Cancelled when this process ends, which is not the end of the run.
        ends: CancellationToken,
    },
}

/// Ends a run when it is dropped, wherever the run is worked on by then.
pub(super) struct Leaving {
    pub(super) streams: RunStreams,
    pub(super) principal: Principal,
    pub(super) run_id: RunId,
    /// True if the run is over, so that leaving means nothing any more.
    pub(super) is_over: bool,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        // A stream that the server's own end breaks is no leaving, however far behind its client is.
        if self.is_over || self.streams.stopping.is_cancelled() {
            return;
        }
        if self.streams.active.cancel(self.run_id) {
            return;
        }
        let cancel = (self.streams.cancel)(self.principal.clone(), self.run_id);
        self.streams.tasks.spawn(cancel);
    }
}

impl View {
    /// True if nothing follows an event.
    pub(super) fn ends_with(&self, event: &Event) -> bool {
        let is_complete = matches!(event, Event::Complete { .. });
        match self {
            Self::Interactive { .. } => {
                let leaves = RunPhase::Interrupted;
                is_complete || matches!(event, Event::Status { status, .. } if *status == leaves)
            }
            Self::Job { kind, .. } => match kind {
                RunKind::Autonomous => is_complete,
                RunKind::Job => matches!(
                    event,
                    Event::JobCompleted { .. }
                        | Event::JobFailed { .. }
                        | Event::JobCanceled { .. }
                ),
            },
        }
    }

    /// The frame before an interactive stream ends without its run: clients show errors, and would
    /// take the end of the stream for the end of the work. It is not part of the log.
    pub(super) fn goes_on(&self, run_id: RunId, event: &Event) -> Option<sse::Event> {
        let is_interactive = matches!(self, Self::Interactive { .. });
        if !(is_interactive
            && matches!(
                event,
                Event::Status {
                    status: RunPhase::Interrupted,
                    ..
                }
            ))
        {
            return None;
        }
        let data = json!({
            "type": "error",
            "error": format!(
                "The server is restarting. The run has not ended: it continues as job {run_id}"
            ),
            "code": "RUN_CONTINUES",
            "job_id": run_id,
            "events_url": format!("/api/jobs/{run_id}/events"),
        });
        Some(sse::Event::default().data(data.to_string()))
    }

    pub(super) fn frame(&self, run_id: RunId, recorded: &Recorded) -> sse::Event {
        let mut data = serde_json::to_value(&recorded.event).unwrap_or(Value::Null);
        match self {
            Self::Interactive { .. } => {
                if let Event::RouterInfo { router_info } = &recorded.event {
                    // The oldest clients know this frame by its one key and not by a type.
                    data = json!({ "router_info": router_info });
                }
            }
            Self::Job { .. } => {
                data["sequence"] = json!(recorded.sequence);
                data["job_id"] = json!(run_id);
                data["job_status"] = json!(recorded.run_status);
                if data["timestamp"].is_null() {
                    data["timestamp"] = json!(recorded.at.timestamp_millis());
                }
            }
        }
        sse::Event::default()
            .id(recorded.sequence.to_string())
            .data(data.to_string())
    }
}
