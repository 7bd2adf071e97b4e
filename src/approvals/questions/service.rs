//! Asking the user: a row that waits for its answer.
//!
//! The answer may reach any replica; the run that asks looks at the row, and the process that
//! takes the answer wakes it when both are the same.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::agent::error::Error;
use crate::agent::queue::listener::ANSWERS;
use crate::approvals::questions::store;
use crate::approvals::questions::store::NewPrompt;
use crate::platform::clock::Clock;
use crate::platform::ids::{OrgId, UserId};
use crate::platform::signals::Signals;
use crate::runs::model::{PromptId, RunId, ToolCallId};

/// How often a waiting run looks at its row when nobody wakes it.
const POLL: Duration = Duration::from_secs(1);
/// How long the database may be away while a run waits.
const MOST_AWAY: Duration = Duration::from_mins(5);

/// How a question ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The user answered.
    Answered(String),
    /// The user does not want to answer.
    Cancelled,
    /// Nobody answered in time.
    Expired,
}

/// Questions to users, and their answers.
#[derive(Clone, Debug)]
pub struct Prompts {
    db: sqlx::PgPool,
    clock: Clock,
    signals: Signals,
    answered: Arc<Notify>,
}

impl Prompts {
    /// Over a database.
    pub fn new(db: sqlx::PgPool, clock: Clock, signals: Signals) -> Self {
        Self {
            db,
            clock,
            signals,
            answered: Arc::new(Notify::new()),
        }
    }

    /// A question of a run, to be answered within `timeout`. It waits once the run's log has it.
    pub fn question(
        &self,
        (run_id, tool_call_id): (RunId, ToolCallId),
        question: Value,
        timeout: Duration,
    ) -> NewPrompt {
        let created_at = self.clock.now();
        let timeout = TimeDelta::from_std(timeout).unwrap_or_default();
        NewPrompt {
            id: PromptId::new(&self.clock),
            run_id,
            tool_call_id,
            question,
            created_at,
            expires_at: created_at + timeout,
        }
    }

    /// The question of a call, if it was asked before.
    pub async fn asked(
        &self,
        org_id: &OrgId,
        run_id: RunId,
        call: ToolCallId,
    ) -> Result<Option<PromptId>, sqlx::Error> {
        let mut conn = self.db.acquire().await?;
        store::prompt_of_call(&mut conn, org_id, run_id, call).await
    }

    /// Somebody answered elsewhere: who waits here looks again.
    pub fn wake(&self) {
        self.answered.notify_waiters();
    }

    /// Waits for the answer, as long as the question's row says. A question that nobody answers in time
    /// is closed, so that a late answer is told that it came too late.
    pub async fn wait(
        &self,
        org_id: &OrgId,
        user_id: &UserId,
        id: PromptId,
    ) -> Result<Reply, sqlx::Error> {
        let mut deadline = None;
        let mut patience = Instant::now() + MOST_AWAY;
        loop {
            // Registered before the row is read, or an answer between the two would be missed.
            let woken = self.answered.notified();
            match self.look(org_id, user_id, id, &mut deadline).await {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => patience = Instant::now() + MOST_AWAY,
                // A database that is away for a moment ends neither the question nor the run.
                Err(error) if Instant::now() < patience => {
                    tracing::warn!(%error, "a question waits for the database");
                }
                Err(error) => return Err(error),
            }
            let now = Instant::now();
            let poll = now + POLL;
            let next = deadline.filter(|deadline| *deadline > now);
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep_until(next.map_or(poll, |next| poll.min(next))) => {}
            }
        }
    }

    /// What became of a question so far; closes it at its deadline, which the first look computes.
    /// The time that is left is measured, because the wall clock may be set.
    async fn look(
        &self,
        org_id: &OrgId,
        user_id: &UserId,
        id: PromptId,
        deadline: &mut Option<Instant>,
    ) -> Result<Option<Reply>, sqlx::Error> {
        let mut conn = self.db.acquire().await?;
        let Some(state) = store::find_prompt(&mut conn, org_id, user_id, id).await? else {
            return Ok(Some(Reply::Expired));
        };
        match state.status.as_str() {
            "pending" => {}
            "answered" => {
                return Ok(Some(Reply::Answered(state.response.unwrap_or_default())));
            }
            "canceled" => return Ok(Some(Reply::Cancelled)),
            _ => return Ok(Some(Reply::Expired)),
        }
        let now = self.clock.now();
        let left = (state.expires_at - now).to_std().unwrap_or_default();
        if Instant::now() < *deadline.get_or_insert_with(|| Instant::now() + left) {
            return Ok(None);
        }
        let expired =
            store::settle_prompt(&mut conn, org_id, user_id, id, "expired", None, now).await?;
        // Otherwise an answer won at the last moment, and the next look finds it.
        Ok(expired.then_some(Reply::Expired))
    }

    /// Takes the user's answer; `None` cancels the question. Giving the same answer twice is
    /// harmless, another one is refused.
    pub async fn answer(
        &self,
        org_id: &OrgId,
        user_id: &UserId,
        id: PromptId,
        response: Option<&str>,
    ) -> Result<(), Error> {
        let mut conn = self.db.acquire().await?;
        let now = self.clock.now();
        let Some(state) = store::find_prompt(&mut conn, org_id, user_id, id).await? else {
            return Err(Error::PromptNotFound(id));
        };
        let status = if response.is_some() {
            "answered"
        } else {
            "canceled"
        };
        if state.status == "pending"
            && state.expires_at > now
            && store::settle_prompt(&mut conn, org_id, user_id, id, status, response, now).await?
        {
            self.answered.notify_waiters();
            self.signals.tell(ANSWERS, &id, 0);
            return Ok(());
        }
        // Settled already, maybe by another answer a moment ago: what counts is which one won.
        match store::find_prompt(&mut conn, org_id, user_id, id).await? {
            Some(state) if state.status == status && state.response.as_deref() == response => {
                Ok(())
            }
            Some(state) if matches!(state.status.as_str(), "answered" | "canceled") => {
                Err(Error::PromptAnswered(id))
            }
            Some(_) | None => Err(Error::PromptNotFound(id)),
        }
    }
}
