//! Asking the user: a row that waits for its answer.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;
use tokio::sync::Notify;

use crate::approvals::questions::error::Error;
use crate::approvals::questions::model::{NewQuestion, QuestionAnswer, QuestionStatus, Reply};
use crate::approvals::questions::store;
use crate::approvals::topic::ANSWERS;
use crate::approvals::wait::{Polled, for_answer};
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::ids::{OrgId, PromptId, RunId, ToolCallId, UserId};
use crate::platform::signals::Signals;

/// Questions to users, and their answers.
#[derive(Clone, Debug)]
pub struct Questions {
    db: Pool,
    clock: Clock,
    signals: Signals,
    answered: Arc<Notify>,
}

impl Questions {
    /// Over a database.
    pub fn new(db: Pool, clock: Clock, signals: Signals) -> Self {
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
        run_id: RunId,
        tool_call_id: ToolCallId,
        question: Value,
        timeout: Duration,
    ) -> NewQuestion {
        let created_at = self.clock.now();
        let timeout = TimeDelta::from_std(timeout).unwrap_or_default();
        NewQuestion {
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
        store::of_call(&mut conn, org_id, run_id, call).await
    }

    /// True if a question waits for its answer still.
    pub async fn is_open(
        &self,
        org_id: &OrgId,
        user_id: &UserId,
        id: PromptId,
    ) -> Result<bool, sqlx::Error> {
        let mut conn = self.db.acquire().await?;
        let state = store::find(&mut conn, org_id, user_id, id).await?;
        Ok(state.is_some_and(|state| state.reply().is_none()))
    }

    /// Has every run of this process that waits poll its question: another process took an answer.
    pub fn wake(&self) {
        self.answered.notify_waiters();
    }

    /// Waits for the answer, as long as the question's row says.
    pub async fn wait(
        &self,
        org_id: &OrgId,
        user_id: &UserId,
        id: PromptId,
    ) -> Result<Reply, Error> {
        let poll = || self.poll(org_id, user_id, id);
        let expire = || self.expire(org_id, user_id, id);
        for_answer(&self.answered, &self.clock, poll, expire).await
    }

    async fn poll(
        &self,
        org_id: &OrgId,
        user_id: &UserId,
        id: PromptId,
    ) -> Result<Polled<Reply>, Error> {
        let mut conn = self.db.acquire().await?;
        let Some(state) = store::find(&mut conn, org_id, user_id, id).await? else {
            return Ok(Polled::Settled(Reply::Expired));
        };
        let expires_at = state.expires_at;
        Ok(state
            .reply()
            .map_or(Polled::Pending { expires_at }, Polled::Settled))
    }

    /// Closes a question at its deadline, unless an answer won at the last moment.
    async fn expire(
        &self,
        org_id: &OrgId,
        user_id: &UserId,
        id: PromptId,
    ) -> Result<Option<Reply>, Error> {
        let mut conn = self.db.acquire().await?;
        let (status, now) = (QuestionStatus::Expired, self.clock.now());
        let expired = store::settle(&mut conn, org_id, user_id, id, status, None, now).await?;
        Ok(expired.then_some(Reply::Expired))
    }

    /// Takes the user's answer. Giving the same answer twice is harmless, another one is refused.
    pub async fn answer(
        &self,
        org_id: &OrgId,
        user_id: &UserId,
        id: PromptId,
        answer: QuestionAnswer<'_>,
    ) -> Result<(), Error> {
        let mut conn = self.db.acquire().await?;
        let now = self.clock.now();
        let Some(state) = store::find(&mut conn, org_id, user_id, id).await? else {
            return Err(Error::NotFound(id.to_string()));
        };
        let (status, response) = (answer.status(), answer.words());
        let is_open = state.status == QuestionStatus::Pending && state.expires_at > now;
        let is_taken = is_open
            && match answer {
                QuestionAnswer::Words(_) | QuestionAnswer::Refused => {
                    store::settle(&mut conn, org_id, user_id, id, status, response, now).await?
                }
                QuestionAnswer::NobodyAsked => {
                    store::leave_unasked(&mut conn, org_id, user_id, id).await?
                }
            };
        if is_taken {
            self.answered.notify_waiters();
            self.signals.tell(ANSWERS, &id, 0);
            return Ok(());
        }
        // Settled already, maybe by another answer a moment ago: what counts is which one won.
        match store::find(&mut conn, org_id, user_id, id).await? {
            Some(state) if state.status == status && state.response.as_deref() == response => {
                Ok(())
            }
            Some(state) => match state.status {
                QuestionStatus::Answered | QuestionStatus::Canceled => {
                    Err(Error::AlreadyAnswered(id))
                }
                QuestionStatus::Pending | QuestionStatus::Expired => {
                    Err(Error::NotFound(id.to_string()))
                }
            },
            None => Err(Error::NotFound(id.to_string())),
        }
    }
}
