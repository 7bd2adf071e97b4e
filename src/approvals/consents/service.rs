//! Answering consents, waiting for answers, and remembering them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use tokio::sync::Notify;

use crate::approvals::consents::error::Error;
use crate::approvals::consents::model::{
    AnsweredConsent, AuditEntry, AutoAllowed, Choice, Consent, ConsentStatus, Decided, Decision,
    GivenAnswer, MAX_ALTERNATIVE_BYTES, NOBODY_ASKED,
};
use crate::approvals::consents::preferences::model::{
    MAX_PREFERENCES, NewPreference, Preference, PreferenceId, covering, subjects,
};
use crate::approvals::consents::preferences::store as remembered;
use crate::approvals::consents::store;
use crate::approvals::consents::store::Unanswered;
use crate::approvals::topic::ANSWERS;
use crate::approvals::wait::{Polled, for_answer};
use crate::audit::event::Event;
use crate::audit::model::{Actor, ActorKind, Ending, Log, NewEntry, Outcome};
use crate::audit::service::Audit;
use crate::auth::principal::Principal;
use crate::platform::clock::Clock;
use crate::platform::database::pool::Pool;
use crate::platform::hex::hex;
use crate::platform::ids::{ConsentId, OrgId, RunId, ToolCallId, UserId};
use crate::platform::json::strip_nul;
use crate::platform::page::PageQuery;
use crate::platform::redact::json::redact_command_json;
use crate::platform::signals::Signals;
use crate::policy::model::Finding;

/// Consents of all users; cheap to clone.
#[derive(Clone, Debug)]
pub struct Consents {
    db: Pool,
    clock: Clock,
    signals: Signals,
    audit: Audit,
    settled: Arc<Notify>,
}

impl Consents {
    /// Over a database.
    pub fn new(db: impl Into<Pool>, clock: Clock, signals: Signals, audit: Audit) -> Self {
        let db = db.into();
        Self {
            db,
            clock,
            signals,
            audit,
            settled: Arc::new(Notify::new()),
        }
    }

    /// Has every run of this process that waits look at its consent again.
    pub fn wake(&self) {
        self.settled.notify_waiters();
    }

    /// Takes a person's answer, with what they prefer from now on and the line in the audit. Giving
    /// the same answer twice is harmless, another one is refused.
    pub async fn answer(
        &self,
        principal: &Principal,
        id: ConsentId,
        given: GivenAnswer,
    ) -> Result<AnsweredConsent, Error> {
        let given = checked(given)?;
        let (choice, alternative) = (given.choice(), given.alternative());
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        let answered = AnsweredConsent {
            consent_id: id,
            choice,
            is_repeated: false,
        };
        let now = self.clock.now();
        let mut conn = self.db.acquire().await?;
        let asked = store::find(&mut conn, org_id, user_id, id).await?;
        // The entry is written over another connection.
        drop(conn);
        let entry = NewEntry {
            run_id: asked.as_ref().map(|consent| consent.run_id.0),
            trace_id: asked.and_then(|consent| consent.trace_id).map(|id| id.0),
            ..answer_entry(principal, id, &given)
        };
        let open = self.audit.begin(entry).await?;
        let mut tx = self.db.begin().await?;
        if settle(&mut tx, principal, id, &given, now).await? {
            tx.commit().await?;
            self.wake();
            self.signals.tell(ANSWERS, &id, 0);
            open.hand_over(Ending::from(Outcome::Success)).await;
            return Ok(answered);
        }
        open.hand_over(Ending::from(Outcome::Refused)).await;
        // Settled already, maybe by another answer a moment ago: what counts is which one won.
        match store::find(&mut tx, org_id, user_id, id).await? {
            Some(consent) if has_answer(&consent) => {
                let same =
                    consent.choice == Some(choice) && consent.alternative.as_deref() == alternative;
                let repeated = AnsweredConsent {
                    is_repeated: true,
                    ..answered
                };
                same.then_some(repeated).ok_or(Error::AlreadyAnswered(id))
            }
            Some(_) | None => Err(Error::NotFound(id.to_string())),
        }
    }

    /// Waits until a consent is settled, at most until it expires. One without an answer in time is
    /// closed, so that a late answer is refused as too late. After a restart the wait continues, because
    /// the row has the deadline.
    pub async fn wait(
        &self,
        org_id: &OrgId,
        user_id: &UserId,
        id: ConsentId,
    ) -> Result<Decision, Error> {
        let poll = || self.poll(org_id, user_id, id);
        let expire = || self.expire(org_id, user_id, id);
        for_answer(&self.settled, &self.clock, poll, expire).await
    }

