//! The end of a run: what is written, and its summary.

use std::time::Duration;

use crate::agent::deps::Deps;
use crate::agent::learning::changes::FileChange;
use crate::agent::learning::signals;
use crate::agent::prompt::plan::Progress;
use crate::agent::runner::state::RunState;
use crate::agent::runner::usage::RunUsage;
use crate::approvals;
use crate::approvals::store::RunRequests;
use crate::feedback::model::Generation;
use crate::ledger::money::Nanos;
use crate::platform::clock::millis;
use crate::runs::event::Event;
use crate::runs::model::{HeldLog, Run};
use crate::runs::outcome::{Renamed, RunVerdict, Stopped, Summary, Tokens};
use crate::runs::store::runs;
use crate::runs::verdict::RunResult;

/// The end of a run.
#[derive(Debug)]
pub(crate) struct End<'a> {
    /// The run.
    pub(crate) run: &'a Run,
    /// The number under which it is held.
    pub(crate) fence: i64,
    /// Why it ends.
    pub(crate) stopped: Stopped,
    /// Its summary.
    pub(crate) summary: &'a Summary,
    /// The last error, for lists that show no log.
    pub(crate) error: Option<&'a str>,
    /// Its actions and its usage.
    pub(crate) usage: &'a RunUsage,
    /// The time it was worked on.
    pub(crate) worked: Duration,
    /// Where it stood in its plan, if it had one.
    pub(crate) progress: Option<&'a Progress>,
    /// The generation that can be rated, if anything was answered.
    pub(crate) generation: Option<&'a Generation>,
    /// The changes that it leaves in its workspace, to be looked at later.
    pub(crate) changes: &'a [FileChange],
    /// Its rows as they were before.
    pub(crate) stored: StoredRun,
}

/// The rows on a run that does nothing any more, as far as its end depends on them.
///
/// It is read before the end is written: nothing can change it but a run that holds the same number, and the
/// transaction that writes the end is the shorter for it, for which other ends wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredRun {
    /// Its log.
    pub(crate) log: HeldLog,
    /// Its requests to its user.
    pub(crate) requests: RunRequests,
    /// The user's last answer to the same request, if that is not long ago.
    pub(crate) answered_before: Option<i64>,
}

impl StoredRun {
    /// Reads it, for a run with this answer, if it has one; nothing when the run is over or another's.
    pub(crate) async fn of(
        deps: &Deps,
        run: &Run,
        fence: i64,
        generation: Option<&Generation>,
    ) -> sqlx::Result<Option<Self>> {
        let log = async {
            let mut conn = deps.db.acquire().await?;
            runs::held_log(&mut conn, &run.org_id, run.id, fence).await
        };
        let requests = async {
            let mut conn = deps.db.acquire().await?;
            approvals::store::of_run(&mut conn, &run.org_id, run.id).await
        };
        let answered_before = async {
            let Some(generation) = generation else {
                return Ok(None);
            };
            let mut conn = deps.db.acquire().await?;
            signals::answered_before(&mut conn, generation).await
        };
        let (log, requests, answered_before) = tokio::try_join!(log, requests, answered_before)?;
        Ok(log.map(|log| Self {
            log,
            requests,
            answered_before,
        }))
    }
}

/// The one shape of `complete.summary`.
pub(crate) fn summary(run: &Run, state: &RunState, stopped: Stopped, worked: Duration) -> Summary {
    let (usage, spent) = (&state.usage, state.usage.spent.total());
    let verdict = usage.obstacles.verdict(RunResult {
        stopped,
        changed: usage.count_changed(),
        verification: state.verification,
        checks: run.task.run_verification,
    });
    Summary {
        task_id: run.id,
        // The word of the model is no success where all that it tried failed.
        success: stopped.is_success() && verdict != RunVerdict::Failed,
        verdict,
        obstacles: usage.obstacles.words(),
        stopped_reason: stopped.reason().to_owned(),
        files_read: usage.read.iter().cloned().collect(),
        files_modified: usage.modified.iter().cloned().collect(),
        files_created: usage.created.iter().cloned().collect(),
        files_deleted: usage.deleted.iter().cloned().collect(),
        files_renamed: usage.renamed.iter().map(Renamed::of).collect(),
        changes_complete: !usage.missed_changes,
        iterations: state.iteration,
        verification: state.verification,
        tokens: Tokens::of(spent.usage),
        cache_hit_rate: Tokens::of(spent.usage).cache_hit_rate(),
        cost_usd: spent.cost.map(Nanos::to_metric),
        elapsed_ms: millis(worked),
        next_steps: next_steps(stopped, usage),
    }
}

/// Suggested next steps for the user: at most three sentences.
fn next_steps(stopped: Stopped, usage: &RunUsage) -> Vec<String> {
    let mut steps: Vec<String> = stopped.advice().map(str::to_owned).into_iter().collect();
    if !usage.created.is_empty() {
        steps.push("Review the newly created files".to_owned());
    }
    if !(usage.modified.is_empty() && usage.deleted.is_empty() && usage.renamed.is_empty()) {
        steps.push("Review the changes before you commit them".to_owned());
    }
    steps.truncate(3);
    steps
}
/// The event that shows that the user wants the run to end.
pub(crate) fn cancel_requested() -> Event {
    Event::CancelRequested {
        message: "The run is to end".to_owned(),
    }
}
