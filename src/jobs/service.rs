//! Operations on jobs, for their owners.

use std::collections::HashMap;

use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::agent;
use crate::agent::deps::Deps;
use crate::agent::intake::history;
use crate::agent::intake::prepare::prepare;
use crate::agent::intake::request::TaskRequest;
use crate::agent::queue::at_once::FreePlace;
use crate::agent::queue::cancel::{CancelOutcome, cancel};
use crate::agent::service::AgentService;
use crate::approvals::consents::model::GivenAnswer;
use crate::approvals::{consents, questions};
use crate::audit::recording::clearance::Clearance;
use crate::auth::principal::Principal;
use crate::jobs::cursor::JobCursor;
use crate::jobs::error::Error;
use crate::jobs::model::{Job, MAX_METADATA_BYTES, Pending, StartOutcome};
use crate::jobs::store;
use crate::jobs::view::{JobCreatedView, JobPage, JobView};
use crate::platform::idempotency::model::{Claim, Created, IdempotencyKey, OK, StoredAnswer};
use crate::platform::idempotency::store as keys;
use crate::platform::ids::{ConsentId, OrgId, RunId};
use crate::platform::json::to_jsonb;
use crate::platform::logging::TraceId;
use crate::platform::page::CursorValue;
use crate::runs::event::Event;
use crate::runs::log::store::beginning;
use crate::runs::log::store::events::Storable;
use crate::runs::model::{Run, RunHead, RunKind, RunStatus};
use crate::runs::store::runs;
use crate::runs::topics::WAITING;

/// A job to create.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The trace of the request that asks for it.
    pub trace_id: TraceId,
    /// The task.
    pub request: TaskRequest,
    /// True when a worker may take it at once.
    pub auto_start: bool,
    /// The client's notes; an object.
    pub metadata: Option<Value>,
}

/// An answer to a job's pending consent.
#[derive(Clone, Debug)]
pub struct ConsentReply {
    /// The consent that is answered; the one the job waits for when absent.
    pub consent_id: Option<ConsentId>,
    /// The answer.
    pub answer: GivenAnswer,
}

/// Runs as their owners see them; cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    agent: AgentService,
}

impl Jobs {
    /// Over the agent that works on them.
    pub fn new(agent: AgentService) -> Self {
        Self { agent }
    }

    /// The agent that works on them.
    pub fn agent(&self) -> &AgentService {
        &self.agent
    }

    pub(crate) fn deps(&self) -> &Deps {
        self.agent.deps()
    }

    /// Accepts a job, unless a request with this key has been accepted already, once the request is cleared.
    pub async fn create(
        &self,
        principal: &Principal,
        new: NewJob,
        key: Option<&IdempotencyKey>,
        clearance: Clearance,
    ) -> Result<Created<JobCreatedView>, Error> {
        if let Some(answer) = self.answered_before(principal, key).await? {
            return Ok(Created::Before(answer));
        }
        let metadata = new.metadata.as_ref().map(to_jsonb);
        if metadata
            .as_ref()
            .is_some_and(|value| value.to_string().len() > MAX_METADATA_BYTES)
        {
            return Err(Error::MetadataTooLarge);
        }
        let (deps, kind) = (self.deps(), RunKind::Job);
        let prepared = prepare(deps, principal, new.trace_id, new.request, kind).await?;
        let run = &prepared.run;
        let _cleared = clearance.given().await;
        let place = new.auto_start.then(|| FreePlace::of(&self.agent)).flatten();
        let mut tx = self.deps().db.begin().await?;
        let claimed = keys::claim(&mut tx, &run.org_id, &run.user_id, key).await?;
        if let Claim::Stored(answer) = claimed {
            tx.rollback().await?;
            return Ok(Created::Before(answer));
        }
        let accepted = async {
            let view = accept(&mut tx, run, new.auto_start, metadata.as_ref(), key).await?;
            let taken = match &place {
                Some(place) => place.take(&mut tx, &self.agent, run).await?,
                None => None,
            };
            Ok((view, taken))
        };
        match accepted.await {
            Ok((view, taken)) => {
                tx.commit().await?;
                match taken.zip(place) {
                    Some((claimed, place)) => place.work_on(&self.agent, claimed, prepared),
                    None if new.auto_start => self.tell_of_work(run.id),
                    None => {}
                }
                Ok(Created::Now(view))
            }
            Err(error) => {
                // Before the client hears of it: it may send the request again at once.
                tx.rollback().await?;
                Err(error)
            }
        }
    }

