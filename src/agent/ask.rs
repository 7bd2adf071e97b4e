//! Asking the user: a row that waits for its answer.
//!
//! The answer may reach any replica; the run that asks looks at the row, and the process that
//! takes the answer wakes it when both are the same.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;
use tokio::sync::Notify;

use crate::agent::error::Error;
use crate::agent::model::{PromptId, RunId};
use crate::agent::store::{self, NewPrompt};
use crate::platform::clock::Clock;
use crate::platform::ids::{OrgId, UserId};

/// How often a waiting run looks at its row when nobody wakes it.
const POLL: Duration = Duration::from_secs(1);

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
    answered: Arc<Notify>,
}

impl Prompts {
    /// Over a database.
    pub fn new(db: sqlx::PgPool, clock: Clock) -> Self {
        Self {
            db,
            clock,
            answered: Arc::new(Notify::new()),
        }
    }

    /// Writes a question of a run, to be answered within `timeout`.
    pub async fn open(
        &self,
        org_id: &OrgId,
        user_id: &UserId,
        run_id: RunId,
        question: Value,
        timeout: Duration,
    ) -> Result<PromptId, sqlx::Error> {
        let created_at = self.clock.now();
        let timeout = TimeDelta::from_std(timeout).unwrap_or_default();
        let prompt = NewPrompt {
            id: PromptId::new(&self.clock),
            run_id,
            question,
            created_at,
            expires_at: created_at + timeout,
        };
        let mut conn = self.db.acquire().await?;
        store::insert_prompt(&mut conn, org_id, user_id, &prompt).await?;
        Ok(prompt.id)
    }

    /// Waits for the answer, at most `timeout`. A question that nobody answers in time is closed, so that a late
    /// answer is told that it came too late.
    pub async fn wait(
        &self,
        org_id: &OrgId,
        user_id: &UserId,
        id: PromptId,
        timeout: Duration,
    ) -> Result<Reply, sqlx::Error> {
        let deadline = tokio::time::Instant::now() + timeout;
        loop {
            // Registered before the row is read, or an answer between the two would be missed.
            let woken = self.answered.notified();
            match self.reply(org_id, user_id, id).await {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => {}
                // A database that is away for a moment ends neither the question nor the run.
                Err(error) if tokio::time::Instant::now() < deadline => {
                    tracing::warn!(%error, "a question waits for the database");
                }
                Err(error) => return Err(error),
            }
            if tokio::time::Instant::now() >= deadline {
                let mut conn = self.db.acquire().await?;
                let now = self.clock.now();
                store::settle_prompt(&mut conn, org_id, user_id, id, "expired", None, now).await?;
                return Ok(self
                    .reply(org_id, user_id, id)
                    .await?
                    .unwrap_or(Reply::Expired));
            }
            let poll = (tokio::time::Instant::now() + POLL).min(deadline);
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep_until(poll) => {}
            }
        }
    }

    async fn reply(
        &self,
        org_id: &OrgId,
        user_id: &UserId,
        id: PromptId,
    ) -> Result<Option<Reply>, sqlx::Error> {
        let mut conn = self.db.acquire().await?;
        let state = store::find_prompt(&mut conn, org_id, user_id, id).await?;
        Ok(state.and_then(|state| match state.status.as_str() {
            "pending" => None,
            "answered" => Some(Reply::Answered(state.response.unwrap_or_default())),
            "canceled" => Some(Reply::Cancelled),
            _ => Some(Reply::Expired),
        }))
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
