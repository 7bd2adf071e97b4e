//! Signals of a run about its own answer, for ratings to be learned from.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use crate::agent::learning::changes::FileChange;
use crate::feedback::model::{FeedbackSignal, Generation, SignalSource};
use crate::feedback::store::{generations, signals};
use crate::platform::json::to_jsonb;
use crate::runs::model::Run;
use crate::runs::store::changes;
use crate::verify::model::Verification;
use crate::workspace::paths::Workspace;

/// A user who asks the same again within this time was not content with the answer.
const SOON: TimeDelta = TimeDelta::hours(24);

/// The end of a run, as far as its answer is concerned.
pub(crate) struct AnsweredRun<'a> {
    /// The outcome of its last verification.
    pub(crate) verification: Verification,
    /// The changes that it leaves in its workspace.
    pub(crate) changes: &'a [FileChange],
    /// True if a person denied one of its actions.
    pub(crate) was_denied: bool,
    /// The last answer to the same request, if it is not long ago.
    pub(crate) before: Option<i64>,
}

/// The user's last answer to the same request, if that is not long ago. Read before the end is written, whose
/// locks wait for nothing then.
pub(crate) async fn answered_before(
    conn: &mut PgConnection,
    generation: &Generation,
) -> sqlx::Result<Option<i64>> {
    generations::asked_before(conn, generation, generation.created_at - SOON).await
}

/// Notes what the run itself says about its answer, beside the answer.
pub(crate) async fn leave(
    conn: &mut PgConnection,
    run: &Run,
    outcome: &AnsweredRun<'_>,
    gen_id: i64,
    at: DateTime<Utc>,
) -> sqlx::Result<()> {
    let mut seen = Vec::new();
    match outcome.verification {
        Verification::Passed => seen.push(FeedbackSignal::TestsPassed),
        Verification::Failed => seen.push(FeedbackSignal::TestsFailed),
        Verification::NotRun => {}
    }
    if outcome.was_denied {
        seen.push(FeedbackSignal::ApprovalDenied);
    }
    let seen: Vec<_> = seen
        .into_iter()
        .map(|signal| (signal, SignalSource::Run))
        .collect();
    signals::record(conn, &run.org_id, gen_id, &seen, at).await?;
    if let Some(before) = outcome.before {
        let again = [(FeedbackSignal::Retried, SignalSource::Run)];
        signals::record(conn, &run.org_id, before, &again, at).await?;
    }
    let folder = run.task.workspace_path.as_deref();
    if let (Some(folder), false) = (folder, outcome.changes.is_empty()) {
        // As the next run in it will name it.
        let folder = Workspace::open(folder).map(|place| place.root().to_owned());
        if let Ok(folder) = folder {
            let folder = folder.to_string_lossy();
            let files = to_jsonb(&outcome.changes);
            changes::leave(conn, run, gen_id, &folder, &files, at).await?;
        }
    }
    Ok(())
}