    /// The answer that was kept under this key: looked for before the request is checked, because the
    /// things that it asks for may be gone by now.
    pub(crate) async fn answered_before(
        &self,
        principal: &Principal,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<StoredAnswer>, Error> {
        if key.is_none() {
            return Ok(None);
        }
        let mut tx = self.deps().db.begin().await?;
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        let claim = keys::claim(&mut tx, org_id, user_id, key).await;
        // Said, and not left to the drop: that would let go of the key only some time later.
        tx.rollback().await?;
        match claim? {
            Claim::Stored(answer) => Ok(Some(answer)),
            Claim::Fresh => Ok(None),
        }
    }

    /// A worker somewhere, maybe this process's own, may take a run now.
    fn tell_of_work(&self, run_id: RunId) {
        self.deps().signals.tell(WAITING, &run_id, 0);
        self.agent.wake();
    }

    /// A page of the principal's jobs, newest first.
    pub async fn list(
        &self,
        principal: &Principal,
        status: Option<RunStatus>,
        cursor: Option<&str>,
        limit: i64,
    ) -> Result<JobPage, Error> {
        let before = cursor.map(JobCursor::decode).transpose()?;
        let mut conn = self.deps().db.acquire().await?;
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        let jobs = store::list(&mut conn, org_id, user_id, status, before, limit + 1).await?;
        let pending = pending(&mut conn, org_id, &jobs).await?;
        let limit = usize::try_from(limit).unwrap_or_default();
        Ok(JobPage::new(jobs, pending, limit))
    }

    /// One job of the principal's, with its pending consent or question.
    pub async fn find(&self, principal: &Principal, id: RunId) -> Result<JobView, Error> {
        let mut conn = self.deps().db.acquire().await?;
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        let job = store::find(&mut conn, org_id, user_id, id).await?;
        let job = job.ok_or_else(|| Error::NotFound(id.to_string()))?;
        let mut pending = pending(&mut conn, org_id, std::slice::from_ref(&job)).await?;
        let pending = pending.remove(&id);
        Ok(JobView::new(job, pending))
    }

    /// The start of a stream of the principal's job.
    pub async fn head(&self, principal: &Principal, id: RunId) -> Result<RunHead, Error> {
        let mut conn = self.deps().db.acquire().await?;
        let head = runs::head(&mut conn, &principal.org_id, &principal.user_id, id).await?;
        head.ok_or_else(|| Error::NotFound(id.to_string()))
    }

    /// Lets a job begin that waits to be started. One that runs or waits for its turn needs nothing.
    pub async fn start(&self, principal: &Principal, id: RunId) -> Result<StartOutcome, Error> {
        self.move_on(principal, id, &[RunStatus::Queued]).await
    }

    /// The same, and lets a job go on that paused before an obstacle.
    pub async fn resume(&self, principal: &Principal, id: RunId) -> Result<StartOutcome, Error> {
        let held_back = [RunStatus::Queued, RunStatus::PausedForApproval];
        self.move_on(principal, id, &held_back).await
    }

    /// Lets a job go on that is held back with one of these statuses.
    async fn move_on(
        &self,
        principal: &Principal,
        id: RunId,
        held_back: &[RunStatus],
    ) -> Result<StartOutcome, Error> {
        let mut tx = self.deps().db.begin().await?;
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        let locked = runs::lock_own(&mut tx, org_id, user_id, id).await?;
        let locked = locked.ok_or_else(|| Error::NotFound(id.to_string()))?;
        if locked.is_held_back && !locked.is_claimed && held_back.contains(&locked.status) {
            let now = self.deps().clock.now();
            runs::make_available(&mut tx, org_id, id, now).await?;
            tx.commit().await?;
            self.tell_of_work(id);
            return Ok(StartOutcome::Started);
        }
        // Said, and not left to the drop, or what the run writes would wait for it.
        tx.rollback().await?;
        match locked.status {
            RunStatus::Completed | RunStatus::Failed | RunStatus::Canceled => {
                Err(Error::Over(locked.status))
            }
            RunStatus::PausedForApproval if locked.is_held_back => Err(Error::Paused),
            RunStatus::PausedForApproval => Err(Error::WaitsForApproval),
            RunStatus::Running => Ok(StartOutcome::Already("the job is running already")),
            RunStatus::Queued => {
                self.tell_of_work(id);
                Ok(StartOutcome::Already("the job waits for its turn"))
            }
        }
    }

    /// Ends a job, wherever it is worked on. Doing it again is harmless.
    pub async fn cancel(&self, principal: &Principal, id: RunId) -> Result<(), Error> {
        match cancel(&self.agent, principal, id).await? {
            CancelOutcome::Cancelled => Ok(()),
            CancelOutcome::NotFound => Err(Error::NotFound(id.to_string())),
            CancelOutcome::Over(status) => Err(Error::Over(status)),
        }
    }

    /// Answers the consent that a job waits for. The record is that of the consent's own route.
    pub async fn approve(
        &self,
        principal: &Principal,
        id: RunId,
        approval: ConsentReply,
    ) -> Result<Value, Error> {
        let mut conn = self.deps().db.acquire().await?;
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        let job = store::find(&mut conn, org_id, user_id, id).await?;
        let job = job.ok_or_else(|| Error::NotFound(id.to_string()))?;
        if job.status.is_terminal() {
            return Err(Error::Over(job.status));
        }
        let pending = consents::store::pending_of_runs(&mut conn, org_id, &[id]).await?;
        drop(conn);
        let consent_id = match (approval.consent_id, pending.first()) {
            (Some(named), _) => {
                if self.deps().consents.run_of(principal, named).await? != id {
                    return Err(Error::OtherConsent(named.to_string()));
                }
                named
            }
            (None, Some(waiting)) => waiting.id,
            (None, None) => return Err(Error::WaitsForNothing),
        };
        let consents = &self.deps().consents;
        let answered = consents
            .answer(principal, consent_id, approval.answer)
            .await?;
        Ok(json!({ "consent_id": consent_id, "choice": answered.choice }))
    }
}

/// Writes a job with its first event, and the answer to its client.
async fn accept(
    conn: &mut PgConnection,
    run: &Run,
    starts: bool,
    metadata: Option<&Value>,
    key: Option<&IdempotencyKey>,
) -> Result<JobCreatedView, Error> {
    let (org_id, user_id, at) = (&run.org_id, &run.user_id, run.created_at);
    insert(conn, run, starts, metadata).await?;
    let job = store::find(conn, org_id, user_id, run.id).await?;
    let start_reason = if starts {
        "queued"
    } else {
        "auto_start_disabled"
    };
    let view = JobCreatedView {
        success: true,
        job: JobView::new(
            job.ok_or_else(|| Error::NotFound(run.id.to_string()))?,
            None,
        ),
        events_url: format!("/api/jobs/{}/events", run.id),
        started: starts,
        start_reason: start_reason.to_owned(),
    };
    keys::keep(conn, org_id, user_id, key, OK, &view, at).await?;
    Ok(view)
}

/// Writes a job with its first event.
pub(crate) async fn insert(
    conn: &mut PgConnection,
    run: &Run,
    starts: bool,
    metadata: Option<&Value>,
) -> Result<(), Error> {
    history::begin(conn, run)
        .await
        .map_err(agent::error::Error::from)?;
    let created = Event::JobCreated {
        status: RunStatus::Queued.as_str().to_owned(),
        message: "The job was accepted".to_owned(),
    };
    let events = [(Storable::new(created), RunStatus::Queued)];
    beginning::insert_run(conn, run, None, starts, metadata, &events).await?;
    Ok(())
}

/// The consent or question that each of these jobs waits with.
async fn pending(
    conn: &mut PgConnection,
    org_id: &OrgId,
    jobs: &[Job],
) -> Result<HashMap<RunId, Pending>, Error> {
    let is_paused = |job: &&Job| job.status == RunStatus::PausedForApproval;
    let paused: Vec<_> = jobs.iter().filter(is_paused).map(|job| job.id).collect();
    if paused.is_empty() {
        return Ok(HashMap::new());
    }
    let mut pending = HashMap::new();
    for (run, id, mut question) in questions::store::pending_of_runs(conn, org_id, &paused).await? {
        if let Value::Object(fields) = &mut question {
            fields.insert("prompt_id".to_owned(), json!(id));
        }
        pending.insert(run, Pending::Prompt(question));
    }
    // Before a question, and the oldest of several.
    let consents = consents::store::pending_of_runs(conn, org_id, &paused).await?;
    for consent in consents.into_iter().rev() {
        pending.insert(consent.run_id, Pending::Consent(consent.shown));
    }
    Ok(pending)
}