    async fn poll(
        &self,
        org_id: &OrgId,
        user_id: &UserId,
        id: ConsentId,
    ) -> Result<Polled<Decision>, Error> {
        let mut conn = self.db.acquire().await?;
        let consent = store::find(&mut conn, org_id, user_id, id).await?;
        let consent = consent.ok_or_else(|| Error::NotFound(id.to_string()))?;
        let expires_at = consent.expires_at;
        let decision = consent.decision();
        Ok(decision.map_or(Polled::Pending { expires_at }, Polled::Settled))
    }

    /// Closes a consent at its deadline, unless an answer won at the last moment.
    async fn expire(
        &self,
        org_id: &OrgId,
        user_id: &UserId,
        id: ConsentId,
    ) -> Result<Option<Decision>, Error> {
        let mut tx = self.db.begin().await?;
        let consent = store::find(&mut tx, org_id, user_id, id).await?;
        let consent = consent.ok_or_else(|| Error::NotFound(id.to_string()))?;
        let now = self.clock.now();
        let expired = store::close(&mut tx, org_id, &consent, Unanswered::Expired, now).await?;
        tx.commit().await?;
        if expired {
            self.audit
                .note_later(silence_entry(org_id, &consent), Outcome::Refused);
        }
        Ok(expired.then_some(Decision::Expired))
    }

    /// The unused consent for this very action of a call: a run that goes on elsewhere asks nothing twice.
    pub async fn unused_of_call(
        &self,
        org_id: &OrgId,
        run_id: RunId,
        call: ToolCallId,
        action_hash: &[u8; 32],
    ) -> Result<Option<ConsentId>, sqlx::Error> {
        let mut conn = self.db.acquire().await?;
        store::unused_of_call(&mut conn, org_id, run_id, call, action_hash).await
    }

    /// True if a consent waits for its answer still.
    pub async fn is_open(
        &self,
        org_id: &OrgId,
        user_id: &UserId,
        id: ConsentId,
    ) -> Result<bool, sqlx::Error> {
        let mut conn = self.db.acquire().await?;
        let consent = store::find(&mut conn, org_id, user_id, id).await?;
        Ok(consent.is_some_and(|consent| consent.decision().is_none()))
    }

    /// The run that asks for a consent of the principal's.
    pub async fn run_of(&self, principal: &Principal, id: ConsentId) -> Result<RunId, Error> {
        let mut conn = self.db.acquire().await?;
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        let consent = store::find(&mut conn, org_id, user_id, id).await?;
        consent
            .map(|consent| consent.run_id)
            .ok_or_else(|| Error::NotFound(id.to_string()))
    }

    /// The preferences of the user that allow this action in this workspace; none when a person is asked.
    pub async fn preferred(
        &self,
        conn: &mut PgConnection,
        org_id: &OrgId,
        user_id: &UserId,
        workspace: &str,
        action_hash: &[u8; 32],
        findings: &[Finding],
    ) -> Result<Option<Vec<PreferenceId>>, sqlx::Error> {
        let action = hex(action_hash);
        let subjects = subjects(findings);
        let matching = remembered::matching(conn, org_id, user_id, workspace, &action, &subjects);
        Ok(covering(&matching.await?, findings))
    }

    /// Writes into the audit that these preferences allowed an action: a line for each of them.
    pub async fn record_auto_allowed(
        &self,
        conn: &mut PgConnection,
        org_id: &OrgId,
        user_id: &UserId,
        preferences: &[PreferenceId],
        action: &AutoAllowed<'_>,
    ) -> Result<(), Error> {
        let now = self.clock.now();
        let entry = preferred_entry(org_id, user_id, preferences, action);
        self.audit.note(entry, Outcome::Success).await?;
        for id in preferences {
            store::record_auto_allowed(conn, org_id, user_id, *id, action, now).await?;
        }
        Ok(())
    }

    /// The principal's preferences, newest first.
    pub async fn preferences(&self, principal: &Principal) -> Result<Vec<Preference>, Error> {
        let mut conn = self.db.acquire().await?;
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        Ok(remembered::list(&mut conn, org_id, user_id, MAX_PREFERENCES).await?)
    }

    /// Forgets a preference of the principal.
    pub async fn forget(&self, principal: &Principal, id: PreferenceId) -> Result<(), Error> {
        let mut conn = self.db.acquire().await?;
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        if remembered::delete(&mut conn, org_id, user_id, id).await? {
            Ok(())
        } else {
            Err(Error::PreferenceNotFound(id.to_string()))
        }
    }

    /// The last decisions about the principal's actions, newest first.
    pub async fn audit(&self, principal: &Principal, limit: u32) -> Result<Vec<AuditEntry>, Error> {
        let page = PageQuery { limit, offset: 0 };
        let mut conn = self.db.acquire().await?;
        let (org_id, user_id) = (&principal.org_id, &principal.user_id);
        Ok(store::list_audit(&mut conn, org_id, user_id, page.sql_limit()).await?)
    }
}

