//! The end of a run that is worked on here: told by the run itself, which knows what it did.

use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::agent::execution::run_loop::{Outcome, Runner};
use crate::agent::finish::record;
use crate::agent::finish::record::End;
use crate::agent::intake::history;
use crate::agent::learning::guidance::verified;
use crate::agent::learning::tuning::params;
use crate::agent::prompt::messages;
use crate::feedback::model::{Category, Generation, Sha256Hex};
use crate::ledger::money::Nanos;
use crate::runs::event::Event;
use crate::runs::event_data::Phase;
use crate::runs::log::journal::JournalLost;
use crate::runs::model::{Stopped, Summary};
use crate::runs::store::runs;
use crate::runs::topics::WAITING;

/// The longest pause between two tries to write the end of a run.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long the accounting may take to be written before a run is put back.
const FLUSH: Duration = Duration::from_secs(1);

/// How a run ended, for whoever started it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is over, and its end is in the log.
    Finished,
    /// The process ends first, or lost its lease; another goes on.
    Interrupted,
    /// Its end could not be written.
    Lost,
}

impl Runner {
    /// Writes the end of the run.
    pub(crate) async fn end(self, outcome: Outcome, stopping: &CancellationToken) -> Ended {
        match outcome {
            Outcome::JournalLost => Ended::Lost,
            Outcome::LeaseLost => Ended::Interrupted,
            Outcome::Interrupted => self.interrupt().await,
            Outcome::Stopped(stopped) => self.finish(stopped, stopping).await,
        }
    }

    /// Leaves the run to whoever takes it next: its conversation and the intent of every call are in
    /// the database, and its row says that nobody works on it.
    async fn interrupt(self) -> Ended {
        if self.has_entered && self.tell_interruption().await.is_err() {
            return Ended::Lost;
        }
        // Whoever goes on begins with what the run has spent.
        if let Err(error) = self.services.ledger.flush(FLUSH).await {
            tracing::warn!(run.id = %self.run.id, %error, "the cost of a run may be incomplete");
        }
        let released = async {
            let mut conn = self.services.db.acquire().await?;
            let now = self.services.clock.now();
            let (org_id, run_id) = (&self.run.org_id, self.run.id);
            runs::release_run(&mut conn, org_id, run_id, self.fence, now).await
        };
        match released.await {
            Ok(()) => self.services.signals.tell(WAITING, &self.run.id, 0),
            // It is taken over when the lease of this process has ended.
            Err(error) => tracing::warn!(run.id = %self.run.id, %error, "a run was not released"),
        }
        Ended::Interrupted
    }

    async fn tell_interruption(&self) -> Result<(), JournalLost> {
        let event = Event::Status {
            status: Phase::Interrupted,
            task_id: Some(self.run.id),
            reason: Some("server_shutting_down".to_owned()),
            prompt_id: None,
        };
        self.journal.event(event).await?;
        self.journal.commit().await
    }

    async fn finish(self, stopped: Stopped, stopping: &CancellationToken) -> Ended {
        if stopped == Stopped::Cancelled && self.journal.event(cancel_requested()).await.is_err() {
            return Ended::Lost;
        }
        if self.journal.commit().await.is_err() {
            return Ended::Lost;
        }
        // Before the end is told: who sees the end may ask the next question at once.
        self.remember().await;
        let summary = self.summary(stopped);
        let generation = self.generation();
        let changes = self.changes().await;
        let end = End {
            run: &self.run,
            fence: self.fence,
            stopped,
            summary: &summary,
            error: self.last_error.as_deref(),
            tally: &self.tally,
            worked: self.worked(),
            progress: self.progress.as_ref(),
            generation: Some(&generation),
            changes: &changes,
        };
        let mut pause = Duration::from_millis(100);
        loop {
            match end.write(&self.services).await {
                // When it was not this try, an earlier one was, and only its answer was lost.
                Ok(_) => return Ended::Finished,
                Err(error) if error.is_final() || stopping.is_cancelled() => {
                    tracing::error!(run.id = %self.run.id, %error, "the run's end is not written");
                    return Ended::Lost;
                }
                Err(error) => {
                    tracing::warn!(run.id = %self.run.id, %error, "the run's end waits for Postgres");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Keeps what was said in the run's conversation.
    async fn remember(&self) {
        let (run, conversations) = (&self.run, &self.services.conversations);
        let principal = run.principal();
        history::remember(
            conversations,
            &principal,
            &run.task,
            run.created_at,
            &self.last_text,
        )
        .await;
    }

    fn summary(&self, stopped: Stopped) -> Summary {
        Summary {
            task_id: self.run.id,
            success: stopped.is_success(),
            stopped_reason: stopped.reason().to_owned(),
            files_read: self.tally.read.iter().cloned().collect(),
            files_modified: self.tally.modified.iter().cloned().collect(),
            files_created: self.tally.created.iter().cloned().collect(),
            iterations: self.iteration,
            verification: self.verification,
            tokens: self.tokens(),
            cost_usd: self.tally.spending.spent().cost.map(Nanos::to_metric),
            elapsed_ms: millis(self.worked()),
            next_steps: record::next_steps(stopped, &self.tally),
        }
    }

    fn generation(&self) -> Generation {
        let written = self.written();
        let first = self.messages.get(self.goal);
        let first = serde_json::to_string(&first).unwrap_or_default();
        Generation {
            org_id: self.run.org_id.clone(),
            user_id: self.run.user_id.clone(),
            task_type: self.task_type(),
            input_fingerprint: Some(Sha256Hex::of(&self.run.task.message)),
            model: self.run.model.model.clone(),
            temperature: self.run.task.temperature(),
            params: params(
                json!({
                    "provider": self.run.model.provider,
                    "max_iterations": self.limits.iterations,
                    "run_verification": self.run.task.run_verification,
                }),
                self.run.task.tuning.as_ref(),
            ),
            prompt_hash: Sha256Hex::of(&format!("{}\n{first}", messages::system(self.reach))),
            result_ref: Some(self.run.id.to_string()),
            trace_id: self.run.trace_id.clone(),
            team_id: self.run.team_id.clone(),
            session_id: self.run.task.conversation_id.map(|id| id.to_string()),
            category: Category::of(&self.run.task.message),
            language: written.language(),
            answer: self.last_text.clone(),
            traits: written.traits(),
            verification: Some(verified(self.verification)),
            exposure: self.exposure.clone(),
            created_at: self.services.clock.now(),
        }
    }
}

/// That its user wants a run to end.
pub(crate) fn cancel_requested() -> Event {
    Event::CancelRequested {
        message: "The run is to end".to_owned(),
    }
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