/// Writes an answer, with what is preferred from now on and the line in the audit. Answers whether it is
/// the one that counts.
async fn settle(
    conn: &mut PgConnection,
    principal: &Principal,
    id: ConsentId,
    given: &GivenAnswer,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let (org_id, user_id) = (&principal.org_id, &principal.user_id);
    let (choice, alternative) = match given {
        GivenAnswer::Chosen {
            choice,
            alternative,
        } => (*choice, alternative.as_deref()),
        GivenAnswer::NobodyAsked => {
            let consent = store::find(conn, org_id, user_id, id).await?;
            let Some(consent) = consent.filter(|consent| consent.expires_at > now) else {
                return Ok(false);
            };
            return Ok(store::close(conn, org_id, &consent, Unanswered::Unasked, now).await?);
        }
    };
    if !store::answer(conn, org_id, user_id, id, choice, alternative, now).await? {
        return Ok(false);
    }
    let consent = store::find(conn, org_id, user_id, id).await?;
    let consent = consent.ok_or_else(|| Error::NotFound(id.to_string()))?;
    for preference in NewPreference::led_to(&consent, choice) {
        remembered::insert(conn, org_id, &consent, &preference, now).await?;
    }
    let decided = Decided::from(choice);
    store::record(conn, org_id, &consent, decided, alternative, now).await?;
    Ok(true)
}

/// A person decides, or a client that has none to ask.
fn answer_entry(principal: &Principal, id: ConsentId, given: &GivenAnswer) -> NewEntry {
    let mut payload = json!({"choice": given.choice(), "alternative": given.alternative()});
    if *given == GivenAnswer::NobodyAsked {
        payload[NOBODY_ASKED] = true.into();
    }
    redact_command_json(&mut payload);
    NewEntry {
        resource: Some(id.to_string()),
        payload: Some(payload),
        ..NewEntry::new(
            Log::Org(principal.org_id.clone()),
            Event::ConsentDecided,
            Actor::user(principal),
        )
    }
}

/// Time decides, because a person did not.
fn silence_entry(org_id: &OrgId, consent: &Consent) -> NewEntry {
    NewEntry {
        resource: Some(consent.id.to_string()),
        run_id: Some(consent.run_id.0),
        trace_id: consent.trace_id.clone().map(|trace| trace.0),
        payload: Some(json!({"choice": null, "expired_at": consent.expires_at})),
        ..NewEntry::new(
            Log::Org(org_id.clone()),
            Event::ConsentDecided,
            Actor::nameless(ActorKind::Server),
        )
    }
}

/// The audit entry of a decision that a preference made.
fn preferred_entry(
    org_id: &OrgId,
    user_id: &UserId,
    preferences: &[PreferenceId],
    action: &AutoAllowed<'_>,
) -> NewEntry {
    let mut payload = json!({
        "preferences": preferences,
        "tool": action.tool,
        "command": action.command,
        "cwd": action.cwd,
    });
    redact_command_json(&mut payload);
    NewEntry {
        run_id: Some(action.run_id.0),
        trace_id: action.trace_id.cloned().map(|trace| trace.0),
        payload: Some(payload),
        ..NewEntry::new(
            Log::Org(org_id.clone()),
            Event::ConsentDecided,
            Actor {
                kind: ActorKind::User,
                id: Some(user_id.as_str().to_owned()),
                role: None,
            },
        )
    }
}

fn has_answer(consent: &Consent) -> bool {
    match consent.status {
        ConsentStatus::Allowed | ConsentStatus::Denied | ConsentStatus::Replaced => true,
        ConsentStatus::Pending | ConsentStatus::Expired | ConsentStatus::Canceled => false,
    }
}

/// An answer whose alternative is there where it belongs, and nowhere else.
fn checked(given: GivenAnswer) -> Result<GivenAnswer, Error> {
    match given {
        GivenAnswer::Chosen {
            choice,
            alternative,
        } => Ok(GivenAnswer::Chosen {
            choice,
            alternative: instead(choice, alternative)?,
        }),
        GivenAnswer::NobodyAsked => Ok(given),
    }
}

/// The action to do instead: required with the choice `alternative`, ignored with any other.
fn instead(choice: Choice, text: Option<String>) -> Result<Option<String>, Error> {
    if choice != Choice::Alternative {
        return Ok(None);
    }
    let text = text.unwrap_or_default();
    let text = strip_nul(&text);
    if text.trim().is_empty() {
        return Err(Error::AlternativeMissing);
    }
    if text.len() > MAX_ALTERNATIVE_BYTES {
        return Err(Error::AlternativeTooLong {
            length: text.len(),
            limit: MAX_ALTERNATIVE_BYTES,
        });
    }
    Ok(Some(text.into_owned()))
}
